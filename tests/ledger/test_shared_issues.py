"""Two creates that were given one issue: the other key is found, and by an index."""

from __future__ import annotations

from importer.ledger.journal import Decision, _compile_owners, find_owners
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import begin, operation


def test_owners_are_found_by_their_number(ledger: Ledger) -> None:
    """Whether another key has an issue already is asked by the index of the `T-…`, not by all of the source."""
    run = begin(ledger)
    keys = [f"jira-acme:{number}" for number in range(5)]
    run.decide(
        [Decision(key, State.DONE, issue_id=key[-1], triage_id=f"T-{key[-1]}") for key in keys], map(operation, keys)
    )
    with ledger.transaction() as connection:
        assert find_owners(connection, 1, ["T-1", "T-2", "T-7"]) == [(keys[1], "1"), (keys[2], "2")]
        assert find_owners(connection, 2, ["T-1"]) == find_owners(connection, 1, []) == []
        if connection.dialect.name == "sqlite":
            plan = connection.exec_driver_sql(
                f"EXPLAIN QUERY PLAN {_compile_owners(connection.dialect, 2, True)}", (1, "T-1", "T-2")
            )
            assert [str(step) for *_, step in plan] == [
                "SEARCH operations USING INDEX operations_triage_id (triage_id=?)"
            ]


def test_issues_without_a_number(ledger: Ledger) -> None:
    """Issues of which Triage says no number are found as well."""
    run = begin(ledger)
    numbers = {"1": "T-1", "2": ""}
    run.decide(
        [Decision(f"jira-acme:{id_}", State.DONE, issue_id=id_, triage_id=number) for id_, number in numbers.items()],
        [operation(f"jira-acme:{id_}") for id_ in numbers],
    )
    with ledger.transaction() as connection:
        assert find_owners(connection, 1, ["T-7", ""]) == [("jira-acme:2", "2")]
    assert run.find_issues({**numbers, "3": "T-3"}) == {"1", "2"}
