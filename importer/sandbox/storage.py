"""The sandbox's database: one SQLite file, one connection, used by one thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import orjson

from importer.sandbox.refusals import SandboxError, not_found
from importer.sandbox.sql_tables import APPLICATION_ID, TABLES, VERSION

BUILT_IN_CATEGORIES = ("Bug", "Dialogue", "Latency", "Routing", "Speech", "Telephony", "Tools", "Transcription")


class Event(NamedTuple):
    """An entry of an issue's activity, less its id and time; one with a session is Norm's, any other the caller's.

    type       `comment`, `status_changed` and so on; source: get/triage-issues-id-activity
    resources  the links that it shows, as the API shows them
    """

    type: str
    detail: str
    from_status: str | None = None
    to_status: str | None = None
    resources: Sequence[dict[str, Any]] = ()
    session_id: str | None = None


class Store:
    """The open database, with what several endpoints do with it.

    Raises SandboxError if `path` can't be used: another process has it, it is no sandbox's, or it can't be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.db = _open(path)
        organisation = self.row("SELECT id, created_at FROM organisation")
        self.org_id: str = organisation["id"]
        self.created_at: str = organisation["created_at"]
        # The categories in use, so that a create needs no query for them.
        self.categories = {row["name"] for row in self.rows("SELECT name FROM categories")}

    def close(self) -> None:
        """Close the database."""
        self.db.close()

    @contextmanager
    def writing(self) -> Iterator[str]:
        """Open a transaction, which is rolled back on an error; yields the time of the change."""
        self.db.execute("BEGIN")
        try:
            yield self.now()
            self.db.execute("COMMIT")
        except BaseException:
            if self.db.in_transaction:  # a full disk has rolled it back already
                self.db.execute("ROLLBACK")
            raise

    def rows(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """Return all rows of a query."""
        return self.db.execute(sql, values).fetchall()

    def row_or_none(self, sql: str, *values: Any) -> sqlite3.Row | None:
        """Return the first row of a query, None if there is none."""
        row: sqlite3.Row | None = self.db.execute(sql, values).fetchone()
        return row

    def row(self, sql: str, *values: Any) -> sqlite3.Row:
        """Return the first row of a query that must have one."""
        found = self.row_or_none(sql, *values)
        if found is None:
            raise LookupError(f"no row for {sql}")
        return found

    def insert(self, table: str, **values: Any) -> int:
        """Insert a row and return its integer key."""
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        cursor = self.db.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", tuple(values.values()))
        return cursor.lastrowid or 0

    def now(self) -> str:
        """Return the time by its clock, as the API writes it."""
        return self.ago(timedelta())

    def ago(self, span: timedelta) -> str:
        """Return the time that was `span` ago by its clock."""
        return timestamp(datetime.now(UTC) - span)

    def number_or_none(self, issue_id: str) -> int | None:
        """Return the number of the issue with this id, None if there is none."""
        row = self.row_or_none("SELECT number FROM issues WHERE id = ?", issue_id)
        return row["number"] if row else None

    def issue_number(self, issue_id: str) -> int:
        """Return the number of the issue with this id. Raises Refusal 404 if there is none."""
        number = self.number_or_none(issue_id)
        if number is None:
            raise not_found("Issue")
        return number

    def touch(self, number: int, at: str) -> None:
        """Mark an issue as changed at this time, with unread activity."""
        self.db.execute(
            "UPDATE issues SET updated_at = ?, last_activity_at = ?, unread = 1 WHERE number = ?", (at, at, number)
        )

    def add_event(self, number: int, at: str, event: Event) -> int:
        """Add an entry to an issue's activity and return its integer key."""
        values = event._asdict() | {"resources": orjson.dumps(event.resources).decode()}
        return self.insert("events", id=new_id(), issue=number, **values, created_at=at)

    def learn_category(self, name: str, at: str) -> None:
        """Add a category to the catalogue, unless it is in it."""
        if name not in self.categories and name not in BUILT_IN_CATEGORIES:
            self.insert("categories", name=name, id=new_id(), created_at=at)
            self.categories.add(name)


def new_id() -> str:
    """Return a new id like the API's: a random UUID."""
    return str(uuid4())


def now() -> str:
    """Return the time as the API writes it: UTC, milliseconds, Z."""
    return timestamp(datetime.now(UTC))


def timestamp(moment: datetime) -> str:
    """Format a UTC time as the API does; texts sort like the times."""
    return moment.isoformat(timespec="milliseconds")[:-6] + "Z"


def _open(path: Path | None) -> sqlite3.Connection:
    if path is not None and path.exists() and not path.is_file():
        raise SandboxError(f"{path} is not a file.", "Name a file for the sandbox's issues with --db.")
    try:
        if path is not None:
            path.touch(mode=0o600)  # private to the user; SQLite gives its side files the same mode
        # Opened in one thread and used in the server's, never at the same time.
        db = sqlite3.connect(path or ":memory:", timeout=0, isolation_level=None, check_same_thread=False)
    except (OSError, sqlite3.OperationalError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SandboxError(
            f"{path} can't be opened ({reason}). Is its folder there, and may you write to it?"
        ) from error
    try:
        _prepare(db)
    except sqlite3.Error as error:
        db.close()
        raise _unusable(path, error) from error
    except SandboxError as error:
        db.close()
        raise SandboxError(f"{path} {error.message}", error.hint) from error
    db.row_factory = sqlite3.Row
    return db


def _prepare(db: sqlite3.Connection) -> None:
    db.execute("PRAGMA locking_mode = EXCLUSIVE")  # held until this process closes it or ends
    tables, application, version = (
        db.execute(query).fetchone()[0]
        for query in ("SELECT count(*) FROM sqlite_master", "PRAGMA application_id", "PRAGMA user_version")
    )
    if tables and application != APPLICATION_ID:
        raise SandboxError("is a database of something else.", "Name another file with --db.")
    if tables and version != VERSION:
        raise SandboxError(
            "is the database of another version of the sandbox.", "Delete it, or name another with --db."
        )
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")  # survives a killed process, which is enough for rehearsals
    db.execute("PRAGMA cache_size = -65536")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("BEGIN EXCLUSIVE")
    if not tables:
        _create_tables(db)
    db.execute("UPDATE late SET is_there = 1")
    db.execute("COMMIT")


def _create_tables(db: sqlite3.Connection) -> None:
    for statement in TABLES.split(";\n"):
        db.execute(statement)
    db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    db.execute(f"PRAGMA user_version = {VERSION}")
    db.execute("INSERT INTO organisation VALUES (?, ?)", (new_id(), now()))


def _unusable(path: Path | None, error: sqlite3.Error) -> SandboxError:
    if "locked" in str(error):
        return SandboxError(f"{path} is in use by another sandbox.", "Stop that one, or name another file with --db.")
    if "not a database" in str(error):
        return SandboxError(f"{path} is not a SQLite file.", "Name another one with --db.")
    return SandboxError(f"{path} can't be used ({error}).")
