"""Commands beside `run` in an outage of each form: none says that all is well, and each does its work afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import FORMS, Gateway, gateway
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, write_issues
from tests.harness.short_waits import SOON

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("short_waits")]
COUNT = 4
MAPPING = "extends: jira\nseverity: {column: Priority, values: {High: critical}}\n"
BY_ID = "own, by id"
EACH_FORM = pytest.mark.parametrize("form", [*FORMS, BY_ID])
"""All of Triage is away, or, in its own words, only each issue by itself, and the list has it."""
FAST = ("--rate", "0", "--json")
APPLY = ("last", "--apply", "--yes", *FAST)


class Outage:
    """Some issues that were imported, behind a gateway which can answer for their target in one of the forms."""

    def __init__(self, program: Program, sandbox: RunningSandbox, door: Gateway) -> None:
        self.program, self.sandbox, self.door = program, sandbox, door
        to = ("--api-url", door.url, "--yes", "--no-canary")
        self.run = ("run", "export.csv", "-m", "jira", *to, *FAST, *SOON)
        assert program(*self.run).outcomes() == {"created": COUNT}

    def through(self, form: str, *command: str) -> Ended:
        """Type a command in an outage, and again after it; gives how it ended the second time."""
        self.door.form = "own" if form == BY_ID else form
        self.door.hides = lambda path: form != BY_ID or "/issues/" in path
        self.door.begins = lambda method, path: "/triage/issues" in path and self.door.hides(path)
        before = self.sandbox.issues()
        first = self.program(*command)
        assert self.door.refused
        assert "Traceback" not in first.err
        # What answers in the API's own words may be Triage itself, but it can't be all that there is to say.
        is_foreign = self.door.form != "own"
        assert first.code == ExitCode.STOPPED if is_foreign else first.code != ExitCode.DONE, first.err
        assert self.sandbox.issues() == before
        self.door.until = 1.0
        return self.program(*command)

    def finds_all(self) -> bool:
        """Whether another import finds every issue, and makes none again."""
        ended = self.program(*self.run)
        made = ended.summary["created"]
        return (ended.code, made, len(self.sandbox.issues())) == (ExitCode.DONE, 0, COUNT)


@pytest.fixture
def outage(program: Program, serve: Serve) -> Iterator[Outage]:
    """Give imported issues whose descriptions lists cut, so that each is read by itself."""
    write_issues(Path("export.csv"), COUNT)
    sandbox = serve(cut_descriptions=True)
    with gateway(sandbox.url) as door:
        yield Outage(program, sandbox, door)


@EACH_FORM
def test_repair(outage: Outage, form: str) -> None:
    """Every issue gets its value."""
    Path("mine.yaml").write_text(MAPPING, encoding="utf-8")
    ended = outage.through(form, "repair", *APPLY, "-m", "mine.yaml", "--fields", "severity")
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": COUNT}), ended.err
    assert {issue["severity"] for issue in outage.sandbox.issues()} == {"critical"}


@pytest.mark.parametrize("way", ["--close", "--delete"])
@EACH_FORM
def test_undo(outage: Outage, form: str, way: str) -> None:
    """Every issue is taken back."""
    expected = ("--expect", str(COUNT)) if way == "--delete" else ()
    ended = outage.through(form, "undo", *APPLY, way, *expected)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": COUNT}), ended.err
    left = [issue["status"] for issue in outage.sandbox.issues()]
    assert left == ([] if way == "--delete" else ["closed"] * COUNT)


@EACH_FORM
def test_verify(outage: Outage, form: str) -> None:
    """Every issue is the same."""
    ended = outage.through(form, "verify", "last", *FAST)
    assert (ended.code, ended.summary["same"]) == (ExitCode.DONE, COUNT), ended.err


@EACH_FORM
def test_rebuild_ledger(outage: Outage, form: str) -> None:
    """Every issue is taken into the new ledger, or else an import would make it again."""
    outage.program.ledger.unlink()
    command = ("rebuild-ledger", "export.csv", "-m", "jira", "--api-url", outage.door.url)
    ended = outage.through(form, *command, "--json")
    assert ended.outcomes() == {"unchanged": COUNT}, ended.err
    assert outage.finds_all()


def test_an_issue_that_is_deleted_during_a_look(outage: Outage) -> None:
    """It was in the list and can't be read: where the list doesn't show it any more, the look goes on without it."""
    (gone, *_) = outage.sandbox.issues()
    url = f"{outage.sandbox.url}/v1/triage/issues/{gone['id']}"

    def delete(method: str, path: str) -> bool:
        if path.endswith(gone["id"]):
            httpx.delete(url, headers={"Authorization": "person"})
        return False

    outage.door.begins = delete
    outage.program.ledger.unlink()
    ended = outage.program(*outage.run)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": COUNT - 1, "created": 1}), ended.err
    assert len(outage.sandbox.issues()) == COUNT


@EACH_FORM
def test_an_issue_that_is_named_by_hand(outage: Outage, form: str) -> None:
    """Its number is looked up."""
    number = next(issue["triage_id"] for issue in outage.sandbox.issues() if issue["title"] == "Title 1")
    ended = outage.through(form, "settle", "jira:PROJ-1", number, "--api-url", outage.door.url, "--rate", "0")
    assert ended.code == ExitCode.DONE, ended.err
    assert outage.finds_all()


@EACH_FORM
def test_an_issue_that_is_said_to_be_absent(outage: Outage, form: str) -> None:
    """Nothing is recorded that an outage seems to confirm: the next import would make it again."""
    ended = outage.through(form, "settle", "jira:PROJ-1", "absent", "--api-url", outage.door.url, "--rate", "0")
    assert ended.code == ExitCode.UNUSABLE
    assert "is in Triage" in ended.err
    assert outage.finds_all()
