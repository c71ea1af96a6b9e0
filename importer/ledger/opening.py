"""Opening a ledger by path or URL: to write, as the only process, or to read."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import ModuleType

from importer.errors import StorageFull, UsageError, how_to_install
from importer.ledger.commands import default_path
from importer.ledger.database import storage
from importer.ledger.integrity import blaming_damage
from importer.ledger.lock import SourceLocks
from importer.ledger.overview import take_in
from importer.ledger.sqlite import open_database_file, read_file
from importer.ledger.store import Ledger

PREFIXES = ("postgresql://", "postgres://")


@contextmanager
def open_ledger(
    place: str | Path | None, *, wait_seconds: float = 0.0, now: Callable[[], float] = time.time
) -> Iterator[Ledger]:
    """Open the ledger at a path or URL to write; it is created if it doesn't exist.

    None is the usual one, at `default_path`; one of an earlier version is upgraded. `wait_seconds` is how long to wait
    for another process to release it.

    Raises:
        LedgerInUse: another process holds it.
        UsageError: it can't be reached or written, is damaged, not a ledger, or one of another version.
    """
    place = place or default_path()
    with ExitStack() as stack:
        advisory = None
        with _opening(place):
            if _is_url(place):
                database = stack.enter_context(_postgres().open_server(str(place), wait_seconds))
                advisory = partial(_postgres().lock_source, database)
            else:
                database = stack.enter_context(open_database_file(Path(place), wait_seconds))
        locks = SourceLocks(database.name, lambda: default_path().with_name("locks"), stack, wait_seconds, advisory)
        stack.enter_context(blaming_damage(database))
        ledger = Ledger(database, now, locks)
        with suppress(StorageFull):  # the notes stay where they are
            ledger.start = take_in(database.transaction, place)
        yield ledger


@contextmanager
def read_ledger(place: str | Path | None) -> Iterator[Ledger]:
    """Open the ledger at a path or URL to read, without a lock; one that doesn't exist reads as empty.

    None is the usual one, at `default_path`.

    Raises:
        UsageError: it can't be reached or read, is not a ledger, or one of another version.
    """
    place = place or default_path()
    with ExitStack() as stack:
        with _opening(place):
            opened = _postgres().read_server(str(place)) if _is_url(place) else read_file(Path(place))
            database = stack.enter_context(opened)
        stack.enter_context(blaming_damage(database))
        yield Ledger(database)


def name_ledger(place: str | Path) -> str:
    """Return a ledger's path, or its URL without secrets. Raises UsageError if it is no URL of a ledger."""
    return str(_postgres().name_server(str(place))) if _is_url(place) else str(place)


def _is_url(place: str | Path) -> bool:
    """Whether it is the URL of a server. Raises UsageError for other URLs, unquoted, as they may hold secrets."""
    text = str(place)
    if "://" in text and not text.startswith(PREFIXES):
        hint = "Give a path, or a URL that begins with postgresql://"
        raise UsageError("--ledger takes no URL of this kind.", hint=hint)
    return "://" in text


def _postgres() -> ModuleType:
    try:
        from importer.ledger import postgres
    except ImportError as error:
        message = "The driver for a ledger in PostgreSQL is not installed."
        raise UsageError(message, hint=how_to_install("postgres")) from error
    return postgres


@contextmanager
def _opening(place: str | Path) -> Iterator[None]:
    """While opening, a ledger that can't be used is a usage error: nothing has been sent yet."""
    try:
        with storage(name_ledger(place)):
            yield
    except StorageFull as error:
        raise UsageError(error.message, hint=error.hint) from error
