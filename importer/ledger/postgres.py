"""A ledger in PostgreSQL: one connection, whose session holds the lock.

The ledger's tables are in the first schema of the search path. If the connection is lost, so is the lock, and another
process may hold the ledger by then: so nothing here connects a second time.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from functools import partial
from hashlib import sha256
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg.abc import Buffer
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Conninfo
from psycopg.types.string import StrDumper
from sqlalchemy import Connection, Engine, create_engine, select, update
from sqlalchemy.pool import StaticPool

from importer.errors import LedgerInUse, UsageError
from importer.ledger.database import Database
from importer.ledger.lock import Claim, Refuse, in_use, is_alive, wait_until_free
from importer.ledger.schema import newest_version, prepare, read_version, stamp, statements_since
from importer.ledger.sqlite import empty_in_memory
from importer.ledger.statements import refresh_statistics
from importer.ledger.target_scan import mark_incomplete
from importer.phrases import shell_join

PROBE_SECONDS = 5
PROBES = 3
"""Either end of the connection takes the other for dead after so many unanswered keep-alive probes."""
LEFT_SECONDS = 30
"""So long a server may take to end the session of a process that was killed, with the statement that it is at."""
PROBING = {
    "keepalives_idle": PROBE_SECONDS,
    "keepalives_interval": PROBE_SECONDS,
    "keepalives_count": PROBES,
    "tcp_user_timeout": PROBE_SECONDS * PROBES * 1000,
}
CONNECTING = PROBING | {"connect_timeout": 10, "client_encoding": "utf8"}
# A plan with a sequential scan looks dear below, and compiling one takes a tenth of a second for a millisecond's work.
EXACT_AND_QUICK = {"extra_float_digits": "1", "jit": "off"}  # times are numbers, which the server may round
# Those of a role or a database are made for web pages: a command that ran into one would do so again each time.
TIMEOUTS = (
    "statement_timeout",
    "lock_timeout",
    "transaction_timeout",
    "idle_in_transaction_session_timeout",
    "idle_session_timeout",  # while outcomes are waited for, nothing is written
)
PATIENT = EXACT_AND_QUICK | dict.fromkeys(TIMEOUTS, 0)
WRITING = PATIENT | {
    "synchronous_commit": "on",
    # The server's end too: else the session of a machine without power would hold the lock for hours.
    **{name if name.startswith("tcp") else f"tcp_{name}": value for name, value in PROBING.items()},
    "enable_seqscan": "off",  # a plan that is made while a table is small is kept while it grows
}
READING = PATIENT | {"default_transaction_read_only": "on"}
SHOWN = {option.keyword.decode() for option in Conninfo.get_defaults() if not option.dispchar}
"""The parts of a URL that are neither secret nor for debugging, as libpq has it."""
FIND_HOLDER = """
    SELECT application_name, coalesce(', started ' || to_char(backend_start, 'YYYY-MM-DD HH24:MI:SSOF'), '')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND (classid::bigint << 32) | objid::bigint = %s
"""
FIND_ORIGIN = """
    SELECT concat_ws('/', system_identifier, timeline_id, 'stamp'::regclass::oid)
    FROM pg_control_system(), pg_control_checkpoint()
"""


def name_server(url: str) -> str:
    """Return a ledger's URL without its secrets: it may be shown, and a command that names it finds the ledger again.

    Raises:
        UsageError: it is no URL of a PostgreSQL database.
    """
    parts = {part: str(value) for part, value in _parse(url).items() if part in SHOWN}
    user, database = (quote(parts.pop(part, ""), safe="") for part in ("user", "dbname"))
    address = ""
    if re.fullmatch(r"[\w.-]+", parts.get("host", "")):  # not a folder of sockets, several hosts, or an IPv6 address
        address = ":".join(parts.pop(part) for part in ("host", "port") if part in parts)
    query = urlencode(parts, quote_via=quote, safe="")
    return f"postgresql://{user}{user and '@'}{address}/{database}{query and '?'}{query}"


@contextmanager
def open_server(url: str, wait_seconds: float) -> Iterator[Database]:
    """Connect to write, as the only process: the lock belongs to the session and ends with it.

    Raises:
        LedgerInUse: another process held it throughout; the message names that process.
        UsageError: the server can't be reached or refuses; what is there is not a ledger, or one of another version.
    """
    name = name_server(url)
    with _connected(url, WRITING) as connection:
        with _refusing(name):
            take = partial(_lock, connection, name)
            try:
                wait_until_free(take, wait_seconds)
            except LedgerInUse as error:
                if not _is_left_behind(error):
                    raise
                wait_until_free(take, LEFT_SECONDS)
        engine = _make_engine(connection)
        with engine.begin() as begun:
            prepare(begun, name)
            _compare_origins(begun)
            refresh_statistics(begun)
        yield Database(engine, name)


@contextmanager
def read_server(url: str) -> Iterator[Database]:
    """Connect to read, without a lock; a ledger that doesn't exist reads as empty.

    Raises:
        UsageError: the server can't be reached or refuses; what is there is not a ledger, or one of another version
            whose tables are others: only who writes may upgrade them.
    """
    name = name_server(url)
    with _connected(url, READING) as connection:
        engine = _make_engine(connection)
        with engine.begin() as begun:
            version = read_version(begun, name)
        if version == 0:
            with empty_in_memory(name) as empty:
                yield empty
            return
        if statements_since(version):
            command = shell_join(["triage-import", "run", "SOURCE", "-m", "MAPPING", "--ledger", name])
            hint = f"Dump it first (pg_dump); the next command that writes upgrades it: {command}"
            message = (
                f"{name} has schema version {version}, not {newest_version()}; a command that reads upgrades none."
            )
            raise UsageError(message, hint=hint)
        yield Database(engine, name, is_read_only=True)


def _parse(url: str) -> dict[str, Any]:
    try:
        parts = conninfo_to_dict(url)
    except psycopg.ProgrammingError:
        parts = {"host": "@"}
    # A password with @ or / as they are ends up in the other parts, which are shown.
    public = [str(value) for part, value in parts.items() if part in SHOWN - {"user"}]
    if "@" in "".join(public) or not re.fullmatch("[0-9,]*", str(parts.get("port") or "")):
        hint = "Write --ledger postgresql://USER@HOST/DATABASE; a password goes into PGPASSWORD or ~/.pgpass."
        raise UsageError("--ledger is no URL of a PostgreSQL database.", hint=hint)
    return parts


@contextmanager
def _connected(url: str, session: Mapping[str, Any]) -> Iterator[psycopg.Connection]:
    process = f"process {os.getpid()} on {socket.gethostname()}"
    name = name_server(url)
    with _refusing(name):
        connection = psycopg.connect(**{"application_name": process, **CONNECTING, **_parse(url)}, autocommit=True)
    with closing(connection):
        with _refusing(name):
            _check_session(connection, name)
            for setting, value in session.items():
                # Older servers don't know all of them.
                query = "SELECT set_config(name, %s, false) FROM pg_settings WHERE name = %s"
                connection.execute(query, (str(value), setting))
        yield connection


@contextmanager
def _refusing(name: str) -> Iterator[None]:
    try:
        yield
    except psycopg.Error as error:
        text = " ".join(str(error).split()).rstrip(".?")
        hint = "Mend the URL, the password (PGPASSWORD or ~/.pgpass) or the server, then run the same command again."
        raise UsageError(f"The ledger {name} can't be used: {text}.", hint=hint) from None


def _check_session(connection: psycopg.Connection, name: str) -> None:
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != "UTF8":
        hint = "Give a database that was made with ENCODING 'UTF8'."
        raise UsageError(f"The database of the ledger {name} holds {encoding}, not UTF8.", hint=hint)
    (pid,) = connection.execute("SELECT pg_backend_pid()").fetchone() or (0,)
    if pid != connection.info.backend_pid:
        hint = "The lock of a ledger needs a session of its own: give the address of the server itself."
        raise UsageError(f"There is a connection pooler before the ledger {name}.", hint=hint)
    (schema,) = connection.execute("SELECT current_schema()").fetchone() or (None,)
    if schema is None:
        hint = "Create it, let the role use it, or name another: ?options=-csearch_path%3DSCHEMA"
        raise UsageError(f"The ledger {name} has no schema: none of the search path is there for this role.", hint=hint)


def find_holder(connection: Connection) -> int | None:
    """Return the id of the process that holds the ledger, on any machine; None if no session's name says so."""
    schema = connection.exec_driver_sql("SELECT current_schema()").scalar()
    session = connection.exec_driver_sql(FIND_HOLDER, (_lock_key(schema),)).first()
    holder = re.match(r"process (\d+) on ", session[0]) if session else None
    return int(holder[1]) if holder else None


def _lock_key(schema: str | None) -> int:
    return int.from_bytes(sha256(f"triage-importer {schema}".encode()).digest()[:8]) >> 1


def _lock(connection: psycopg.Connection, name: str) -> None:
    (schema,) = connection.execute("SELECT current_schema()").fetchone() or ("",)
    key = _lock_key(schema)
    (is_locked,) = connection.execute("SELECT pg_try_advisory_lock(%s)", (key,)).fetchone() or (False,)
    if not is_locked:
        holder, since = connection.execute(FIND_HOLDER, (key,)).fetchone() or ("another process", "")
        raise in_use(name, f"{holder}{since}")


def _is_left_behind(error: LedgerInUse) -> bool:
    """Whether a ledger is in use by a process of this machine that has ended: the server hasn't noticed yet."""
    holder = re.search(rf"process (\d+) on {re.escape(socket.gethostname())}\b", error.message)
    return holder is not None and not is_alive(int(holder[1]))


def lock_source(database: Database, claim: Claim, refuse: Refuse) -> None:
    """Take the lock of a source, whatever schema its ledger is in; the session holds it until its end.

    Raises:
        LedgerInUse: another session holds it: what `refuse` makes of its process.
        StorageFull: the connection is lost.
    """
    key = int.from_bytes(claim.digest[:8]) >> 1
    take = f"SELECT pg_try_advisory_lock{'_shared' * claim.is_shared}(%s)"
    with database.transaction() as connection:
        if not connection.exec_driver_sql(take, (key,)).scalar():
            session = connection.exec_driver_sql(FIND_HOLDER, (key,)).first() or ("another process", "")
            raise refuse("".join(session))


def _compare_origins(connection: Connection) -> None:
    """Treat a ledger from another server, timeline or table as a copy: discovery runs again for all its sources."""
    origin = connection.exec_driver_sql(FIND_ORIGIN).scalar()
    known_origin = connection.scalar(select(stamp.c.origin))
    if known_origin and known_origin != origin:
        mark_incomplete(connection)
    connection.execute(update(stamp).values(origin=origin))


class _TextDumper(StrDumper):
    """Writes NUL as `\\x00`: PostgreSQL stores none in a text, but a rejected row's key or an answer may have one."""

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", r"\x00"))


def _make_engine(connection: psycopg.Connection) -> Engine:
    connection.adapters.register_dumper(str, _TextDumper)
    connection.autocommit = False
    return create_engine(
        "postgresql+psycopg://",
        creator=lambda: connection,  # after a loss, too: never a new connection without the lock
        poolclass=StaticPool,
        paramstyle="format",  # by position, as SQLite's are
        pool_reset_on_return=None,  # every transaction is ended by its own block
    )
