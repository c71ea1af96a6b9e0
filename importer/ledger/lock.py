"""Locks in files: of a ledger, which lets one process write, of a report folder, and of a source.

A lock ends with its process, whatever ends that. That of a source lets one process at a time send it to an
organisation, whichever ledger that process has: two imports of it with two ledgers don't see each other's requests, and
would make every issue twice.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from datetime import datetime
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple, TypeVar

import orjson

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
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                raise
        time.sleep(min(remaining, POLL_SECONDS))


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
    descriptors = dict[Path, int]()
    token = _folders.set(descriptors)
    try:
        yield
    finally:
        _folders.reset(token)
        for descriptor in descriptors.values():
            os.close(descriptor)


def hold_folder(folder: Path) -> None:
    """Lock a report folder, without a file in it, until the end of `holding_folders`, without which it isn't locked.

    A command may write there several times. Raises as `lock_folder` does.
    """
    place, descriptors = folder.resolve(), _folders.get()
    if descriptors is not None and place not in descriptors:
        descriptors[place] = lock_folder(folder)


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


Refuse = Callable[[str], LedgerInUse]


class Claim(NamedTuple):
    """One lock to take: what it is called, and whether others may share it."""

    name: str
    is_shared: bool

    @property
    def digest(self) -> bytes:
        """SHA-256 of the name."""
        return sha256(self.name.encode()).digest()


def claims_of(target: str, organisation: str, source_name: str) -> list[Claim]:
    """Return the locks for a source, in the order in which everybody takes them.

    One organisation may have several URLs, so its id counts. Where that isn't known (""), it may be any that has this
    URL: the lock of the URL then excludes all who know theirs, and those share it among themselves.
    """
    by_target = Claim(_name("target", target, source_name), bool(organisation))
    if not organisation:
        return [by_target]
    return [by_target, Claim(_name("organisation", organisation, source_name), is_shared=False)]


def _name(*parts: str) -> str:
    return orjson.dumps(parts).decode()


class SourceLocks:
    """The locks of the sources that a process works on; they are held until its ledger is closed.

    ledger    its name, which another process is told
    folder    gives where lock files are kept; it is made if it doesn't exist
    stack     closes the lock files
    advisory  takes a lock in the ledger's database, where that is a server: machines share no folder
    """

    def __init__(
        self,
        ledger: str,
        folder: Callable[[], Path],
        stack: ExitStack,
        wait_seconds: float,
        advisory: Callable[[Claim, Refuse], None] | None = None,
    ) -> None:
        self._ledger, self._folder, self._stack = ledger, folder, stack
        self._wait_seconds, self._advisory = wait_seconds, advisory
        self._held = set[str]()

    def hold(self, target: str, organisation: str, source_name: str, say: Callable[[str], None]) -> None:
        """Lock a source; `say` is told where this machine has no folder to do it in, and the import goes on.

        Raises:
            LedgerInUse: another process works on it; the message names that process.
        """

        def refuse(holder: str) -> LedgerInUse:
            hint = f"{WAIT} Another ledger would make every issue twice."
            return LedgerInUse(f"The source {source_name} of {target} is in use by {holder}.", hint=hint)

        claims = [claim for claim in claims_of(target, organisation, source_name) if claim.name not in self._held]
        if self._advisory is not None:
            for claim in claims:
                wait_until_free(partial(self._advisory, claim, refuse), self._wait_seconds)
        try:
            for claim in claims:
                self._lock_file(claim, refuse)
        except (OSError, UsageError) as error:  # UsageError: there is no home folder
            if self._advisory is None:
                say(
                    f"note: the source can't be locked on this machine ({error}): a second import of it with another "
                    "ledger would not be noticed. Set XDG_STATE_HOME to a folder that can be written."
                )
        self._held.update(claim.name for claim in claims)

    def _lock_file(self, claim: Claim, refuse: Refuse) -> None:
        folder = self._folder()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = open_lock(folder / f"{claim.digest.hex()[:32]}.lock")
        self._stack.callback(os.close, descriptor)
        about = f", with the ledger {self._ledger}"
        take = partial(take_lock, descriptor, refuse, is_shared=claim.is_shared, about=about)
        wait_until_free(take, self._wait_seconds)
