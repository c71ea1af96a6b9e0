"""The lock of a source: one process at a time sends it to an organisation, whichever ledger that process has.

Two imports of a source that run at once with two ledgers don't see each other's requests, and make every issue twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import orjson

from importer.errors import LedgerInUse, UsageError
from importer.ledger.lock import WAIT, open_lock, take_lock, wait_until_free

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
