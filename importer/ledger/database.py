"""Transactions on the ledger's one connection, to SQLite or PostgreSQL; database errors become sentences for users."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from importer.errors import StorageFull, UsageError
from importer.ledger.staleness import Generation

Redact = Callable[[Any], Any]
logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)  # it shows a traceback where Ctrl-C meets a close


class ConnectionLost(StorageFull):
    """The connection is lost, and the lock with it: another process may hold the ledger, so nothing reconnects."""


class Database:
    """One connection that threads take in turn.

    name       the file, or the URL without secrets, as users see it
    is_remote  whether every statement waits for a server, and not only a commit for the disk
    """

    def __init__(
        self, engine: Engine, name: str, generation: Generation | None = None, *, is_read_only: bool = False
    ) -> None:
        self.name = name
        self.is_read_only = is_read_only
        self.is_remote = engine.dialect.name == "postgresql"
        self._engine = engine
        self._connection: Connection | None = None
        self._find_redaction: Callable[[], Redact | None] = lambda: None
        event.listen(engine, "before_cursor_execute", self._redact, retval=True)
        self._generation = generation
        self._lock = threading.Lock()
        self._lost: ConnectionLost | None = None

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Open a transaction; other threads wait until it ends.

        Raises:
            StorageFull: the ledger can't be written, or its connection is lost for good.
        """
        with self._lock:
            if self._lost is not None:
                raise self._lost
            try:
                with storage(self.name):
                    # One for all transactions: a new one for each costs as much as its statements.
                    connection = self._connection or self._engine.connect()
                    self._connection = None
                    with _closing_on_failure(connection), connection.begin():
                        yield connection
                    self._connection = connection
            except ConnectionLost as error:
                self._lost = error
                raise

    def redact_with(self, find_redaction: Callable[[], Redact | None]) -> None:
        """Pass all that is stored from now on through what a function returns; None where there is no secret yet."""
        self._find_redaction = find_redaction

    def _redact(
        self, _connection: Connection, _cursor: object, statement: str, parameters: Any, *_: object
    ) -> tuple[str, Any]:
        redact = self._find_redaction()
        if redact is None or redact(joined := _join(parameters)) is joined:
            return statement, parameters
        return statement, _clean(parameters, redact)

    @contextmanager
    def advance(self, *, exact: bool = False) -> Iterator[Connection]:
        """Open a transaction that raises the ledger's generation by one, see `staleness.Generation`.

        The side file follows every few commits, or with `exact` at once. Raises StorageFull as `transaction`, and where
        the file is another one than was opened.
        """
        if self._generation is None:
            with self.transaction() as connection:
                yield connection
            return
        if self._generation.is_lost():
            message = f"The ledger {self.name} was deleted, moved, emptied or replaced while it was in use."
            hint = (
                "Put it back, or move away what is there now, then run the same command again: issues and comments are "
                "found in Triage by their markers before anything is sent."
            )
            raise StorageFull(message, hint=hint)
        reached = self._generation.reached + 1
        with self.transaction() as connection:
            yield connection
            # Only files have a generation. Each commit pays for this: as plain SQL a tenth of a compiled statement.
            connection.exec_driver_sql("UPDATE stamp SET generation = ?", (reached,))
        self._generation.reach(reached)
        if exact:
            self._generation.write()


@contextmanager
def _closing_on_failure(connection: Connection) -> Iterator[None]:
    """Close a connection after an error: what a failed commit leaves open would go with the next transaction."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


def _join(parameters: Any) -> bytes:
    """All texts and bytes of a statement for one row or many: to look for a secret in each takes ten times as long."""
    rows = parameters if isinstance(parameters, list) else [parameters]
    values = list(chain.from_iterable(row.values() if isinstance(row, dict) else row for row in rows))
    texts = "\n".join([value for value in values if isinstance(value, str)])
    return b"\n".join([texts.encode("utf-8", "surrogatepass"), *filter(_is_bytes, values)])


def _is_bytes(value: object) -> bool:
    return isinstance(value, (bytes, memoryview))  # the latter is what SQLAlchemy makes of bytes for SQLite


def _clean(value: Any, redact: Redact) -> Any:
    match value:
        case str() | bytes():
            return redact(value)
        case memoryview():
            return redact(bytes(value))
        case dict():
            return {name: _clean(member, redact) for name, member in value.items()}
        case list() | tuple():
            return type(value)(_clean(member, redact) for member in value)
    return value


@contextmanager
def storage(name: str) -> Iterator[None]:
    """Turn errors of the operating system and of the database into sentences about the ledger of this name.

    Raises:
        StorageFull: the ledger can't be read or written, or the connection to it is lost.
        UsageError: it is not a ledger.
    """
    try:
        yield
    except OSError as error:
        raise StorageFull(f"The ledger {name} can't be written: {error.strerror}.", hint="Try --ledger PATH") from error
    except SQLAlchemyError as error:
        text = str(getattr(error, "orig", None) or error).partition("\n")[0]
        if text == "interrupted":  # by a signal, see `sqlite._hear_signals`
            raise KeyboardInterrupt from error
        if "not a database" in text or "no such table" in text:
            raise not_a_ledger(name) from error
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            hint = "Nothing more was sent. Once the database can be reached, the same command continues."
            raise ConnectionLost(f"The connection to the ledger {name} is lost: {text}.", hint=hint) from error
        hint = "Make room or mend the permissions, then run the same command again; what is done is recorded."
        if "malformed" in text:
            hint = (
                "It is damaged. Move it away and run the same command again: what is in Triage already is found there "
                "before anything is sent."
            )
        raise StorageFull(f"The ledger {name} can't be used: {text}.", hint=hint) from error


def not_a_ledger(name: str) -> UsageError:
    """Return the error for a file or database that is not a ledger."""
    return UsageError(f"{name} is not a ledger.", hint="Give another one: --ledger PATH")
