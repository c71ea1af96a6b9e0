"""Forgetting: texts of issues leave the ledger, and nothing that exactly once needs does."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import ExitCode, UsageError
from importer.ledger.forgetting import find_traces, forget
from importer.ledger.opening import read_ledger
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Outcome
from importer.report.from_ledger import PAGE
from importer.report.page import unpack_details
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


def names_in(ledger: Path) -> set[str]:
    """Return which of the names a ledger still has, in its files and in the pages that are compressed there."""
    with read_ledger(ledger) as book:
        pages = repr([unpack_details(run.options.get(PAGE, "")) for run in book.list_runs()])
    kept = b"".join(each.read_bytes() for each in ledger.parent.glob(f"{ledger.name}*")).decode(errors="replace")
    return {name for name in ("ann meyer", "bo li") if name in f"{pages}{kept}".casefold()}


def test_a_person(program: Program, serve: Serve) -> None:
    """By the keys of all rows that name her, every text of her goes; the next import is as it would have been."""
    sandbox, ledger = serve(), Path("ledger.db").absolute()
    words = (*RUN, "--api-url", sandbox.url, "--ledger", str(ledger), "--on-change", "update")
    write_csv(Path("export.csv"), [*ROWS, ("", "No key: Ann Meyer", "High", "To Do", "Bug", "Text", "")], PEOPLE)
    first = program(*words).summary["run_id"]
    changed = [ROWS[0], (*ROWS[1][:5], "Written for nobody.", "Bo Li"), *ROWS[2:]]
    write_csv(Path("export.csv"), changed, PEOPLE)
    second = program(*words)
    assert second.outcomes() == {"unchanged": 2, "updated": 1, "rejected": 2}
    hers = [row[0] for row in ROWS if "ann meyer" in str(row).casefold()]
    shown = program("runs", "forget", *hers, "--ledger", str(ledger))
    assert "has texts of 3 issues and " in shown.err
    assert f"{second.summary['run_id']} can't restore the values" in shown.err
    assert f"Reports that may still have it: {Path(second.summary['out']).absolute()}\n" in shown.err
    assert names_in(ledger) == {"ann meyer", "bo li"}
    assert program("runs", "forget", *hers, "--ledger", str(ledger), "--apply").code == ExitCode.DONE
    assert names_in(ledger) == {"bo li"}
    assert "has nothing of them" in program("runs", "forget", *hers, "--ledger", str(ledger)).err
    assert program("report", first, "--ledger", str(ledger)).code == ExitCode.DONE
    again = program(*words)
    assert again.outcomes() == {"unchanged": 3, "rejected": 2}
    changed[0] = ("T-1", "Another title", *changed[0][2:])
    write_csv(Path("export.csv"), changed, PEOPLE)
    assert program(*words).outcomes() == {"unchanged": 2, "skipped": 1, "rejected": 2}
    assert len({issue["title"] for issue in sandbox.issues()}) == 3


def test_issues(program: Program, serve: Serve) -> None:
    """A key is taken with or without its source's name, and the texts of others stay."""
    sandbox, ledger = serve(), Path("ledger.db").absolute()
    write_csv(Path("export.csv"), ROWS, PEOPLE)
    name = program(*RUN, "--api-url", sandbox.url, "--ledger", str(ledger)).summary["run_id"]
    assert program("runs", "forget", "T-3", "jira:T-1", "--ledger", str(ledger), "--apply").code == ExitCode.DONE
    with read_ledger(ledger) as book:
        run = book.find_run(name)
        titles = run.find_titles(["jira:T-1", "jira:T-2"])
        raw = [(row.key, row.codes, row.raw is None) for row in run.results() if row.codes]
    assert titles == {"jira:T-1": "", "jira:T-2": "Other"}
    assert raw == [("jira:T-3", ("severity-unknown",), True), ("jira:T-5", ("severity-unknown",), False)]


def test_what_is_not_decided(ledger: Ledger) -> None:
    """The texts of an issue that may have been sent are needed to find out whether it was."""
    run = begin(ledger)
    run.register([row(1)])
    send(run, "k1", state=State.SENT)
    with pytest.raises(UsageError, match="what was sent for k1 has arrived"):
        find_traces(ledger, ["k1"], PAGE)


def test_each_kind_of_ledger(ledger: Ledger) -> None:
    """Rows without a key and the sentences of its source's runs go with a key; figures and others' rows stay."""
    summary, left = {"mapping_sha256": "1f", "warnings": ["1 of 2"], "stopped_because": "No"}, {"mapping_sha256": "1f"}
    for digest, key in (("s1", "1"), ("s2", "2")):
        run = begin(ledger, digest=digest)
        run.register([row(1, Outcome.REJECTED, key=key), row(2, Outcome.REJECTED)._replace(key="")])
        run.finish(ExitCode.PARTLY, summary)
    other = begin(ledger, name="other")
    other.register([row(1, Outcome.REJECTED)._replace(key="")])
    other.finish(ExitCode.PARTLY, summary)
    traces = find_traces(ledger, ["1"], PAGE)
    forget(ledger, traces, PAGE)
    *of_other, newest, oldest = ledger.list_runs()
    assert list(traces.runs) == [oldest.name, newest.name]
    assert [each.summary for each in (newest, oldest)] == [left | {"warnings": [], "stopped_because": ""}] * 2
    kept = [[each.raw is not None for each in run.results()] for run in (newest, oldest, *of_other)]
    assert (kept, of_other[0].summary) == ([[True, False], [False, False], [True]], summary)
    assert not find_traces(ledger, ["1"], PAGE).runs


def test_what_is_forgotten_already(program: Program, serve: Serve) -> None:
    """Of an issue whose texts are deleted nothing is left to be found, also where others have its number in theirs."""
    sandbox, ledger = serve(), str(Path("ledger.db").absolute())
    rows = [*ROWS[:3], ("T-4", "As T-3 and T-30", "High", "To Do", "Bug", "Text", "Bo Li")]
    write_csv(Path("export.csv"), rows, PEOPLE)
    program(*RUN, "--api-url", sandbox.url, "--ledger", ledger)
    for key in ("T-1", "jira:T-3"):
        assert "has texts of " in program("runs", "forget", key, "--ledger", ledger).err
        assert program("runs", "forget", key, "--ledger", ledger, "--apply").code == ExitCode.DONE
        assert f"{ledger} has nothing of them." in program("runs", "forget", key, "--ledger", ledger).err


@pytest.mark.parametrize("what", ["", "Ann Meyer", "7"])
def test_what_is_no_key(program: Program, serve: Serve, what: str) -> None:
    """It is refused: that the ledger has nothing of it would not be true. Beside keys it is named."""
    write_csv(Path("export.csv"), [*ROWS, ("", "No key", "High", "To Do", "Bug", "Text", "")], PEOPLE)
    program(*RUN, "--api-url", serve().url, "--ledger", "ledger.db")
    refused = program("runs", "forget", what, "--ledger", "ledger.db", "--apply")
    assert (refused.code, f"doesn't know '{what}'" in refused.err) == (ExitCode.UNUSABLE, True), refused.err
    ended = program("runs", "forget", what, "T-4", "--ledger", "ledger.db", "--apply")
    assert (ended.code, f"warning: no key in {Path('ledger.db').absolute()}: '{what}'" in ended.err) == (0, True), (
        ended.err
    )
