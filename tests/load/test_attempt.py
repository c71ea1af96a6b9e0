"""The send pass: how an attempt ends that has added something to issues, or could not add all of it."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from importer.check.examine import RowRun, examine
from importer.check.job import Job
from importer.errors import ExitCode
from importer.ledger.opening import read_ledger
from importer.load import attempt
from importer.load.additions import PROBED
from importer.sources.source_rows import ROWS_TOGETHER
from importer.transform.markers import MARKER_NOTE, comment_marker, record_marker
from tests.conftest import Serve
from tests.harness.additions import ADDED, MAPPING
from tests.harness.doors import turnstile
from tests.harness.following import WHOLE, Nights
from tests.harness.hostile import parse_fault
from tests.harness.running import (
    CATEGORIES,
    NO_ISSUES,
    Program,
    issue_row,
    read_csv,
    serve_answers,
    wait_for,
    write_csv,
)
from tests.harness.running import HEADER as ISSUE_HEADER

HEADER = (*ISSUE_HEADER, "Comment", *ADDED)


def write_source(*rows: Mapping[str, str]) -> None:
    """Write an export of rows that each say more than an issue holds, and its mapping, into the present folder."""
    cells = [
        {**dict(zip(ISSUE_HEADER, issue_row(number), strict=True)), **more} for number, more in enumerate(rows, start=1)
    ]
    write_csv(Path("export.csv"), [[row.get(name, "") for name in HEADER] for row in cells], HEADER)
    Path("mine.yaml").write_text(MAPPING, encoding="utf-8")


def command(url: str, *more: str) -> tuple[str, ...]:
    options = ("--yes", "--json", "--no-canary", "--out", "out")
    return ("run", "export.csv", "-m", "mine.yaml", "--api-url", url, *options, *more)


def results() -> list[tuple[str, str]]:
    return [(row["outcome"], row["code"]) for row in read_csv(Path("out") / "results.csv")]


def test_the_canary_reads_no_further_than_its_rows(
    program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of two chunks it reads the first, for its first issue and for all of them; then both are read and sent."""
    chunks = Counter[str]()

    def counted(job: Job) -> Iterator[RowRun]:
        for run in examine(job):
            chunks["all" if job.only is None else "canary"] += 1
            yield run

    monkeypatch.setattr(attempt, "examine", counted)
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(number, title="One") for number in range(ROWS_TOGETHER + 2)])
    ended = program(
        *("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--out", "out"),
        *("--rate", "0", "--concurrency", "32"),
    )
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": ROWS_TOGETHER + 2})
    assert chunks == {"canary": 2, "all": 2}


def test_each_attempt_is_on_the_page(program: Program, serve: Serve) -> None:
    """When it began, and how it ended; and of the last one what was sent again."""
    sandbox = serve(faults=(parse_fault("403-after:create@req=3"), parse_fault("429=1:create@req=6")))
    write_source(*({} for _ in range(9)))
    first, second = (program(*command(sandbox.url, "--rate", "0", "--concurrency", "1")) for _ in range(2))
    assert (first.code, second.code) == (ExitCode.DECIDE, ExitCode.DONE), second.err
    with read_ledger(program.ledger) as ledger:
        attempts = ledger.find_run("last").read_attempts()
    assert [attempt.exit_code for attempt in attempts] == [ExitCode.DECIDE, ExitCode.DONE]
    page = Path("out/report.html").read_text(encoding="utf-8")
    assert "1 answer said to wait." in page
    assert "<td>until somebody decides</td>" in page


def test_interrupted_while_adding(program: Program, serve: Serve) -> None:
    """All issues are in, not all that belongs to them: that is an interrupted run, which the same command continues."""
    sandbox = serve()
    write_source(*({"Comment": f"1/Mar/26;Ann;comment {number}"} for number in range(20)))
    with turnstile(sandbox.url, 20 + 3) as door:
        first = door.interrupt(program.start(*command(door.url, "--rate", "0")))
        names = results()
        second = program(*command(door.url, "--rate", "0"))
    assert first.code == ExitCode.INTERRUPTED, first.err
    assert first.summary["stopped_because"] == "It was interrupted, by Ctrl-C or by a signal."
    assert "Stopped: It was interrupted, by Ctrl-C or by a signal." in first.err
    assert first.outcomes() == {"created": 20}
    assert ("created", "incomplete") in names
    assert (second.code, second.outcomes()) == (0, {"created": 20}), second.err
    assert second.summary["run_id"] == first.summary["run_id"]
    assert len(sandbox.comments()) == 20


def test_a_kill_is_no_loss(program: Program, serve: Serve) -> None:
    """A create that was on its way doesn't make one ask what hangs on all the issues that the ledger knows."""
    sandbox, rows = serve(faults=(parse_fault("hang-after=3600:create@req=3"),)), PROBED + 5
    write_source(*({"Comment": f"1/Mar/26;Ann;comment {number}"} for number in range(rows)))
    process = program.start(*command(sandbox.url, "--rate", "0", "--concurrency", "1"))
    wait_for(lambda: len(sandbox.issues()) == 3)
    process.kill()
    ended = program(*command(sandbox.url, "--rate", "0", "--concurrency", "1", "--settle-seconds", "1"))
    assert (ended.code, ended.outcomes()) == (0, {"created": rows}), ended.err
    assert sandbox.requests()["GET /v1/triage/issues/{id}/activity"] == PROBED
    assert len(sandbox.comments()) == rows


@pytest.mark.usefixtures("short_waits")
def test_a_comment_of_unknown_outcome(program: Program) -> None:
    """Where nobody can find out whether it was made, the attempt says so, and the same command settles it."""
    issue = {"id": "i1", "triage_id": "T-1", "created_at": "2026-11-24T12:00:00Z", "updated_at": "2026-11-24T12:00:00Z"}
    issue["description"] = f"{record_marker('jira:PROJ-1')} {MARKER_NOTE}"
    details: list[dict[str, Any]] = []
    is_down = [True]

    def answer(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        if path.endswith("/comments"):
            details.append(
                {"id": f"e{len(details)}", "type": "comment", "detail": f"Ann · 1/Mar/26 · {marker}\n\nhello"}
            )
            return 500, {}
        if "/activity" in path:
            entries = {"data": {"items": details, "next_cursor": None}, "errors": None}
            return (400, {"errors": [{"error": "no", "message": "not today"}]}) if is_down[0] else (200, entries)
        if method == "POST":
            return 201, {"data": issue, "errors": None}
        return 200, CATEGORIES if "categories" in path else NO_ISSUES

    write_source({"Comment": "1/Mar/26;Ann;hello"})
    content = hashlib.sha256(json.dumps(["Ann", "1/Mar/26", "hello", 1]).encode()).hexdigest()[:16]
    marker = comment_marker("jira:PROJ-1", f"{content}/1")
    with serve_answers(answer) as url:
        first = program(*command(url, "--rate", "0", "--settle-seconds", "0"))
        assert (first.code, first.outcomes()) == (ExitCode.UNKNOWN, {"created": 1}), first.err
        assert results() == [("created", "incomplete")]
        is_down[0] = False
        second = program(*command(url, "--rate", "0", "--settle-seconds", "0"))
    assert (second.code, second.outcomes()) == (0, {"created": 1}), second.err
    assert second.summary["run_id"] == first.summary["run_id"]
    assert len(details) == 1


def test_evidence_is_all_that_there_is(program: Program, serve: Serve) -> None:
    """A create that is refused for one call is made without any; the others are attached afterwards."""
    sandbox = serve()
    write_source({"Calls": "c1,missing-2"})
    ended = program(*command(sandbox.url, "--rate", "0"))
    assert (ended.code, results()) == (ExitCode.PARTLY, [("created", "evidence-pending")]), ended.err
    assert [link["resource_id"] for link in sandbox.resources()] == ["c1"]


def test_others_that_are_not_there(program: Program, serve: Serve) -> None:
    """Relations and references to issues that are nowhere leave nothing incomplete, tonight or tomorrow night."""
    sandbox = serve()
    write_source({"Blocks": "PROJ-8", "Description": "See PROJ-9."})
    for outcome in ("created", "unchanged"):
        ended = program(*command(sandbox.url, "--rate", "0"))
        assert (ended.code, results()) == (0, [(outcome, "relation-end-missing")]), ended.err
    assert not any("PATCH" in request for request in sandbox.requests())


def test_another_that_comes_later(program: Program, serve: Serve) -> None:
    """A relation is sent by a run that has its row, once the other issue is there: its hint says so."""
    sandbox = serve()
    write_source({"Blocks": "PROJ-2"})
    words = command(sandbox.url, "--rate", "0")
    first = program(*words)
    hint = "import that issue too, then run this file again: only a run that has this row sends the relation"
    assert hint in Path("out/report.html").read_text(encoding="utf-8"), first.err
    write_csv(Path("later.csv"), [(*issue_row(2), *[""] * (len(HEADER) - len(ISSUE_HEADER)))], HEADER)
    assert program("run", "later.csv", *words[2:]).summary["created"] == 1
    assert not sandbox.relations()
    assert program(*words).code == 0
    assert len(sandbox.relations()) == 1


def test_another_that_is_rejected(program: Program, serve: Serve) -> None:
    """A run says of a relation to a rejected row what its check has said, and that once."""
    write_source({"Blocks": "PROJ-2"}, {"Summary": ""})
    checked = program("validate", "export.csv", "-m", "mine.yaml", "--json")
    ended = program(*command(serve().url, "--rate", "0", "--max-rejected", "100%"))
    assert results() == [("created", "relation-end-rejected"), ("rejected", "title-missing")]
    assert ended.summary["findings"] == checked.summary["findings"]


@pytest.mark.parametrize("begins", ["stopped", "canary", "at once"])
def test_cells_of_what_a_run_has_made(program: Program, serve: Serve, begins: str) -> None:
    """Each row that a run has made can be repaired, also one that it then found unchanged; others have no cells."""
    sandbox = serve()
    write_csv(Path("export.csv"), map(issue_row, range(1, 31)))
    words = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
    more = () if begins == "canary" else ("--no-canary",)
    if begins == "stopped":
        with turnstile(sandbox.url, 12) as door:
            stopped = ("run", "export.csv", "-m", "jira", "--api-url", door.url, *words[6:], *more)
            door.interrupt(program.start(*stopped))
            ended = program(*stopped)
            assert ended.summary["created"] == 30
            assert repairs(program) == 30
        return
    assert program(*words, *more).summary["created"] == 30
    assert repairs(program) == 30
    write_csv(Path("export.csv"), map(issue_row, range(1, 32)))
    assert program(*words, *more).outcomes() == {"unchanged": 30, "created": 1}
    with read_ledger(program.ledger) as ledger:
        assert [row.cells is None for row in ledger.find_run("last").results()] == [*[True] * 30, False]


def repairs(program: Program) -> int:
    """How many issues of the last run another mapping would correct."""
    Path("other.yaml").write_text("extends: jira\ninput: {name: jira}\nseverity: {values: {High: low}}\n")
    ended = program("repair", "last", "-m", "other.yaml", "--fields", "severity", "--json")
    assert ended.code == ExitCode.DONE, ended.err
    return int(ended.summary["planned"])


def test_additions_are_counted_as_they_are_sent(program: Program, serve: Serve) -> None:
    """In the order in which they are sent, and none of a kind that was only found there."""
    nights = Nights(program, serve())
    ended = nights.run(WHOLE)
    assert [*ended.summary["additions"]] == ["flag", "comment", "relation", "refer"]
    program.ledger.unlink()
    ended = nights.run()
    assert (ended.summary["additions"], "Added to issues" in ended.err) == ({}, False), ended.err
