"""A gateway before a target, which answers in its place while the target is down."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from tests.harness.machine import Door, serve_door

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
        self._target = httpx.Client(base_url=target, timeout=None)
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
        done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, done.content


@contextmanager
def gateway(target: str) -> Iterator[Gateway]:
    """Put a gateway before a target."""
    door = Gateway(target)
    with serve_door(door):
        yield door
