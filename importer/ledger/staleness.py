"""How far a ledger has come: a number in it and in a side file, so that an older copy of it is recognised."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIGITS = 20
STRIDE = 16
"""Commits between two writes of the side file: a changed file makes each wait for the disk longer."""
LARGEST = 2**62


def side_file(ledger: Path) -> Path:
    """Say where the side file of a ledger is."""
    return ledger.with_name(ledger.name + ".generation")


class Generation:
    """The number that the ledger has reached, and its side file `LEDGER.generation`.

    The side file is written now and then, without waiting for the disk: it may lag behind the ledger, and is
    ahead of it only if the ledger has lost something.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor
        text = b"" if descriptor is None else os.pread(descriptor, DIGITS, 0)
        self.seen = int(text) if text.isdigit() and int(text) <= LARGEST else 0
        self.reached = self._written = self.seen

    def reach(self, number: int) -> None:
        """Note that the ledger has come so far."""
        self.reached = number
        if number - self._written >= STRIDE:
            self.write()

    def write(self) -> None:
        """Bring the side file to where the ledger is."""
        if self._descriptor is not None:
            with suppress(OSError):  # on a full disk it lags behind, which is only less to go by
                os.pwrite(self._descriptor, b"%0*d" % (DIGITS, self.reached), 0)
        self._written = self.reached


@contextmanager
def open_generation(ledger: Path) -> Iterator[Generation]:
    """Open the side file of a ledger, for its owner alone."""
    descriptor = os.open(side_file(ledger), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        generation = Generation(descriptor)
        yield generation
        generation.write()
    finally:
        os.close(descriptor)
