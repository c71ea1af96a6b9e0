"""Pruning: old runs lose their rows, later imports lose nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ExitCode, UsageError
from importer.ledger.forgetting import find_prunable, lost_ways, measure, prune
from importer.ledger.journal import Run
from importer.ledger.opening import open_ledger
from importer.ledger.overview import find_import
from importer.ledger.store import Ledger, RunIdentity
from importer.records import Outcome
from tests.conftest import Serve
from tests.harness.ledger_sending import NOON, TARGET, begin, row, send
from tests.harness.running import Program, issue_row, write_csv, write_issues

LATER = NOON + 1


def finished(ledger: Ledger, digest: str, outcome: Outcome = Outcome.UNCHANGED, *, name: str = "jira-acme") -> Run:
    """Make a run of three rows that has ended."""
    run = begin(ledger, digest=digest, name=name)
    run.register(row(number, outcome) for number in (1, 2, 3))
    run.finish(ExitCode.DONE, {"rows": 3, str(outcome): 3})
    return run


def test_which_are_old(ledger: Ledger) -> None:
    """Of each source the newest stay, and runs that are open; the oldest come first."""
    runs = [finished(ledger, str(number)) for number in range(5)]
    other = finished(ledger, "0", name="other")
    open_ = begin(ledger, digest="open")
    assert [run.name for run in find_prunable(ledger, 3, LATER)] == [run.name for run in runs[:3]]
    assert find_prunable(ledger, 1, NOON) == []  # none has ended before
    assert {open_.name, other.name}.isdisjoint(run.name for run in find_prunable(ledger, 1, LATER))


def test_the_last_whole_import_stays(ledger: Ledger) -> None:
    """The next one is compared with it, however many runs of a part came since."""
    whole = ledger.begin_run(begin_identity("whole"), options={"whole": True})
    whole.finish(ExitCode.DONE, {})
    parts = [finished(ledger, str(number)) for number in range(3)]
    assert [run.name for run in find_prunable(ledger, 1, LATER)] == [run.name for run in parts[:2]]


def begin_identity(digest: str) -> RunIdentity:
    """Give the identity of a run of the usual source."""
    return RunIdentity(TARGET, "jira-acme", digest, "m1")


def test_what_goes_and_what_stays(ledger: Ledger) -> None:
    """Rows go, packed or not, once; figures, and keys with their issues, stay."""
    run = begin(ledger, digest="first")
    rows = [row(1), row(2), row(3, key="k2")._replace(follows=True), row(4, Outcome.REJECTED)]
    run.register(rows)
    send(run, "k1", "k2")
    run.finish(ExitCode.DONE, {"rows": 4, "created": 3, "rejected": 1})
    finished(ledger, "second")
    finished(ledger, "third")
    old = find_prunable(ledger, 1, LATER)
    assert lost_ways(old) == [run.name]
    prune(ledger, old)
    left = {each.name: [row.key for row in each.results()] for each in ledger.list_runs()}
    assert list(left.values()) == [["k1", "k2", "k3"], [], []]
    assert ledger.find_run(run.name).summary["created"] == 3
    assert ledger.find_known(TARGET, "jira-acme", ["k1", "k2"]).keys() == {"k1", "k2"}
    assert find_prunable(ledger, 1, LATER) == []
    with pytest.raises(UsageError, match="were pruned: there is nothing to undo"):
        find_import(ledger, run.name, "undo")


def test_the_file_gets_smaller(path: Path) -> None:
    """What the rows took is given back to the disk."""
    with open_ledger(path) as ledger:
        run = begin(ledger, digest="first")
        run.register(row(number)._replace(raw=("x" * 200,)) for number in range(5000))
        run.finish(ExitCode.DONE, {})
        finished(ledger, "second")
        old = find_prunable(ledger, 1, LATER + 10**10)
    before = path.stat().st_size
    with open_ledger(path) as ledger:
        assert measure(ledger) == before
        prune(ledger, old)
    assert path.stat().st_size < before / 4


def test_the_command(program: Program, serve: Serve) -> None:
    """It shows what it would do, does it with --apply, and the next night is as it would have been."""
    sandbox = serve()
    nights = []
    for number in (2, 3, 4):
        write_issues(Path("export.csv"), number)
        words = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
        nights.append(program(*words).summary["run_id"])
    assert program("runs", "prune").code == ExitCode.UNUSABLE
    shown = program("runs", "prune", "--keep", "1")
    assert [name in shown.err for name in nights] == [True, True, False]
    assert "Add --apply to do it." in shown.err
    assert program("report", nights[0]).code == ExitCode.DONE
    assert "0 runs to prune" in program("runs", "prune", "--older-than", "1d").err
    assert program("runs", "prune", "--keep", "1", "--apply").code == ExitCode.DONE
    for command in ("report", "undo", "verify"):
        ended = program(command, nights[0])
        assert (ended.code, "were pruned" in ended.err) == (ExitCode.UNUSABLE, True)
    assert " MB." in program("runs").out.splitlines()[-1]
    write_csv(Path("export.csv"), map(issue_row, (1, 2, 3, 4, 5)))
    assert program(*words).outcomes() == {"unchanged": 4, "created": 1}
