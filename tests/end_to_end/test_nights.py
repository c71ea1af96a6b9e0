"""Nights: one source that changes from night to night, imported each night, whatever dies meanwhile.

The target misbehaves, attempts are killed, a second start comes while the first one works, and some nights are never
finished. After each that is, ledger and target agree: each key that was ever good is there once, under the same id.
"""

from __future__ import annotations

import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from importer.errors import ExitCode
from importer.ledger.opening import read_ledger
from importer.ledger.schema import State
from importer.transform.markers import find_marker, record_marker
from importer.triage.target import normalise_target
from tests.end_to_end.storm import faults_of
from tests.harness.attempts import Command
from tests.harness.forked import Forked
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.promises import Say, Tally, check_end, promise
from tests.harness.running import LONG, SEED, read_csv, write_csv
from tests.harness.weather import draw_oddities

pytestmark = pytest.mark.slow(seconds=40)

SOURCE_NAME = "jira"
MADE_BEFORE = "changed-meanwhile"
"""Code of a row whose issue an earlier, unfinished night made as the row was then."""


@dataclass(frozen=True)
class Settings:
    """What the nights are like: `rows` is the source's size in the first, `on_change` what becomes of changed rows.

    `unfinished` is the share of nights, 0 to 1, that end with a kill.
    """

    seed: int
    nights: int = 30
    rows: int = 60
    settle_seconds: float = 2.0
    on_change: str = "report"
    unfinished: float = 0.15


class Source:
    """A source that is another one each night. A title carries its row's version, so that it says who wrote it."""

    def __init__(self, random: Random, rows: int) -> None:
        self._random = random
        self._versions: dict[int, int] = {}
        self._last = 0
        self._add(rows)
        self.good: dict[str, str] = {}
        self.rows: list[tuple[str, ...]] = []

    def _add(self, rows: int) -> None:
        for _ in range(rows):
            self._last += 1
            self._versions[self._last] = 1

    def _row(self, number: int, priority: str = "High") -> tuple[str, ...]:
        title = f"Title {number} version {self._versions[number]}"
        return (f"PROJ-{number}", title, priority, "To Do", "Bug", "word " * (1 + number % 3 * 20))

    def turn(self) -> None:
        """Make tonight's source out of last night's; `good` is key → title of the rows that are to be issues."""
        random = self._random
        self._add(random.randint(2, 8))
        for number in random.sample(sorted(self._versions), 4):
            self._versions[number] += 1
        for number in random.sample(sorted(self._versions), 2):
            del self._versions[number]
        numbers = random.sample(sorted(self._versions), len(self._versions))
        bad = set(numbers[: random.choice((0, 0, 1, 2))])
        good = {number: self._row(number) for number in numbers if number not in bad}
        self.good = {f"{SOURCE_NAME}:{row[0]}": row[1] for row in good.values()}
        repeated = random.sample(list(good.values()), random.randint(0, 3))
        self.rows = [*good.values(), *(self._row(number, "No such priority") for number in bad), *repeated]


class Calendar:
    """The nights in order, and what is to be at the target after each."""

    def __init__(self, settings: Settings, command: Command, sandbox: RunningSandbox, tally: Tally) -> None:
        self.settings, self.command, self.sandbox, self.tally = settings, command, sandbox, tally
        self.random = Random(f"{settings.seed} nights")
        self.source = Source(self.random, settings.rows)
        self.titles: dict[str, str] = {}  # of the keys that a finished night has seen good, as they were at the target
        self.tried: dict[str, set[str]] = {}  # the titles that nights since the last finished one wanted

    def night(self, last: bool) -> None:
        """Import tonight's source, with kills and second starts; only the last surely finishes. Raises Broken."""
        self.source.turn()
        write_csv(self.command.folder / "export.csv", self.source.rows)
        for key, title in self.source.good.items():
            self.tried.setdefault(key, set()).add(title)
        self.tally.count(nights=1)
        for wait in self.random.choices((self._overlap, self._wait), k=self.random.randint(0, 3)):
            ended = self.command.attempt(wait)
            if ended is None:
                self.tally.count(kills=1)
            else:
                check_end(ended, len(self.source.rows))
        if not last and self.random.random() < self.settings.unfinished:
            self.tally.count(unfinished=1)
            return
        self.command.finish(len(self.source.rows), self.sandbox)
        results = read_csv(self.command.folder / "reports" / "results.csv")
        self._check_target({result["key"] for result in results if result["code"] == MADE_BEFORE})
        self._check_ledger()
        self._check_results(results)
        self.tried.clear()

    def _wait(self, process: Forked) -> None:
        process.wait(self.random.uniform(0.3, 2.0))

    def _overlap(self, process: Forked) -> None:
        """Let a second start come while the first one, which is stopped for that long, is at work."""
        before = self.sandbox.requests()
        while self.sandbox.requests() == before and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGSTOP)
        second = self.command.attempt(lambda process: process.wait(60))
        seen = self.sandbox.requests()
        process.send_signal(signal.SIGCONT)
        if second is not None and second.code == ExitCode.LEDGER_IN_USE:
            reasons = (f"in use by process {process.pid}", "Another process writes its reports")  # its last work
            promise(any(reason in second.err for reason in reasons), "silent", f"a second start: {second}")
            self.tally.count(overlaps=1)
            process.wait(self.random.uniform(0, 1.0))
        else:  # right only if the first one had no more to do than to leave
            process.wait(10)
            left = process.poll() is not None and self.sandbox.requests() == seen
            promise(left, "doubled", f"a second start was not refused: {second}")

    def _check_target(self, made_before: set[str]) -> None:
        """Each key that a finished night saw good is at the target once, with a title that it was to have."""
        found: dict[str, dict[str, Any]] = {}
        for issue in self.sandbox.issues():
            marker = find_marker(issue["description"])
            promise(marker not in found, "doubled", issue["title"])
            found[marker] = issue
        for key in sorted({*self.titles, *self.tried}):
            title = found.pop(record_marker(key), {"title": ""})["title"]
            if title:
                expected = self.tried[key] if key in made_before else self._titles_of(key)
                promise(title in expected, "misreported", f"{key} is {title!r}, none of {expected}")
                self.titles[key] = title
            else:  # a row that was in unfinished nights only, and is gone since, need not have been sent
                promise(key not in self.titles and key not in self.source.good, "lost", key)
        promise(not found, "doubled", f"nobody asked for {found}")

    def _titles_of(self, key: str) -> set[str]:
        """What the policy lets a key's title be after a finished night."""
        before, tried = {self.titles[key]} if key in self.titles else set(), self.tried.get(key, set())
        if self.settings.on_change == "update":
            return {self.source.good[key]} if key in self.source.good else before | tried
        return before or tried

    def _check_ledger(self) -> None:
        """The ledger knows the issues of the target, each by the same ids, and no others."""
        keys = sorted({*self.titles, *self.tried})
        with read_ledger(self.command.folder / self.command.ledger) as ledger:
            known = ledger.find_known(normalise_target(self.command.url), SOURCE_NAME, keys)
        ours = {record_marker(key): (it.issue_id, it.triage_id) for key, it in known.items() if it.state is State.DONE}
        theirs = {
            find_marker(issue["description"]): (issue["id"], issue["triage_id"]) for issue in self.sandbox.issues()
        }
        promise(ours == theirs, "misreported", f"the ledger and not the target: {dict(ours.items() ^ theirs.items())}")

    def _check_results(self, results: Sequence[Mapping[str, str]]) -> None:
        """What is `created`, `updated` or `unchanged` is at the target as it is in the source; else a code says why."""
        titles = {issue["triage_id"]: issue["title"] for issue in self.sandbox.issues()}
        wanted = [f"{SOURCE_NAME}:{row[0]}" for row in self.source.rows]
        promise([result["key"] for result in results] == wanted, "misreported", "not every row has its result")
        codes = {"rejected": ["severity-unknown"], "changed": ["changed"], "skipped": ["same-as"]}
        for row, result in zip(self.source.rows, results, strict=True):
            title = row[1]
            there = titles.get(result["triage_id"])
            if result["code"] == MADE_BEFORE:
                wrong = result["outcome"] != "created" or there == title
                promise(not wrong, "misreported", f"{result} is {there!r}, the source says {title!r}")
            elif result["outcome"] in ("created", "updated", "unchanged"):
                promise(there == title, "misreported", f"{result} is {there!r}, the source says {title!r}")
            else:
                promise(result["code"] in codes.get(result["outcome"], []), "misreported", f"{result} of {title!r}")


def run_nights(settings: Settings, say: Say) -> Tally:
    """So many nights; the first that breaks a promise is the last. What was broken is in the tally."""
    tally = Tally(say)
    chances = {"429": 0.5, "403-after": 0.5}  # those 429 make it crawl, and each 403 stops it
    faults = faults_of(lambda kind, where: chances.get(kind, 2), settings.settle_seconds, settings.settle_seconds / 2)
    weather = HostileOptions(faults=faults, seed=settings.seed, cut_descriptions=True, search_lag=1.0)
    weather = draw_oddities(Random(f"{settings.seed} weather"), weather, settings.settle_seconds)
    more: tuple[str, ...] = ("--rate", "0", "--max-rejected", "20%", "--no-canary")
    if settings.on_change != "report":
        more += ("--on-change", settings.on_change)
    with tempfile.TemporaryDirectory(prefix="nights-") as folder, serve_in_thread(weather) as sandbox:
        command = Command(Path(folder), sandbox.url, "ledger.db", settings.settle_seconds, more)
        calendar = Calendar(settings, command, sandbox, tally)
        for number in range(1, settings.nights + 1):
            name = f"seed {settings.seed}, night {number}"
            with tally.judging(name):
                calendar.night(last=number == settings.nights)
            if tally.broken:
                break
            say(f"{name}: {len(calendar.source.rows)} rows, {len(calendar.titles)} issues")
        tally.count(issues=len(sandbox.issues()), requests=sandbox.requests().total())
    return tally


@pytest.mark.parametrize("on_change", ["report", "update"])
def test_a_few_nights(on_change: str) -> None:
    """After each finished night ledger and target agree, whatever was killed, repeated, changed or gone."""
    nights, rows = (30, 60) if LONG else (4, 20)
    settings = Settings(seed=SEED, nights=nights, rows=rows, settle_seconds=3.0, on_change=on_change)
    said: list[str] = []
    tally = run_nights(settings, said.append)
    assert not tally.broken, tally.broken
    assert tally.counts["nights"] == settings.nights
    assert tally.counts["issues"] > settings.rows, said


def test_a_source_that_changes() -> None:
    """Thirty nights have everything that sources do: new, changed, gone, repeated, bad and moved rows."""
    source = Source(Random(1), 20)
    seen = set[str]()
    for _ in range(30):
        good, rows = dict(source.good), list(source.rows)
        source.turn()
        both = good.keys() & source.good.keys()
        seen |= {"new"} if source.good.keys() - good.keys() else set()
        seen |= {"gone"} if good.keys() - source.good.keys() else set()
        seen |= {"changed"} if any(good[key] != source.good[key] for key in both) else set()
        seen |= {"repeated"} if len(source.rows) > len(set(source.rows)) else set()
        seen |= {"bad"} if any(row[2] != "High" for row in source.rows) else set()
        seen |= {"moved"} if source.rows[: len(rows)] != rows else set()
    assert seen == {"new", "gone", "changed", "repeated", "bad", "moved"}
