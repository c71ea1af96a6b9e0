"""Statements of the hot path, and the indexes that they go by."""

from __future__ import annotations

from pathlib import Path

from importer.ledger.opening import open_ledger
from importer.ledger.statements import OWNERS


def test_owners_are_found_by_their_number(tmp_path: Path) -> None:
    """Whether another key has an issue already is asked by the index of the `T-…`, not by all of the source."""
    names = {"its_source": 1, "triage_ids": ["T-1", "T-2"], "issue_ids": ["a", "b"]}
    with open_ledger(tmp_path / "ledger.db") as ledger, ledger.transaction() as connection:
        statement = OWNERS.params(names).compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})
        plan = [str(step) for *_, step in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}")]
    assert plan == ["SEARCH operations USING INDEX operations_triage_id (triage_id=?)"]
