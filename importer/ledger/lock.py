"""The lock of a ledger file, which lets one process write and ends with that process."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from importer.errors import LedgerInUse, UsageError

T = TypeVar("T")
POLL_SECONDS = 0.5


def wait_until_free(take: Callable[[], T], wait_seconds: float) -> T:
    """Take a lock; while another process holds it, try again for up to `wait_seconds`.

    Raises:
        LedgerInUse: it was held throughout.
    """
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            return take()
        except LedgerInUse:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
        time.sleep(min(left, POLL_SECONDS))


@contextmanager
def locked(ledger: Path, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file `LEDGER.lock` while the block runs; it names its holder.

    Raises:
        LedgerInUse: another process holds it; the message names that process.
        UsageError: the lock file can't be written.
    """
    try:
        descriptor = os.open(ledger.with_name(ledger.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "Give a file in a folder that you can write to: --ledger PATH"
        raise UsageError(f"The ledger {ledger} can't be locked: {error.strerror}.", hint=hint) from error

    def take() -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.pread(descriptor, 200, 0).decode("utf-8", "replace").strip() or "another process"
            raise in_use(str(ledger), holder) from error

    try:
        wait_until_free(take, wait_seconds)
        started = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()}, started {started}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def in_use(ledger: str, holder: str) -> LedgerInUse:
    """Return the error that names the holder of a ledger."""
    hint = (
        "Wait until it has ended (--wait 10m does). Another ledger, for the same source, would make every issue twice."
    )
    return LedgerInUse(f"The ledger {ledger} is in use by {holder}.", hint=hint)
