"""What outgrows memory while a command runs: a spool on disk that vanishes with it."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from importer.errors import StorageFull

_DISK = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN)

# One transaction that nobody ever commits or rolls back: nothing in here outlives the process, whatever ends it.
_BEGIN = """
PRAGMA journal_mode = OFF;
PRAGMA temp_store = FILE;
BEGIN;
"""


class Scratch:
    """A SQLite database in a file without a name: small ones stay in memory, and nothing is left behind.

    It is closed with the block, or with the last who holds it. Whatever is done with it raises StorageFull if the disk
    takes no more.
    """

    def __init__(self, schema: str) -> None:
        self._database = sqlite3.connect("", isolation_level=None)
        weakref.finalize(self, _close, self._database)
        self.script(_BEGIN + schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Forget everything."""
        _close(self._database)

    def script(self, statements: str) -> None:
        """Execute statements that return nothing. Each script is a transaction of its own, if it begins with BEGIN."""
        with _on_disk():
            self._database.executescript(statements)

    def execute(self, statement: str, values: Sequence[Any] = ()) -> None:
        """Execute a statement that returns nothing."""
        with _on_disk():
            self._database.execute(statement, values)

    def write(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Execute a statement with each of the rows."""
        with _on_disk():
            self._database.executemany(statement, rows)

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Give the rows of a query as they are asked for."""
        with _on_disk():
            yield from self._database.execute(query, values)

    def row(self, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Give the one row that a query has."""
        (row,) = self.rows(query, values)
        return row


def scratch_folder() -> str:
    """The folder that SQLite takes for files without a name. Source: sqlite.org/tempfiles.html, section 5."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")
    usable = (folder for folder in named if folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK))
    return next(usable, ".")


def _close(database: sqlite3.Connection) -> None:
    with suppress(sqlite3.Error):  # what a full disk has not taken, nobody needs any more
        database.close()


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _DISK:
            raise
        hint = "Make room there, or set TMPDIR to a folder that has it, then run the same command again."
        raise StorageFull(f"{scratch_folder()} takes no more: {error}.", hint=hint) from error
