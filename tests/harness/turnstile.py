"""A target that lets through as many writes as a test says: how far an import has come is no question of time."""

from __future__ import annotations

import math
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.harness.forked import Forked
from tests.harness.machine import Door, serve_door
from tests.harness.running import WAIT_SECONDS, Ended, finish, listen_for, wait_for

HEARD = "waiting for requests in flight"
"""What the program says when it has taken note of a signal."""


class Turnstile(Door):
    """Passes requests on to a target, at `url`; of those that write only so many, and the others wait."""

    def __init__(self, target: str, writes: int) -> None:
        super().__init__(target)
        self._target = httpx.Client(base_url=target, timeout=None)
        self._change = threading.Condition()
        self._room: float = writes
        self._waiting = 0
        self._drops = False

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer once there is room; None is a reset."""
        if method != "GET" and not self._admit():
            return None
        done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, done.content

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
