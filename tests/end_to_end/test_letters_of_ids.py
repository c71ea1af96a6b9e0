"""A target that writes the same id now in capitals and now in small letters: a UUID is the same in either."""

from __future__ import annotations

import re

import pytest

from importer.sandbox.faults import parse_fault
from tests.conftest import Serve
from tests.harness.following import WHOLE, Nights
from tests.harness.machine import Door, serve_door
from tests.harness.running import Program

pytestmark = pytest.mark.slow

UUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Loud(Door):
    """Carries every request out, and shouts the ids in every other answer."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self._answers = 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, whatever letters its ids have."""
        with self._lock:
            self._answers += 1
            loud = self._answers % 2 == 0
            done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, UUID.sub(lambda id_: id_[0].upper(), done.content) if loud else done.content


def test_everything_is_there_once(program: Program, serve: Serve) -> None:
    """Issues are known by their ids in lists, answers and the ledger, and so is what hangs on them."""
    nights = Nights(
        program, serve(faults=tuple(map(parse_fault, ("500-after:create@req=2", "500-after:comment@req=2"))))
    )
    door = Loud(nights.sandbox.url)
    with serve_door(door):
        first = nights.run(WHOLE, "--api-url", door.url)
        assert (first.code, first.outcomes()) == (0, {"created": 3}), first.err
        before, writes = nights.everything(), nights.writes()
        assert before["relations"] == [("D-1", "blocks", "D-2")]
        assert program("verify", "last", "--rate", "0").code == 0
        program.ledger.unlink()
        again = nights.run(None, "--api-url", door.url)
        assert (again.code, again.outcomes()) == (0, {"unchanged": 3}), again.err
        assert (nights.everything(), nights.writes()) == (before, writes)
