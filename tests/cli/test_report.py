"""`triage-import report`: the reports of a run again, from the ledger alone."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve
from tests.harness.hostile import parse_fault
from tests.harness.pages import Page
from tests.harness.running import HEADER, KEY, SAMPLES, Program, issue_row, read_csv, wait_for, write_csv, write_issues

REPORTS = ("results.csv", "errors.csv", "errors.jsonl", "summary.json")


def read_reports(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in REPORTS if (folder / name).exists()}


@pytest.mark.parametrize(
    ("source", "mapping"),
    [("made.csv", "jira"), ("undecided.csv", "jira"), ("call-reviews.jsonl", str(SAMPLES / "call-reviews.yaml"))],
)
def test_byte_for_byte(program: Program, serve: Serve, source: str, mapping: str) -> None:
    """What was deleted by mistake comes back as it was: rejected and refused rows with their cells, codes, figures."""
    sandbox = serve(faults=(parse_fault("500-before:create@req=2"),))
    if source == "made.csv":
        rows = [issue_row(1), issue_row(2, priority="Pressing"), issue_row(3, title="=1+1"), issue_row(4, title="")]
        path = write_csv(Path(source), [*rows, *rows[:1]])
    else:
        path = SAMPLES / source
    command = ("run", path, "-m", mapping, "--api-url", sandbox.url, "--yes", "--max-rejected", "100%", "--json")
    out = Path(program(*command, "--rate", "0", "--settle-seconds", "0").summary["out"])
    written = read_reports(out)
    assert len(written) >= 2
    shutil.rmtree(out)
    ended = program("report", "last")
    assert (ended.code, ended.out) == (0, "")
    assert read_reports(out) == written
    assert ended.err.splitlines()[-1] == f"Every row and its outcome: {out / 'report.html'}"

    summary = json.loads(program("report", "last", "--out", "elsewhere", "--json").out)
    assert summary == json.loads(written["summary.json"]) | {"out": "elsewhere"}
    assert read_reports(Path("elsewhere")) | {"summary.json": b""} == written | {"summary.json": b""}


def test_the_order_of_findings(program: Program) -> None:
    """The most frequent come first, then by name: not in the order of a set, which differs from process to process."""
    write_csv(Path("export.csv"), [issue_row(1, title="t" * 300), issue_row(2, priority="Pressing")])
    ended = program("run", "export.csv", "-m", "jira", "--sandbox", "--json")
    again = json.loads(program("report", "last", "--json").out)
    assert list(ended.summary["findings"]) == list(again["findings"]) == ["severity-unknown", "title-shortened"]


def test_what_a_person_has_changed_is_spared(program: Program) -> None:
    """An errors file that is being mended stays; the new one stands beside it. So does the suggested mapping."""
    write_csv(Path("export.csv"), [issue_row(1, priority="Pressing"), issue_row(2)])
    ended = program("run", "export.csv", "-m", "jira", "--sandbox", "--max-rejected", "100%", "--json")
    out = Path(ended.summary["out"])
    original, suggestion = (out / "errors.csv").read_bytes(), (out / "suggested-mapping.yaml").read_bytes()
    (out / "errors.csv").write_text("half mended", encoding="utf-8")
    assert program("report", "last").code == 0
    assert (out / "errors.csv").read_text(encoding="utf-8") == "half mended"
    assert (out / "errors-2.csv").read_bytes() == original
    assert (out / "suggested-mapping.yaml").read_bytes() == suggestion


def test_a_run_that_was_killed(program: Program, serve: Serve) -> None:
    """Its reports were never written; they say of each row what is known, and that it is not finished."""
    sandbox = serve(faults=(parse_fault("hang-before=3600:create@req=3"),))
    write_issues(Path("export.csv"), 5)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--concurrency", "1")
    process = program.start(*command, "--rate", "0")
    wait_for(lambda: sandbox.requests()["POST /v1/triage/issues"] == 3)
    process.kill()
    ended = program("report", "last", "--json")
    assert ended.code == 0
    assert ended.outcomes() == {"created": 2, "unknown": 1, "planned": 2}
    assert (ended.summary["rows"], ended.summary["exit_code"]) == (5, 3)
    assert "is not finished: the same command continues it.\n" in ended.err
    assert "5 rows: 2 created, 1 unknown, 2 planned\n" in ended.err, "nobody knows how long it took"
    rows = read_csv(Path(ended.summary["out"]) / "results.csv")
    assert Counter(row["outcome"] for row in rows) == ended.outcomes()


@pytest.mark.parametrize("attempts", [1, 2])
def test_a_run_that_is_running(program: Program, serve: Serve, attempts: int) -> None:
    """It says so, and how fast the first attempt is by now; of a later one it says nothing that it doesn't know."""
    sandbox = serve(faults=(parse_fault("hang-before=3600:create@req=3"),))
    write_issues(Path("export.csv"), 5)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--concurrency", "1")
    if attempts == 2:
        assert program(*command, "--rate", "0", "--max-duration", "0.0001s").code == 8
    process = program.start(*command, "--rate", "0")
    wait_for(lambda: sandbox.requests()["POST /v1/triage/issues"] == 3)
    try:
        ended = program("report", "last", "--json", "--out", "by-now")
    finally:
        process.kill()
    assert ended.outcomes() == {"created": 2, "unknown": 1, "planned": 2}
    assert ended.summary["stopped_because"] == "It is still running."
    speed = ended.summary["issues_per_second"]
    assert speed == (round(2 / ended.summary["elapsed_seconds"], 1) if attempts == 1 else 0)
    assert (f" at {speed} issues/s)" in ended.err) is (attempts == 1)
    assert " 0.0 issues/s" not in ended.err


def test_rows_that_a_later_run_has_worked_on(program: Program, serve: Serve) -> None:
    """A finished run's rows say themselves what became of them then: its reports come out as they were."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    Path("nobody.yaml").write_text(
        "extends: jira\nowner_id: {column: Summary, pattern: .+, to: missing-kim}\n", encoding="utf-8"
    )
    target = ("--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
    first = program("run", "export.csv", "-m", "nobody.yaml", *target)
    assert first.outcomes() == {"failed": 2}
    assert program("run", "export.csv", "-m", "jira", *target).outcomes() == {"created": 2}
    out = Path(first.summary["out"])
    written = read_reports(out)
    ended = program("report", first.summary["run_id"])
    assert ended.code == 0
    assert read_reports(out) == written


def test_conflicts_again(program: Program, serve: Serve) -> None:
    """What an update left alone, since a person changed it, is in conflicts.csv again."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0", "--json")
    program(*command)
    (issue, _) = sandbox.issues()
    url = f"{sandbox.url}/v1/triage/issues/{issue['id']}"
    assert httpx.patch(url, json={"severity": "critical"}, headers={"Authorization": KEY}).status_code == 200
    write_csv(Path("export.csv"), [issue_row(1, priority="Low"), issue_row(2)])
    assert program(*command, "--on-change", "update").outcomes() == {"skipped": 1, "unchanged": 1}
    assert program("report", "last", "--out", "again").code == 0
    (conflict,) = read_csv(Path("again/conflicts.csv"))
    assert (conflict["key"], conflict["field"], conflict["ours"], conflict["theirs"], conflict["new"]) == (
        "jira:PROJ-1",
        "severity",
        "high",
        "critical",
        "low",
    )


def test_a_run_from_before_changed_was_an_outcome(program: Program) -> None:
    """What it counted as skipped is reported as it was then, and its figures add up."""
    for title in ("Old", "New"):
        write_csv(Path("export.csv"), [issue_row(1, title=title), issue_row(2)])
        ended = program("run", "export.csv", "-m", "jira", "--sandbox", "--yes", "--json")
    assert ended.outcomes() == {"unchanged": 1, "changed": 1}
    with closing(sqlite3.connect(program.ledger)) as connection, connection:
        connection.execute("UPDATE rows SET outcome = 'skipped' WHERE outcome = 'changed'")
        connection.execute("UPDATE runs SET summary = CAST(json_remove(summary, '$.changed') AS BLOB)")
    again = program("report", "last", "--out", "again", "--json")
    assert (again.code, again.outcomes()) == (0, {"unchanged": 1, "skipped": 1}), again.err
    assert [line["code"] for line in read_csv(Path("again/results.csv"))] == ["changed", ""]


def test_no_such_run(program: Program) -> None:
    """Exit code 2, and nothing is made."""
    ended = program("report", "nightly")
    assert ended.code == 2
    assert "No run 'nightly' in " in ended.err
    assert list(program.folder.iterdir()) == []


def test_a_source_over_all_its_runs(program: Program) -> None:
    """What was mended since is in; `runs --source` says the same in a line; `--for jira` writes what Jira takes."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority="Pressing"), issue_row(3, title="")])
    program("run", "export.csv", "-m", "jira", "--sandbox")
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2), issue_row(3, title="")])
    program("run", "export.csv", "-m", "jira", "--sandbox")
    ended = program("report", "--source", "jira", "--sandbox", "--for", "jira")
    assert ended.code == 0
    said = f"jira → sandbox:{program.sandbox_file}: 3 keys = 2 in Triage + 0 skipped + 1 rejected + 0 open.\n"
    files = "triage-import-jira/migration.csv, triage-import-jira/migration-jira.csv"
    assert ended.err.startswith(f"{said}Reports: {files}\n")
    lines = read_csv(Path("triage-import-jira/migration.csv"))
    assert [(each["key"], each["title"], each["state"], each["code"]) for each in lines] == [
        ("jira:PROJ-1", "Title 1", "in Triage", ""),
        ("jira:PROJ-2", "Title 2", "in Triage", ""),
        ("jira:PROJ-3", "", "rejected", "title-missing"),
    ]
    assert [each["Issue key"] for each in read_csv(Path("triage-import-jira/migration-jira.csv"))] == [
        "PROJ-1",
        "PROJ-2",
    ]
    assert program("runs", "--source", "jira").out.endswith(said)
    assert program("runs", "--source", "other").out.startswith("No run yet of other in the ledger ")


def test_the_link_in_the_old_tracker(program: Program) -> None:
    """Every key has its own, in Triage or not, and keeps it when its run is pruned; of a forgotten one it is gone."""
    Path("mine.yaml").write_text("extends: jira\nfooter: {Link: Custom field (Link)}\n", encoding="utf-8")
    header = (*HEADER, "Custom field (Link)")

    def run(*titles: str) -> None:
        rows = [
            (*issue_row(n, title=title), f"https://old.example/PROJ-{n}") for n, title in enumerate(titles, start=1)
        ]
        write_csv(Path("export.csv"), rows, header)
        program("run", "export.csv", "-m", "mine.yaml", "--sandbox", "--max-rejected", "100%")

    def links() -> list[str]:
        assert program("report", "--source", "jira", "--sandbox").code == 0
        return [each["source_link"] for each in read_csv(Path("triage-import-jira/migration.csv"))]

    run("One", "Two", "")
    run("One", "Two", "", "Four")
    run("One", "Two", "", "Four", "Five")
    both = [f"https://old.example/PROJ-{n}" for n in (1, 2, 4, 5, 3)]
    assert links() == both
    assert program("runs", "prune", "--keep", "1", "--apply").code == 0
    assert links() == both
    assert program("runs", "forget", "PROJ-2", "--apply").code == 0
    assert links() == [link.replace("https://old.example/PROJ-2", "") for link in both]


def test_a_run_or_a_source(program: Program) -> None:
    """Neither, both, or a tracker without a source ends with what to type."""
    for command in (
        ("report",),
        ("report", "last", "--source", "jira"),
        ("report", "last", "--for", "jira"),
        ("report", "last", "--sandbox"),
        ("report", "--source", "jira", "--rehearsal"),
    ):
        ended = program(*command)
        assert ended.code == 2
        assert "triage-import report " in ended.err
    assert "knows no source 'jira' in https://api.bland.ai" in program("report", "--source", "jira").err


def test_links_to_issues(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the address of an issue is said once, tables and pages have it, and `report` and `verify` know it."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority="Pressing")])
    command = ("run", "export.csv", "-m", "jira", "--sandbox", "--max-rejected", "100%", "--json")
    out = Path(program(*command, "--issue-url", "https://t.example/{number}").summary["out"])
    for _ in range(2):
        page = Page(out / "report.html")
        assert [row[6:] for row in page.rows()] == [("https://t.example/1001",), ("",)]
        assert [row["url"] for row in read_csv(out / "results.csv")] == ["https://t.example/1001", ""]
        shutil.rmtree(out)
        assert program("report", "last").code == 0
    assert program("verify", "last", "--out", "verified").code == 0
    assert [row[6] for row in Page(Path("verified") / "report.html").rows()] == ["https://t.example/1001"]
    assert program("report", "--source", "jira", "--sandbox", "--out", "all").code == 0
    assert [row["url"] for row in read_csv(Path("all") / "migration.csv")] == ["https://t.example/1001", ""]
    monkeypatch.setenv("TRIAGE_ISSUE_URL", "http://t.example/{id}")
    assert program("report", "last", "--out", "again").code == 0
    (made, _) = read_csv(Path("again") / "results.csv")
    assert made["url"] == f"http://t.example/{made['issue_id']}"


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("javascript:alert({number})", "it doesn't begin with https:// and a host"),
        ("https://t.example/issues", "it has no {number}, for the number of an issue, and no {id}, for its id"),
        ("https://t.example/{key}/{number}", "it has braces besides {number} and {id}"),
        ("https://t.example/{number} ", "it has a space or an invisible character"),
    ],
)
def test_what_is_no_address(program: Program, pattern: str, why: str) -> None:
    """It is refused with the reason and an example, before anything is written."""
    ended = program("report", "last", "--issue-url", pattern)
    assert ended.code == 2
    assert why in " ".join(ended.err.split())
    assert "--issue-url 'https://HOST/issues/{number}'" in " ".join(ended.err.split())


def test_a_run_knows_where_it_went(program: Program) -> None:
    """`--sandbox` isn't asked for; the same command without it is named."""
    ended = program("report", "last", "--rehearsal", "--sandbox", "--out", "there")
    assert ended.code == 2
    assert ended.err.splitlines()[-1] == "triage-import report last --out there --rehearsal"
