"""Doors before a target: they pass requests on, or let them go wrong, wait, or be answered by a gateway in its place.

A crash is exact without a process: at the fatal request the ledger's files are copied, as SIGKILL would leave them, and
from then on the door refuses everything, so that nothing more reaches the target; the copy is put back afterwards.
"""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import httpx

from tests.harness.forked import Forked
from tests.harness.running import WAIT_SECONDS, Ended, finish, listen_for, wait_for

CRASHES = ("crash-before", "crash-after")
ANY = ("500-before", "500-after", "reset-before", "reset-after", "429", *CRASHES)
KINDS = (*ANY, "late-commit", "edit")
READ_ONLY = ("GET", "POST")
REFUSAL = b'{"data": null, "errors": [{"error": "AUTH_FAILURE", "message": "Unauthorized"}]}'


class Trouble(NamedTuple):
    """What goes wrong with the `request`th request of a command, or of those that write.

    `500-before` and `reset-before` do nothing, `-after` do it; `late-commit` answers 500 and does it before the next
    request; `edit` lets a person in, where no change of ours is on its way; the crashes end everything.
    """

    kind: str
    request: int
    writes: bool


@dataclass
class _Plan:
    """What a command is to meet, and how far it has come."""

    trouble: Trouble | None = None
    passed: int = 0
    late: Callable[[], object] | None = None
    struck: bool = False


class Door:
    """Passes requests on to a target, and lets one of a command's requests go wrong. It answers at `url`."""

    def __init__(self, target: str) -> None:
        self._target = httpx.Client(base_url=target, timeout=None)
        self._lock = threading.RLock()
        self._plan = _Plan()
        self._crash: Callable[[], object] = lambda: None
        self._edit: Callable[[], object] = lambda: None
        self.url = ""
        self.headers: dict[str, str] = {"Retry-After": "0"}  # of every answer

    @contextmanager
    def troubled(
        self, trouble: Trouble | None, *, crash: Callable[[], object], edit: Callable[[], object]
    ) -> Iterator[Callable[[], bool]]:
        """Let a command meet trouble; gives what says whether it has met it."""
        with self._lock:
            plan = self._plan = _Plan(trouble)
            self._crash, self._edit = crash, edit
        yield lambda: plan.struck
        with self._lock:
            self._carry_out_late()
            self._plan = _Plan()

    def close(self) -> None:
        self._target.close()

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Let the target answer."""
        done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, done.content

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer a request, one at a time; None is a reset."""

        carry_out = partial(self.pass_on, method, path, headers, body)
        with self._lock:
            plan = self._plan
            self._carry_out_late()
            if plan.struck and plan.trouble is not None and plan.trouble.kind in CRASHES:
                return 401, REFUSAL
            kind = self._meet(method)
            match kind:
                case "edit":
                    self._edit()
                    return carry_out()
                case "late-commit":
                    plan.late = carry_out
                    return 500, b""
                case "crash-before":
                    self._crash()
                    return 401, REFUSAL
                case "429":
                    return 429, b""
                case "500-before":
                    return 500, b""
                case "reset-before":
                    return None
            answer = carry_out()
            if kind == "crash-after":
                self._crash()
                return 401, REFUSAL
            return {"500-after": (500, b""), "reset-after": None}.get(kind, answer)

    def _meet(self, method: str) -> str:
        """Count a request, and say which kind of trouble it meets."""
        plan, trouble = self._plan, self._plan.trouble
        if trouble is None or plan.struck or (trouble.writes and method == "GET"):
            return ""
        if trouble.kind == "edit" and method not in READ_ONLY:
            return ""  # between our look and our change nobody can be seen
        plan.passed += 1
        plan.struck = plan.passed == trouble.request
        return trouble.kind if plan.struck else ""

    def _carry_out_late(self) -> None:
        late, self._plan.late = self._plan.late, None
        if late is not None:
            late()


@contextmanager
def serve_door(door: Door) -> Iterator[None]:
    """Let a door answer at its `url`, on a real socket."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if name in self.headers}
            answer = door.answer(self.command, self.path, headers, body)
            if answer is None:
                self.close_connection = True
                return
            status, content = answer
            self.send_response(status)
            for name, value in door.headers.items():
                self.send_header(name, value)
            if status != 204:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *arguments: Any) -> None:
            """Say nothing."""

    for method in ("POST", "PATCH", "DELETE"):
        setattr(Handler, f"do_{method}", Handler.do_GET)

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            if not isinstance(sys.exc_info()[1], ConnectionError):  # a client that was killed is no error
                super().handle_error(request, client_address)

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    door.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        door.close()


FORMS = {
    "gateway": (404, b'{"message": "no Route matched with those values"}'),
    "html": (404, b"<html><body><h1>404 Not Found</h1></body></html>"),
    "own": (404, b'{"data": null, "errors": [{"error": "not_found", "message": "Issue not found"}]}'),
}
"""What a gateway may answer: JSON of its own, HTML, or what only the target itself should say."""


class Gateway(Door):
    """Passes requests on to a target, at `url`.

    begins  says of method and path whether the outage begins with this request
    lasts   seconds until it ends
    covers  says of a method whether requests with it are answered by the gateway meanwhile
    hides   says the same of a path
    form    one of FORMS
    """

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.begins: Callable[[str, str], bool] = lambda method, path: False
        self.covers: Callable[[str], bool] = lambda method: True
        self.hides: Callable[[str], bool] = lambda path: True
        self.lasts = math.inf
        self.form = "gateway"
        self.until = 0.0
        self.refused = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        if not self.until and self.begins(method, path):
            self.until = time.monotonic() + self.lasts
        if time.monotonic() < self.until and self.covers(method) and self.hides(path):
            self.refused += 1
            return FORMS[self.form]
        return self.pass_on(method, path, headers, body)


@contextmanager
def gateway(target: str) -> Iterator[Gateway]:
    """Put a gateway before a target."""
    door = Gateway(target)
    with serve_door(door):
        yield door


HEARD = "waiting for requests in flight"
"""What the program says when it has taken note of a signal."""


class Turnstile(Door):
    """Passes requests on to a target, at `url`; of those that write only so many, and the others wait."""

    def __init__(self, target: str, writes: int) -> None:
        super().__init__(target)
        self._change = threading.Condition()
        self._room: float = writes
        self._waiting = 0
        self._drops = False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer once there is room; None is a reset."""
        if method != "GET" and not self._admit():
            return None
        return self.pass_on(method, path, headers, body)

    def let(self, writes: float = math.inf) -> None:
        """Let so many more writes through, those that wait first."""
        with self._change:
            self._room = writes
            self._change.notify_all()

    def drop(self) -> None:
        """Break off those that wait, and let all through that come."""
        with self._change:
            self._drops = True
            self._change.notify_all()
            assert self._change.wait_for(lambda: not self._waiting, WAIT_SECONDS)
            self._drops, self._room = False, math.inf

    def hold(self, process: Forked | subprocess.Popen[str]) -> None:
        """Wait until a process that writes waits in its turn."""
        wait_for(lambda: self._waiting > 0 or process.poll() is not None)
        assert process.poll() is None, "it has ended"

    def interrupt(self, process: Forked, number: signal.Signals = signal.SIGINT) -> Ended:
        """Ask a process that waits to end; when it has heard that, what is on its way arrives."""
        self.hold(process)
        process.send_signal(number)
        listen_for(HEARD, process)
        self.let()
        return finish(process)

    def kill(self, process: Forked) -> None:
        """Kill a process that waits; what was on its way never arrives."""
        self.hold(process)
        process.kill()
        self.drop()

    def _admit(self) -> bool:
        with self._change:
            self._waiting += 1
            self._change.wait_for(lambda: self._drops or self._room > 0)
            self._waiting -= 1
            self._change.notify_all()
            self._room -= not self._drops
            return not self._drops


@contextmanager
def turnstile(target: str, writes: int) -> Iterator[Turnstile]:
    """Put a turnstile before a target; at the end those that wait are broken off."""
    door = Turnstile(target, writes)
    with serve_door(door):
        try:
            yield door
        finally:
            door.drop()
