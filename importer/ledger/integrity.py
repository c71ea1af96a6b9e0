"""Whether a ledger's file is whole. It is read for that after an unclean end, and by `runs check`.

What its values hold is read back where a command has stumbled over one, and by `runs check`, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import orjson
from sqlalchemy import Connection, LargeBinary, select
from sqlalchemy.exc import DatabaseError

from importer.errors import ImporterError, StorageFull, UsageError
from importer.ledger.database import Database
from importer.ledger.schema import metadata, operations
from importer.ledger.store import Ledger

DIGESTS = ("body_sha", "content")
PLACE = ("run_id", "file_name", "line", "record", "key", "act", "name", "url")
"""Columns that tell a person where something is, as far as a table has them."""


def check_file(connection: Connection, path: Path, table: str = operations.name) -> None:
    """Read what may have been sent from a file, or all of it if `table` is "".

    Raises:
        UsageError: it is damaged: operations that are lost in it would be sent again.
    """
    page_size = int(connection.exec_driver_sql("PRAGMA page_size").scalar() or 1)
    if path.stat().st_size % page_size:  # SQLite reads the missing rest of a page as zeros, even within a text
        raise damaged(path, "it ends in the middle of a page")
    try:
        answer = connection.exec_driver_sql(f"PRAGMA integrity_check{f'({table})' if table else ''}").scalar()
    except DatabaseError as error:  # the damage is where the check begins
        raise damaged(path, str(error.orig)) from error
    if answer != "ok":
        raise damaged(path, str(answer))


def check_ledger(ledger: Ledger) -> bool:
    """Read a whole ledger; returns whether there is a file to read, which PostgreSQL and an absent one don't have.

    Raises:
        UsageError: it is damaged.
    """
    path = Path(ledger.name)
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql" or not path.exists():
            return False
        check_file(connection, path, table="")
        check_values(connection, ledger.name)
    return True


@contextmanager
def blaming_damage(database: Database) -> Iterator[None]:
    """Look for a damaged value where something unexpected happens: a decoder that failed is no bug then.

    Raises:
        StorageFull: there is one.
    """
    try:
        yield
    except (ImporterError, OSError):
        raise
    except Exception:
        with database.transaction() as connection:
            check_values(connection, database.name)
        raise


def check_values(connection: Connection, name: str) -> None:
    """Read back all JSON that a ledger keeps. Raises StorageFull for the first value that can't be."""
    columns = chain.from_iterable(table.columns for table in metadata.sorted_tables)
    for column in columns:
        if not isinstance(column.type, LargeBinary) or column.name in DIGESTS:
            continue
        places = [column.table.c[place] for place in PLACE if place in column.table.c]
        for value, *place in connection.execute(select(column, *places).where(column.is_not(None))):
            try:
                decode(
                    value or (b"{}" if column.name == "returned" else b"")
                )  # of what was not answered yet it is empty
            except (ValueError, zlib.error) as error:
                at = ", ".join(f"{where.name} {part}" for where, part in zip(places, place, strict=True) if part)
                message = f"The ledger {name} is damaged: {column} can't be read, of {at}."
                hint = "Move it away and run the same command again: what is in Triage already is found there."
                raise StorageFull(message, hint=hint) from error


def decode(stored: bytes) -> Any:
    """Return the JSON value of a column, which may be compressed."""
    return orjson.loads(stored if stored[:1] in b'{["' else zlib.decompress(stored))


def damaged(path: Path, reason: str) -> UsageError:
    """Return the error for a damaged file."""
    hint = (
        f"Move {path} away and run the same command again: what is in Triage already is found there before anything is "
        "sent."
    )
    return UsageError(f"The ledger {path} is damaged: {reason}.", hint=hint)
