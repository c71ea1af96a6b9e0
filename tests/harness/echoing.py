"""A target that shows the API key in all that it says."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.harness.doors import Door, serve_door

PLACE = "%ECHO%"
REFUSED = json.dumps({"data": None, "errors": [{"error": "no", "message": f"not with {PLACE}"}]}).encode()


class EchoingDoor(Door):
    """Shows the key that it is given in every header and in every text that it answers.

    The second create of all is refused, the third is carried out and answers 500. With `refusal` everything is refused.
    """

    def __init__(self, target: str, form: Callable[[str], str]) -> None:
        super().__init__(target)
        self._form = form
        self.refusal = 0
        self.creates = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        key = headers["Authorization"]
        self.headers = dict.fromkeys(("WWW-Authenticate", "Retry-After", "X-Request-Id"), key)
        status, content = self._answer(method, path, headers, body)
        return status, content.replace(PLACE.encode(), self._form(key).encode())

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if self.refusal:
            return self.refusal, REFUSED
        self.creates += method == "POST"
        if method == "POST" and self.creates == 2:
            return 400, REFUSED
        answer = super().answer(method, path, headers, body)
        assert answer is not None
        if method == "POST" and self.creates == 3:
            return 500, f"<html>{PLACE}".encode()
        status, content = answer
        return status, json.dumps(json.loads(content, object_hook=_echo)).encode() if content else b""


def _echo(document: dict[str, Any]) -> dict[str, Any]:
    """Put an echo into an issue, its activity, and what else has texts."""
    texts = ("title", "category", "detail", "owner_id")
    return document | {name: f"{document[name] or ''} {PLACE}" for name in texts if name in document} | {PLACE: PLACE}


@contextmanager
def echoing(target: str, form: Callable[[str], str]) -> Iterator[EchoingDoor]:
    """Put an echoing door before a target."""
    door = EchoingDoor(target, form)
    with serve_door(door):
        yield door
