"""What is unknown becomes known, and nothing is believed too early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from importer.ledger.journal import Decision
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.load.creates import Loader
from importer.load.driver import RunConnection
from importer.load.settling import Settler
from importer.load.updates import Updater
from importer.records import Operation, Outcome, Row
from importer.triage.absence import Sought
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls, Undecidable
from tests.harness.bench import Bench, opened
from tests.harness.fake_triage import FakeTriage, footer, make_issue, make_operation
from tests.harness.virtual_time import VirtualTime

T = TypeVar("T")
MARKERS = [f"tir{number:020x}" for number in range(1, 9)]


OLDER = 90
"""The number of an issue that is there from the beginning."""


class Settling(Bench):
    """A settler against a fake target."""

    def __init__(self, ledger: Ledger, time: VirtualTime) -> None:
        super().__init__(time, ledger)
        self.run = self.begin()
        self.triage = FakeTriage(now=time.clock)
        self.transport = self.triage.transport

    def add(self, number: int, text: str, at: float) -> None:
        self.triage.issues.append(make_issue(number, text, at))

    def settle(
        self,
        *markers: str,
        since: float,
        mark: float | None = None,
        meanwhile: Coroutine[None, None, None] | None = None,
    ) -> list[Issue | BaseException | None]:
        """Settle creates while something else happens.

        `mark` is the creation time of an older issue that the target has shown before them; by default, `since`.
        """
        if mark is None:
            mark = since
            self.add(OLDER, footer(OLDER), mark)

        async def main(settler: Settler) -> list[Issue | BaseException | None]:
            task = asyncio.create_task(meanwhile) if meanwhile is not None else None
            outcomes = (settler.settle(KnownCreate("k", marker=marker, since=since, mark=mark)) for marker in markers)
            found = await asyncio.gather(*outcomes, return_exceptions=True)
            if task is not None:
                task.cancel()
            return found

        return self.with_settler(main)

    def with_settler(self, use: Callable[[Settler], Coroutine[Any, Any, T]]) -> T:
        return self.with_client(
            lambda client, calls: use(Settler(RunConnection(client, self.run, calls, now=self.time.clock)))
        )

    async def commit(self, late: float) -> None:
        """Let the target commit, so many seconds from now, what it has in store."""
        await self.time.sleep(late)
        self.triage.commit_late()

    async def commit_in_order(self, late: float) -> None:
        """The same, where the list is in the order of the times of the requests."""
        await self.commit(late)
        self.triage.issues.sort(key=lambda issue: str(issue["created_at"]))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Settling]:
    """Give a settler's surroundings."""
    time = VirtualTime()
    with opened(tmp_path, time) as ledger:
        yield Settling(ledger, time)


def ids(found: list[Issue | BaseException | None]) -> list[str | None]:
    """Reduce what was found to the issues' names."""
    return [issue.triage_id if isinstance(issue, Issue) else None for issue in found]


def test_found_together(bench: Settling) -> None:
    """Several creates are found in one look, soon."""
    now = bench.time.now
    for number in (1, 2, 3):
        bench.add(number, f"text\n{footer(number)}", now)
    assert ids(bench.settle(*MARKERS[:3], since=now)) == ["T-1001", "T-1002", "T-1003"]
    assert bench.triage.reads == 4  # a list, and each whole
    assert bench.time.now - now < 5


def test_absent_after_two_looks_beyond_the_deadline(bench: Settling) -> None:
    """Absence is believed after 30 seconds and two looks made after that."""
    now = bench.time.now
    assert bench.settle(MARKERS[0], since=now) == [None]
    assert bench.time.now - now >= 31
    assert bench.triage.reads >= 4  # two lists, two searches


@pytest.mark.parametrize(("texts", "shown"), [(["one row", "another"], ["T-1001", None]), (["row", "row"], [])])
def test_an_issue_whose_marker_is_cut_off(bench: Settling, texts: list[str], shown: list[str | None]) -> None:
    """It is found by title and beginning, unless it may be that of several creates; others know it by its marker."""
    now = bench.time.now
    bench.add(OLDER, footer(OLDER), now)
    bench.add(1, texts[0], now)
    creates = [
        KnownCreate(text, marker=marker, since=now, mark=now, sought=Sought.encode("x", text))
        for text, marker in zip(texts, MARKERS, strict=False)
    ]

    async def settle(settler: Settler) -> list[Issue | BaseException | None]:
        return await asyncio.gather(*map(settler.settle, creates), return_exceptions=True)

    outcomes = bench.with_settler(settle)
    if shown:
        assert ids(outcomes) == shown
    else:
        assert [str(each) for each in outcomes] == ["T-1001 has no marker, and may be the issue of several rows"] * 2
    assert ids(bench.settle(MARKERS[2], since=now)) == [None]


def test_a_list_that_lacks_what_it_has_shown(bench: Settling) -> None:
    """An empty list, or one that stands still, is no sign that an issue was not made: it stays unknown."""
    now = bench.time.now
    for shown in (0, 1):
        (found,) = bench.settle(MARKERS[0], since=now, mark=now - 5)
        assert isinstance(found, Undecidable), shown
        bench.add(OLDER + 1, footer(OLDER + 1), now - 7)
    bench.add(OLDER, footer(OLDER), now - 5)
    assert bench.settle(MARKERS[0], since=now, mark=now - 5) == [None]


@pytest.mark.parametrize("is_deleted", [True, False])
def test_a_list_whose_oldest_issues_were_deleted(bench: Settling, is_deleted: bool) -> None:
    """It proves an absence if it shows all that the run has made, or a look says that this was deleted."""
    now = bench.time.now
    bench.run.register(Row(1, "f", number, number, f"k{number}", Outcome.PLANNED, raw=()) for number in (2, 3))
    for number, at in ((2, now - 5), (3, now + 1)):
        bench.add(number, footer(number), at)
        issue = bench.triage.issues[-1]
        made = Decision(f"k{number}", State.DONE, issue_id=issue["id"], triage_id=issue["triage_id"])
        bench.run.decide([made], [make_operation(number)])
    before = bench.triage.issues[0]
    if is_deleted:
        bench.triage.issues.remove(before)
    else:
        bench.triage.unlisted = {before["id"]}
    (found,) = bench.settle(MARKERS[0], since=now, mark=now - 5)
    assert found is None if is_deleted else isinstance(found, Undecidable)


def test_a_list_that_proves_nothing_and_a_search_that_finds(bench: Settling) -> None:
    """What the search finds is there, whatever the list lacks."""
    bench.add(1, footer(1), bench.time.now)
    bench.triage.unlisted = {issue["id"] for issue in bench.triage.issues}
    assert ids(bench.settle(MARKERS[0], since=bench.time.now, mark=bench.time.now - 5)) == ["T-1001"]


def test_deadline_counts_from_the_attempt(bench: Settling) -> None:
    """After a restart the wait does not start anew."""
    now = bench.time.now
    assert bench.settle(MARKERS[0], since=now - 3600) == [None]
    assert bench.time.now - now < 5


@pytest.mark.parametrize("late", [3.0, 15.0, 29.0])
def test_late_commit(bench: Settling, late: float) -> None:
    """A create that the target commits before the deadline is found."""
    bench.triage.late = [make_issue(1, footer(1), bench.time.now)]
    assert ids(bench.settle(MARKERS[0], since=bench.time.now, meanwhile=bench.commit(late))) == ["T-1001"]


def test_a_commit_between_the_two_looks(bench: Settling) -> None:
    """One look that finds nothing decides nothing: what the target commits right after it is found by the second."""
    bench.triage.late = [make_issue(1, footer(1), bench.time.now)]
    assert ids(bench.settle(MARKERS[0], since=bench.time.now, meanwhile=bench.commit(30.5))) == ["T-1001"]


def test_cut_descriptions(bench: Settling) -> None:
    """Where lists cut descriptions, issues that the ledger doesn't know are read whole, each once."""
    now = bench.time.now
    bench.triage.cut_at = 5
    bench.add(1, f"a foreign issue {'x' * 50}", now)
    bench.add(2, f"a long enough text\n{footer(1)}", now)
    assert ids(bench.settle(*MARKERS[:2], since=now)) == ["T-1002", None]
    assert bench.triage.reads < 30


QUOTATIONS = {
    "a marker": f"see copy of {MARKERS[1]}\n\n---\n{footer(1)}",
    "a whole footer": f"Kim wrote:\n{footer(2)}\nand nothing else\n{footer(1)}",
}


@pytest.mark.parametrize("text", QUOTATIONS.values(), ids=QUOTATIONS)
def test_quoted_marker(bench: Settling, text: str) -> None:
    """An issue that quotes another's marker is not taken for it, wherever lists cut, even right after the quotation."""
    for cut_at in (None, 5, text.index(MARKERS[1]) + len(MARKERS[1]), len(text) - len(footer(1)) - 1):
        now = bench.time.now
        bench.triage.issues.clear()
        bench.triage.cut_at = cut_at
        bench.add(1, text, now)
        assert ids(bench.settle(*MARKERS[:2], since=now)) == ["T-1001", None]


def test_cut_after_the_quotation_of_another(bench: Settling) -> None:
    """An issue whose cut text ends with the footer of another is found by search."""
    now = bench.time.now
    bench.triage.cut_at = len(footer(2))
    bench.add(1, f"{footer(2)}\nwas the copy\n{footer(1)}", now)
    assert ids(bench.settle(MARKERS[0], since=now)) == ["T-1001"]


def test_text_below_the_footer(bench: Settling) -> None:
    """What people add below the footer takes no marker away."""
    now = bench.time.now
    bench.add(1, f"text\n{footer(1)}\nKim: still so today", now)
    assert ids(bench.settle(MARKERS[0], since=now)) == ["T-1001"]


def test_an_issue_of_another_key(bench: Settling) -> None:
    """An issue that the ledger knows as another key's settles none, even if somebody put the footer at its end."""
    now = bench.time.now
    bench.add(1, f"text\n{footer(1)}\ncopied: {MARKERS[1]}\n{footer(2)}", now)

    async def send() -> None:
        async with bench.run.sending(1):
            await bench.run.intend(Operation("k1", "POST", "/v1/triage/issues", b"{}", MARKERS[0]))
            issue = bench.triage.issues[0]
            bench.run.record(Decision("k1", State.DONE, issue_id=issue["id"], triage_id=issue["triage_id"]))

    asyncio.run(send())
    assert bench.settle(MARKERS[1], since=now) == [None]


def test_one_issue_settles_one_key(bench: Settling) -> None:
    """An issue that was given to a create is not given to another, whatever becomes of its text."""
    now = bench.time.now
    bench.add(1, f"text\n{footer(1)}", now)
    bench.triage.late = [bench.triage.issues[0] | {"description": footer(2)}]

    async def edit() -> None:
        await bench.time.sleep(3)
        bench.triage.issues.clear()
        bench.triage.commit_late()

    assert ids(bench.settle(*MARKERS[:2], since=now, meanwhile=edit())) == ["T-1001", None]


def test_read_before_its_create_failed(bench: Settling) -> None:
    """An issue that a look read while its create was still on its way is found when that gets no answer."""
    now = bench.time.now
    bench.triage.cut_at = 5
    bench.triage.searchable = False
    bench.add(1, f"a long enough text\n{footer(1)}", now)
    bench.add(2, f"a long enough text\n{footer(2)}", now)

    async def main(settler: Settler) -> list[Issue | None]:
        first = await settler.settle(KnownCreate("k1", marker=MARKERS[0], since=now, mark=now))
        return [first, await settler.settle(KnownCreate("k2", marker=MARKERS[1], since=bench.time.now, mark=now))]

    assert ids(list(bench.with_settler(main))) == ["T-1001", "T-1002"]


def test_far_back(bench: Settling) -> None:
    """A look pages back as far as the create is old, and not further than a minute more."""
    now = bench.time.now
    bench.add(1, "ancient", now - 10_000)
    bench.add(2, footer(1), now - 500)
    for number in range(3, 303):
        bench.add(number, f"text\n{footer(number)}", now - 400 + number)
    assert ids(bench.settle(MARKERS[0], since=now - 500)) == ["T-1002"]


@pytest.mark.parametrize("hours", [-1.0, 1.0])
def test_another_clock(bench: Settling, hours: float) -> None:
    """A look goes as far back as the target's own times say, whatever our clock says, and a late commit is found."""
    now = bench.time.now = 1_000_000.0
    there = now + 3600 * hours
    for number in range(10, 310):
        bench.add(number, f"text\n{footer(number)}", there + number)
    bench.triage.late, bench.triage.searchable = [make_issue(1, footer(1), there)], False
    found = bench.settle(MARKERS[0], since=now, mark=there, meanwhile=bench.commit_in_order(30.5))
    assert ids(found) == ["T-1001"]


@pytest.mark.parametrize("created_at", ["2026-11-26T08:00:00", "26.11.2026 08:00", ""])
def test_times_that_nobody_understands(bench: Settling, created_at: str) -> None:
    """Times without a zone, unreadable ones and none lose nothing: what can't be compared ends no reading."""
    for number in range(1, 251):
        bench.add(number, f"text\n{footer(number)}", 0.0)
        bench.triage.issues[-1]["created_at"] = created_at
    bench.triage.searchable = False
    assert ids(bench.settle(MARKERS[0], since=bench.time.now, mark=0.0)) == ["T-1001"]


def load(bench: Bench, rows: list[Operation]) -> None:
    """Send creates, four at a time."""
    run = bench.begin()
    run.register(Row(1, "a", int(each.key[1:]), 1, each.key, Outcome.PLANNED) for each in rows)

    async def main(client: TriageClient, calls: PacedCalls) -> None:
        connection = RunConnection(client, run, calls, concurrency=4, now=bench.time.clock)
        await Loader(connection, Updater(connection)).load(iter(rows))

    bench.with_client(main)
