"""Recognising an older copy of a ledger, and one that wasn't closed in order, by its side file.

It has the number of commits, and behind it, while no process has the ledger open, how its last one has left the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DIGITS = 20
STAMP_BYTES = 100
STRIDE = 16
"""Commits between two writes of the side file, as each changed file makes the wait for the disk longer."""
LARGEST = 2**62


def side_file(ledger: Path) -> Path:
    """Return the path of a ledger's side file."""
    return ledger.with_name(ledger.name + ".generation")


class Generation:
    """The number of commits of a ledger, also kept in its side file `LEDGER.generation`.

    The side file is written every STRIDE commits, without waiting for the disk. It may lag behind the ledger; it is
    ahead only if the ledger is an older copy or has lost its end. `is_replaced` says whether the file is another one
    than a process left that ended in order: perhaps both came back together, from a backup.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor
        text = b"" if descriptor is None else os.pread(descriptor, DIGITS, 0)
        self.seen = int(text) if text.isdigit() and int(text) <= LARGEST else 0
        self.reached = self._written = self.seen
        self.is_replaced = False
        self._place: Path | None = None
        self._file = (0, 0)

    def is_as_left(self, ledger: Path) -> bool:
        """Whether the last process ended in order and the file is unchanged since; not so again until `leave`."""
        if self._descriptor is None:
            return False
        stamp = os.pread(self._descriptor, STAMP_BYTES, DIGITS)
        with suppress(OSError):  # on a full disk nothing can be written to the ledger either
            os.ftruncate(self._descriptor, min(DIGITS, os.fstat(self._descriptor).st_size))
        self.is_replaced = bool(stamp) and stamp != _stamp(ledger)
        return stamp == _stamp(ledger)

    def watch(self, ledger: Path) -> None:
        """Remember which file the ledger is, from now on."""
        status = ledger.stat()
        self._place, self._file = ledger, (status.st_dev, status.st_ino)

    def is_lost(self) -> bool:
        """Whether the ledger's path no longer leads to that file, or it is empty: what is written would be lost."""
        if self._place is None:
            return False
        try:
            status = self._place.stat()
        except (FileNotFoundError, NotADirectoryError):
            return True
        return (status.st_dev, status.st_ino) != self._file or not status.st_size

    def leave(self, ledger: Path) -> None:
        """Record the state of the file at an orderly end of the process."""
        self.write()
        if self._descriptor is not None:
            with suppress(OSError):  # the next one checks the file
                os.pwrite(self._descriptor, _stamp(ledger), DIGITS)

    def reach(self, number: int) -> None:
        """Set the number that the ledger has reached."""
        self.reached = number
        if number - self._written >= STRIDE:
            self.write()

    def write(self) -> None:
        """Write the reached number to the side file."""
        if self._descriptor is not None:
            with suppress(OSError):  # on a full disk it only lags behind
                os.pwrite(self._descriptor, b"%0*d" % (DIGITS, self.reached), 0)
        self._written = self.reached


def _stamp(ledger: Path) -> bytes:
    """Return what tells a file apart from a copy of it, and from itself after any change.

    Whoever puts a copy in its place may give it the other times, and by chance its number, but never its `ctime`.
    """
    status = ledger.stat()
    return f" {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}".encode()


@contextmanager
def open_generation(ledger: Path) -> Iterator[Generation]:
    """Open the side file of a ledger, readable by its owner only."""
    descriptor = os.open(side_file(ledger), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        generation = Generation(descriptor)
        yield generation
        generation.write()
    finally:
        os.close(descriptor)
