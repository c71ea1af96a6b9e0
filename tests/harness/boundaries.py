"""The moments at which an import may be killed from within: commits, and changes of files."""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import Engine, event

BEFORE_COMMIT, AFTER_COMMIT, BEFORE_FILE = "before a commit", "after a commit", "before a file is changed"
PASSED = "passed"
"""The file in the folder of an import that names the boundaries that it passed, a line each."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
FILE_EVENTS = ("os.mkdir", "os.remove", "os.rename", "os.truncate")


class Boundary(NamedTuple):
    """A moment at which an import may be killed: the `number`th of its kind, counted from 1."""

    kind: str
    number: int


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


def kill_at(boundary: Boundary | None, folder: Path) -> None:
    """Let this process, whose import is in `folder`, count its boundaries there, and end at this one."""
    passage = Passage(folder / PASSED, boundary)
    watch_commits(passage)
    watch_files(passage, folder)
