"""The sandbox's database: one SQLite file, one connection, used by one thread at a time."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson

APPLICATION_ID = 0x54524942
"""Marks a SQLite file as a sandbox's ("TRIB")."""
VERSION = 3
FIRST_NUMBER = 1001

TABLES = f"""
CREATE TABLE organisation (id TEXT NOT NULL, created_at TEXT NOT NULL);

CREATE TABLE issues (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    description TEXT NOT NULL,
    status TEXT NOT NULL,
    severity TEXT NOT NULL,
    source TEXT NOT NULL,
    category TEXT NOT NULL,
    owner_id TEXT,
    assignee_id TEXT,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    last_activity_at TEXT NOT NULL,
    unread INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX issues_by_activity ON issues (last_activity_at, id);
CREATE INDEX issues_by_creation ON issues (created_at, id);
INSERT INTO sqlite_sequence VALUES ('issues', {FIRST_NUMBER - 1});

-- Issues up to the highest rowid are indexed; a search indexes the rest first, so that creates cost nothing.
CREATE VIRTUAL TABLE words USING fts5 (text);

-- The `late-…` ids that were asked for; opening the file makes all earlier ones exist.
CREATE TABLE late (resource_id TEXT PRIMARY KEY, is_there INTEGER NOT NULL DEFAULT 0);

CREATE TABLE events (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    type TEXT NOT NULL,
    detail TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    resources TEXT NOT NULL,
    session_id TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX events_by_issue ON events (issue, seq);

CREATE TABLE resources (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    resource_type TEXT NOT NULL,
    resource_id TEXT NOT NULL,
    created_at TEXT NOT NULL,
    UNIQUE (issue, resource_type, resource_id)
);

CREATE TABLE flags (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    call_id TEXT NOT NULL,
    type TEXT NOT NULL,
    note TEXT NOT NULL,
    node_id TEXT,
    node_name TEXT,
    message_index INTEGER,
    message_text TEXT,
    created_at TEXT NOT NULL
);
CREATE INDEX flags_by_issue ON flags (issue, seq);

CREATE TABLE relations (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    target INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE,
    type TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE INDEX relations_by_issue ON relations (issue);
CREATE INDEX relations_by_target ON relations (target);

CREATE TABLE sessions (
    seq INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    issue INTEGER NOT NULL REFERENCES issues ON DELETE CASCADE
);
CREATE INDEX sessions_by_issue ON sessions (issue);

-- One row for each dispatch of Norm; rows stay when the issue is deleted.
CREATE TABLE dispatches (seq INTEGER PRIMARY KEY, detail TEXT NOT NULL);

CREATE TABLE categories (name TEXT PRIMARY KEY, id TEXT NOT NULL, created_at TEXT NOT NULL);
"""
_CATEGORIES = ("Bug", "Dialogue", "Latency", "Routing", "Speech", "Telephony", "Tools", "Transcription")
"""Those that Triage begins with."""


class SandboxError(Exception):
    """The sandbox can't be started as asked; the hint says what helps where `sandbox` was typed."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(f"{message} {hint}".strip())
        self.message, self.hint = message, hint


class Store:
    """The open database, with what several endpoints do with it.

    Raises SandboxError if `path` can't be used: another process has it, it is no sandbox's, or it can't be written.
    """

    def __init__(self, path: Path | None) -> None:
        self.db = _open(path)
        organisation = self.row("SELECT id, created_at FROM organisation")
        self.org_id: str = organisation["id"]
        self.created_at: str = organisation["created_at"]

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
        """Return the time by its clock, as the API writes it: UTC, milliseconds, Z."""
        return timestamp(datetime.now(UTC))

    def number_or_none(self, issue_id: str) -> int | None:
        """Return the number of the issue with this id, None if there is none."""
        row = self.row_or_none("SELECT number FROM issues WHERE id = ?", issue_id)
        return row["number"] if row else None

    def add_event(
        self,
        number: int,
        at: str,
        type: str,
        detail: str,
        resources: Sequence[dict[str, Any]] = (),
        **more: str,
    ) -> int:
        """Add an entry to an issue's activity and return its integer key.

        type       `comment`, `status_changed` and so on; source: get/triage-issues-id-activity
        resources  the links that it shows, as the API shows them
        more       `from_status` and `to_status`, or the `session_id` that makes it an entry of Norm's
        """
        shown = orjson.dumps(resources).decode()
        values = {"type": type, "detail": detail, "resources": shown, "created_at": at, **more}
        return self.insert("events", id=new_id(), issue=number, **values)

    def touch(self, number: int, at: str) -> None:
        """Mark an issue as changed at this time, with unread activity."""
        self.db.execute(
            "UPDATE issues SET updated_at = ?, last_activity_at = ?, unread = 1 WHERE number = ?", (at, at, number)
        )

    def change(self, number: int, at: str, type: str, detail: str, *resources: dict[str, Any], **more: str) -> int:
        """Touch an issue and add an entry that says why; return the entry's integer key."""
        self.touch(number, at)
        return self.add_event(number, at, type, detail, resources, **more)

    def learn_category(self, name: str, at: str) -> None:
        """Add a category to the catalogue, unless it is in it."""
        self.db.execute("INSERT OR IGNORE INTO categories VALUES (?, ?, ?)", (name, new_id(), at))


def new_id() -> str:
    """Return a new id like the API's: a random UUID."""
    return str(uuid4())


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
        if "locked" in str(error):
            hint = "Stop that one, or name another file with --db."
            raise SandboxError(f"{path} is in use by another sandbox.", hint) from error
        if "not a database" in str(error):
            raise SandboxError(f"{path} is not a SQLite file.", "Name another one with --db.") from error
        raise SandboxError(f"{path} can't be used ({error}).") from error
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
        for statement in TABLES.split(";\n"):
            db.execute(statement)
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute(f"PRAGMA user_version = {VERSION}")
        at = timestamp(datetime.now(UTC))
        db.execute("INSERT INTO organisation VALUES (?, ?)", (new_id(), at))
        built_in = [(name, f"built-in:{name.lower()}", at) for name in _CATEGORIES]
        db.executemany("INSERT INTO categories VALUES (?, ?, ?)", built_in)
    db.execute("UPDATE late SET is_there = 1")
    db.execute("COMMIT")
