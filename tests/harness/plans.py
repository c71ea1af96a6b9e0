"""Looks at every statement on a ledger that the tests execute, as it would be carried out in a large one.

SQLite plans without statistics, as the program makes none: so what it says of a small ledger holds for one of a million
rows. PostgreSQL is asked about tables of its own with ROWS rows each, in a session that sees nothing else. A statement
fails the test in which it is executed if it goes through a large table once for each row of another loop, or once for
each portion of keys or page, or if it sorts a large table for each page.

What it doesn't see: in PostgreSQL a portion that goes through a table once; how often a statement is executed
otherwise; and what processes execute that were not forked from the tests'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from sqlalchemy import Column, Connection, Engine, Integer, LargeBinary, MetaData, String, Table, create_engine, event
from sqlalchemy.pool import StaticPool

from importer.ledger.schema import metadata

LARGE = ("operations", "rows", "packed", "found", "replaced")
ROWS = 20_000
"""Of each large table in PostgreSQL: enough to tell what grows with them from what grows with their square."""
SQUARE = ROWS * 40
"""What PostgreSQL may estimate for a statement at most, in its units: a page is one."""
LAWFUL = {
    "FROM rows JOIN runs ON runs.id = rows.run_id WHERE runs.source_id": "asked once, of corrections or of moves",
    "(operations.id AS BIGINT)": "a sample, sorted once it is drawn",
    "operations.since <": "the newest additions, once for a run",
    "SELECT operations.marker FROM operations WHERE": "of found issues with several markers, which people made",
    "operations.triage_id IN": "only of a target that gives issues no numbers; others are found by theirs",
    "rows.outcome NOT IN": "of groups of rows, whose runs have few issues",
    "GROUP BY operations.key": "a person's keys, typed by hand",
    'FROM operations WHERE operations."key" IN': "what `runs forget` is asked about: a few keys, typed by hand",
    'FROM found WHERE found."key" IN': "the same",
    'FROM replaced WHERE replaced."key" IN': "the same",
    'FROM rows JOIN runs ON runs.id = rows.run_id WHERE rows."key" IN': "the same",
    'found."key") IN (VALUES': "the same",
}
"""A part of a statement → why it may go through a whole table."""
OWN = ("key", "marker", "issue_id", "triage_id")
_KEYS = re.compile(r'\b"?(key|issue_id|triage_id|marker)"? IN \((?!SELECT)')
_FULL = re.compile(r"SCAN (?P<scanned>\w+)|SEARCH (?P<searched>\w+) USING .*\((source_id|run_id)=\?\)")
_LOOP = re.compile(r"(?:SCAN|SEARCH) (\w+)")

_seen = dict[tuple[str, str], None]()
_wrong = list[str]()
_model: list[Any] = []


def take_wrong() -> list[str]:
    """Return the statements that have failed since it was asked last, each with its plan."""
    found = [*_wrong]
    _wrong.clear()
    return found


def look(connection: Connection, cursor: Any, statement: str, parameters: Any, _: object, many: bool) -> None:
    """Look at a statement that is about to be executed, if it is the first of its kind."""
    text = " ".join(statement.split())
    kind = connection.dialect.name, re.sub(r"\((\?|%s)(::\w+)?(, (\?|%s)(::\w+)?)*\)", "(?)", text)
    if kind in _seen or not re.search(rf"\b({'|'.join(LARGE)})\b", statement):
        return
    _seen[kind] = None
    if not re.match(r"\s*(SELECT|UPDATE|DELETE|WITH)", statement) or any(part in kind[1] for part in LAWFUL):
        return
    values = parameters[0] if many else parameters
    find = _find_in_sqlite if connection.dialect.name == "sqlite" else _find_in_postgres
    _wrong.extend(f"{kind[1]}\n{why}" for why in find(cursor.connection, statement, values))


def watch() -> None:
    """Look at all statements from now on."""
    event.listen(Engine, "before_cursor_execute", look)


def _find_in_sqlite(connection: Any, statement: str, parameters: Any) -> Iterator[str]:
    large = {*LARGE, *re.findall(rf"\b(?:{'|'.join(LARGE)}) AS (\w+)", statement)}
    steps = connection.cursor().execute(f"EXPLAIN QUERY PLAN {statement}", parameters).fetchall()
    plan = "; ".join(detail for *_, detail in steps)
    outer = dict[int, bool]()  # the step that others belong to → whether they are within a loop over a large table
    for step, parent, _, detail in steps:
        loop, full = _LOOP.match(detail), _FULL.match(detail)
        is_within = outer.get(parent, False)
        if full and (full["scanned"] or full["searched"]) in large:
            if is_within:
                yield f"once for each row of another: {detail} in: {plan}"
            elif _KEYS.search(statement) and not ("LIMIT" in statement and full["scanned"]):
                yield f"once for each portion: {detail} in: {plan}"
        if "TEMP B-TREE FOR ORDER BY" in detail and "LIMIT" in statement and not parent:
            yield f"sorted for each page: {plan}"
        outer[step] = "CORRELATED" in detail and is_within
        if loop and loop[1] in large:
            outer[parent] = True


def _find_in_postgres(connection: Any, statement: str, parameters: Any) -> Iterator[str]:
    import psycopg

    model = _make_model(connection)
    # A temporary table of the program's, a value that is refused, or a test that has ended all sessions.
    with suppress(psycopg.errors.UndefinedTable, psycopg.DataError, psycopg.OperationalError):
        explained = model.execute(f"EXPLAIN (FORMAT JSON) {statement}", parameters).fetchone()[0]
        cost = explained[0]["Plan"]["Total Cost"]
        if cost > SQUARE:
            yield f"costs {cost:,.0f} of {SQUARE:,}: {json.dumps(explained, indent=1)}"


def _make_model(connection: Any) -> Any:
    """Connect to the same server, where temporary tables hide those of the ledger."""
    if not _model or _model[-1].closed:  # the server was restarted
        import psycopg

        own = psycopg.connect(connection.info.dsn, password=connection.info.password, autocommit=True)
        own.execute("SET lock_timeout = '10s'")
        own.execute("SET application_name = 'plans'")  # no process of the program
        tables = MetaData()
        for table in metadata.sorted_tables:
            table.to_metadata(tables)._prefixes = ["TEMPORARY"]
        engine = create_engine("postgresql+psycopg://", creator=lambda: own, poolclass=StaticPool)
        with engine.begin() as begun:
            tables.create_all(begun, checkfirst=False)
        for table in metadata.sorted_tables:
            rows = ROWS if table.name in LARGE else 20
            own.execute(f"INSERT INTO {table.name} SELECT {_fill(table)} FROM generate_series(1, {rows}) AS n")
        # These alone: others may be locked by the very transaction that is looked at.
        own.execute(f"ANALYZE {', '.join(table.name for table in metadata.sorted_tables)}")
        _model.append(own)
    return _model[-1]


def _fill(table: Table) -> str:
    """Write the values of the nth row: all of one source and one run, each with a key and an issue of its own."""

    def fill(column: Column[Any]) -> str:
        if isinstance(column.type, Integer):
            return "1" if column.foreign_keys or column.name in ("file", "follows") else "n"
        if isinstance(column.type, String):
            is_own = column.name in OWN or (column.name in ("id", "name", "url") and table.name not in LARGE)
            return {"act": "'create'", "state": "'done'"}.get(column.name, "'a' || n" if is_own else "''")
        return "''" if isinstance(column.type, LargeBinary) else "0"

    return ", ".join(map(fill, table.columns))
