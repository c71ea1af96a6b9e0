"""Statements that are asked for each page: what SQLite makes of them in a ledger of a million rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import inf
from typing import Any

import pytest
from sqlalchemy import event

from importer.ledger.crosswalk import walk
from importer.ledger.journal import Decision, Run
from importer.ledger.replaced import Replacement
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Act, Operation
from tests.harness.ledger_sending import TARGET, begin, operation

SOURCE = "jira-acme"
PAGE = {"1": "T-1", "2": "T-2", "3": "T-7", "9": "T-9"}
READINGS: dict[str, Callable[[Ledger, Run], Iterable[object]]] = {
    "issues of a page": lambda ledger, run: run.find_issues(PAGE),
    "known issues of a page": lambda ledger, run: ledger.seen(TARGET, SOURCE).known(PAGE),
    "own issues": lambda ledger, run: ledger.seen(TARGET, SOURCE).own_since(-inf),
    "the first issue": lambda ledger, run: ledger.seen(TARGET, SOURCE).first_own(),
    "all keys": lambda ledger, run: walk(ledger, TARGET, SOURCE),
    "replaced values": lambda ledger, run: run.replaced.issues(),
}


@pytest.mark.parametrize("reading", READINGS)
def test_no_page_goes_through_the_whole_source(ledger: Ledger, reading: str) -> None:
    """Each is found by an index of its own, or follows the ids: otherwise a million rows would take hours."""
    run = begin(ledger)
    keys = [f"{SOURCE}:{number}" for number in range(5)]
    run.decide(
        [Decision(key, State.DONE, issue_id=key[-1], triage_id=f"T-{key[-1]}") for key in keys], map(operation, keys)
    )
    change = Operation(keys[1], "PATCH", "", b"{}", "tir", act=Act.UPDATE, issue_id="1")

    async def replace() -> None:
        async with run.sending(1):
            await run.intend(change, b"{}", Replacement({"title": "A"}, {"title": "A"}, {"title": "B"}))

    asyncio.run(replace())
    with explained(ledger) as plans:
        assert list(READINGS[reading](ledger, run))
    assert not [
        plan
        for statement, plan in plans
        if ("LIMIT" in statement and "TEMP B-TREE" in plan)
        or (" IN (" in statement and ("operations_act (source_id=?)" in plan or "replaced_run" in plan))
    ]


@contextmanager
def explained(ledger: Ledger) -> Iterator[list[tuple[str, str]]]:
    """Give the statements on operations that are executed meanwhile, each with SQLite's plan for it."""
    plans = list[tuple[str, str]]()

    def explain(_: object, cursor: Any, statement: str, parameters: Any, *__: object) -> None:
        if "FROM operations" in statement or "FROM replaced" in statement:
            other = cursor.connection.cursor()
            steps = other.execute(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans.append((statement, ", ".join(step for *_, step in steps)))

    with ledger.transaction() as connection:
        engine, is_file = connection.engine, connection.dialect.name == "sqlite"
    if is_file:
        event.listen(engine, "before_cursor_execute", explain)
    yield plans
    assert plans or not is_file
    if is_file:
        event.remove(engine, "before_cursor_execute", explain)
