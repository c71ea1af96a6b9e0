"""Statements that are asked for each page: what SQLite makes of them in a ledger of a million rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from math import inf
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from importer.ledger.crosswalk import walk
from importer.ledger.journal import Decision, Run
from importer.ledger.opening import open_ledger
from importer.ledger.replaced import Replacement
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.ledger.target_scan import Found
from importer.records import Act, Operation
from importer.transform.markers import record_marker
from tests.harness import plans
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


def _take_back(ledger: Ledger, number: int, *, with_keys: bool = True) -> None:
    """Let discovery find the issues of so many keys, and record them as their rows' own; one has a second issue."""
    keys = [f"{SOURCE}:{place}" for place in range(number)]
    issues = [
        Found(f"id-{key}", f"T-{place}", record_marker(key), "", float(place), b"{}", key if with_keys else "")
        for place, key in enumerate(keys)
    ]
    second = issues[0]._replace(issue_id="another", triage_id="T-another")
    run, seen = begin(ledger), ledger.seen(TARGET, SOURCE, writable=True)
    seen.note([*issues, second])
    creates = [operation(key)._replace(marker=record_marker(key)) for key in keys]
    run.decide([Decision(key, State.DONE, issue_id=f"id-{key}", triage_id="T-1") for key in keys], creates)


@pytest.mark.parametrize("with_keys", [True, False], ids=["by key", "by marker"])
def test_a_lost_ledger_is_compared_in_linear_time(tmp_path: Path, *, with_keys: bool) -> None:
    """Each issue found is looked up, not all creates for each: four times as many take four times the steps."""
    steps = list[int]()
    for number in (200, 800):
        with open_ledger(tmp_path / f"{number}.db") as ledger:
            _take_back(ledger, number, with_keys=with_keys)
            seen, turns = ledger.seen(TARGET, SOURCE), list[int]()
            with ledger.transaction() as connection:
                driver: Any = connection.connection.driver_connection
            driver.set_progress_handler(lambda turns=turns: turns.append(1), 100)
            assert [each.issue_id for each in seen.duplicates()] == ["another"]
            assert seen.count() == 0
            steps.append(len(turns))
    assert steps[1] < 6 * steps[0]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT * FROM found LEFT JOIN operations AS made ON made.source_id = 1 AND made.marker = found.marker",
        "SELECT * FROM operations WHERE source_id = 1 AND marker IN ('a', 'b')",
        "SELECT * FROM operations WHERE source_id = 1 AND id > 7 ORDER BY marker LIMIT 500",
    ],
    ids=["row by row", "for each portion", "sorted for each page"],
)
def test_what_would_take_too_long_is_seen(ledger: Ledger, statement: str) -> None:
    """By what looks at all statements of the tests."""
    begin(ledger)
    with ledger.transaction() as connection:
        connection.exec_driver_sql(statement)
        is_server = connection.dialect.name == "postgresql"
    # PostgreSQL does each of these in one go.
    assert plans.take_wrong() or is_server, statement
