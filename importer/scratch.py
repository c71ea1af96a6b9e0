"""A spool on disk for data that may outgrow memory; it is gone when the command ends."""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import gettempdir
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
    """A SQLite database in an unnamed temporary file: a small one stays in memory, and nothing is left behind.

    It is closed at the end of its `with` block, or when nothing refers to it any more. Every method raises StorageFull
    if the disk is full.
    """

    def __init__(self, schema: str) -> None:
        # Whoever drops it last closes it, which may be another thread than the one that used it.
        self._database = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        weakref.finalize(self, _close, self._database)
        self.script(_BEGIN + schema)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close it, and drop what it holds."""
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
        """Execute a statement once for each of the rows."""
        with _on_disk():
            self._database.executemany(statement, rows)

    def rows(self, query: str, values: Sequence[Any] = ()) -> Iterator[tuple[Any, ...]]:
        """Iterate over the rows of a query, which are fetched as they are needed."""
        with _on_disk():
            for row in self._database.execute(query, values):  # noqa: UP028 - which would close it after `close`
                yield row

    def row(self, query: str, values: Sequence[Any] = ()) -> tuple[Any, ...]:
        """Return the single row of a query."""
        (row,) = self.rows(query, values)
        return row


def scratch_folder() -> str:
    """The folder in which SQLite makes unnamed files. Source: sqlite.org/tempfiles.html, section 5."""
    named = (os.environ.get("SQLITE_TMPDIR"), os.environ.get("TMPDIR"), "/var/tmp", "/usr/tmp", "/tmp")
    usable = (folder for folder in named if folder and Path(folder).is_dir() and os.access(folder, os.W_OK | os.X_OK))
    return next(usable, ".")


def as_bytes(text: str) -> bytes:
    """A text as a spool holds it: cells may have half a character, which SQLite takes for no text."""
    return text.encode("utf-8", "surrogatepass")


def as_text(data: bytes) -> str:
    """The text that `as_bytes` was given."""
    return data.decode("utf-8", "surrogatepass")


@contextmanager
def temporary_files() -> Iterator[None]:
    """Use temporary files. Raises StorageFull where the disk takes no more."""
    try:
        yield
    except OSError as error:
        raise _full(gettempdir(), error.strerror or str(error)) from error


def _full(folder: str, reason: str) -> StorageFull:
    hint = "Make room there, or set TMPDIR to a folder that has it, then run the same command again."
    return StorageFull(f"{folder} takes no more: {reason}.", hint=hint)


def _close(database: sqlite3.Connection) -> None:
    with suppress(sqlite3.OperationalError):  # what a full disk has not taken, nobody needs any more
        database.close()


@contextmanager
def _on_disk() -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF not in _DISK:
            raise
        raise _full(scratch_folder(), str(error)) from error
