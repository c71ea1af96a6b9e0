"""Statements that are asked for each page: what SQLite makes of them in a ledger of a million rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from importer.ledger.journal import Decision
from importer.ledger.opening import open_ledger
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.ledger.target_scan import Found
from importer.transform.markers import record_marker
from tests.harness import plans
from tests.harness.ledger_sending import TARGET, begin, operation

SOURCE = "jira-acme"


def _take_back(ledger: Ledger, number: int, *, with_keys: bool = True) -> None:
    """Let discovery find the issues of so many keys, and record them as their rows' own; one has a second issue."""
    keys = [f"{SOURCE}:{place}" for place in range(number)]
    issues = [
        Found(f"id-{key}", f"T-{place}", record_marker(key), "", float(place), b"{}", key if with_keys else "")
        for place, key in enumerate(keys)
    ]
    second = issues[0]._replace(issue_id="another", triage_id="T-another")
    run, seen = begin(ledger), ledger.target_scan(TARGET, SOURCE, writable=True)
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
            seen, turns = ledger.target_scan(TARGET, SOURCE), list[int]()
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
