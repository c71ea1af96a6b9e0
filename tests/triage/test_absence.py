"""What is made of a 404: an absence is believed slowly, and an outage is none."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from importer.errors import TargetUnreachable
from importer.triage.absence import Absence, NotYet, Sought, find_unmarked
from importer.triage.answers import Issue, read_issue
from importer.triage.paced import Interrupted, PacedCalls, Undecidable
from tests.harness.bench import Bench
from tests.harness.fake_triage import make_issue
from tests.harness.virtual_time import VirtualTime

ISSUE = make_issue(1, "text", 1000.0)
OWN: dict[str, Any] = {"data": None, "errors": [{"error": "not_found", "message": "Issue not found"}]}
FOREIGN = (
    httpx.Response(404, json={"message": "no Route matched"}),
    httpx.Response(404, json={"error": "not found"}),
    httpx.Response(404, json={"data": None, "errors": []}),
    httpx.Response(404, text="<html>"),
    httpx.Response(410, text=""),
)


class Gateway(Bench):
    """An issue that isn't there `until` a time; a gateway answers for a target that is `down` until a time."""

    def __init__(self) -> None:
        super().__init__(VirtualTime())
        self.start = self.time.now
        self.until = self.down = 0.0
        self.answer = httpx.Response(404, json=OWN)
        self.lists = 0
        self.looks: list[float] = []
        self.transport = httpx.MockTransport(self._handle)

    def _handle(self, request: httpx.Request) -> httpx.Response:
        after = self.time.now - self.start
        is_list = request.url.path.endswith("/issues")
        if is_list:
            self.lists += 1
        else:
            self.looks.append(after)
        if after < self.down or (not is_list and after < self.until):
            return self.answer
        data = {"items": [], "next_cursor": None} if is_list else ISSUE
        return httpx.Response(200, json={"data": data, "errors": None})

    def read(self, since: float = 0.0, work: Callable[[Absence, PacedCalls], Any] | None = None) -> Issue | None:
        """Read the issue, whose create was answered so many seconds after the start, until it is sure."""

        async def read(client: Any, calls: PacedCalls) -> Issue | None:
            absence = Absence(client, calls, settle_seconds=30, now=self.time.clock)
            if work is not None:
                work(absence, calls)
            return await absence.read(ISSUE["id"], since and self.start + since)

        return self.with_client(read)


@pytest.fixture
def bench() -> Gateway:
    """Give a target with one issue."""
    return Gateway()


def test_an_issue_that_is_there(bench: Gateway) -> None:
    """It costs one request."""
    issue = bench.read()
    assert issue is not None
    assert (issue.id, bench.looks, bench.lists) == (ISSUE["id"], [0.0], 0)


def test_gone_after_two_looks_apart(bench: Gateway) -> None:
    """Of an issue that was made long ago the API's own 404 is believed when a second look agrees."""
    bench.until = 999.0
    assert bench.read() is None
    assert (bench.looks, bench.lists) == ([0.0, 5.0], 0)


@pytest.mark.parametrize("answer", FOREIGN)
def test_gone_in_another_form(bench: Gateway, answer: httpx.Response) -> None:
    """A gateway's 404 counts half, and each is followed by a look at the list, which is always there."""
    bench.until, bench.answer = 999.0, answer
    assert bench.read() is None
    assert (bench.looks, bench.lists) == ([0.0, 5.0, 10.0, 15.0], 4)


@pytest.mark.parametrize("seconds", [0.5, 1, 4, 29])
def test_not_yet(bench: Gateway, seconds: float) -> None:
    """An issue that was just made is waited for, as long as it may take to be seen."""
    bench.until = seconds
    assert bench.read(since=-0.1) is not None
    assert bench.looks[-1] < seconds + 8


def test_never(bench: Gateway) -> None:
    """The wait has an end: settle-seconds, and two looks after them."""
    bench.until = 999.0
    assert bench.read(since=0.1) is None
    assert 30 <= bench.looks[-2] < 40
    assert bench.looks[-1] == bench.looks[-2] + 5


def test_a_time_ahead_is_not_waited_for(bench: Gateway) -> None:
    """A ledger of a machine whose clock was wrong doesn't hold the command."""
    bench.until = 99_999.0
    assert bench.read(since=50_000) is None
    assert bench.looks[-1] < 50_000


@pytest.mark.parametrize("after", [3.0, 33.0])
def test_a_clock_that_is_set_back(bench: Gateway, after: float) -> None:
    """Hours back before the first look that counts, or after it: the wait ends as soon as without that."""
    bench.until = 99_999.0
    bench.time.set_back_at = bench.time.now + after
    assert bench.read(since=0.1) is None
    assert 30 <= bench.looks[-1] < 90


@pytest.mark.parametrize("answer", FOREIGN)
def test_an_outage_stops(bench: Gateway, answer: httpx.Response) -> None:
    """A gateway that answers for everything stops the command; no issue is gone."""
    bench.down, bench.answer = 9999.0, answer
    with pytest.raises(TargetUnreachable) as caught:
        bench.read()
    assert "What answers there is not Triage: 4" in str(caught.value)
    assert bench.looks == [0.0]


def test_a_short_outage_passes(bench: Gateway) -> None:
    """One of four seconds is waited out, unless the random pauses are unusually short."""
    random.seed(1)
    bench.down, bench.answer = 4.0, FOREIGN[0]
    bench.read(work=lambda absence, calls: None)
    assert bench.looks[-1] >= 4


def test_an_outage_in_the_own_form(bench: Gateway) -> None:
    """Four seconds of 404 in the API's own form are not enough to be gone."""
    bench.until = 4.0
    assert bench.read() is not None
    assert bench.looks == [0.0, 5.0]


def test_interrupted(bench: Gateway) -> None:
    """Ctrl-C ends the wait."""
    bench.until = 999.0
    with pytest.raises(Interrupted):
        bench.read(work=lambda absence, calls: calls.interrupt())


def test_deleted_as_triage_says(bench: Gateway) -> None:
    """After a deletion that was confirmed one look that agrees is enough, however new the issue is."""
    bench.until = 999.0
    assert bench.read(since=0.1, work=lambda absence, calls: absence.note_deleted(ISSUE["id"])) is None
    assert bench.looks == [0.0]


def test_a_look_does_not_wait(bench: Gateway) -> None:
    """Who has other work is told when to look again, and nothing is forgotten meanwhile."""
    bench.until = 999.0

    async def look(client: Any, calls: PacedCalls) -> list[float]:
        absence = Absence(client, calls, now=bench.time.clock)
        waits = []
        for _ in range(3):
            try:
                assert await absence.read_once(ISSUE["id"]) is None
                break
            except NotYet as wait:
                waits.append(wait.seconds)
                bench.time.now += 2
        return waits

    assert bench.with_client(look) == [5.0, 3.0, 1.0]


TITLE, TEXT = "Anrufer hört nichts", "абонент ничего не слышал и положил трубку. " * 12
OTHER = "Another text. " * 30


@pytest.mark.parametrize(
    ("titles", "texts", "outcome"),
    [
        ([], [], "absent"),
        ([TITLE], [TEXT[:200]], 0),
        ([TITLE], [TEXT[:200] + "\ufffd"], 0),
        ([TITLE], [TEXT + "…"], 0),
        ([TITLE], [""], "unknown"),
        ([TITLE], [TEXT[:50]], "unknown"),
        (["Anrufer hört nichts."], [TEXT[:200]], 0),
        ([TITLE, TITLE], [OTHER, TEXT[:99]], 1),
        ([TITLE, TITLE], [TEXT[:200], TEXT[:100]], "unknown"),
        ([TITLE], [OTHER], "unknown"),
        (["Anrufer"], [TEXT[:200]], "absent"),
        ([f"{TITLE} 2"], [TEXT[:200]], "absent"),
        (["Other"], [""], "absent"),
    ],
)
def test_issues_without_a_marker(titles: list[str], texts: list[str], outcome: int | str) -> None:
    """Title and beginning decide; if several have both, or one has the title alone, nobody knows."""
    issues = [
        read_issue(make_issue(number, text) | {"title": title})
        for number, (title, text) in enumerate(zip(titles, texts, strict=True))
    ]
    sought = Sought.parse(Sought.encode(TITLE, TEXT))
    assert sought is not None
    if outcome == "unknown":
        with pytest.raises(Undecidable, match="T-1000"):
            find_unmarked(sought, issues)
    else:
        assert find_unmarked(sought, issues) == (None if isinstance(outcome, str) else issues[outcome])


def test_a_long_title_that_is_cut_too() -> None:
    """From 64 characters on, the beginning of a title is enough."""
    sought = Sought("ж" * 200, TEXT)
    for length, is_found in ((127, True), (63, False)):
        issue = read_issue(make_issue(1, TEXT[:200]) | {"title": "ж" * length})
        assert (find_unmarked(sought, [issue]) is issue) is is_found
