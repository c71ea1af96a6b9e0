"""Statements of the hot path: what SQLite makes of those that are asked for each page of a list."""

from __future__ import annotations

from typing import Any

from sqlalchemy import event

from importer.ledger.journal import Decision
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import TARGET, begin, operation


def test_issues_are_found_by_their_number(ledger: Ledger) -> None:
    """Those of a page are asked for by the index of the `T-…`: to go through the source for each page takes hours."""
    run = begin(ledger)
    keys = [f"jira-acme:{number}" for number in range(5)]
    run.decide(
        [Decision(key, State.DONE, issue_id=key[-1], triage_id=f"T-{key[-1]}") for key in keys], map(operation, keys)
    )
    plans = list[str]()

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if "operations.triage_id IN" in statement:
            other = cursor.connection.cursor()
            plans.append(next(step for *_, step in other.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)))

    with ledger.transaction() as connection:
        engine, is_file = connection.engine, connection.dialect.name == "sqlite"
    if is_file:
        event.listen(engine, "before_cursor_execute", explain)
    page = {"1": "T-1", "2": "T-2", "3": "T-7", "9": "T-9"}
    assert run.find_issues(page) == ledger.seen(TARGET, "jira-acme").known(page) == {"1", "2"}
    assert plans == ["SEARCH operations USING INDEX operations_triage_id (triage_id=?)"] * 2 * is_file
