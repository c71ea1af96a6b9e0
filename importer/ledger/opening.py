"""Opening a ledger: a SQLite file (WAL, synchronous=FULL), one process at a time."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event, insert, inspect, select, update
from sqlalchemy.pool import StaticPool

from importer.errors import StorageFull, UsageError
from importer.ledger.generation import Generation, open_generation
from importer.ledger.lock import locked
from importer.ledger.schema import SCHEMA_VERSION, UPGRADES, metadata, operations, sources, stamp
from importer.ledger.storage import not_a_ledger, storage
from importer.ledger.store import Ledger


def default_path() -> Path:
    """Say where the ledger is by default: `$XDG_STATE_HOME/triage-importer/ledger.db`."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "triage-importer" / "ledger.db"


@contextmanager
def open_ledger(path: Path, *, now: Callable[[], float] = time.time) -> Iterator[Ledger]:
    """Open the ledger to send; it is made where it doesn't exist (folder 0700, file 0600), an older one is upgraded.

    Raises:
        LedgerInUse: another process holds it.
        UsageError: it can't be written, is damaged, not a ledger, or one of a newer version.
    """
    with _opening(path):
        _refuse_stranger(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with ExitStack() as stack:
        stack.enter_context(locked(path))
        with _opening(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            generation = stack.enter_context(open_generation(path))
            engine = stack.enter_context(_connected(f"sqlite:///{path}"))
            with engine.begin() as connection:
                _prepare(connection, path)
                _check_integrity(connection, path)
                _compare_generations(connection, generation)
        yield Ledger(engine, str(path), generation, now)


@contextmanager
def read_ledger(path: Path) -> Iterator[Ledger]:
    """Open the ledger to read only, without a lock; one that doesn't exist knows nothing.

    One of an older version is read from an upgraded copy in memory.

    Raises:
        UsageError: it can't be read, is not a ledger, or one of a newer version.
    """
    with ExitStack() as stack:
        with _opening(path):
            engine = stack.enter_context(_connected(_read_only(path) if path.exists() else "sqlite://"))
            with engine.connect() as connection:
                current = path.exists() and _version_of(connection, path) == SCHEMA_VERSION
            if not current:
                engine = stack.enter_context(_copied(engine))
                with engine.begin() as connection:
                    _prepare(connection, path)
        yield Ledger(engine, str(path), Generation())


def _read_only(path: Path) -> str:
    return f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true"


def _refuse_stranger(path: Path) -> None:
    """Look before the lock file is made and the journal's mode is set: both would be left at a stranger's."""
    if path.exists():
        os.close(os.open(path, os.O_RDWR))
        with _connected(_read_only(path)) as engine, engine.connect() as connection:
            _version_of(connection, path)


@contextmanager
def _connected(url: str) -> Iterator[Engine]:
    # One connection, that the loop's thread and the committing thread take in turn.
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    if "mode=ro" not in url:
        event.listen(engine, "connect", _set_durability)
    try:
        yield engine
    finally:
        engine.dispose()


@contextmanager
def _copied(engine: Engine) -> Iterator[Engine]:
    """Give a copy in memory, which may be changed."""
    with _connected("sqlite://") as copy:
        ours, theirs = engine.raw_connection(), copy.raw_connection()
        ours.driver_connection.backup(theirs.driver_connection)  # type: ignore[union-attr] # SQLite's own
        ours.close()
        theirs.close()
        yield copy


def _set_durability(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: pages that change again are copied once


def _version_of(connection: Connection, path: Path) -> int:
    """Read the schema version, 0 where there is no table yet. Raises UsageError for somebody else's or a newer one."""
    tables = inspect(connection).get_table_names()
    if not tables:
        return 0
    if stamp.name not in tables:
        raise not_a_ledger(str(path))
    version = int(connection.scalar(select(stamp.c.schema_version)) or 0)
    if not 1 <= version <= SCHEMA_VERSION:
        hint = "Use the version of triage-import that wrote it, or another ledger: --ledger PATH"
        raise UsageError(f"{path} has schema version {version}; this program knows {SCHEMA_VERSION}.", hint=hint)
    return version


def _prepare(connection: Connection, path: Path) -> None:
    """Make the tables, or make those of an older version into ours: all of it or nothing."""
    version = _version_of(connection, path)
    if version == SCHEMA_VERSION:
        return
    connection.exec_driver_sql("BEGIN IMMEDIATE")  # else each statement would be committed alone
    if version == 0:
        metadata.create_all(connection)
        connection.execute(insert(stamp), {"schema_version": SCHEMA_VERSION})
    for older in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
        for statement in UPGRADES[older]:
            connection.exec_driver_sql(statement)
    connection.execute(update(stamp).values(schema_version=SCHEMA_VERSION))


def _check_integrity(connection: Connection, path: Path) -> None:
    """Make sure that no key is lost in a damaged page: it would be sent again."""
    answer = connection.exec_driver_sql(f"PRAGMA integrity_check({operations.name})").scalar()
    if answer != "ok":
        hint = (
            f"Move {path} away and run the same command again: what is in Triage already is found there before "
            "anything is sent."
        )
        raise UsageError(f"The ledger {path} is damaged: {answer}.", hint=hint)


def _compare_generations(connection: Connection, generation: Generation) -> None:
    """A ledger behind its side file is an older copy or was cut: what its sources have in Triage is looked up again."""
    reached = int(connection.scalar(select(stamp.c.generation)) or 0)
    if reached < generation.seen:
        connection.execute(update(sources).values(looked=0))
        connection.execute(update(stamp).values(generation=generation.seen))
    generation.reached = max(reached, generation.seen)


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Before anything is sent, a file that can't be used is the user's choice of it."""
    try:
        with storage(str(path)):
            yield
    except StorageFull as error:
        raise UsageError(error.message, hint=error.hint) from error
