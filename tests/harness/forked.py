"""The program in a process of its own, forked from one that has loaded it: a start takes milliseconds, not a second.

Where the start itself is what is tested, `python -m importer` is started instead.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection, get_context
from multiprocessing.context import ForkServerContext, ForkServerProcess
from multiprocessing.reduction import DupFd
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, NamedTuple

from importer.cli.main import main

LOADED = ("pytest", "tests.harness.loaded")
_ONE_AT_A_TIME = threading.Lock()
"""A start asks all processes how they ended, which no two threads may ask at once: one of them is told 255."""


def forking() -> ForkServerContext:
    """Give the context whose processes are forked from one that has loaded the program."""
    context = get_context("forkserver")
    context.set_forkserver_preload(list(LOADED))
    return context


class Forked:
    """A started command. What it says is in files, so that nobody has to read while it runs.

    Its standard input is empty; with `terminal`, a descriptor, that and stderr are this terminal. `first` is called in
    the new process before the program.
    """

    def __init__(
        self,
        arguments: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str],
        *,
        terminal: int | None = None,
        first: Callable[[], None] | None = None,
    ) -> None:
        said = Path(mkdtemp())
        weakref.finalize(self, shutil.rmtree, said)
        self._out, self._err = said / "stdout", said / "stderr"
        with Path(os.devnull).open("rb") as nothing, self._out.open("wb") as out, self._err.open("wb") as err:
            numbers = [stream.fileno() for stream in (nothing, out, err)]
            if terminal is not None:
                numbers[0] = numbers[2] = terminal
            self._process = start_program([str(each) for each in arguments], folder, environment, numbers, first)
        assert self._process.pid is not None
        self.pid = self._process.pid

    @property
    def out(self) -> str:
        """What it has written to standard output so far."""
        return self._out.read_text(encoding="utf-8")

    @property
    def err(self) -> str:
        """What it has written to stderr so far; nothing where that is a terminal."""
        return self._err.read_text(encoding="utf-8")

    def poll(self) -> int | None:
        """Return the exit code, for a signal its negative number, or None while it runs."""
        return exit_code(self._process)

    def wait(self, seconds: float) -> int | None:
        """Wait until it ends, but not longer than this; give the exit code like `poll`."""
        connection.wait([self._process.sentinel], seconds)
        return self.poll()

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, and wait until it is dead."""
        self._process.kill()
        connection.wait([self._process.sentinel])


def start_program(
    words: Sequence[str],
    folder: Path,
    environment: Mapping[str, str],
    streams: Sequence[int],
    first: Callable[[], None] | None = None,
) -> ForkServerProcess:
    """Start the program with these words and these descriptors as its standard streams; `first` as in `Forked`."""
    program = _Program(list(words), folder, dict(environment), first)
    process = forking().Process(target=program.run, args=[_Descriptor(number) for number in streams])
    with _ONE_AT_A_TIME:
        process.start()
    return process


def exit_code(process: ForkServerProcess) -> int | None:
    """Return how a process ended, None while it runs."""
    with _ONE_AT_A_TIME:
        return process.exitcode


class _Descriptor:
    """An open file that arrives in a forked process under another number."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __reduce__(self) -> tuple[Any, ...]:
        return _arrive, (DupFd(self.number),)


def _arrive(sent: Any) -> _Descriptor:
    return _Descriptor(sent.detach())


class _Program(NamedTuple):
    """What `triage-import` does with these words, in this folder and environment."""

    words: list[str]
    folder: Path
    environment: dict[str, str]
    first: Callable[[], None] | None

    def run(self, *streams: _Descriptor) -> None:
        """Do it in this process, with these standard streams."""
        for number, stream in enumerate(streams):
            os.dup2(stream.number, number)
            os.close(stream.number)
        sys.stdin, sys.stdout = open(0), open(1, "w")  # noqa: SIM115 - by their numbers
        sys.stderr = open(2, "w", buffering=1)  # noqa: SIM115
        os.chdir(self.folder)
        os.environ.clear()
        os.environ.update(self.environment)
        if self.first is not None:
            self.first()
        main(self.words)
