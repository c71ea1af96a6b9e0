"""Verifying against a sandbox that others work on at the same time, and what counts as a difference."""

from __future__ import annotations

import asyncio
from pathlib import Path

import httpx
import orjson
import pytest

from importer.cli.console import Console
from importer.errors import ExitCode
from importer.ledger.known_create import KnownCreate
from importer.ledger.opening import read_ledger
from importer.report.tables import Verdict, Verified
from importer.runs.verify import Verifier, find_differences
from importer.triage.actions import CallFailed
from importer.triage.answers import FIELDS, Issue
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import Snapshot
from importer.triage.target import ApiKey
from importer.triage.transport import AiohttpTransport, Timeouts
from tests.conftest import Serve
from tests.end_to_end.wayback import edit
from tests.harness.running import KEY, Program, read_csv, write_issues

BODY = {"title": "One", "severity": "high", "status": "todo", "category": "Bug", "source": "client", "description": "A"}


CUT = "(kept as its digest only)"


@pytest.mark.parametrize(
    ("answered", "pending", "now", "differences"),
    [
        ({}, b"", {}, []),
        ({}, b"", {"title": "One ", "description": "A\r\n"}, []),  # outer white space and line ends are its business
        ({"category": "bug"}, b"", {"category": "bug"}, [("category", "Bug", "bug")]),  # as sent, not as answered
        ({}, b'{"severity":"low"}', {"severity": "high"}, []),  # whether a change of unknown outcome was made or not
        ({}, b'{"severity":"low"}', {"severity": "low"}, []),
        ({}, b'{"severity":"low"}', {"severity": "critical"}, [("severity", "high", "critical")]),
        ({}, b"", {"title": "", "description": ""}, [("title", "One", ""), ("description", CUT, "")]),
    ],
)
def test_what_differs(
    answered: dict[str, str], pending: bytes, now: dict[str, str], differences: list[tuple[str, str, str]]
) -> None:
    """What was sent is compared, and not what the answer to it said; after a change of unknown outcome both hold."""

    def issue_of(changes: dict[str, str]) -> Issue:
        values = BODY | changes
        fields = {name: values.get(name) for name in FIELDS}
        return Issue("id", "T-1", "org", values["description"], fields, "t", "t", 0, 0, 0, False)

    returned = Snapshot.take(issue_of(answered), orjson.dumps(BODY)).dump()
    made = KnownCreate("s:1", issue_id="id", triage_id="T-1", returned=returned, pending=pending)
    assert list(find_differences(made, issue_of(now))) == differences


class Deleting(httpx.AsyncBaseTransport):
    """The network, on which somebody deletes the issue at the end of each page before the next page is asked for."""

    def __init__(self, url: str, times: int) -> None:
        self._inner, self._url, self._times = AiohttpTransport(Timeouts()), url, times
        self.deleted: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        cursor = request.url.params.get("cursor")
        if cursor and len(self.deleted) < self._times:
            self.deleted.append(cursor)
            url = f"{self._url}/v1/triage/issues/{cursor}"
            await self._inner.handle_async_request(httpx.Request("DELETE", url, headers={"Authorization": KEY}))
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._inner.aclose()


def verify_while_deleting(program: Program, url: str, transport: Deleting) -> list[list[Verified]]:
    """Verify the last run over this transport; give the lines."""

    async def verify() -> list[list[Verified]]:
        async with TriageClient(url, ApiKey(KEY), transport=transport) as client:
            calls = PacedCalls(Limiter(), Breaker())
            return [lines async for lines in Verifier(client, book.find_run("last"), calls, Console()).verify()]

    with read_ledger(program.ledger) as book:
        return asyncio.run(verify())


def test_a_page_that_ends_at_a_deleted_issue(program: Program, serve: Serve) -> None:
    """The list is begun again; what was deleted is missing, all else the same, and nothing is said twice."""
    sandbox = serve()
    write_issues(Path("export.csv"), 230)
    assert program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0").code == 0
    transport = Deleting(sandbox.url, times=3)
    verified = verify_while_deleting(program, sandbox.url, transport)
    missing = {lines[0].issue_id for lines in verified if lines[0].verdict is Verdict.MISSING}
    assert missing | set(transport.deleted) == set(transport.deleted), "what was confirmed before it was deleted is not"
    assert len({lines[0].key for lines in verified}) == len(verified) == 230
    assert {lines[0].verdict for lines in verified} <= {Verdict.SAME, Verdict.MISSING}


def test_a_list_that_can_t_be_read_to_its_end(program: Program, serve: Serve) -> None:
    """Deleted again and again, it is given up, with the target's own words."""
    sandbox = serve()
    write_issues(Path("export.csv"), 130)
    assert program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0").code == 0
    with pytest.raises(CallFailed, match="cursor"):
        verify_while_deleting(program, sandbox.url, Deleting(sandbox.url, times=5))


def test_what_an_undo_has_closed(program: Program, serve: Serve) -> None:
    """It is closed as our last write left it, and nobody has to look; where a person opened it again, it differs."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    assert program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0").code == 0
    assert program("undo", "last", "--close", "--apply", "--yes", "--rate", "0").code == 0
    command = ("verify", "last", "--rate", "0", "--json", "--out", "verified")
    ended = program(*command)
    assert (ended.code, ended.summary["same"], ended.summary["requests"]) == (ExitCode.DONE, 3, 2)
    edit(sandbox, 2, status="todo")
    assert program(*command).code == ExitCode.PARTLY
    (line,) = (line for line in read_csv(Path("verified/verify.csv")) if line["verdict"] != "same")
    assert (line["verdict"], line["field"], line["ours"], line["theirs"]) == ("different", "status", "closed", "todo")
