"""Of how many rows an issue was made, in ledgers of each kind."""

from __future__ import annotations

from importer.ledger.group_sizes import count_written_rows
from importer.ledger.journal import Decision, Run
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Operation, Outcome, Row
from tests.harness.ledger_sending import TARGET, begin

SOURCE = "jira-acme"


def row(record: int, key: str, outcome: Outcome = Outcome.PLANNED) -> Row:
    """A row of the source."""
    return Row(0, "a.csv", record, record + 1, key, outcome)


def write(run: Run, *keys: str) -> None:
    """Let the issues of these keys be made."""
    made = [Operation(key, "POST", "/", b"{}", key) for key in keys]
    run.decide([Decision(key, State.DONE, issue_id=key, triage_id="T-1", returned=b"{}") for key in keys], made)


def test_the_rows_of_the_run_that_wrote_last(ledger: Ledger) -> None:
    """Rows that were left out don't count, nor do those of a run that only looked, or of keys that nothing wrote."""
    first = begin(ledger, digest="1")
    first.register([row(1, "s:a"), row(2, "s:a"), row(3, "s:a", Outcome.SKIPPED), row(4, "s:b"), row(5, "s:c")])
    write(first, "s:a", "s:b")
    begin(ledger, digest="2").register([row(number, "s:a", Outcome.CHANGED) for number in range(1, 6)])
    keys = ["s:a", "s:b", "s:c", "s:d"]
    assert count_written_rows(ledger, TARGET, SOURCE, keys) == {"s:a": 2, "s:b": 1}
    assert count_written_rows(ledger, TARGET, SOURCE, []) == {}
    assert count_written_rows(ledger, "https://other.example", SOURCE, keys) == {}
    third = begin(ledger, digest="3")
    third.register([row(number, "s:b") for number in range(1, 4)])
    write(third, "s:b")
    assert count_written_rows(ledger, TARGET, SOURCE, keys) == {"s:a": 2, "s:b": 3}
