"""SQL statements of the hot path, compiled once for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from importlib import import_module
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    Select,
    Table,
    Update,
    bindparam,
    case,
    literal_column,
    null,
    true,
    update,
)

from importer.ledger.schema import HAS_NUMBER, State, operations, rows
from importer.records import Outcome

T = TypeVar("T")
Transaction = Callable[[], AbstractContextManager[Connection]]
Build = Callable[[Dialect], Insert | Update]
Compiled = tuple[str, Callable[[Mapping[str, Any]], Any]]

KEYS_A_QUERY = 500


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield the values in lists of up to 500, the most that one query gets."""
    iterator = iter(values)
    while portion := list(islice(iterator, KEYS_A_QUERY)):
        yield portion


def find_pairs(connection: Connection, known: Select[Any], triage_ids: Mapping[str, str]) -> set[str]:
    """Return the issue ids that operations have with their own number; `triage_ids` is issue id → `T-…`.

    A create may have been answered with another's id. `known` selects the issue id and the number of operations.
    """
    numbers = set(triage_ids.values())
    # The index is on the numbers, and has none of the issues without one.
    its = operations.c.triage_id.in_(numbers), true() if "" in numbers else HAS_NUMBER
    found = connection.execute(known.where(*its, operations.c.issue_id.in_(list(triage_ids))))
    return {issue_id for issue_id, triage_id in found if triage_ids.get(issue_id) == triage_id}


def refresh_statistics(connection: Connection) -> None:
    """Let PostgreSQL analyse its tables before many rows are read: its plans depend on these statistics."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("ANALYZE operations, rows")


class Many:
    """A statement for many rows, compiled once for each dialect: SQLAlchemy's own way doubles the cost of SQLite.

    All its parameters are values of the row; what is the same for each is written as a literal.
    """

    def __init__(self, build: Build) -> None:
        self._build = build
        self._compiled: dict[str, Compiled] = {}

    def execute(self, connection: Connection, values: Iterable[dict[str, Any]]) -> None:
        """Execute it for each dictionary of values; does nothing if there are none."""
        dialect = connection.dialect
        sql, pick = self._compiled.get(dialect.name) or self._compile(dialect)
        parameters = list(map(pick, values))
        if parameters:
            connection.exec_driver_sql(sql, parameters)

    def _compile(self, dialect: Dialect) -> Compiled:
        compiled = self._build(dialect).compile(dialect=dialect)
        assert compiled.positiontup is not None  # every engine here takes parameters by position
        self._compiled[dialect.name] = str(compiled), itemgetter(*compiled.positiontup)
        return self._compiled[dialect.name]


def upsert(table: Table, identity: Sequence[str], names: Sequence[str], only_new: Sequence[str] = ()) -> Many:
    """Return an insert that updates the columns `names` if the row exists, and leaves those of `only_new` alone."""

    def build(dialect: Dialect) -> Insert:
        values: dict[str, Any] = {name: bindparam(name) for name in (*identity, *names, *only_new)}
        module = import_module(f"sqlalchemy.dialects.{dialect.name}")  # loads only the dialect in use
        new = module.insert(table).values(values).inline()
        changes = {name: new.excluded[name] for name in names}
        statement: Insert = new.on_conflict_do_update(index_elements=identity, set_=changes)
        return statement

    return Many(build)


WITH_OPERATION = (Outcome.PLANNED, Outcome.UNCHANGED)
"""Registered outcomes of rows whose final outcome is in their operation."""
REGISTER = upsert(
    rows,
    ("run_id", "file", "record"),
    (
        "file_name",
        "line",
        "key",
        "outcome",
        "findings",
        "raw",
        "cells",
        "origin",
        "attempts",
        "issue_id",
        "triage_id",
        "conflicts",
        "additions_planned",
        "additions_done",
        "additions_failed",
        "follows",
        "title",
        "link",
    ),
)
NEW_OPERATION: Mapping[str, Any] = {"attempts": 0, "triage_id": "", "returned": b"", "message": ""}
"""What an operation has that was not sent before."""
INTEND = upsert(
    operations,
    ("source_id", "key", "act", "name"),
    (
        "run_id",
        "method",
        "path",
        "marker",
        "body_sha",
        "content",
        "state",
        "outcome",
        "since",
        "mark",
        "issue_id",
        "details",
        "code",
        "link",
    ),
    tuple(NEW_OPERATION),
)
_IT = (
    operations.c.source_id == bindparam("its_source"),
    operations.c.key == bindparam("its_key"),
    operations.c.act == bindparam("its_act"),
    operations.c.name == bindparam("its_name"),
)
DECIDE = Many(
    lambda _: (
        update(operations)
        .where(*_IT)
        .values(
            run_id=bindparam("its_run"),
            state=bindparam("its_state"),
            outcome=bindparam("its_outcome"),
            attempts=operations.c.attempts + bindparam("more"),
            since=case(
                (bindparam("its_since") > literal_column("0"), bindparam("its_since")), else_=operations.c.since
            ),
            issue_id=bindparam("its_issue"),
            triage_id=bindparam("its_triage"),
            returned=bindparam("its_returned"),
            details=bindparam("its_details"),
            code=bindparam("its_code"),
            message=bindparam("its_message"),
        )
    )
)
# After a change, the create's operation says what the issue stands for now; a deleted issue may be created again.
REMEMBER = Many(
    lambda _: (
        update(operations)
        .where(*_IT)
        .values(
            returned=bindparam("its_returned"), body_sha=bindparam("its_body_sha"), content=bindparam("its_content")
        )
    )
)
_DELETED: ColumnElement[str] = literal_column(f"'{State.DELETED.value}'")
FORGET = Many(lambda _: update(operations).where(*_IT).values(state=_DELETED, outcome=null()))
