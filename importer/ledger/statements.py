"""SQL statements of the hot path, compiled once for each dialect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from enum import StrEnum
from importlib import import_module
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    LargeBinary,
    Select,
    Table,
    Update,
    bindparam,
    cast,
    func,
    literal_column,
    null,
    select,
    true,
    update,
)

from importer.ledger.schema import HAS_NUMBER, State, operations, rows, sources, targets
from importer.records import Outcome

T = TypeVar("T")
Transaction = Callable[[], AbstractContextManager[Connection]]
Parameter = Callable[[str], ColumnElement[Any]]
Build = Callable[[Dialect, Parameter], Insert | Update]
"""Makes a statement for a dialect, with what the function gives for the name of each value."""
Literals = Mapping[str, ColumnElement[Any]]
"""Column → what it gets, written into the statement."""
NO_LITERALS: Literals = {}

KEYS_A_QUERY = 500


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """Yield the values in lists of up to 500, the most that one query gets."""
    iterator = iter(values)
    while portion := list(islice(iterator, KEYS_A_QUERY)):
        yield portion


# Values of a portion, given with each execution: those within a statement live until garbage is collected.
SOME: BindParameter[Any] = bindparam("some", expanding=True)


def find_in_portions(
    connection: Connection, statement: Select[Any], values: Iterable[Any], **others: Any
) -> Iterator[Any]:
    """Execute a statement on SOME for a portion of the values at a time; yields all rows that it finds.

    `others` are the values of its other parameters.
    """
    for some in portions(values):
        yield from connection.execute(statement, {"some": some, **others}).all()


def find_pairs(connection: Connection, its: ColumnElement[bool], triage_ids: Mapping[str, str]) -> set[str]:
    """Return the issue ids that operations have with their own number; `triage_ids` is issue id → `T-…`.

    A create may have been answered with another's id. `its` says which operations are meant, and names their source
    by `unindexed_source`.
    """
    # The index is on the numbers, and has none of the issues without one.
    has_number = true() if "" in triage_ids.values() else HAS_NUMBER
    numbered = operations.c.triage_id.in_(bindparam("numbers", expanding=True))
    pairs = select(operations.c.issue_id, operations.c.triage_id)
    its_pairs = pairs.where(its, numbered, has_number, operations.c.issue_id.in_(SOME))
    found = connection.execute(its_pairs, {"some": list(triage_ids), "numbers": list(triage_ids.values())})
    return {issue_id for issue_id, triage_id in found if triage_ids.get(issue_id) == triage_id}


def find_source(connection: Connection, target: str, name: str) -> int:
    """Return the id of a source in a target; 0, which none has, if the ledger knows none of this name there."""
    its = select(sources.c.id).join(targets).where(targets.c.url == target, sources.c.name == name)
    return connection.scalar(its) or 0


def refresh_statistics(connection: Connection) -> None:
    """Let PostgreSQL analyse its tables before many rows are read: its plans depend on these statistics.

    A session that only reads does without: a replica refuses that, and a full disk has no room for it.
    """
    is_server = connection.dialect.name == "postgresql"
    if is_server and connection.exec_driver_sql("SHOW transaction_read_only").scalar() == "off":
        connection.exec_driver_sql("ANALYZE operations, rows")


_EMPTY: ColumnElement[str] = literal_column("''")
_EMPTY_BYTES = cast(_EMPTY, LargeBinary)
_LITERALS: Mapping[Any, ColumnElement[Any]] = {None: null(), "": _EMPTY, b"": _EMPTY_BYTES, 0: literal_column("0")}
_BOUND = object()


class Many:
    """A statement for many rows, compiled once for each dialect: SQLAlchemy's own way doubles the cost of SQLite.

    `names` are its parameters in their order. All of them are values of the row; what is the same for each is written
    as a literal. So is an empty value that all rows of one call have: to bind it costs as much as to store it, and half
    of the columns are empty in nearly all rows.
    """

    def __init__(self, names: Sequence[str], build: Build) -> None:
        self._names, self._build = list(names), build
        self._compiled: dict[tuple[Any, ...], str] = {}

    def execute(self, connection: Connection, values: Iterable[tuple[Any, ...]]) -> None:
        """Execute it for each tuple of values, in the order of its names; does nothing if there are none."""
        columns = list(zip(*values, strict=True))
        if not columns:
            return
        # Of each column the empty value that all rows have in it.
        common = [_BOUND if column[0] or column.count(column[0]) < len(column) else column[0] for column in columns]
        key = (connection.dialect.name, *common)
        statement = self._compiled.get(key) or self._compile(connection.dialect, key)
        bound = (column for column, value in zip(columns, common, strict=True) if value is _BOUND)
        connection.exec_driver_sql(statement, list(zip(*bound, strict=True)))

    def _compile(self, dialect: Dialect, key: tuple[Any, ...]) -> str:
        common = {
            name: _LITERALS[value] for name, value in zip(self._names, key[1:], strict=True) if value is not _BOUND
        }
        compiled = self._build(dialect, lambda name: common.get(name, bindparam(name))).compile(dialect=dialect)
        # Every engine here takes parameters by position.
        assert compiled.positiontup == [name for name in self._names if name not in common]
        self._compiled[key] = str(compiled)
        return self._compiled[key]


def upsert(table: Table, identity: Sequence[str], new: Literals = NO_LITERALS, always: Literals = NO_LITERALS) -> Many:
    """Return an insert that updates all columns if the row exists; its values are in the order of the table's columns.

    Columns of `new` get the literal there in a new row, and are left alone in one that exists; those of `always` get
    theirs in both. A column `id` is left to the database.
    """
    others = {"id", *new, *always}
    names = [column.name for column in table.columns if column.name not in others]

    def build(dialect: Dialect, parameter: Parameter) -> Insert:
        values: dict[str, Any] = {**{name: parameter(name) for name in names}, **new, **always}
        module = import_module(f"sqlalchemy.dialects.{dialect.name}")  # loads only the dialect in use
        inserted = module.insert(table).values(values).inline()
        changes = {name: inserted.excluded[name] for name in (*names, *always) if name not in identity}
        statement: Insert = inserted.on_conflict_do_update(index_elements=identity, set_=changes)
        return statement

    return Many(names, build)


def _word(word: StrEnum) -> ColumnElement[str]:
    return literal_column(f"'{word.value}'")


WITH_OPERATION = (Outcome.PLANNED, Outcome.UNCHANGED)
"""Registered outcomes of rows whose final outcome is in their operation."""
REGISTER = upsert(rows, ("run_id", "file", "record"))
INTEND = upsert(
    operations,
    ("source_id", "key", "act", "name"),
    # What an operation has that was not sent before.
    new={
        "attempts": literal_column("0"),
        "triage_id": _EMPTY,
        "returned": _EMPTY_BYTES,
        "message": _EMPTY,
    },
    always={"state": _word(State.SENT), "code": _EMPTY},
)


def _update(parameter: Parameter) -> Update:
    """Update the operation that is named by the last four values."""
    its = {"source_id": "its_source", "key": "its_key", "act": "its_act", "name": "its_name"}
    return update(operations).where(*(operations.c[column] == parameter(name) for column, name in its.items()))


_ITS = ("its_source", "its_key", "its_act", "its_name")
DECIDE = Many(
    (
        "its_run",
        "its_state",
        "more",
        "its_since",
        "its_issue",
        "its_triage",
        "its_returned",
        "its_details",
        "its_code",
        "its_message",
        *_ITS,
    ),
    lambda _, parameter: _update(parameter).values(
        run_id=parameter("its_run"),
        state=parameter("its_state"),
        attempts=operations.c.attempts + parameter("more"),
        since=func.coalesce(parameter("its_since"), operations.c.since),
        issue_id=parameter("its_issue"),
        triage_id=parameter("its_triage"),
        returned=parameter("its_returned"),
        details=parameter("its_details"),
        code=parameter("its_code"),
        message=parameter("its_message"),
    ),
)
# After a change, the create's operation says what the issue stands for now; a deleted issue may be created again.
REMEMBER = Many(
    ("its_body_sha", "its_content", "its_returned", "its_date", *_ITS),
    lambda dialect, parameter: _update(parameter).values(
        body_sha=parameter("its_body_sha"),
        content=parameter("its_content"),
        returned=parameter("its_returned"),
        dated=getattr(func, "max" if dialect.name == "sqlite" else "greatest")(
            operations.c.dated, parameter("its_date")
        ),
    ),
)
FORGET = Many(_ITS, lambda _, parameter: _update(parameter).values(state=_word(State.DELETED)))
