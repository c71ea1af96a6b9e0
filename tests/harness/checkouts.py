"""Two versions of the program beside each other: each is loaded once, from its checkout, and forked for each command.

Proofs that compare versions know nothing of either but the command line, the files and the requests.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

LOADER = Path(__file__).with_name("loaded_checkout.py")
KEY = "canary-3f9c1d77"
LOADING = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1", "OPENBLAS_NUM_THREADS": "1"}
"""Sets are always in the same order, a checkout stays as it is, and no thread is missed by a fork."""


class Started:
    """A command that runs in a folder; what it says is in two files."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._answer = connection.makefile("r")
        self.pid = int(self._answer.readline())

    def wait(self, seconds: float) -> int | None:
        """Give its exit code, for a signal its negative number; None if it was killed because it took too long."""
        self._connection.settimeout(seconds)
        try:
            return int(self._answer.readline())
        except TimeoutError:
            self.kill()
            return None
        finally:
            self._connection.close()

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)


class Checkout:
    """The program of a checkout, which is loaded."""

    def __init__(self, folder: Path, place: str) -> None:
        self.folder, self._place = folder, place

    def start(self, words: Sequence[str], folder: Path, out: Path, err: Path) -> Started:
        """Start `triage-import` with these words in a folder, with a home and a state folder there."""
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(self.folder),
            "HOME": str(folder),
            "XDG_STATE_HOME": str(folder / "state"),
            "BLAND_API_KEY": KEY,
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "COLUMNS": "160",
        }
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(self._place)
        command = {"words": words, "folder": str(folder), "environment": environment, "out": str(out), "err": str(err)}
        connection.sendall(json.dumps(command).encode() + b"\n")
        return Started(connection)


@contextmanager
def loaded(*folders: Path) -> Iterator[list[Checkout]]:
    """Load the programs of these checkouts with this interpreter, and end them afterwards."""
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="checkouts-")))
        checkouts = []
        for number, folder in enumerate(folders):
            socket_ = str(place / f"{number}")
            environment = os.environ | LOADING | {"PYTHONPATH": str(folder)}
            process = subprocess.Popen(
                [sys.executable, "-P", str(LOADER), socket_], env=environment, stdout=subprocess.PIPE, text=True
            )
            stack.enter_context(process)
            stack.callback(process.terminate)
            checkouts.append((process, Checkout(folder, socket_)))
        for process, checkout in checkouts:
            assert process.stdout is not None
            loaded_from = process.stdout.readline().strip()
            assert Path(loaded_from).is_relative_to(checkout.folder), f"{checkout.folder} has no program: {loaded_from}"
        yield [checkout for _, checkout in checkouts]
