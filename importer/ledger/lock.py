"""One process at a time: a lock that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from importer.errors import LedgerInUse, UsageError


@contextmanager
def locked(ledger: Path) -> Iterator[None]:
    """Hold the side file `LEDGER.lock`, which says who holds it.

    Raises:
        LedgerInUse: another process, which the message names, holds it.
        UsageError: the side file can't be written.
    """
    try:
        descriptor = os.open(ledger.with_name(ledger.name + ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        hint = "Give a file in a folder that you can write to: --ledger PATH"
        raise UsageError(f"The ledger {ledger} can't be locked: {error.strerror}.", hint=hint) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(descriptor, 200).decode("utf-8", "replace").strip() or "another process"
            hint = "Wait until it has ended, or give this import a ledger of its own: --ledger PATH"
            raise LedgerInUse(f"The ledger {ledger} is in use by {holder}.", hint=hint) from error
        started = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
        os.truncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()}, started {started}\n".encode())
        yield
    finally:
        os.close(descriptor)
