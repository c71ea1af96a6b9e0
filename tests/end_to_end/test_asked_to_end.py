"""A signal that comes while Triage is read: the command ends, says so, and nothing is sent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import importer
from importer.api import ISSUES_PATH
from importer.errors import ENDING_SIGNALS, ExitCode
from tests.conftest import Serve
from tests.harness.doors import Door, serve_door
from tests.harness.forked import Forked
from tests.harness.running import Ended, Program, finish, write_issues

SEND = ("run", "export.csv", "-m", "jira", "--yes", "--rate", "0", "--api-url")


INTERRUPTS = """
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
"""
"""Has Python signal to itself as soon as a certain library is loaded."""


class Signalling(Door):
    """Passes requests on to a target, and signals to a process whenever it reads the list of issues."""

    def __init__(self, target: str, number: signal.Signals) -> None:
        super().__init__(target)
        self.number = number
        self.process: Forked | None = None

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer, or signal and never answer."""
        if self.process is not None and (method, path.partition("?")[0]) == ("GET", ISSUES_PATH):
            self.process.send_signal(self.number)
            return None
        return super().answer(method, path, headers, body)

    def end(self, process: Forked) -> Ended:
        self.process = process
        ended, self.process = finish(process), None
        return ended


@pytest.mark.parametrize("number", ENDING_SIGNALS)
def test_asked_to_end_while_triage_is_read(
    program: Program, serve: Serve, number: signal.Signals, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The look before anything is sent ends, and nothing is sent; so does a verification."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    door = Signalling(sandbox.url, number)
    with serve_door(door):
        monkeypatch.setenv("TRIAGE_API_URL", door.url)
        ended = door.end(program.start(*SEND, door.url))
        assert (ended.code, sandbox.issues()) == (ExitCode.INTERRUPTED, []), ended.err
        assert ended.err.endswith("\nInterrupted. The same command continues.\n")
        assert "Traceback" not in ended.err
        assert program(*SEND, door.url).code == 0
        ended = door.end(program.start("verify", "last"))
    assert (ended.code, ended.err.strip()) == (ExitCode.INTERRUPTED, "Interrupted. The same command continues.")


def test_interrupted_while_it_is_loaded(tmp_path: Path) -> None:
    """Ctrl-C before the command line is there ends it as later on."""
    (tmp_path / "sitecustomize.py").write_text(INTERRUPTS, encoding="utf-8")
    path = os.pathsep.join((str(tmp_path), str(Path(importer.__file__).parents[1])))
    words = [sys.executable, "-m", "importer", "--version"]
    ended = subprocess.run(words, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=False)
    said = "Interrupted. The same command continues.\n"
    assert (ended.returncode, ended.stdout, ended.stderr) == (ExitCode.INTERRUPTED, "", said)
