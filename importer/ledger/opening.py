"""Opening a ledger, in a SQLite file or in PostgreSQL: one process at a time may write."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType

from importer.errors import StorageFull, UsageError, how_to_install
from importer.ledger.database import storage
from importer.ledger.sqlite import open_file, read_file
from importer.ledger.store import Ledger

PREFIXES = ("postgresql://", "postgres://")


def default_path() -> Path:
    """Say where the ledger is by default: `$XDG_STATE_HOME/triage-importer/ledger.db`."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "triage-importer" / "ledger.db"


@contextmanager
def open_ledger(
    place: str | Path, *, wait_seconds: float = 0.0, now: Callable[[], float] = time.time
) -> Iterator[Ledger]:
    """Open the ledger to send, at a path or a URL; it is made where it doesn't exist, an older one is upgraded.

    `wait_seconds` is how long to wait for another process that holds it.

    Raises:
        LedgerInUse: another process holds it.
        UsageError: it can't be reached or written, is damaged, not a ledger, or one of a newer version.
    """
    with ExitStack() as stack:
        with _opening(place):
            if _is_url(place):
                opened = _postgres().open_server(str(place), wait_seconds)
            else:
                opened = open_file(Path(place), wait_seconds)
            database = stack.enter_context(opened)
        yield Ledger(database, now)


@contextmanager
def read_ledger(place: str | Path) -> Iterator[Ledger]:
    """Open the ledger to read only, without a lock; one that doesn't exist knows nothing.

    Raises:
        UsageError: it can't be reached or read, is not a ledger, or one of a newer version.
    """
    with ExitStack() as stack:
        with _opening(place):
            opened = _postgres().read_server(str(place)) if _is_url(place) else read_file(Path(place))
            database = stack.enter_context(opened)
        yield Ledger(database)


def _is_url(place: str | Path) -> bool:
    """Whether it is the URL of a server. Raises UsageError for other URLs, which may have a password in them."""
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
    """Before anything is sent, a place that can't be used is the user's choice of it."""
    try:
        with storage(_postgres().name_server(str(place)) if _is_url(place) else str(place)):
            yield
    except StorageFull as error:
        raise UsageError(error.message, hint=error.hint) from error
