"""What a later run of the same source wrote is newer than the cells that a repair maps."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import HEADER, Program, issue_row, read_csv, write_csv, write_issues

FAST = ("--rate", "0", "--json")
SEND = ("run", "export.csv", "-m", "jira", "--yes", *FAST)


@pytest.fixture
def runs(program: Program, sandbox: RunningSandbox) -> tuple[str, str]:
    """Give two runs: the first created three issues, the second lowered the first issue and retitled the second."""
    target = ("--api-url", sandbox.url)
    write_issues(Path("export.csv"), 3)
    first = program(*SEND, *target)
    write_csv(Path("export.csv"), [issue_row(1, priority="Low"), issue_row(2, title="Retitled"), issue_row(3)])
    second = program(*SEND, *target, "--on-change", "update", "--max-changes", "100%")
    assert (second.code, second.outcomes()) == (ExitCode.DONE, {"updated": 2, "unchanged": 1}), second.err
    return first.summary["run_id"], second.summary["run_id"]


def repair(
    program: Program, run: str, *more: str, mapping: str = CORRECTED, code: ExitCode = ExitCode.DONE
) -> dict[str, tuple[str, str]]:
    """Repair a run with a mapping, given as its text; gives key → verdict and message."""
    Path("corrected.yaml").write_text(mapping, encoding="utf-8")
    options = ("-m", "corrected.yaml", "--fields", "severity,status", "--out", "repaired", *FAST)
    ended = program("repair", run, *options, *more)
    assert ended.code == code, ended.err
    lines = read_csv(Path("repaired/results.csv"))
    return {line["key"].removeprefix("jira:"): (line["verdict"], line["message"]) for line in lines}


def values(sandbox: RunningSandbox) -> set[tuple[str, str, str]]:
    return {(issue["title"], issue["severity"], issue["status"]) for issue in sandbox.issues()}


def test_what_a_later_run_wrote_stays(program: Program, sandbox: RunningSandbox, runs: tuple[str, str]) -> None:
    """The first run's cells are outdated: its repair leaves that field alone, and names the run to repair instead."""
    first, second = runs
    for more, done in (((), "untouched"), (("--apply", "--yes"), "patched")):
        found = repair(program, first, *more)
        assert {key: verdict for key, (verdict, _) in found.items()} == {
            "PROJ-1": "changed-later",
            "PROJ-2": done,
            "PROJ-3": done,
        }
        assert found["PROJ-1"][1] == f"severity changed by a later run: repair that one, {second}"
    assert values(sandbox) == {
        ("Title 1", "low", "todo"),
        ("Retitled", "critical", "todo"),
        ("Title 3", "critical", "todo"),
    }
    assert repair(program, second) == {}


def test_its_other_fields_are_repaired(program: Program, sandbox: RunningSandbox, runs: tuple[str, str]) -> None:
    """A later run wrote one field: the others are corrected all the same, and the message names what is left alone."""
    first, second = runs
    both = f"{CORRECTED}status: {{values: {{To Do: in_progress}}}}\n"
    found = repair(program, first, mapping=both)
    assert found["PROJ-1"] == ("untouched", f"severity changed by a later run: repair that one, {second}")
    repair(program, first, "--apply", "--yes", mapping=both)
    assert ("Title 1", "low", "in_progress") in values(sandbox)


def test_a_repair_makes_no_outdated_cells_newer(program: Program, sandbox: RunningSandbox) -> None:
    """A run that only updated an issue was repaired after a later one: what that one wrote is still the later run's."""
    target = ("--api-url", sandbox.url)
    runs = []
    for priority, title in (("High", "One"), ("Low", "One"), ("Medium", "One"), ("Medium", "Retitled")):
        write_csv(Path("export.csv"), [issue_row(1, priority=priority, title=title)])
        ended = program(*SEND, *target, "--on-change", "update", "--max-changes", "100%")
        assert ended.code == ExitCode.DONE, ended.err
        runs.append(ended.summary["run_id"])
    _, second, third, fourth = runs
    states = "extends: jira\nstatus: {values: {To Do: in_progress}}\n"
    assert repair(program, second, "--apply", "--yes", mapping=states)["PROJ-1"][0] == "patched"
    assert values(sandbox) == {("Retitled", "medium", "in_progress")}
    both = f"{states}severity: {{values: {{Low: critical}}}}\n"
    assert repair(program, second, "--apply", "--yes", mapping=both)["PROJ-1"][0] == "changed-later"
    assert values(sandbox) == {("Retitled", "medium", "in_progress")}, "and not critical, as an outdated cell says"
    for run, word in ((second, "Low"), (third, "Medium"), (fourth, "Medium")):
        found = repair(program, run, mapping=f"{states}severity: {{values: {{{word}: critical}}}}\n")
        message = f"severity changed by a later run: repair that one, {third}"
        assert found["PROJ-1"] == (("changed-later", message) if run == second else ("untouched", "")), run
    assert repair(program, third, mapping="extends: jira\nstatus: {values: {To Do: in_review}}\n") == {
        "PROJ-1": ("untouched", "")
    }, "the cells of the third run are newer than those that the repair has mapped"


def test_undo_names_the_later_run_after_a_repair(program: Program, sandbox: RunningSandbox) -> None:
    """What a repair added to an earlier run's writes stands in the way of no later one, and the other way round."""
    target = ("--api-url", sandbox.url)
    runs = []
    for priority in ("High", "Low", "Medium"):
        write_csv(Path("export.csv"), [issue_row(1, priority=priority)])
        runs.append(program(*SEND, *target, "--on-change", "update", "--max-changes", "100%").summary["run_id"])
    repair(program, runs[1], "--apply", "--yes", mapping="extends: jira\nstatus: {values: {To Do: in_progress}}\n")
    undo = ("--out", "undone", *FAST)
    program("undo", runs[1], *undo)
    (line,) = read_csv(Path("undone/results.csv"))
    assert (line["verdict"], line["fields"]) == ("edited-elsewhere", "status")
    assert f"severity changed by a later run; first: triage-import undo {runs[2]}" in line["message"]
    program("undo", runs[2], "--apply", "--yes", *undo)
    assert values(sandbox) == {("Title 1", "low", "in_progress")}
    program("undo", runs[1], "--apply", "--yes", *undo)
    assert values(sandbox) == {("Title 1", "high", "todo")}


@pytest.mark.slow
@pytest.mark.parametrize("code", ["changed", "older-than", "repair-kept", "undo-open"])
def test_what_an_interrupted_run_made_stays_its_own(program: Program, serve: Serve, code: str) -> None:
    """Whatever was done to its issues before it goes on, and whoever settled the last of them, it takes all back."""
    faults = ("403-after:create@req=4", *["403-after:write@req=5"] * (code == "undo-open"))
    sandbox = serve(faults=tuple(map(parse_fault, faults)))
    target = ("--api-url", sandbox.url, "--no-canary", "--concurrency", "1", "--settle-seconds", "1")

    def night(name: str, count: int, priority: str, day: int) -> Path:
        day = day if code == "older-than" else 1
        rows = [(*issue_row(number, priority), f"0{day}/Nov/26 3:04 PM") for number in range(1, count + 1)]
        return write_csv(Path(name), rows, (*HEADER, "Updated"))

    first = ("run", night("first.csv", 5, "High", 1), *SEND[2:], *target)
    run = program(*first).summary["run_id"]
    undo = ("undo", run, "--delete", "--apply", "--yes", *FAST, "--concurrency", "1", "--expect")
    match code:
        case "repair-kept":
            repair(program, run, "--apply", "--yes", code=ExitCode.UNKNOWN)
        case "undo-open":
            assert program(*undo, "3").code == ExitCode.DECIDE
        case _:
            second = night("second.csv", 2, "Low", 2)
            program("run", second, *SEND[2:], *target, "--on-change", "update", "--max-changes", "100%")
    ended = program(*first)
    assert (ended.summary["run_id"], ended.outcomes()) == (run, {"created": 5}), ended.err
    assert code in {row["code"] for row in read_csv(Path(f"triage-import-{run}/results.csv"))}
    if code != "undo-open":
        assert program("verify", run, *FAST).summary["same"] == 5
    ended = program(*undo, "5")
    assert (ended.code, sandbox.issues()) == (ExitCode.DONE, []), ended.err
