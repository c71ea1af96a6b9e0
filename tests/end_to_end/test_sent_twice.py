"""A proxy that carries some requests out twice: the report's commands lead to a Triage without duplicate issues."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from pathlib import Path

import httpx
import pytest

from importer.api import ISSUES_PATH
from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import PERSON, Nights, Row
from tests.harness.machine import Door, serve_door
from tests.harness.running import Ended, Program, read_csv

ROWS = tuple(Row(f"D-{number}", ("one",)) for number in range(1, 7))
TWICE = {"D-3", "D-6"}


class Repeating(Door):
    """Carries every third create out twice, as long as it `repeats`."""

    def __init__(self, target: str) -> None:
        super().__init__(target)
        self.repeats, self._creates = True, 0

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, and answer as the last time that it was."""
        with self._lock:
            is_create = (method, path) == ("POST", ISSUES_PATH)
            self._creates += is_create
            if is_create and self.repeats and self._creates % 3 == 0:
                self._target.request(method, path, headers=headers, content=body)
            done = self._target.request(method, path, headers=headers, content=body)
        return done.status_code, done.content


def paste_commands(program: Program) -> list[Ended]:
    """Type the commands of the last run's rows that have two issues."""
    said = [row["message"] for row in read_csv(Path("reports/results.csv")) if row["code"] == "duplicate-in-triage"]
    commands = [re.findall(r"triage-import settle .*", each)[-1] for each in said]
    return [program(*shlex.split(command)[1:], "--rate", "0") for command in commands]


def count_titles(nights: Nights) -> Counter[str]:
    return Counter(issue["title"] for issue in nights.sandbox.issues())


@pytest.mark.usefixtures("short_waits")
def test_the_commands_of_the_report(program: Program, serve: Serve) -> None:
    """Each deletes a duplicate; one on which somebody has worked stays, and the command says so."""
    nights = Nights(program, serve())
    door = Repeating(nights.sandbox.url)
    with serve_door(door):
        options = ("--api-url", door.url, "--concurrency", "1")
        first = nights.run(ROWS, *options)
        assert (first.code, count_titles(nights)) == (
            ExitCode.PARTLY,
            {row.key: 1 + (row.key in TWICE) for row in ROWS},
        )
        door.repeats = False
        own = {row["triage_id"] for row in read_csv(Path("reports/results.csv"))}
        (worked_on,) = (
            each for each in nights.sandbox.issues() if each["title"] == "D-6" and each["triage_id"] not in own
        )
        url = f"{nights.sandbox.url}{ISSUES_PATH}/{worked_on['id']}/comments"
        assert httpx.post(url, json={"detail": "Mine."}, headers=PERSON).is_success
        cleaned, kept = paste_commands(program)
        assert (cleaned.code, kept.code) == (ExitCode.DONE, ExitCode.UNUSABLE), kept.err
        assert f"{worked_on['triage_id']} is not deleted: somebody has worked on it" in kept.err
        assert count_titles(nights) == {row.key: 1 + (row.key == "D-6") for row in ROWS}
        again = nights.run(None, *options)
        assert (again.code, again.summary["duplicates"]) == (ExitCode.PARTLY, 1), again.err
        assert httpx.delete(url.removesuffix("/comments"), headers=PERSON).is_success
        (cleaned,) = paste_commands(program)
        assert cleaned.code == ExitCode.DONE, cleaned.err
        last = nights.run(None, *options)
        assert (last.code, last.outcomes(), last.summary["duplicates"]) == (ExitCode.DONE, {"unchanged": 6}, 0), (
            last.err
        )
    assert {issue["triage_id"] for issue in nights.sandbox.issues()} == own
    assert nights.comments() == {row.key: ["one"] for row in ROWS}
