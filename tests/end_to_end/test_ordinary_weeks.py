"""Thirty nights of trackers in which ordinary things happen, and a judge that compares Triage with them, cell by cell.

Presets alone, `--on-change update`, nobody asked. Each feed is delivered in three ways, Jira in a fourth.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.ordinary_judge import Figures, Judge
from tests.harness.ordinary_weeks import FEEDS, NIGHTS, Item, Tracker
from tests.harness.running import LONG, SEED, Ended, Program, read_csv

pytestmark = pytest.mark.slow(seconds=60)

WAYS = ("one by one", "together", "deltas")
OF_PROJECTS = "deltas of projects"
GOOD = (ExitCode.DONE, ExitCode.PARTLY)
DAY = 24 * 3600


class Weeks:
    """A feed delivered in one way, night after night, to one ledger and one Triage."""

    def __init__(self, program: Program, feed: str, way: str, seed: int) -> None:
        self._program, self._way = program, way
        self.tracker = Tracker(seed, FEEDS[feed])
        self.judge, self.figures = Judge(self.tracker), Figures()

    def pass_(self, sandbox: RunningSandbox, night: int) -> None:
        """Let a day pass, import what the tracker exports at night, and judge it."""
        if night:
            self.tracker.pass_day(night)
            self._age_ledger()
        for name, items in self._deliveries(night):
            self._import(sandbox, night, name, items)
        wrong = self.judge.compare(sandbox.issues(), sandbox.comments(), self.figures)
        self.figures.nights_different += self.figures.different
        self.figures.wrong += [f"night {night}: {each}" for each in wrong]
        if night == NIGHTS:
            lacking = self.judge.lacking(sandbox.issues(), sandbox.relations())
            self.figures.unrelated = len(lacking)
            self.figures.wrong += lacking

    def _deliveries(self, night: int) -> Iterator[tuple[Sequence[str], list[Item]]]:
        """Give the names of the files of each run, which are those of projects, and the issues in them."""
        tracker = self.tracker
        projects = [project for project in tracker.feed.projects if tracker.live(project)]
        changed = [item for item in tracker.changed if not item.is_gone]
        if self._way == "together":
            yield projects, tracker.live()
        elif self._way == "one by one":
            for project in projects:
                yield [project], tracker.live(project)
        elif self._way != OF_PROJECTS or not night:
            yield ["changes"], changed
        else:
            for project in projects:
                yield [project], [item for item in changed if item.project == project]

    def _import(self, sandbox: RunningSandbox, night: int, names: Sequence[str], items: Sequence[Item]) -> None:
        if not items:
            return
        feed, files = self.tracker.feed, list[str]()
        for name in names:
            its = [item for item in items if name in ("changes", item.project)]
            files += feed.write(Path(), name.replace("/", "-"), [self.tracker.shown(item) for item in its], night)
        line = ("run", *files, "-m", feed.preset, "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
        line += ("--on-change", "update", "--no-canary", "--settle-seconds", "0.2", "--out", "reports")
        ended = self._program(*line)
        self.figures.runs += 1
        if ended.code not in GOOD:
            self.figures.refused += 1
            self.figures.wrong.append(f"night {night}: exit code {ended.code} for {names}: {_last_words(ended)}")
        self.judge.took(items, night, read_csv(Path("reports/results.csv")) if ended.code in GOOD else [])

    def _age_ledger(self) -> None:
        """Make it a day later for all that was done before."""
        with sqlite3.connect(self._program.ledger) as ledger:
            ledger.execute(f"UPDATE runs SET started_at = started_at - {DAY}, ended_at = ended_at - {DAY}")


def _last_words(ended: Ended) -> str:
    return " | ".join(ended.err.splitlines()[-8:])


SEEDS = range(SEED, SEED + 3)
EVERY = [*((feed, way) for feed in FEEDS for way in WAYS), ("jira", OF_PROJECTS)]
BY_DEFAULT = [
    ("jira", "deltas"),
    ("github", "together"),
    ("azuredevops", "deltas"),
    ("connector", "deltas"),
    ("servicenow", "deltas"),
    ("sheet", "one by one"),
]
"""A way for each feed: together they take a sixth of the time that all take."""


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("seed", SEEDS if LONG else SEEDS[:1])
@pytest.mark.parametrize(("feed", "way"), EVERY if LONG else BY_DEFAULT)
def test_thirty_nights(program: Program, feed: str, way: str, seed: int) -> None:
    """No night is refused, and Triage has what the tracker has, but for what is named as held."""
    weeks = Weeks(program, feed, way, seed)
    with serve_in_thread(HostileOptions()) as sandbox:
        for night in range(NIGHTS + 1):
            weeks.pass_(sandbox, night)
    figures = weeks.figures
    wrong = "\n".join((str(figures), *figures.wrong[:40]))
    assert figures.refused == 0, wrong
    assert (figures.nights_different, figures.doubled, figures.unrelated) == (0, 0, 0), wrong
    assert figures.followed == figures.moves, wrong
