"""A ledger in a SQLite file: WAL, synchronous=FULL, with side files for its lock and its generation."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event, select, update
from sqlalchemy.exc import DatabaseError, OperationalError
from sqlalchemy.pool import StaticPool

from importer.errors import UsageError
from importer.ledger.database import Database
from importer.ledger.integrity import check_file, damaged
from importer.ledger.lock import is_alive, locked
from importer.ledger.schema import newest_version, prepare, read_version, stamp
from importer.ledger.staleness import Generation, open_generation, side_file
from importer.ledger.target_scan import mark_incomplete
from importer.phrases import shell_join

UNWRITABLE = ("attempt to write a readonly database", "unable to open database file")
"""What SQLite says where it can make no file beside the one that it is to read."""
SIDE = ("-wal", "-shm")
"""How the names of SQLite's own files end."""

KEPT = ".before-upgrade"
"""How the name of the copy ends that an upgrade leaves beside a ledger, in place of that of an earlier one."""
OF_THE_DISK = ("disk I/O error", "database or disk is full", "database is locked", "out of memory")
"""What SQLite says where it can't read or write, whatever is in the file."""

sqlite3.register_adapter(bytes, bytes)  # as they are: without any, each value is asked for one, which takes longer


@contextmanager
def open_database_file(path: Path, wait_seconds: float) -> Iterator[Database]:
    """Open a file to write, as the only process; it is created if it doesn't exist (folder 0700, file 0600).

    Raises:
        LedgerInUse: another process held it throughout; the message names that process.
        UsageError: it can't be locked, is damaged, not a ledger, or one of another version. Damage is looked for where
            the last process has not ended in order, or something else has changed the file.
    """
    path = path.resolve()  # the side files lie beside the file itself, whatever links lead to it
    _refuse_device(path)
    _refuse_stranger(path)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(path, wait_seconds):
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        _open_side_files(path)
        with open_generation(path) as generation:
            is_as_left = generation.is_as_left(path)
            with _connected(_url(str(path))) as engine:
                _keep_old(engine, path)
                with engine.begin() as connection:
                    prepare(connection, str(path))
                    if not is_as_left:
                        check_file(connection, path)
                    _compare_generations(connection, generation)
                generation.watch(path)
                yield Database(engine, str(path), generation)
            if not generation.is_lost():  # else whoever opens what is there now reads it for damage
                generation.leave(path)


@contextmanager
def read_file(path: Path) -> Iterator[Database]:
    """Open a file to read, without a lock; one that doesn't exist reads as empty.

    A ledger of an earlier version is read from an upgraded copy in memory; one in a place that can't be written, or
    whose owner couldn't write what this leaves, from a copy of its files: SQLite needs a file beside them.

    Raises:
        UsageError: it is not a ledger, or one of another version.
    """
    _refuse_device(path)
    if not path.exists():
        with empty_in_memory(str(path)) as empty:
            yield empty
        return
    with _readable(path) as file, _connected(_read_only(file)) as engine, _connected(_url()) as copy:
        with engine.connect() as connection:
            version = read_version(connection, str(path))
        if version != newest_version():
            _copy(engine, copy)
            with copy.begin() as connection:
                prepare(connection, str(path))
        yield Database(engine if version == newest_version() else copy, str(path), is_read_only=True)


def find_holder(path: Path) -> int | None:
    """Return the id of the process that holds the ledger in a file, None if there is none.

    The lock is only tried if the process that took it last is alive: otherwise this try could make another process fail
    that starts at the same moment.
    """
    try:
        descriptor = os.open(f"{path}.lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it was never taken
        return None
    try:
        holder = re.match(rb"process (\d+)", os.pread(descriptor, 200, 0))
        if holder is None or not is_alive(int(holder[1])):
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(holder[1]) if holder else None
    finally:
        os.close(descriptor)
    return None


@contextmanager
def empty_in_memory(name: str) -> Iterator[Database]:
    """Open an empty ledger in memory, in place of one that doesn't exist."""
    with _connected(_url()) as engine:
        with engine.begin() as connection:
            prepare(connection, name)
        yield Database(engine, name, is_read_only=True)


@contextmanager
def _readable(path: Path) -> Iterator[Path]:
    """Give a ledger's own path, or that of a copy where SQLite can't read it in its place, or shouldn't."""
    if not _would_block(path):
        try:
            with _connected(_read_only(path)) as engine, engine.connect() as connection:
                connection.exec_driver_sql("SELECT 1 FROM sqlite_master")
        except OperationalError as error:
            if not str(error.orig).startswith(UNWRITABLE):
                raise
        else:
            yield path
            return
    with TemporaryDirectory(prefix="triage-importer-") as folder:
        for file in (path, _beside(path, SIDE[0])):  # what was not copied back into the file yet
            if file.exists():
                shutil.copyfile(file, Path(folder) / file.name)
        yield Path(folder) / path.name


def _would_block(path: Path) -> bool:
    """Whether what SQLite makes to read a file, and leaves there, couldn't be written by the file's owner.

    It has the file's mode, and belongs to the reader; what root makes, to the file's owner.
    """
    status = path.stat()
    is_writable = status.st_mode & stat.S_IWUSR and os.geteuid() in (0, status.st_uid)
    return not is_writable and not all(_beside(path, end).exists() for end in SIDE)


def _open_side_files(path: Path) -> None:
    """Give SQLite's own files the mode of the ledger: another program may have read it while nobody could write it.

    Raises UsageError for one that belongs to another user.
    """
    for file in (_beside(path, end) for end in SIDE):
        if not file.exists() or stat.S_IMODE(file.stat().st_mode) == stat.S_IMODE(path.stat().st_mode):
            continue
        try:
            file.chmod(stat.S_IMODE(path.stat().st_mode))
        except PermissionError as error:
            if not os.access(file, os.W_OK):
                raise _blocked_by(file) from error


def _blocked_by(file: Path) -> UsageError:
    message = f"{file} can't be written: it belongs to another user, who has read the ledger."
    hint = f"Once nobody reads it any more, delete that file: {shell_join(['rm', '-f', str(file)])}"
    if file.name.endswith(SIDE[0]) and file.stat().st_size:  # commits that are nowhere else
        hint = f"Let that user, or root, give it to you: {shell_join(['chown', str(os.geteuid()), str(file)])}"
    return UsageError(message, hint=hint)


def _beside(path: Path, end: str) -> Path:
    return Path(f"{path}{end}")


def _url(database: str | None = None, **options: str) -> URL:
    """Name a database, or one in memory: in the text of a URL, `#`, `?` and `%` of a path would mean something else."""
    return URL.create("sqlite", database=database, query=options)


def _read_only(path: Path) -> URL:
    return _url(f"file:{quote(str(path))}", mode="ro", uri="true")


def _refuse_device(path: Path) -> None:
    """Raise UsageError for what keeps nothing, such as `/dev/null`, or has no end, such as a pipe."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise UsageError(f"The ledger can't be {path}: that is not a file.", hint="Try --ledger PATH")


def _refuse_stranger(path: Path) -> None:
    """Raise UsageError for a file that is no ledger, before a lock file or a journal mode would be left beside it."""
    if path.exists():
        os.close(os.open(path, os.O_RDWR))
        try:
            with _connected(_read_only(path)) as engine, engine.connect() as connection:
                read_version(connection, str(path))
        except DatabaseError as error:
            if not side_file(path).exists():  # it never was a ledger
                raise
            if str(error.orig).startswith(UNWRITABLE):  # a killed process left a journal for the next writer
                return
            if str(error.orig).startswith(OF_THE_DISK):
                raise
            raise damaged(path, str(error.orig)) from error


def _keep_old(engine: Engine, path: Path) -> None:
    """Copy a ledger of an earlier version, which is about to be upgraded: only this program's own can go on with it."""
    with engine.connect() as connection:
        version = read_version(connection, str(path))
        if version in (0, newest_version()):
            return
        copy = _beside(path, KEPT)
        try:
            descriptor = os.open(copy, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600)
        except OSError as error:
            raise _no_copy(copy, error) from error
        with os.fdopen(descriptor) as file:
            connection.exec_driver_sql("VACUUM INTO ?", (str(copy),))
            os.fsync(file.fileno())
    message = "The ledger %s is upgraded from schema version %d to %d. As it was before, it is kept: %s"
    logging.getLogger(__name__).warning(message, path, version, newest_version(), copy)


def _no_copy(copy: Path, error: OSError) -> UsageError:
    """Return the error for a copy that can't be written, without which a ledger isn't upgraded."""
    message = f"{copy}, the copy of the ledger before its upgrade, can't be written: {error.strerror}."
    remedy = "Mend its permissions"
    if isinstance(error, IsADirectoryError):
        remedy = f"Move that folder away: {shell_join(['mv', str(copy), f'{copy}.folder'])}"
    return UsageError(message, hint=f"{remedy}; then run the same command again.")


def _copy(engine: Engine, copy_engine: Engine) -> None:
    source, copy = engine.raw_connection(), copy_engine.raw_connection()
    source.driver_connection.backup(copy.driver_connection)  # type: ignore[union-attr] # SQLite's own
    source.close()
    copy.close()


@contextmanager
def _connected(url: URL) -> Iterator[Engine]:
    # One connection, which the loop's thread and the committing thread take in turn.
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    event.listen(engine, "connect", _hear_signals)
    if "mode" not in url.query:
        event.listen(engine, "connect", _set_durability)
    try:
        yield engine
    finally:
        engine.dispose()


def _hear_signals(connection: sqlite3.Connection, _record: object) -> None:
    # Every few milliseconds of a statement Python gets a turn: a signal's KeyboardInterrupt ends the statement here.
    connection.set_progress_handler(lambda: 0, 100_000)


def _set_durability(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: pages that change again are copied once


def _compare_generations(connection: Connection, generation: Generation) -> None:
    """Treat a ledger behind its side file, or replaced, as older or cut: discovery runs again for all its sources."""
    reached = int(connection.scalar(select(stamp.c.generation)) or 0)
    if reached < generation.seen or generation.is_replaced:
        mark_incomplete(connection)
        connection.execute(update(stamp).values(generation=max(reached, generation.seen)))
    generation.reached = max(reached, generation.seen)
