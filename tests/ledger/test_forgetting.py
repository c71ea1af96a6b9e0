"""Forgetting: texts of an issue or a person leave the ledger, and nothing that exactly once needs does."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ExitCode, UsageError
from importer.ledger.forgetting import find_traces, forget
from importer.ledger.opening import read_ledger
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Outcome
from importer.report.from_ledger import PAGE, kept_page
from tests.conftest import Serve
from tests.harness.ledger_sending import begin, row, send
from tests.harness.running import HEADER, Program, write_csv

ROWS = [
    ("T-1", "Call of Ann Meyer dropped", "High", "To Do", "Bug", "She waited.", "Bo Li"),
    ("T-2", "Other", "High", "To Do", "Bug", "Written for Ann Meyer.", "Bo Li"),
    ("T-3", "Third", "Never heard of", "To Do", "Bug", "ANN MEYER again.", "Bo Li"),
    ("T-4", "Fourth", "High", "To Do", "Bug", "Text", "Ann Meyer"),
    ("T-5", "Fifth", "Never heard of", "To Do", "Bug", "Text", "Bo Li"),
]
RUN = ("run", "export.csv", "-m", "jira", "--yes", "--json", "--max-rejected", "50%")
PEOPLE = (*HEADER, "Assignee")


def texts_of(ledger: Path) -> set[str]:
    """Return which of the names a ledger still has, in its files and in what is compressed there."""
    with read_ledger(ledger) as book:
        found = {name for name in ("ann meyer", "bo li") if find_traces(book, name, kept_page).runs}
    kept = b"".join(each.read_bytes() for each in ledger.parent.glob(f"{ledger.name}*")).lower()
    return found | {name for name in ("ann meyer", "bo li") if name.encode() in kept}


def test_a_person(program: Program, serve: Serve) -> None:
    """Titles, cells of rejected rows, replaced texts and pages go; the next import is as it would have been."""
    sandbox, ledger = serve(), Path("ledger.db").absolute()
    words = (*RUN, "--api-url", sandbox.url, "--ledger", str(ledger), "--on-change", "update")
    write_csv(Path("export.csv"), ROWS, PEOPLE)
    first = program(*words).summary["run_id"]
    changed = [ROWS[0], (*ROWS[1][:5], "Written for nobody.", "Bo Li"), *ROWS[2:]]
    write_csv(Path("export.csv"), changed, PEOPLE)
    second = program(*words)
    assert second.outcomes() == {"unchanged": 2, "updated": 1, "rejected": 2}
    shown = program("runs", "forget", "ann meyer", "--ledger", str(ledger))
    assert "has texts of 2 issues and " in shown.err
    assert f"{second.summary['run_id']} can't restore the values" in shown.err
    assert all(f"The reports of {name} may still have it: " in shown.err for name in (first, second.summary["run_id"]))
    assert texts_of(ledger) == {"ann meyer", "bo li"}
    assert program("runs", "forget", "ann meyer", "--ledger", str(ledger), "--apply").code == ExitCode.DONE
    assert texts_of(ledger) == {"bo li"}
    assert "has nothing of Ann Meyer" in program("runs", "forget", "Ann Meyer", "--ledger", str(ledger)).err
    assert program("report", first, "--ledger", str(ledger)).code == ExitCode.DONE
    again = program(*words)
    assert again.outcomes() == {"unchanged": 3, "rejected": 2}
    changed[0] = ("T-1", "Another title", *changed[0][2:])
    write_csv(Path("export.csv"), changed, PEOPLE)
    assert program(*words).outcomes() == {"unchanged": 2, "skipped": 1, "rejected": 2}
    assert len({issue["title"] for issue in sandbox.issues()}) == 3


def test_an_issue(program: Program, serve: Serve) -> None:
    """A key is taken with or without its source's name, and the texts of others stay."""
    sandbox, ledger = serve(), Path("ledger.db").absolute()
    write_csv(Path("export.csv"), ROWS, PEOPLE)
    name = program(*RUN, "--api-url", sandbox.url, "--ledger", str(ledger)).summary["run_id"]
    for key in ("T-3", "jira:T-1"):
        assert program("runs", "forget", key, "--ledger", str(ledger), "--apply").code == ExitCode.DONE
    with read_ledger(ledger) as book:
        run = book.find_run(name)
        titles = run.find_titles(["jira:T-1", "jira:T-2"])
        raw = [(row.key, row.codes, row.raw is None) for row in run.results() if row.codes]
    assert titles == {"jira:T-1": "", "jira:T-2": "Other"}
    assert ("jira:T-3", ("severity-unknown",), True) in raw


def test_what_is_not_decided(ledger: Ledger) -> None:
    """The texts of an issue that may have been sent are needed to find out whether it was."""
    run = begin(ledger)
    run.register([row(1)])
    send(run, "k1", state=State.SENT)
    with pytest.raises(UsageError, match="what was sent for k1 has arrived"):
        find_traces(ledger, "k1", kept_page)


def test_each_kind_of_ledger(ledger: Ledger) -> None:
    """What no issue has, a rejected row and the sentences of a run, goes by the name of a person."""
    run = begin(ledger)
    run.register([row(1, Outcome.REJECTED)._replace(raw=("Ann Meyer", "x")), row(2, Outcome.REJECTED)])
    run.finish(ExitCode.PARTLY, {"warnings": ["of Ann Meyer", "of others"]})
    forget(ledger, find_traces(ledger, "ann meyer", kept_page), PAGE)
    assert [each.raw for each in run.results()] == [None, ("a", "=2")]
    assert ledger.find_run(run.name).summary == {"warnings": ["", "of others"]}
    assert not find_traces(ledger, "ann meyer", kept_page).runs


def test_a_key_that_other_texts_have(ledger: Ledger) -> None:
    """Nothing but its own rows goes for the sake of a number: no figure, digest or sentence of a run, and no page."""
    summary = {"mapping_sha256": "1f", "warnings": ["1 of 2"]}
    for digest, key in (("s1", "1"), ("s2", "2")):
        run = begin(ledger, digest=digest)
        run.register([row(1, Outcome.REJECTED, key=key)])
        run.finish(ExitCode.PARTLY, summary)
    traces = find_traces(ledger, "1", kept_page)
    forget(ledger, traces, PAGE)
    newest, oldest = ledger.list_runs()
    assert list(traces.runs) == [oldest.name]
    assert [each.summary for each in (newest, oldest)] == [summary, summary]
    assert [[each.raw is None for each in run.results()] for run in (newest, oldest)] == [[False], [True]]


def test_what_is_forgotten_already(program: Program, serve: Serve) -> None:
    """Of an issue whose texts are deleted nothing is left to be found, also where others have its number in theirs."""
    sandbox, ledger = serve(), str(Path("ledger.db").absolute())
    rows = [*ROWS[:3], ("T-4", "As T-3 and T-30", "High", "To Do", "Bug", "Text", "Bo Li")]
    write_csv(Path("export.csv"), rows, PEOPLE)
    program(*RUN, "--api-url", sandbox.url, "--ledger", ledger)
    for key in ("T-1", "jira:T-3"):
        assert "has texts of " in program("runs", "forget", key, "--ledger", ledger).err
        assert program("runs", "forget", key, "--ledger", ledger, "--apply").code == ExitCode.DONE
        assert f"{ledger} has nothing of {key}." in program("runs", "forget", key, "--ledger", ledger).err


@pytest.mark.parametrize(("what", "name"), [("", "An empty word"), ("Li", "Li"), ("7", "7"), ("王", "王")])
def test_what_is_no_name(program: Program, serve: Serve, what: str, name: str) -> None:
    """It is refused: that the ledger has nothing of it would not be true."""
    write_csv(Path("export.csv"), [*ROWS, ("T-6", "王伟 called", "High", "To Do", "Bug", "", "")], PEOPLE)
    ended = program(*RUN, "--api-url", serve().url, "--ledger", "ledger.db")
    assert ended.summary["created"] == 4
    refused = program("runs", "forget", what, "--ledger", "ledger.db", "--apply")
    assert refused.code == ExitCode.UNUSABLE
    assert f"{name} is not a key in " in refused.err
    assert "has texts of 1 issue and 1 row" in program("runs", "forget", "王伟", "--ledger", "ledger.db").err
