"""The plan: what becomes of each row, by its findings, its key and what the ledger knows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from importer.check.check_pass import is_spooled, spool_row
from importer.check.duplicates import KeySpool, Policy
from importer.check.examine import RowRun, examine
from importer.check.knowledge import LedgerStatus
from importer.check.plan import plan_rows
from importer.records import Finding, Outcome
from importer.sources.source import Source
from tests.harness.knowing import Knowing
from tests.harness.making import mapping_of, run_of
from tests.harness.small_source import job_of


def test_what_the_ledger_knows(source: Source, tmp_path: Path) -> None:
    """The ledger's outcome stands for a row that would be sent; a code of its own replaces the row's warnings."""
    note = Finding("changed", "", "It has changed.", rejects=False)
    known = {"demo:A": LedgerStatus(Outcome.UNCHANGED), "demo:E": LedgerStatus(Outcome.SKIPPED, note)}
    (run,) = examine(job_of(source, tmp_path))
    plan_rows(run, {}, Knowing(known))
    rows = [row.result for row in run.rows]
    assert not any(row.operation for row in run.rows)
    assert (rows[0].outcome, rows[0].codes) == (Outcome.UNCHANGED, ())
    assert (rows[5].outcome, rows[5].codes, len(rows[5].messages)) == (Outcome.SKIPPED, ("changed",), 1)


POLICIES: tuple[Policy, ...] = get_args(Policy)
CELL = st.sampled_from(["", " ", "a", "P1", "p1", "Open", "x\ud800", "t" * 201])
ROWS = st.lists(st.tuples(st.sampled_from(["", "A", "B", "C"]), CELL, CELL, CELL, CELL), max_size=8)


def examine_rows(rows: Sequence[Sequence[str]]) -> RowRun:
    """Rows as the first chunk of an input, of which some are skipped and some are too long."""
    skip = [{"name": "open", "when": {"column": "State", "is": "a"}}]
    return run_of(mapping_of(skip=skip, title={"column": "Title", "too_long": "shorten"}), rows)


@given(ROWS, st.sampled_from(POLICIES), st.booleans())
def test_every_row_has_exactly_one_outcome(rows: Sequence[Sequence[str]], policy: Policy, known: bool) -> None:
    """Planned rows have a body and a key of their own; all others have a reason, in four lists of one length."""
    run = examine_rows(rows)
    with KeySpool(policy, ["f"]) as spool:
        spool.add([spool_row(row, 0) for row in run.rows if is_spooled(row)])
        verdicts = spool.verdicts()
    ledger = {"demo:A": LedgerStatus(Outcome.SKIPPED, Finding("changed", "", "", rejects=False))} if known else {}
    plan_rows(run, verdicts, Knowing(ledger, asks=False))
    results = [row.result for row in run.rows]
    assert all(row.result.outcome is Outcome.PLANNED for row in run.rows if row.operation is not None)
    assert [row.record for row in results] == [number + 1 for number in range(len(rows))]
    planned = [row.key for row in results if row.outcome is Outcome.PLANNED]
    assert len(planned) == len(set(planned))
    for checked, row in zip(run.rows, results, strict=True):
        assert len(row.codes) == len(row.fields) == len(row.messages) == len(row.hints)
        if row.outcome is Outcome.PLANNED:
            assert checked.body
        else:
            assert row.outcome in (Outcome.SKIPPED, Outcome.REJECTED)
            assert row.codes
        assert (row.raw is not None) is (row.outcome is Outcome.REJECTED)
