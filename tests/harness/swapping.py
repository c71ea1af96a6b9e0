"""A gateway that is out of step, and people who work behind it: answers of one kind are swapped between requests."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from random import Random

import httpx

from tests.harness.doors import Door, serve_door
from tests.harness.following import PERSON
from tests.harness.hostile import RunningSandbox

PAUSE = 0.03
"""Seconds between two requests of a person."""
MINE, WORD = "Mine", "A person's word."
PATIENCE = 0.15
"""Seconds for which an answer waits for another of its kind."""
_ID = re.compile(r"/[0-9a-f-]{36}")
_ISSUES = "/v1/triage/issues"


class Swapping(Door):
    """Passes requests on to a target, at `url`, and swaps the answers to two of a kind that are on their way at once.

    swapped     kind of request → how many answers were swapped
    is_in_step  whether none is any more
    """

    def __init__(self, target: str, seed: int) -> None:
        super().__init__(target)
        self.headers, self.swapped, self.is_in_step = {}, Counter[str](), False
        self._draw, self._change = Random(seed), threading.Condition()
        self._offered: dict[str, list[tuple[int, bytes]]] = {}  # kind → its own answer, then another's

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Carry a request out, and answer with what the target said to it, or to another."""
        own = self.pass_on(method, path, headers, body)
        kind = f"{method} {_ID.sub('/ID', path.partition('?')[0])}"
        with self._change:
            if self.is_in_step or own[0] >= 300 or self._draw.random() < 0.3:
                return own
            if (other := self._offered.pop(kind, None)) is not None:
                self.swapped[kind] += 2
                other.append(own)
                self._change.notify_all()
                return other[0]
            mine = self._offered[kind] = [own]
            self._change.wait_for(lambda: len(mine) > 1, PATIENCE)
            if self._offered.get(kind) is mine:
                del self._offered[kind]
            return mine[-1]


class People:
    """People who make issues and comments through a gateway, and read; they never believe what it answers.

    issues  all that they have made: title → description
    """

    def __init__(self, sandbox: RunningSandbox, url: str, seed: int) -> None:
        self._sandbox, self._draw, self._ended = sandbox, Random(seed), threading.Event()
        self._client = httpx.Client(base_url=url, headers=PERSON, timeout=30)
        self._numbers, self.issues = count(1), dict[str, str]()
        works = (self._make, self._look, self._comment)
        self._threads = [threading.Thread(target=self._repeat, args=(each,)) for each in works]

    def _repeat(self, work: Callable[[], object]) -> None:
        while not self._ended.wait(PAUSE):
            work()

    def _make(self) -> None:
        number = next(self._numbers)
        body = {"title": f"{MINE} {number}", "description": f"What a person saw, {number} times.", "status": "todo",
                "severity": "low", "category": "General", "source": "client"}  # fmt: skip
        assert self._client.post(_ISSUES, json=body).is_success
        self.issues[body["title"]] = body["description"]

    def _look(self) -> None:
        """Look at an issue of theirs in every way."""
        path = self._choose()
        self._client.get(self._draw.choice([path, f"{_ISSUES}?limit=100", f"{path}/activity?limit=100"]))

    def _comment(self) -> None:
        self._client.post(f"{self._choose()}/comments", json={"detail": WORD})

    def _choose(self) -> str:
        own = [issue["id"] for issue in self._sandbox.issues() if issue["title"].startswith(MINE)]
        return f"{_ISSUES}/{self._draw.choice(own or ['none'])}"

    def __enter__(self) -> People:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for each in self._threads:
            each.join()
        self._client.close()

    def find_harm(self) -> list[str]:
        """Say, once they have ended, what became of their issues that none of them did."""
        there = [issue for issue in self._sandbox.issues() if issue["title"].startswith(MINE)]
        harm = [f"{title} is gone" for title in self.issues.keys() - {issue["title"] for issue in there}]
        for issue in there:
            as_left = (self.issues[issue["title"]], "todo", "low")
            if (issue["description"], issue["status"], issue["severity"]) != as_left:
                harm.append(f"{issue['title']} is changed")
        ids = {issue["id"] for issue in there}
        others = [each["detail"] for each in self._sandbox.comments() if each["issue_id"] in ids]
        return harm + [text for text in others if text != WORD]


def others(sandbox: RunningSandbox) -> list[str]:
    """The titles of all issues that no person has made."""
    return [issue["title"] for issue in sandbox.issues() if not issue["title"].startswith(MINE)]


@contextmanager
def swapped(sandbox: RunningSandbox, seed: int) -> Iterator[tuple[Swapping, People]]:
    """Put such a gateway before a target, with people behind it."""
    door = Swapping(sandbox.url, seed)
    with serve_door(door), People(sandbox, door.url, seed) as people:
        yield door, people
