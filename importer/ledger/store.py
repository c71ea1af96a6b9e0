"""The ledger: a SQLite file (WAL, synchronous=FULL), one process at a time."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import orjson
from sqlalchemy import Connection, Engine, Insert, create_engine, event, func, insert, inspect, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool, StaticPool

from importer.errors import StorageFull, TargetMismatch, UsageError
from importer.ledger.lock import locked
from importer.ledger.run import Run
from importer.ledger.schema import SCHEMA_VERSION, State, attempts, metadata, operations, runs, sources, stamp, targets

KEYS_A_QUERY = 500


class Facts(NamedTuple):
    """What the first line of a run says of the ledger: keys that are in, and the last run (empty, 0 if none)."""

    keys: int
    last_run: str
    last_started_at: float


class Known(NamedTuple):
    """What is known of a key. `body_sha` is the SHA-256 of the body that was sent."""

    state: State
    issue_id: str
    triage_id: str
    body_sha: bytes


def default_path() -> Path:
    """Say where the ledger is by default: `$XDG_STATE_HOME/triage-importer/ledger.db`."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "triage-importer" / "ledger.db"


@contextmanager
def open_ledger(path: Path, *, now: Callable[[], float] = time.time) -> Iterator[Ledger]:
    """Open the ledger to send; it is made where it doesn't exist (folder 0700, file 0600).

    Raises:
        LedgerInUse: another process holds it.
        UsageError: it can't be written, is not a ledger, or one of a newer version.
    """
    with _opening(path):
        _refuse_stranger(path)
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with locked(path):
        with _opening(path):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        with _opened(f"sqlite:///{path}", path, now, create=True) as ledger:
            yield ledger


@contextmanager
def read_ledger(path: Path) -> Iterator[Ledger]:
    """Open the ledger to read only, without a lock; one that doesn't exist knows nothing.

    Raises:
        UsageError: it can't be read, is not a ledger, or one of a newer version.
    """
    with _opening(path):
        exists = path.exists()
    url = _read_only(path) if exists else "sqlite://"
    with _opened(url, path, time.time, create=not exists) as ledger:
        yield ledger


def _read_only(path: Path) -> str:
    return f"sqlite:///file:{quote(str(path))}?mode=ro&uri=true"


def _refuse_stranger(path: Path) -> None:
    """Look before the lock file is made and the journal's mode is set: both would be left at a stranger's."""
    if path.exists():
        os.close(os.open(path, os.O_RDWR))
        engine = create_engine(_read_only(path), poolclass=NullPool)
        with engine.connect() as connection:
            _is_new(connection, path)


@contextmanager
def _opened(url: str, path: Path, now: Callable[[], float], *, create: bool) -> Iterator[Ledger]:
    # One connection, that the loop's thread and the committing thread take in turn.
    engine = create_engine(url, poolclass=StaticPool, connect_args={"check_same_thread": False})
    if create:
        event.listen(engine, "connect", _set_durability)
    try:
        with _opening(path):
            _check_version(engine, path, create)
        yield Ledger(engine, path, now)
    finally:
        engine.dispose()


def _set_durability(connection: sqlite3.Connection, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA wal_autocheckpoint=4000")  # 16 MB: pages that change again are copied once


def _check_version(engine: Engine, path: Path, create: bool) -> None:
    with engine.begin() as connection:
        if _is_new(connection, path) and create:
            connection.exec_driver_sql("BEGIN")  # else each table would be committed alone
            metadata.create_all(connection)
            connection.execute(insert(stamp), {"schema_version": SCHEMA_VERSION})
        found = connection.scalar(select(stamp))
    if found != SCHEMA_VERSION:
        hint = "Use the version of triage-import that wrote it, or another file: --ledger PATH"
        raise UsageError(f"{path} has schema version {found}; this program knows {SCHEMA_VERSION}.", hint=hint)


def _is_new(connection: Connection, path: Path) -> bool:
    """Whether the file has no tables yet. Raises UsageError if it has somebody else's."""
    tables = inspect(connection).get_table_names()
    if tables and stamp.name not in tables:
        raise _not_a_ledger(path)
    return not tables


def _not_a_ledger(path: Path) -> UsageError:
    return UsageError(f"{path} is not a ledger.", hint="Give another file: --ledger PATH")


@contextmanager
def _opening(path: Path) -> Iterator[None]:
    """Before anything is sent, a file that can't be used is the user's choice of it."""
    try:
        with _storage(path):
            yield
    except StorageFull as error:
        raise UsageError(error.message, hint="Mend it, or give a file that can be written: --ledger PATH") from error


@contextmanager
def _storage(path: Path) -> Iterator[None]:
    """Turn what a disk or a foreign file does into sentences."""
    try:
        yield
    except OSError as error:
        raise StorageFull(f"The ledger {path} can't be written: {error.strerror}.", hint="Try --ledger PATH") from error
    except SQLAlchemyError as error:
        cause = getattr(error, "orig", None) or error
        text = str(cause)
        if "not a database" in text or "no such table" in text:
            raise _not_a_ledger(path) from error
        hint = "Make room or mend the permissions, then run the same command again; what is done is recorded."
        raise StorageFull(f"The ledger {path} can't be used: {text}.", hint=hint) from error


class Ledger:
    """The memory of every target, source and run. Made by `open_ledger` and `read_ledger`."""

    def __init__(self, engine: Engine, path: Path, now: Callable[[], float]) -> None:
        self.path = path
        self._engine = engine
        self._now = now
        self._lock = threading.Lock()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give the connection to one thread for one transaction.

        Raises:
            StorageFull: it can't be written.
        """
        with self._lock, _storage(self.path), self._engine.begin() as connection:
            yield connection

    def read_facts(self, target: str, source_name: str) -> Facts:
        """Say what is known of a source in a target before a run begins."""
        with self.transaction() as connection:
            source_id = _find_source(connection, target, source_name)
            done = select(func.count()).where(operations.c.source_id == source_id, operations.c.state == State.DONE)
            last = (
                select(runs.c.name, runs.c.started_at).where(runs.c.source_id == source_id).order_by(runs.c.id.desc())
            )
            name, started_at = connection.execute(last.limit(1)).one_or_none() or ("", 0.0)
            return Facts(connection.scalar(done) or 0, name, started_at)

    def find_known(self, target: str, source_name: str, keys: Iterable[str]) -> dict[str, Known]:
        """Say what is known of these keys; those that were never sent are left out."""
        wanted, known = list(keys), {}
        columns = (
            operations.c.key,
            operations.c.state,
            operations.c.issue_id,
            operations.c.triage_id,
            operations.c.body_sha,
        )
        with self.transaction() as connection:
            source_id = _find_source(connection, target, source_name)
            for start in range(0, len(wanted) if source_id else 0, KEYS_A_QUERY):
                some = operations.c.key.in_(wanted[start : start + KEYS_A_QUERY])
                for key, state, *rest in connection.execute(
                    select(*columns).where(operations.c.source_id == source_id, some)
                ):
                    known[key] = Known(State(state), *rest)
        return known

    def check_org(self, target: str, org_id: str) -> None:
        """Remember the organisation of a target; one that is not known (`""`) is not compared.

        Raises:
            TargetMismatch: it was another one before.
        """
        with self.transaction() as connection:
            target_id = _take_target(connection, target)
            known = connection.scalar(select(targets.c.org_id).where(targets.c.id == target_id))
            if org_id and not known:
                connection.execute(update(targets).where(targets.c.id == target_id).values(org_id=org_id))
        if known and org_id and known != org_id:
            hint = "Use that organisation's key, or a ledger of its own for this one: --ledger PATH"
            raise TargetMismatch(f"{target} was organisation {known}; this key belongs to {org_id}.", hint=hint)

    def begin_run(
        self,
        target: str,
        source_name: str,
        source_digest: str,
        mapping_digest: str,
        *,
        out: Path | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> Run:
        """Continue the open run of this target, source, content and mapping under its name, or begin a new one.

        `out` is where its results go, `./triage-import-RUN/` by default; a continued run keeps the one it had.
        """
        now = self._now()
        with self.transaction() as connection:
            source_id = _take_source(connection, target, source_name)
            same = (runs.c.source_id == source_id, runs.c.source_digest == source_digest)
            open_ = (runs.c.mapping_digest == mapping_digest, runs.c.state == "open")
            run_id = connection.scalar(select(runs.c.id).where(*same, *open_).order_by(runs.c.id.desc()).limit(1))
            if run_id is None:
                name = _next_name(connection, source_name, now)
                values = {
                    "name": name,
                    "source_id": source_id,
                    "source_digest": source_digest,
                    "mapping_digest": mapping_digest,
                    "out": str((out or Path(f"triage-import-{name}")).resolve()),
                    "options": orjson.dumps(options or {}),
                    "state": "open",
                    "started_at": now,
                }
                run_id = _new_id(connection, insert(runs).values(values))
            elif out is not None:
                connection.execute(update(runs).where(runs.c.id == run_id).values(out=str(out.resolve())))
            attempt = insert(attempts).values(run_id=run_id, pid=os.getpid(), started_at=now)
            attempt_id = _new_id(connection, attempt)
        return self._run(runs.c.id == run_id, attempt_id)

    def find_run(self, name: str) -> Run:
        """Find a run by its name, or the newest by `last`.

        Raises:
            UsageError: there is none, with the last few names.
        """
        with self.transaction() as connection:
            names = connection.scalars(select(runs.c.name).order_by(runs.c.id.desc())).all()
        wanted = names[0] if name == "last" and names else name
        if wanted not in names:
            hint = f"Known are: {', '.join(names[:5])}" if names else "There is none yet."
            raise UsageError(f"No run {name!r} in {self.path}.", hint=hint)
        return self._run(runs.c.name == wanted, 0)

    def _run(self, condition: Any, attempt_id: int) -> Run:
        with self.transaction() as connection:
            found = connection.execute(select(runs).where(condition)).one()
        return Run(self.transaction, found, attempt_id, self._now)


def _find_source(connection: Connection, target: str, name: str) -> int | None:
    join = sources.join(targets)
    return connection.scalar(
        select(sources.c.id).select_from(join).where(targets.c.url == target, sources.c.name == name)
    )


def _take_source(connection: Connection, target: str, name: str) -> int:
    found = _find_source(connection, target, name)
    if found is not None:
        return found
    target_id = _take_target(connection, target)
    return _new_id(connection, insert(sources).values(target_id=target_id, name=name))


def _take_target(connection: Connection, url: str) -> int:
    found = connection.scalar(select(targets.c.id).where(targets.c.url == url))
    return found if found is not None else _new_id(connection, insert(targets).values(url=url))


def _new_id(connection: Connection, statement: Insert) -> int:
    inserted = connection.execute(statement).inserted_primary_key
    assert inserted is not None  # every table here has an id
    return int(inserted[0])


def _next_name(connection: Connection, source_name: str, now: float) -> str:
    slug = re.sub(r"[^a-z0-9]+", "-", source_name.lower()).strip("-")[:40] or "import"
    prefix = f"{datetime.fromtimestamp(now):%Y-%m-%d}-{slug}-"
    names = connection.scalars(select(runs.c.name).where(runs.c.name.startswith(prefix, autoescape=True)))
    counts = [int(rest) for name in names if (rest := name.removeprefix(prefix)).isdigit()]
    return f"{prefix}{max(counts, default=0) + 1}"
