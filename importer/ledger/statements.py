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
    Column,
    ColumnElement,
    Connection,
    Dialect,
    Insert,
    LargeBinary,
    Select,
    Table,
    Update,
    bindparam,
    case,
    cast,
    func,
    literal_column,
    null,
    select,
    tuple_,
    update,
)

from importer.ledger.schema import HAS_NUMBER, WAITS, State, operations, rows, sources, targets
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
PORTION: BindParameter[Any] = bindparam("portion", expanding=True)


def find_in_portions(
    connection: Connection, statement: Select[Any], values: Iterable[Any], **parameters: Any
) -> Iterator[Any]:
    """Execute a statement on PORTION for a portion of the values at a time; yields all rows that it finds.

    `parameters` are the values of its other parameters.
    """
    for portion in portions(values):
        yield from connection.execute(statement, {"portion": portion, **parameters}).all()


def read_pages(
    transaction: Transaction, statement: Select[Any], *by: Column[Any], limit: int = 1000, is_descending: bool = False
) -> Iterator[Sequence[Any]]:
    """Yield what a statement finds a page at a time, in order of some of its columns; others may write in between."""
    order = [column.desc() for column in by] if is_descending else by
    first_page = statement.order_by(*order).limit(limit)
    place, page = tuple_(*by), first_page
    while True:
        with transaction() as connection:
            page_rows = connection.execute(page).all()
        if page_rows:
            yield page_rows
        if len(page_rows) < limit:
            return
        last_row = page_rows[-1]._mapping
        last = tuple_(*(last_row[column] for column in by))
        page = first_page.where(place < last if is_descending else place > last)


def select_numbered(*conditions: ColumnElement[bool]) -> Mapping[bool, Select[Any]]:
    """Select key, issue id and number of operations that have one of the numbers of a PORTION, the `T-…`.

    `conditions` say which operations are meant, and name their source by `unindexed_source`. The key is whether each of
    the numbers is one: the index has none of the issues without.
    """
    columns = (operations.c.key, operations.c.issue_id, operations.c.triage_id)
    numbered = select(*columns).where(*conditions, operations.c.triage_id.in_(PORTION))
    return {True: numbered.where(HAS_NUMBER), False: numbered}


def find_pairs(connection: Connection, condition: ColumnElement[bool], triage_ids: Mapping[str, str]) -> set[str]:
    """Return the issue ids that operations have with their own number; `triage_ids` is issue id → `T-…`.

    A create may have been answered with another's id. `condition` is as of `select_numbered`.
    """
    numbers = list(triage_ids.values())
    statement = select_numbered(condition)["" not in numbers]
    numbered = find_in_portions(connection, statement, numbers)
    return {issue_id for _, issue_id, number in numbered if triage_ids.get(issue_id) == number}


def find_source(connection: Connection, target: str, name: str) -> int:
    """Return the id of a source in a target; 0, which none has, if the ledger knows none of this name there."""
    statement = select(sources.c.id).join(targets)
    statement = statement.where(targets.c.url == target, sources.c.name == name)
    return connection.scalar(statement) or 0


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


class BatchStatement:
    """A statement for many rows, compiled once for each dialect.

    SQLAlchemy's own way takes 20 µs more for each issue, of the 100 to 135 that a send takes in all.

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
        values = zip(self._names, key[1:], strict=True)
        common = {name: _LITERALS[value] for name, value in values if value is not _BOUND}
        statement = self._build(dialect, lambda name: common.get(name, bindparam(name)))
        compiled = statement.compile(dialect=dialect)
        # Every engine here takes parameters by position.
        assert compiled.positiontup == [name for name in self._names if name not in common]
        self._compiled[key] = str(compiled)
        return self._compiled[key]


class Lookup:
    """A select by a portion of values, compiled once for each dialect and number of them.

    SQLAlchemy's own way takes twice as long, which each group of outcomes would pay. The statement's only parameters
    are `its_source`, first, and PORTION.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._compiled: dict[tuple[str, int], str] = {}

    def find(self, connection: Connection, source_id: int, values: Iterable[Any]) -> Iterator[Any]:
        """Yield all rows that it finds for the values, of which a query gets a portion at a time."""
        for portion in portions(values):
            key = (connection.dialect.name, len(portion))
            statement = self._compiled.get(key) or self._compile(connection.dialect, key)
            yield from connection.exec_driver_sql(statement, (source_id, *portion)).all()

    def _compile(self, dialect: Dialect, key: tuple[str, int]) -> str:
        _, number = key
        parameters = {"its_source": 0, "portion": list(range(number))}
        expanded = self._statement.compile(dialect=dialect).construct_expanded_state(parameters)
        assert list(expanded.positional_parameters) == [0, *range(number)]
        self._compiled[key] = expanded.statement
        return expanded.statement


def upsert(
    table: Table,
    identity: Sequence[str],
    new: Literals = NO_LITERALS,
    always: Literals = NO_LITERALS,
    keep: Mapping[str, ColumnElement[bool]] = NO_LITERALS,
) -> BatchStatement:
    """Return an insert that updates all columns if the row exists; its values are in the order of the table's columns.

    Columns of `new` get the literal there in a new row, and are left alone in one that exists; those of `always` get
    theirs in both, but for those of `keep` in a row of which that holds. A column `id` is left to the database.
    """
    without_value = {"id", *new, *always}
    names = [column.name for column in table.columns if column.name not in without_value]

    def build(dialect: Dialect, parameter: Parameter) -> Insert:
        values: dict[str, Any] = {name: parameter(name) for name in names}
        values |= {**new, **always}
        module = import_module(f"sqlalchemy.dialects.{dialect.name}")  # loads only the dialect in use
        inserted = module.insert(table).values(values).inline()
        changes = {name: inserted.excluded[name] for name in (*names, *always) if name not in identity}
        for name, condition in keep.items():
            changes[name] = case((condition, table.c[name]), else_=changes[name])
        statement: Insert = inserted.on_conflict_do_update(index_elements=identity, set_=changes)
        return statement

    return BatchStatement(names, build)


def word(value: StrEnum) -> ColumnElement[str]:
    """Return a word of the ledger as it is written into a statement."""
    return literal_column(f"'{value}'")


WITH_OPERATION = (Outcome.PLANNED, Outcome.UNCHANGED)
"""Registered outcomes of rows whose final outcome is in their operation."""
IDENTITY = ("source_id", "key", "act", "name")
"""The columns that name an operation."""
REGISTER = upsert(rows, ("run_id", "file", "record"))
INTEND = upsert(
    operations,
    IDENTITY,
    # What an operation has that was not sent before.
    new={
        "attempts": literal_column("0"),
        "triage_id": _EMPTY,
        "returned": _EMPTY_BYTES,
        "message": _EMPTY,
    },
    always={"state": word(State.SENT), "code": _EMPTY},
    keep={"code": WAITS},  # until it is there, as its row need not come again
)


Compute = Callable[[Dialect, ColumnElement[Any]], ColumnElement[Any]]


def change(*columns: str, **computed: Compute) -> BatchStatement:
    """Return an update of columns of the operation that the last four values name; some are computed of the value."""

    def build(dialect: Dialect, parameter: Parameter) -> Update:
        values = {name: parameter(f"its_{name}") for name in columns}
        values |= {name: compute(dialect, values[name]) for name, compute in computed.items()}
        is_named = (operations.c[name] == parameter(f"its_{name}") for name in IDENTITY)
        return update(operations).where(*is_named).values(values)

    return BatchStatement([f"its_{name}" for name in (*columns, *IDENTITY)], build)


DECIDE = change(
    *("run_id", "state", "attempts", "since", "issue_id", "triage_id", "returned", "details", "code", "message"),
    run_id=lambda _, run_id: func.coalesce(run_id, operations.c.run_id),
    attempts=lambda _, attempts: operations.c.attempts + attempts,
    since=lambda _, since: func.coalesce(since, operations.c.since),
)
# After a change, the create's operation says what the issue stands for now.
REMEMBER = change(
    *("body_sha", "content", "returned", "dated"),
    dated=lambda dialect, date: (func.max if dialect.name == "sqlite" else func.greatest)(operations.c.dated, date),
)
SET_STATE = change("state")
LEARN = change("fixed_id", "born")
