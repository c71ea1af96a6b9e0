"""Locks in files: the lock of a ledger, which lets one process write, and what every such lock is made of.

A lock ends with its process, whatever ends that.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from importer.errors import LedgerInUse, UsageError

T = TypeVar("T")
POLL_SECONDS = 0.5
HOLDER_BYTES = 1000
WAIT = "Wait until it has ended; `run` does so with --wait 10m."
"""The hint of every lock."""


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
        descriptor = open_lock(ledger.with_name(ledger.name + ".lock"))
    except OSError as error:
        hint = "Give a file in a folder that you can write to: --ledger PATH"
        raise UsageError(f"The ledger {ledger} can't be locked: {error.strerror}.", hint=hint) from error
    try:
        wait_until_free(lambda: take_lock(descriptor, lambda holder: in_use(str(ledger), holder)), wait_seconds)
        yield
    finally:
        os.close(descriptor)


def open_lock(path: Path) -> int:
    """Open a lock file, which is made where there is none; closing it ends the lock. Raises OSError."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def take_lock(
    descriptor: int, refuse: Callable[[str], LedgerInUse], *, is_shared: bool = False, about: str = ""
) -> None:
    """Take the lock of an open file, and write into it who holds it; `about` is added to that.

    Raises:
        LedgerInUse: another process holds it: what `refuse` makes of its name.
        OSError: files can't be locked there.
    """
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if is_shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, HOLDER_BYTES, 0).decode("utf-8", "replace").strip() or "another process"
        raise refuse(holder) from error
    started = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()}, started {started}{about}\n".encode(), 0)


_folders: ContextVar[dict[Path, int] | None] = ContextVar("folders", default=None)
"""The report folders that a command or a call holds, with the descriptors that hold them."""


@contextmanager
def holding_folders() -> Iterator[None]:
    """While the block runs, hold each report folder that `hold_folder` locks; a block within holds none longer."""
    if _folders.get() is not None:
        yield
        return
    held = dict[Path, int]()
    token = _folders.set(held)
    try:
        yield
    finally:
        _folders.reset(token)
        for descriptor in held.values():
            os.close(descriptor)


def hold_folder(folder: Path) -> None:
    """Lock a report folder, without a file in it, until the end of `holding_folders`, without which it isn't locked.

    A command may write there several times. Raises as `lock_folder` does.
    """
    place, held = folder.resolve(), _folders.get()
    if held is not None and place not in held:
        held[place] = lock_folder(folder)


def lock_folder(folder: Path) -> int:
    """Lock a folder until the descriptor that is returned is closed.

    Raises LedgerInUse if another process, or another thread, holds it, OSError if there is no such folder.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(descriptor)
        message = f"Another process writes its reports to {folder}."
        raise LedgerInUse(message, hint="Wait until it has ended, or name another folder: --out DIR") from error
    except OSError:  # some network drives lock no folders
        pass
    return descriptor


def in_use(ledger: str, holder: str) -> LedgerInUse:
    """Return the error that names the holder of a ledger."""
    return LedgerInUse(f"The ledger {ledger} is in use by {holder}.", hint=WAIT)


def is_alive(pid: int) -> bool:
    """Whether there is a process with this id on this machine."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # another user's process
        return True
    return True
