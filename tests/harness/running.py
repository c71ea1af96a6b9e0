"""The program as people run it: in this process, in one of its own, and on a terminal; and a Triage that misbehaves."""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from importer.cli.main import main
from tests.harness.forked import Forked
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
"""Whether the long tests take minutes, with all of their seeds and examples."""
SEED = int(os.environ.get("TRIAGE_TEST_SEED") or (time.time_ns() % 10**6 if LONG else 20261130))
"""What tests draw from: always the same, so that none fails by luck; with the long profile another each time."""
ROOT = Path(__file__).resolve().parents[2]
SAMPLES = ROOT / "sample_data"
KEY = "canary-3f9c1d77"
HEADER = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description")
PROGRAM = (sys.executable, "-m", "importer")
WAIT_SECONDS = 300.0
"""So long whatever must happen may take, on however busy a machine."""
DRAWN_SECONDS = 0.3
SWALLOWED_SECONDS = 15.0
"""So long a Ctrl-C gets before it counts as swallowed: a second one would end a process that is leaving already."""
SWALLOWED_TIMES = 6


def issue_row(number: int, priority: str = "High", title: str | None = None) -> tuple[str, ...]:
    """A row of `HEADER` that the preset `jira` takes."""
    return (f"PROJ-{number}", f"Title {number}" if title is None else title, priority, "To Do", "Bug", f"Text {number}")


def write_csv(path: Path, rows: Iterable[Sequence[str]], header: Sequence[str] = HEADER) -> Path:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_issues(path: Path, count: int) -> Path:
    """Write a CSV file of so many good rows."""
    return write_csv(path, map(issue_row, range(1, count + 1)))


def read_csv(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


class Ended(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def summary(self) -> dict[str, Any]:
        """The summary that `--json` printed; stdout holds nothing else."""
        summary: dict[str, Any] = json.loads(self.out)
        return summary

    def outcomes(self) -> dict[str, int]:
        names = ("created", "updated", "unchanged", "changed", "skipped", "rejected", "failed", "unknown", "planned")
        return {name: self.summary[name] for name in names if self.summary[name]}


def _exit_code(arguments: Iterable[str | Path]) -> int:
    """Run a command, which has to close the files of its folder. Nobody keeps the traceback, which may hold some."""
    before = _open_files()
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as ended:
        assert _open_files() - before == set()
        return int(ended.code or 0)
    raise AssertionError("a command ends with an exit code")


def _open_files() -> set[Path]:
    """The files of this folder that this process has open; none where the system doesn't say so."""
    found = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):  # what lists them has one, too
            found.add(descriptor.readlink())
    return {path for path in found if path.is_relative_to(Path.cwd())}


class Program:
    """`triage-import` in a folder of its own, with a state folder and an API key of its own."""

    def __init__(self, folder: Path, state: Path) -> None:
        self.folder = folder
        self.state = state
        self.command = PROGRAM
        self.ledger = state / "triage-importer" / "ledger.db"
        self.sandbox_file = state / "triage-importer" / "sandbox.db"
        self._started: list[Forked] = []

    def __call__(self, *arguments: str | Path) -> Ended:
        """Run a command in this process."""
        out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
        with redirect_stdout(out), redirect_stderr(err):
            code = _exit_code(arguments)
        texts = []
        for stream in (out, err):
            stream.seek(0)
            texts.append(stream.read())
        return Ended(code, *texts)

    def starts(self, *options: str | Path) -> list[dict[str, Any]]:
        """What was started, as a script sees it, the newest first."""
        ended = self("runs", "--json", *options)
        assert ended.code == 0, ended
        starts: list[dict[str, Any]] = json.loads(ended.out)
        return starts

    def runs(self, *options: str | Path) -> list[dict[str, Any]]:
        """The runs of these starts, each once, the newest first."""
        runs = {each["run"]["name"]: each["run"] for each in reversed(self.starts(*options)) if each["run"]}
        return [*reversed(runs.values())]

    def apart(self, *arguments: str | Path, stdin: bytes = b"") -> Ended:
        """Run a command in a process of its own, without a terminal."""
        done = subprocess.run(
            [*PROGRAM, *map(str, arguments)], input=stdin, capture_output=True, timeout=WAIT_SECONDS, check=False
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def lose_ledger(self) -> None:
        """Delete the ledger with the files beside it, as a disk does that breaks."""
        for path in self.ledger.parent.glob("ledger.db*"):
            path.unlink()

    def start(self, *arguments: str | Path) -> Forked:
        """Start a command in a process of its own."""
        process = Forked(arguments, Path.cwd(), os.environ)
        self._started.append(process)
        return process

    def end(self) -> None:
        """Kill what was started and not finished, as where a test has failed."""
        for process in self._started:
            process.kill()

    @contextmanager
    def on_terminal(
        self, *arguments: str | Path, columns: int = 160, rows: int = 24, term: str = "dumb"
    ) -> Iterator[Terminal]:
        """Run a command whose standard input and stderr are a terminal, which wants no colours and takes no codes."""
        ours, theirs = pty.openpty()
        termios.tcsetwinsize(ours, (rows, columns))
        process = Forked(arguments, Path.cwd(), {**os.environ, "NO_COLOR": "1", "TERM": term}, terminal=theirs)
        os.close(theirs)
        try:
            yield Terminal(process, ours)
        finally:
            process.kill()
            os.close(ours)

    @contextmanager
    def own_sandbox(self) -> Iterator[RunningSandbox]:
        """Open what `--sandbox` has kept."""
        with serve_in_thread(HostileOptions(db=self.sandbox_file)) as running:
            yield running


class Terminal:
    """What a person sees and types."""

    def __init__(self, process: Forked, descriptor: int) -> None:
        self._process = process
        self._descriptor = descriptor
        self.shown = ""

    def read_until(self, text: str) -> None:
        while text not in self.shown:
            assert self._read(), self.shown

    def type(self, text: str) -> None:
        os.write(self._descriptor, text.encode())

    def interrupt(self) -> None:
        """Press Ctrl-C as a person does: a little later, and again if a prompt being drawn has swallowed it."""
        time.sleep(DRAWN_SECONDS)
        for _ in range(SWALLOWED_TIMES):
            self._process.send_signal(signal.SIGINT)
            if self._process.wait(SWALLOWED_SECONDS) is not None:
                return
        raise AssertionError("no Ctrl-C ends the program")

    def end(self) -> Ended:
        while self._read():
            continue
        return finish(self._process)._replace(err=self.shown)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], WAIT_SECONDS)
        assert ready, f"nothing more is shown: {self.shown}"
        try:
            block = os.read(self._descriptor, 4096)
        except OSError:  # how Linux says that the other side is closed
            return False
        self.shown += block.decode(errors="replace")
        return bool(block)


def wait_for(happened: Callable[[], bool]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def listen_for(text: str, process: Forked) -> None:
    """Wait until a started command has said this."""
    wait_for(lambda: text in process.out + process.err or process.poll() is not None)
    assert text in process.out + process.err, f"it ended without {text!r}: {process.err}"


def finish(process: Forked) -> Ended:
    """Wait for a started command."""
    code = process.wait(WAIT_SECONDS)
    assert code is not None, f"it hangs: {process.err}"
    return Ended(code, process.out, process.err)


CATEGORIES = {"data": {"items": [{"name": "Bug", "org_id": "org-1"}], "next_cursor": None}, "errors": None}
NO_ISSUES: dict[str, Any] = {"data": {"items": [], "next_cursor": None}, "errors": None}
Answer = Callable[[str, str, Mapping[str, str]], tuple[int, Any]]


@contextmanager
def serve_answers(answer: Answer) -> Iterator[str]:
    """Serve what a function makes of method, path and headers (lower case), on a real socket; gives the URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            status, document = answer(self.command, self.path, headers)
            body = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
