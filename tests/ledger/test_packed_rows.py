"""Unchanged rows of a finished run: they take next to no room, and read as they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from importer.errors import ExitCode
from importer.ledger.journal import Decision, Run
from importer.ledger.previous_run import count_rows, find_pair
from importer.ledger.schema import State, packed, rows
from importer.ledger.store import Ledger, RunIdentity
from importer.ledger.stored_rows import BLOCK_ROWS, is_plain, pack
from importer.records import Outcome, Row
from tests.harness.ledger_sending import TARGET, operation, send

BYTES_A_ROW = 50
OPTIONS = {"whole": True, "snapshot": True}


def unchanged(record: int, file: int = 0) -> Row:
    """Make a row of a key that has an issue."""
    return Row(file, f"{file}.csv", record, record * 2, f"jira:PROJ-{file}-{record}", Outcome.UNCHANGED)


def begin(ledger: Ledger, digest: str) -> Run:
    """Begin a run over a whole snapshot."""
    return ledger.begin_run(RunIdentity(TARGET, "jira", digest, "m"), options=OPTIONS)


def create(ledger: Ledger, keys: Sequence[str]) -> None:
    run = begin(ledger, "first")
    run.decide(
        [Decision(key, State.DONE, issue_id=str(uuid4()), triage_id=f"T-{at}") for at, key in enumerate(keys)],
        map(operation, keys),
    )
    run.finish(ExitCode.DONE, {})


def sizes(ledger: Ledger, run: Run) -> tuple[int, int, int]:
    """Count a run's own rows and its packed ones, and the bytes of these."""
    with ledger.transaction() as connection:
        name = select(packed.c.run_id).limit(1).scalar_subquery()
        own = connection.scalar(select(func.count()).where(rows.c.run_id == name)) or 0
        number, size = connection.execute(select(func.sum(packed.c.number), func.sum(func.length(packed.c.data)))).one()
    return own, int(number or 0), int(size or 0)


def test_they_take_no_room_and_read_as_they_were(ledger: Ledger) -> None:
    """Rows of two files, with others between them, come in order, with the same numbers; 50 bytes hold one."""
    every = [unchanged(record, file) for file in (0, 1) for record in range(1, 1500)]
    create(ledger, [row.key for row in every])
    changed = {5, 700, 1499}
    registered = [
        row._replace(outcome=Outcome.REJECTED, codes=("x",), fields=("",), messages=("why",), hints=("",), raw=("a",))
        if row.record in changed
        else row
        for row in every
    ]
    run = begin(ledger, "second")
    run.register(registered)
    before, counts = list(run.results()), run.count()
    run.finish(ExitCode.DONE, {})
    for again in (run, ledger.find_run("last")):
        assert list(again.results()) == before
        assert again.count() == counts
    own, number, size = sizes(ledger, run)
    assert (own, number) == (6, len(every) - 6)
    assert size / number < BYTES_A_ROW
    assert count_rows(ledger.transaction, run.name) == len(every)


def test_an_old_report_names_the_issue_of_its_time(ledger: Ledger) -> None:
    """Where an issue was deleted since and made again, the row of the old run still has the first."""
    row = unchanged(1)
    create(ledger, [row.key])
    run = begin(ledger, "second")
    run.register([row])
    run.finish(ExitCode.DONE, {})
    (before,) = run.results()
    run.decide([Decision(row.key, State.DELETED, 0)])
    send(begin(ledger, "third"), row.key)
    assert list(ledger.find_run(run.name).results()) == [before]


def test_what_vanished_of_packed_rows(ledger: Ledger) -> None:
    """Keys of both runs are compared, whether their rows are packed or not."""
    every = [unchanged(record) for record in range(1, 1204)]
    create(ledger, [row.key for row in every])
    second = begin(ledger, "second")
    second.register(every)
    second.finish(ExitCode.DONE, {})
    third = begin(ledger, "third")
    third.register([row for row in every if row.record % 100])
    for _ in range(2):  # open, and packed itself
        pair = find_pair(ledger.transaction, third.name, snapshots=True)
        assert pair is not None
        assert [key for key, *_ in pair.read_issues(pair.find_vanished()[0])] == [
            f"jira:PROJ-0-{number}" for number in range(100, 1204, 100)
        ]
        third.finish(ExitCode.DONE, {})


@pytest.mark.parametrize(
    "change",
    [
        {"outcome": Outcome.CHANGED},
        {"codes": ("same-as",)},
        {"origin": "a.csv:1"},
        {"additions_failed": 1},
        {"raw": ("a",)},
        {"conflicts": b"[]"},
    ],
)
def test_what_there_is_something_to_say_of(change: dict[str, Any]) -> None:
    """It keeps a row of its own."""
    assert [is_plain(row) for row in (unchanged(1), unchanged(1)._replace(**change))] == [True, False]


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "record": st.integers(1, 10**9),
                "line": st.integers(1, 10**9),
                "key": st.text(st.characters(exclude_categories=["Cs"])),
                "attempts": st.integers(0, 9),
                "issue_id": st.text(max_size=3),
                "triage_id": st.text(max_size=3),
                "additions_planned": st.integers(0, 9),
                "additions_done": st.integers(0, 9),
                "follows": st.booleans(),
            }
        ),
        min_size=1,
    )
)
def test_any_row_comes_back(some: list[dict[str, Any]]) -> None:
    """Whatever its key is, and wherever it stood."""
    plain = [Row(file=3, file_name="ü.csv", outcome=Outcome.UNCHANGED, **each) for each in some]
    assert list(pack(plain).rows()) == plain


def test_many_others_between_two_of_a_block(ledger: Ledger) -> None:
    """Rows come in order and a thousand at a time, however many stand between two that are packed together."""
    run = begin(ledger, "second")
    rejected = [unchanged(record)._replace(outcome=Outcome.REJECTED, codes=("x",)) for record in range(2, 2600)]
    behind = [rejected[0]._replace(record=record) for record in (2601, 2602, 2603)]
    run.settle([pack([unchanged(1), unchanged(2600)]), [*rejected, *behind]])
    blocks = list(run.result_blocks())
    assert [row.record for block in blocks for row in block] == list(range(1, 2604))
    assert max(map(len, blocks)) <= BLOCK_ROWS


def test_rows_that_are_settled_at_once(ledger: Ledger) -> None:
    """They are as if they had been registered and the run finished; a run that goes on registers them anew."""
    every = [unchanged(record) for record in range(1, 1204)]
    every[7] = every[7]._replace(
        outcome=Outcome.CHANGED, codes=("changed",), fields=("",), messages=("x",), hints=("",)
    )
    create(ledger, [row.key for row in every])
    second = begin(ledger, "second")
    second.register(every)
    second.finish(ExitCode.DONE, {})
    third = begin(ledger, "third")
    known = list(second.results())
    blocks = [pack(known[start : start + BLOCK_ROWS]) for start in range(8, len(known), BLOCK_ROWS)]
    third.settle([[*known[:7], every[7]], *blocks])  # the check knows the issues of unchanged rows
    assert list(third.results()) == known
    assert third.count() == second.count()
    third.finish(ExitCode.STOPPED, {})
    again = begin(ledger, "third")
    again.register(every)
    again.finish(ExitCode.DONE, {})
    assert list(again.results()) == known
    assert count_rows(ledger.transaction, again.name) == len(every)
