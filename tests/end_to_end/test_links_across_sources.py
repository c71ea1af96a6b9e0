"""Projects that are sources of their own: what a row says of an issue in another one leads to that issue, once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import PERSON
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv
from tests.harness.short_waits import SOON

BLOCKS, BLOCKED_BY, RELATES = (
    "Outward issue link (Blocks)",
    "Inward issue link (Blocks)",
    "Outward issue link (Relates)",
)
HEADER = (
    "Issue key",
    "Issue id",
    "Summary",
    "Status",
    "Priority",
    "Description",
    BLOCKS,
    BLOCKED_BY,
    RELATES,
    "Comment",
)

ISSUES = "/v1/triage/issues"
NUMBERS = """
input: {name: list, key: Issue id}
title: Summary
severity: {value: high}
status: {value: todo}
category: {value: Bug}
relations: [{column: Outward issue link (Blocks), type: blocks}]
references: [{pattern: '#(\\d+)', key: \\1}]
"""

Night = Callable[..., Ended]


def row(
    key: str,
    title: str,
    text: str = "",
    *,
    blocks: str = "",
    blocked_by: str = "",
    relates: str = "",
    comment: str = "",
) -> tuple[str, ...]:
    number = key.rpartition("-")[2]
    said = comment and f"2024-03-05 10:00;ann;{comment}"
    return (key, f"1{number}", title, "To Do", "High", text, blocks, blocked_by, relates, said)


CALLS = row("VOICE-15", "Calls drop after a minute")
EXPORT = row("DATA-3", "The export is empty", "As VOICE-15.", blocks="VOICE-15", comment="See VOICE-15, not 15")


@pytest.fixture
def sandbox(serve: Serve) -> RunningSandbox:
    return serve()


@pytest.fixture
def night(program: Program, sandbox: RunningSandbox) -> Night:
    """Import a project as a source of its own."""

    def run(project: str, *rows: tuple[str, ...], mapping: str = "jira") -> Ended:
        write_csv(Path("export.csv"), rows, HEADER)
        options = ("--api-url", sandbox.url, "--on-change", "update", "--yes", "--json", "--rate", "0", *SOON)
        source = ("--source-name", f"jira-{project}")
        return program("run", "export.csv", "-m", mapping, *source, *options, "--ledger", "ledger.db", "--out", "out")

    return run


def numbers(sandbox: RunningSandbox) -> dict[str, str]:
    return {issue["title"]: issue["triage_id"] for issue in sandbox.issues()}


def links(sandbox: RunningSandbox) -> list[tuple[str, str, str]]:
    titles = {issue["id"]: issue["title"] for issue in sandbox.issues()}
    return sorted(
        (titles[each["issue_id"]], each["relation_type"], each["related_title"]) for each in sandbox.relations()
    )


def codes() -> list[tuple[str, str, str]]:
    return [(each["key"], each["code"], each["message"]) for each in read_csv(Path("out/results.csv")) if each["code"]]


def test_what_another_source_has(night: Night, program: Program, sandbox: RunningSandbox) -> None:
    """A link into it is sent, and numbers are put in; the next nights have nothing to send."""
    voice = night("voice", CALLS).summary["run_id"]
    ended = night("data", EXPORT)
    assert (ended.code, codes()) == (ExitCode.DONE, []), ended.err
    assert links(sandbox) == [("The export is empty", "blocks", "Calls drop after a minute")]
    number = numbers(sandbox)["Calls drop after a minute"]
    (text,) = [each["description"] for each in sandbox.issues() if each["title"] == "The export is empty"]
    (said,) = [each["detail"] for each in sandbox.comments()]
    assert text.startswith(f"As VOICE-15 ({number}).")
    assert f"See VOICE-15 ({number}), not 15" in said
    for run in ("last", voice):
        assert program("verify", run, "--ledger", "ledger.db").code == ExitCode.DONE
    before = sandbox.requests()
    for _ in range(3):
        ended = night("data", EXPORT, row("DATA-4", "Another one"))
        assert ended.code == ExitCode.DONE, ended.err
    assert (links(sandbox), len(sandbox.comments()), ended.outcomes()) == (
        [("The export is empty", "blocks", "Calls drop after a minute")],
        1,
        {"unchanged": 2},
    )
    sent = sandbox.requests() - before
    assert {name: count for name, count in sent.items() if not name.startswith("GET")} == {f"POST {ISSUES}": 1}


def test_what_comes_later(night: Night, sandbox: RunningSandbox) -> None:
    """The other project may be imported after nights in which a file didn't change: its links are sent then."""
    for _ in range(3):
        assert night("data", EXPORT).code == ExitCode.DONE
    assert [code for _, code, _ in codes()] == ["relation-end-missing"]
    night("voice", CALLS)
    assert night("data", EXPORT).outcomes() == {"updated": 1}
    assert (len(sandbox.relations()), codes()) == (1, [])
    before = sandbox.requests()["POST " + ISSUES + "/{id}/relations"]
    assert night("data", EXPORT).outcomes() == {"unchanged": 1}
    assert sandbox.requests()["POST " + ISSUES + "/{id}/relations"] == before == 1


def test_a_link_said_by_both(night: Night, sandbox: RunningSandbox) -> None:
    """The source whose issue owns it sends it; the other one says so, and sends nothing, whatever else they share."""
    voice = row("VOICE-15", "Calls drop after a minute", blocked_by="DATA-3", relates="DATA-4")
    data = (row("DATA-3", "The export is empty", blocks="VOICE-15"), row("DATA-4", "Slow", relates="VOICE-15"))
    night("data", *data)
    for _ in range(2):
        night("voice", voice)
        message = "the issue is blocked by DATA-3, which another source has in Triage"
        assert codes()[0][:2] == ("jira-voice:VOICE-15", "relation-elsewhere\nrelation-elsewhere")
        assert message in codes()[0][2]
        night("data", *data)
        assert codes() == []
    calls = "Calls drop after a minute"
    assert links(sandbox) == [("Slow", "related_to", calls), ("The export is empty", "blocks", calls)]


def test_both_ways_at_once(night: Night, sandbox: RunningSandbox) -> None:
    """An issue that owns one relation to another source's issue, and is owned by it in a second, gets the first."""
    night("voice", CALLS)
    night("data", row("DATA-3", "The export is empty", blocks="VOICE-15", blocked_by="VOICE-15"))
    assert [code for _, code, _ in codes()] == ["relation-elsewhere"]
    assert links(sandbox) == [("The export is empty", "blocks", "Calls drop after a minute")]


def test_several_sources_with_the_key(night: Night, sandbox: RunningSandbox) -> None:
    """Nobody knows which issue is meant: nothing is sent, and that is said; an issue of its own comes first."""
    night("voice", CALLS)
    night("other", row("VOICE-15", "Another site's issue"))
    assert night("data", EXPORT).code == ExitCode.DONE
    assert codes() == [
        (
            "jira-data:DATA-3",
            "relation-ambiguous",
            "the issue blocks VOICE-15, which several other sources have in Triage",
        )
    ]
    assert sandbox.relations() == []
    assert not [each for each in sandbox.comments() if "(T-" in each["detail"]]
    night("data", EXPORT, row("VOICE-15", "Our own"))
    assert links(sandbox) == [("The export is empty", "blocks", "Our own")]


def test_numbers_are_nobodys(night: Night, sandbox: RunningSandbox) -> None:
    """A bare number may be an issue of any source: it is never one of another."""
    Path("numbers.yaml").write_text(NUMBERS)
    night("one", row("A-5", "Five"), mapping="numbers.yaml")
    night("two", row("A-6", "Six", "Like #15", blocks="15"), mapping="numbers.yaml")
    assert [code for _, code, _ in codes()] == ["relation-end-missing"]
    assert (sandbox.relations(), any("(T-" in each["description"] for each in sandbox.issues())) == ([], False)


def import_and_delete(night: Night, sandbox: RunningSandbox) -> None:
    """Import the issue that others are linked to; a person deletes it in Triage."""
    night("voice", CALLS)
    (issue,) = sandbox.issues()
    httpx.delete(f"{sandbox.url}{ISSUES}/{issue['id']}", headers=PERSON)


@pytest.mark.usefixtures("short_waits")
def test_what_was_deleted(night: Night, sandbox: RunningSandbox) -> None:
    """An issue of another source that is gone gets no link: what its own source has found out counts."""
    import_and_delete(night, sandbox)
    for number in range(2):
        night("voice", row("VOICE-15", f"Calls drop, {number}"))
    assert night("data", EXPORT).code == ExitCode.DONE
    assert [code for _, code, _ in codes()] == ["relation-end-missing"]
    assert not [each for each in sandbox.comments() if "(T-" in each["detail"]]


@pytest.mark.usefixtures("short_waits")
def test_what_is_found_to_be_deleted(night: Night, sandbox: RunningSandbox) -> None:
    """The link is refused, which is said; the other source's issue is noted by a run of that source alone."""
    import_and_delete(night, sandbox)
    for _ in range(2):
        ended = night("data", EXPORT)
        assert [code for _, code, _ in codes()] == ["relation-end-missing"], ended.err
        assert ended.code == ExitCode.DONE, ended.err
    assert sandbox.relations() == []
    with closing(sqlite3.connect("ledger.db")) as ledger:
        assert ledger.execute("SELECT count(*) FROM operations WHERE key = 'jira-data:VOICE-15'").fetchone() == (0,)
