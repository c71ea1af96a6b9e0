"""Ids as a target may write them: now in capitals and now in small letters, or as no other target would."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote, unquote

import pytest

from tests.conftest import Serve
from tests.harness.following import WHOLE, Nights
from tests.harness.hostile import parse_fault
from tests.harness.machine import Door, serve_door
from tests.harness.running import Program, read_csv

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


class Odd(Door):
    """Gives each issue another id and number, by which alone it knows it."""

    def __init__(self, target: str, before: str) -> None:
        super().__init__(target)
        self._before = before
        self.paths = list[str]()

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Translate the ids of a request, and those of its answer."""
        self.paths.append(path)
        path, _, query = path.partition("?")
        plain = unquote(path).replace(self._before, "") + f"?{query}"
        if path.endswith("/relations"):
            body = body.replace(json.dumps(self._before)[1:-1].encode(), b"")
        done = self._target.request(method, plain, headers=headers, content=body)
        return done.status_code, json.dumps(json.loads(done.content, object_hook=self._rename)).encode()

    def _rename(self, found: dict[str, object]) -> dict[str, object]:
        names = ("id", "triage_id", "issue_id", "related_issue_id")
        return found | {name: f"{self._before}{found[name]}" for name in names if found.get(name)}


@pytest.mark.parametrize("before", ["=", "+", "@", "-!", "\t", "=cmd|' /C calc'!A0\n,\"/../ "])
def test_ids_are_cells_like_others(program: Program, serve: Serve, before: str) -> None:
    """No spreadsheet takes one for a formula, and no address that has one in it is another."""
    nights = Nights(program, serve())
    door = Odd(nights.sandbox.url, before)
    with serve_door(door):
        first = nights.run(WHOLE, "--api-url", door.url)
        assert (first.code, first.outcomes()) == (0, {"created": 3}), first.err
        assert program("verify", "last", "--rate", "0").code == 0
        assert program("report", "--source", "demo", "--api-url", door.url).code == 0
        assert all(quote(before, safe="") in path for path in door.paths if "/resources" in path)
    tables = [file for file in Path().rglob("*.csv") if file.parent != Path()]
    assert {"results.csv", "migration.csv"} <= {file.name for file in tables}
    for file in tables:
        cells = [cell for row in read_csv(file) for cell in row.values()]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))], file
        assert file.name == "losses.csv" or any(cell.startswith(f"'{before}") for cell in cells), file
