"""What is unknown becomes known, and nothing is believed too early."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.client import ApiKey, Issue, TriageClient
from importer.ledger import Run, open_ledger
from importer.loader import PacedCalls, Undecidable
from importer.pacing import Breaker, Limiter
from importer.settle import Settler
from tests.fake_triage import FakeTriage, make_issue
from tests.virtual_time import VirtualTime

MARKERS = [f"tir{number:020x}" for number in range(1, 9)]


class Bench:
    """A settler against a fake target, in virtual time."""

    def __init__(self, run: Run, time: VirtualTime) -> None:
        self.run, self.time = run, time
        self.triage = FakeTriage(now=time.clock)

    def add(self, number: int, text: str, at: float) -> None:
        """Let the target have an issue."""
        self.triage.issues.append(make_issue(number, text, at))

    def settle(self, *markers: str, since: float, late: float | None = None) -> list[Issue | BaseException | None]:
        """Settle creates; `late` seconds from now the target commits what it has in store."""
        calls = PacedCalls(
            Limiter(0, clock=self.time.clock, sleep=self.time.sleep), Breaker(self.time.clock), sleep=self.time.sleep
        )

        async def commit() -> None:
            if late is not None:
                await self.time.sleep(late)
                self.triage.commit_late()

        async def main() -> list[Issue | BaseException | None]:
            async with TriageClient("https://t.example", ApiKey("org_x"), transport=self.triage.transport) as client:
                settler = Settler(client, self.run, calls, now=self.time.clock, sleep=self.time.sleep)
                task = asyncio.create_task(commit())
                fates = (settler.settle(f"k{marker}", marker, since) for marker in markers)
                found = await asyncio.gather(*fates, return_exceptions=True)
                task.cancel()
                return found

        return self.time.run(main())


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """Give a settler's surroundings."""
    time = VirtualTime()
    with open_ledger(tmp_path / "ledger.db", now=time.clock) as ledger:
        yield Bench(ledger.begin_run("https://t.example", "s", "d", "m"), time)


def ids(found: list[Issue | BaseException | None]) -> list[str | None]:
    """Reduce what was found to the issues' names."""
    return [issue.triage_id if isinstance(issue, Issue) else None for issue in found]


def test_found_together(bench: Bench) -> None:
    """Several creates are found in one look, soon."""
    now = bench.time.now
    for number in (1, 2, 3):
        bench.add(number, f"text {MARKERS[number - 1]}", now)
    assert ids(bench.settle(*MARKERS[:3], since=now)) == ["T-1001", "T-1002", "T-1003"]
    assert bench.triage.reads == 1
    assert bench.time.now - now < 5


def test_absent_after_two_looks_beyond_the_deadline(bench: Bench) -> None:
    """Absence is believed after 30 seconds and two looks made after that."""
    now = bench.time.now
    assert bench.settle(MARKERS[0], since=now) == [None]
    assert bench.time.now - now >= 31
    assert bench.triage.reads >= 4  # two lists, two searches


def test_deadline_counts_from_the_attempt(bench: Bench) -> None:
    """After a restart the wait does not start anew."""
    now = bench.time.now
    assert bench.settle(MARKERS[0], since=now - 3600) == [None]
    assert bench.time.now - now < 5


@pytest.mark.parametrize("late", [3.0, 15.0, 29.0])
def test_late_commit(bench: Bench, late: float) -> None:
    """A create that the target commits before the deadline is found."""
    bench.triage.late = [make_issue(1, MARKERS[0], bench.time.now)]
    assert ids(bench.settle(MARKERS[0], since=bench.time.now, late=late)) == ["T-1001"]


def test_cut_descriptions(bench: Bench) -> None:
    """Where lists cut descriptions, issues that the ledger doesn't know are read whole, each once."""
    now = bench.time.now
    bench.triage.cut_descriptions = True
    bench.add(1, f"a foreign issue {'x' * 50}", now)
    bench.add(2, f"a long enough text {MARKERS[0]}", now)
    assert ids(bench.settle(*MARKERS[:2], since=now)) == ["T-1002", None]
    assert bench.triage.reads < 30


def test_far_back(bench: Bench) -> None:
    """A look pages back as far as the create is old, and not further than a minute more."""
    now = bench.time.now
    bench.add(1, "ancient", now - 10_000)
    bench.add(2, MARKERS[0], now - 500)
    for number in range(3, 303):
        bench.add(number, f"text tir{number:020x}", now - 400 + number)
    assert ids(bench.settle(MARKERS[0], since=now - 500)) == ["T-1002"]


def test_look_ups_that_fail(bench: Bench) -> None:
    """If looks fail, the fate stays open, and is said to."""
    bench.triage.reads_fail = True
    (fate,) = bench.settle(MARKERS[0], since=bench.time.now)
    assert isinstance(fate, Undecidable)
    assert "no reading today" in str(fate)
