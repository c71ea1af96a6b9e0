"""A warm process that forks an import for each order it reads, and kills it where the order says.

It reads orders as JSON lines and answers each with two lines: NUMBER, PID and NUMBER, EXIT CODE (negative: a signal).
Importing everything once, it starts an import in a few milliseconds.
"""

from __future__ import annotations

import gc
import io
import json
import os
import signal
import sqlite3
import sys
import tempfile
import threading
from collections import Counter
from contextlib import redirect_stderr, redirect_stdout, suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from sqlalchemy import Engine, event

import importer.pipeline  # noqa: F401 - what a check doesn't load
from importer.cli.main import main
from tests.harness.running import SAMPLES

BEFORE_COMMIT, AFTER_COMMIT, BEFORE_FILE = "before a commit", "after a commit", "before a file is changed"
STDOUT, STDERR, PASSED = "stdout", "stderr", "passed"
"""What an import leaves in the folder of its order: what it said, and the boundaries that it passed, a line each."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
FILE_EVENTS = ("os.mkdir", "os.remove", "os.rename", "os.truncate")


class Boundary(NamedTuple):
    """A moment at which an import may be killed: the `number`th of its kind, counted from 1."""

    kind: str
    number: int


class Order(NamedTuple):
    """An import to run: `arguments` of the command line, in `folder`, to be killed at `boundary`, if any."""

    number: int
    folder: str
    arguments: list[str]
    boundary: Boundary | None


class Passage:
    """Counts the boundaries that this process comes to, and ends it at one of them."""

    def __init__(self, log: Path, fatal: Boundary | None) -> None:
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        self._fatal = fatal
        self._passed = Counter[str]()

    def reach(self, kind: str) -> None:
        """Note a boundary; at the fatal one, die."""
        self._passed[kind] += 1
        os.write(self._log, f"{kind}\n".encode())
        if self._fatal == (kind, self._passed[kind]):
            os.kill(os.getpid(), signal.SIGKILL)


def watch_commits(passage: Passage) -> None:
    """Reach a boundary before and after each commit that has something to commit."""

    class Watched(sqlite3.Connection):
        def commit(self) -> None:
            if not self.in_transaction:
                return
            passage.reach(BEFORE_COMMIT)
            super().commit()
            passage.reach(AFTER_COMMIT)

    @event.listens_for(Engine, "do_connect")
    def connect(_dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> None:
        options["factory"] = Watched


def watch_files(passage: Passage, folder: Path) -> None:
    """Reach a boundary before each file or folder below `folder` is made, opened to be written, renamed or removed."""

    def audit(name: str, arguments: tuple[Any, ...]) -> None:
        if name == "open":
            path, _, flags = arguments
            changes = bool(flags & WRITING)
        else:
            path = arguments[0] if name in FILE_EVENTS else None
            changes = name != "os.remove"
        if isinstance(path, str | os.PathLike):
            file = folder / path
            if file.is_relative_to(folder) and (changes or (name == "os.remove" and file.exists())):
                passage.reach(BEFORE_FILE)

    sys.addaudithook(audit)


def carry_out(order: Order) -> NoReturn:
    """Run the import of an order in this process, which ends with it."""
    folder = Path(order.folder)
    os.chdir(folder)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for descriptor, name in ((1, STDOUT), (2, STDERR)):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), descriptor)
    passage = Passage(folder / PASSED, order.boundary)
    watch_commits(passage)
    watch_files(passage, folder)
    try:
        main(order.arguments)
    except SystemExit as ended:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(int(ended.code or 0))  # to free what the fork shares would take longer than the import


def warm_up() -> None:
    """Make a check, so that what is made at first use is there for every fork."""
    said = io.StringIO()  # standard output is for answers
    with tempfile.TemporaryDirectory() as out, redirect_stdout(said), redirect_stderr(said), suppress(SystemExit):
        main(["validate", str(SAMPLES / "jira.csv"), "-m", "jira", "--out", out])
    assert threading.active_count() == 1, "a fork would miss the other threads"
    gc.freeze()


def serve_orders() -> None:
    """Carry out every order in a process of its own, watched over by another that says how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries those who watch
    for line in sys.stdin:
        order = _read(line)
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            child = os.fork()
            if child == 0:
                carry_out(order)
            _answer(order.number, child)
            _answer(order.number, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
            os._exit(0)


def _read(line: str) -> Order:
    number, folder, arguments, boundary = json.loads(line)
    return Order(number, folder, arguments, boundary and Boundary(*boundary))


def _answer(number: int, figure: int) -> None:
    os.write(1, f"{number} {figure}\n".encode())  # so short that it is never torn


if __name__ == "__main__":
    warm_up()
    serve_orders()
