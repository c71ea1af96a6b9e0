"""Operations become outcomes, whatever the target does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson
import pytest

from importer.errors import KeyRefused, RunStopped, StorageFull, TargetUnreachable, TooManyFailures
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.load.creates import Loader
from importer.load.driver import RunConnection
from importer.load.updates import Updater
from importer.load.workers import FailureCap
from importer.records import Operation, Outcome, Row
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.harness.bench import TARGET, Bench, opened
from tests.harness.fake_triage import FakeTriage, footer, make_issue, make_operation, operations
from tests.harness.virtual_time import VirtualTime


class Import(Bench):
    """One run against a fake target; several loads are several attempts."""

    def __init__(self, ledger: Ledger, triage: FakeTriage, time_: VirtualTime) -> None:
        super().__init__(time_, ledger)
        self.triage, self.transport = triage, triage.transport
        self.interrupt: Callable[[], None]
        self.seen: list[Outcome] = []
        self.settle_seconds = 30.0
        self.max_errors: int | None = None
        triage.now = time_.clock

    def load(self, operations: list[Operation] | Iterator[Operation], concurrency: int = 4) -> PacedCalls:
        """Register the operations' rows and send them."""
        run = self.begin()
        if isinstance(operations, list):
            run.register(Row(1, "a", int(o.key[1:]), 1, o.key, Outcome.PLANNED) for o in operations)

        async def load(client: TriageClient, calls: PacedCalls) -> PacedCalls:
            self.interrupt = calls.interrupt
            connection = RunConnection(
                client,
                run,
                calls,
                settle_seconds=self.settle_seconds,
                concurrency=concurrency,
                cap=FailureCap(self.max_errors),
                now=self.time.clock,
            )
            await Loader(connection, Updater(connection), report=self.seen.append).load(iter(operations))
            return calls

        return self.with_client(load)

    def outcomes(self) -> dict[Outcome, int]:
        """Count the run's rows by outcome, without the zeros."""
        return {outcome: number for outcome, number in self.begin().count().items() if number}

    def each_once(self, count: int) -> bool:
        """Say whether each row has exactly one issue."""
        return self.triage.descriptions() == sorted(f"row {n}\n{footer(n)}" for n in range(1, count + 1))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Import]:
    """Give an import with a fresh ledger and target."""
    time_ = VirtualTime()
    with opened(tmp_path, time_) as ledger:
        yield Import(ledger, FakeTriage(), time_)


def test_all_in(bench: Import) -> None:
    """Every row becomes one issue, with no more requests on their way than workers."""
    calls = bench.load(operations(50))
    assert bench.each_once(50)
    assert bench.outcomes() == {Outcome.CREATED: 50}
    assert bench.seen == [Outcome.CREATED] * 50
    assert (calls.requests, calls.retries, calls.rate_limited) == (50, 0, 0)
    assert bench.triage.most_at_once <= 4


def test_refused_row(bench: Import) -> None:
    """A refused row fails with what the target says; the others go on."""
    bench.triage.faults = {3: "400"}
    bench.load(operations(6))
    assert bench.outcomes() == {Outcome.CREATED: 5, Outcome.FAILED: 1}
    (failed,) = [row for row in bench.begin().results() if row.outcome is Outcome.FAILED]
    assert failed.codes == ("refused",)
    assert failed.messages == ("400 no: because",)


def test_rate_limit_costs_no_attempt(bench: Import) -> None:
    """Any number of 429 ends in an issue."""
    bench.triage.faults = dict.fromkeys(range(1, 40), "429")
    calls = bench.load(operations(3))
    assert bench.each_once(3)
    assert calls.rate_limited == 39
    assert calls.retries == 0


def test_connect_failures_are_retried(bench: Import) -> None:
    """A create that never arrived is sent again, and counted."""
    bench.triage.faults = {1: "connect", 2: "connect"}
    calls = bench.load(operations(2), concurrency=1)
    assert bench.each_once(2)
    assert calls.retries == 2
    assert [row.attempts for row in bench.begin().results()] == [3, 1]


def test_quoted_marker(bench: Import) -> None:
    """A row whose marker another row quotes is not taken for made when its create fails."""
    rows = operations(2)
    body = orjson.dumps({"title": "x", "description": f"see copy of {rows[1].marker}\n{footer(1)}"})
    bench.triage.faults = {2: "500-before"}
    bench.load([rows[0]._replace(body=body), rows[1]], concurrency=1)
    assert len(bench.triage.issues) == 2
    assert bench.outcomes() == {Outcome.CREATED: 2}


@pytest.mark.parametrize("links", [[], [{"resource_type": "call", "resource_id": "c1"}]])
@pytest.mark.parametrize("fault", ["400", "404", "409", "422"])
def test_made_and_refused(bench: Import, fault: str, links: list[dict[str, str]]) -> None:
    """A create that was carried out and answered with a refusal is found, and not sent again without its links."""
    bench.triage.faults, bench.triage.obeys = {2: fault}, True  # type: ignore[dict-item]
    rows = [make_operation(number, resource_links=links) for number in (1, 2, 3)]
    if fault == "404" and not links:  # no create is answered so by Triage itself: the run stops
        with pytest.raises(TargetUnreachable):
            bench.load(rows, concurrency=1)
        bench.load(rows[1:])
    else:
        bench.load(rows, concurrency=1)
    assert bench.each_once(3)
    assert bench.outcomes() == {Outcome.CREATED: 3}


def test_a_refused_row_is_looked_for_before_it_is_sent_again(bench: Import) -> None:
    """What a refused create made after all, later than the look that followed it, is found by the next attempt."""
    bench.triage.faults = {1: "409"}
    bench.load(operations(2), concurrency=1)
    assert bench.outcomes() == {Outcome.CREATED: 1, Outcome.FAILED: 1}
    bench.triage.issues.append(make_issue(9, f"row 1\n{footer(1)}", bench.time.now))
    bench.load(operations(1))
    assert bench.each_once(2)
    assert bench.outcomes() == {Outcome.CREATED: 2}


def test_what_refusals_cost(bench: Import) -> None:
    """Looks for refused creates share their pages: 2 % of them cost less than a tenth more requests."""
    bench.triage.faults = dict.fromkeys(range(50, 2001, 50), "400")
    calls = bench.load(operations(2000))
    assert bench.outcomes() == {Outcome.CREATED: 1960, Outcome.FAILED: 40}
    assert calls.requests < 1.1 * 2000


@pytest.mark.parametrize(("number", "other"), [(4, 1), (1, 4)])
def test_two_creates_with_one_issue(bench: Import, number: int, other: int) -> None:
    """An issue that Triage gives to two rows never counts for both: one answer was wrong, and both are looked for."""
    bench.triage.foreign = {number: other}
    bench.load(operations(6))
    assert [row.triage_id for row in bench.begin().results()] == [f"T-{place}" for place in range(1001, 1007)]


def test_the_id_of_an_issue_whose_answer_is_lost(bench: Import) -> None:
    """A create that is answered with another one's id, and its own number, hides that one from no look."""
    bench.triage.foreign, bench.triage.foreign_names = {1: 5, 2: 3, 3: 4}, ("id",)
    bench.triage.faults, bench.triage.searchable = {5: "500-after"}, False
    bench.load(operations(6), concurrency=1)
    assert bench.each_once(6)
    assert len({row.issue_id for row in bench.begin().results()}) == 6


def test_two_attempts_with_one_issue(bench: Import) -> None:
    """Where an earlier attempt believed the wrong answer the run stops, and the next one looks for both."""
    bench.triage.foreign = {1: 2}
    bench.load(operations(1))
    with pytest.raises(RunStopped, match="gave k1 and k2 the same issue, T-1002"):
        bench.load(operations(2)[1:])
    bench.load([])
    assert [row.triage_id for row in bench.begin().results()] == ["T-1001", "T-1002"]


@pytest.mark.parametrize(("mistakes", "exchanged"), [(range(3, 4), range(0)), (range(0), range(2, 4))])
def test_the_answer_of_another_create(bench: Import, mistakes: range, exchanged: range) -> None:
    """A create with another row's answer is looked for, and so are two with each other's; nobody waits for ever."""
    bench.triage.mistakes, bench.triage.exchanged, bench.triage.turns = mistakes, exchanged, 20
    bench.load(operations(5))
    assert bench.outcomes() == {Outcome.CREATED: 5}
    assert bench.each_once(5)
    assert len({row.issue_id for row in bench.begin().results()}) == 5


def test_answers_that_are_never_right(bench: Import) -> None:
    """A target that answers each create with the same issue stops the run, and no row has two issues."""
    bench.triage.mistakes, bench.triage.searchable = range(2, 100), False
    bench.triage.unlisted = {make_issue(number, "")["id"] for number in range(2, 100)}
    with pytest.raises(RunStopped, match="answers the create of k2 with another issue repeatedly"):
        bench.load(operations(2), concurrency=1)
    assert bench.triage.creates == 3


@pytest.mark.parametrize("hours", [-1.0, 1.0])
def test_the_clock_of_the_target(bench: Import, hours: float) -> None:
    """A target whose clock is an hour off loses and doubles nothing: its times are compared with its own alone."""
    bench.time.now = 1_000_000.0
    bench.triage.now = lambda: bench.time.now + 3600 * hours
    bench.triage.faults = {1: "500-after", 120: "reset-after", 180: "500-before", 190: "409"}
    bench.triage.searchable, bench.triage.obeys = False, True
    bench.load(operations(300), concurrency=1)
    assert bench.each_once(300)
    assert bench.triage.creates == 301, "one was not made, and sent again"


@pytest.mark.parametrize("fault", ["500-after", "reset-after", "500-before"])
def test_unknown_is_settled(bench: Import, fault: str) -> None:
    """A create without an answer is looked up, and sent again only if it made nothing."""
    bench.triage.faults = {2: fault, 7: fault}  # type: ignore[dict-item]
    bench.load(operations(10))
    assert bench.each_once(10)
    assert bench.outcomes() == {Outcome.CREATED: 10}


def test_crash_after_the_intent(bench: Import) -> None:
    """Intents of a dead attempt are settled first: one that was made is not made again, one that wasn't is."""
    rows = operations(4)
    run = bench.begin()
    run.register(Row(1, "a", int(o.key[1:]), 1, o.key, Outcome.PLANNED) for o in rows)

    async def crash() -> None:
        async with run.sending(4):
            for operation in rows[:2]:
                await run.intend(operation)

    asyncio.run(crash())
    bench.triage.issues.append(make_issue(1, f"row 1\n{footer(1)}", bench.time.now))
    bench.load(rows)
    assert bench.each_once(4)
    assert bench.outcomes() == {Outcome.CREATED: 4}


def test_undecidable_stays_unknown(bench: Import) -> None:
    """If look-ups fail, the row is unknown and nothing is sent again; the next attempt settles it."""
    bench.triage.faults = {1: "500-after"}
    bench.triage.reads_fail = True
    bench.load(operations(3))
    assert bench.outcomes() == {Outcome.CREATED: 2, Outcome.UNKNOWN: 1}
    bench.triage.reads_fail = False
    bench.load([make_operation(1)])
    assert bench.each_once(3)
    assert bench.outcomes() == {Outcome.CREATED: 3}


@pytest.mark.parametrize(("fault", "error"), [("401", KeyRefused), ("404", TargetUnreachable)])
def test_stops(bench: Import, fault: str, error: type[RunStopped]) -> None:
    """A refused key or a stranger ends the run; what was so answered is looked for by the command that continues."""
    bench.triage.faults = {5: fault}  # type: ignore[dict-item]
    with pytest.raises(error):
        bench.load(operations(40))
    assert set(bench.outcomes()) == {Outcome.CREATED, Outcome.PLANNED, Outcome.UNKNOWN}
    assert bench.triage.creates < 12
    known = bench.ledger.find_known(TARGET, "s", [f"k{n}" for n in range(1, 41)])
    bench.load([o for o in operations(40) if o.key not in known or known[o.key].state is not State.DONE])
    assert bench.each_once(40)


def test_target_down(bench: Import) -> None:
    """A target that refuses connections for minutes ends the run, and no row's outcome is open."""
    bench.triage.faults = dict.fromkeys(range(1, 500), "connect")
    with pytest.raises(TargetUnreachable):
        bench.load(operations(40))
    assert bench.outcomes().get(Outcome.UNKNOWN) is None


def test_too_many_failures(bench: Import) -> None:
    """More failures than allowed end the run."""
    bench.triage.faults = dict.fromkeys(range(1, 100), "400")
    bench.max_errors = 3
    with pytest.raises(TooManyFailures, match="4 rows failed, the last with: 400 no: because"):
        bench.load(operations(50), concurrency=1)
    assert bench.outcomes() == {Outcome.FAILED: 4, Outcome.PLANNED: 46}


def test_stop(bench: Import) -> None:
    """After a stop no more rows are taken; what was on its way has its outcome."""

    def rows() -> Iterator[Operation]:
        for number, operation in enumerate(operations(100), start=1):
            if number == 20:
                bench.interrupt()
            yield operation

    bench.begin().register(Row(1, "a", n, 1, f"k{n}", Outcome.PLANNED) for n in range(1, 101))
    bench.load(rows())
    outcomes = bench.outcomes()
    assert set(outcomes) == {Outcome.CREATED, Outcome.PLANNED}
    assert outcomes[Outcome.CREATED] == len(bench.triage.issues) < 30


def test_stop_does_not_wait_for_settling(bench: Import) -> None:
    """A stop while creates are being settled ends at once; they stay unknown."""
    bench.triage.faults = dict.fromkeys(range(1, 4), "500-before")
    started = bench.time.now

    async def interrupt() -> None:
        await bench.time.sleep(5)
        bench.interrupt()

    def rows() -> Iterator[Operation]:
        tasks.append(asyncio.get_running_loop().create_task(interrupt()))
        yield from operations(3)

    tasks: list[asyncio.Task[None]] = []
    bench.begin().register(Row(1, "a", n, 1, f"k{n}", Outcome.PLANNED) for n in range(1, 4))
    bench.load(rows())
    assert bench.time.now - started < 10
    assert bench.outcomes() == {Outcome.UNKNOWN: 3}


def test_second_interrupt_does_not_wait(bench: Import) -> None:
    """A load that is cancelled ends at once; what was on its way is undecided."""

    def rows() -> Iterator[Operation]:
        for number, operation in enumerate(operations(100), start=1):
            if number == 30:
                asyncio.get_running_loop().call_soon(loads[0].cancel)
            yield operation

    loads: list[asyncio.Task[None]] = []
    run = bench.begin()
    calls = PacedCalls(Limiter(), Breaker())

    async def main() -> None:
        async with TriageClient(TARGET, ApiKey("org_rehearsal"), transport=bench.triage.transport) as client:
            connection = RunConnection(client, run, calls, concurrency=4)
            loads.append(asyncio.create_task(Loader(connection, Updater(connection)).load(rows())))
            await asyncio.wait(loads)

    asyncio.run(main())
    assert loads[0].cancelled()
    assert 0 < len(run.find_undecided()) <= 4, "those on their way"
    assert len(bench.triage.issues) <= 30


LINKS = [{"resource_type": "call", "resource_id": "c1"}, {"resource_type": "call", "resource_id": "missing-2"}]


@pytest.mark.parametrize("refuse", [True, False])
def test_links_come_along_or_later(bench: Import, refuse: bool) -> None:
    """A create that is refused for its links is made without, and the ledger knows which links are attached."""
    bench.triage.refuse_links = refuse
    operation = make_operation(1, resource_links=LINKS)
    bench.load([operation])
    assert len(bench.triage.issues) == 1
    added = bench.begin().additions.of([operation.key])
    names = [each.name for each in added.get(operation.key, ())]
    assert names == ([] if refuse else ["call/c1", "call/missing-2"])


def test_full_disk(bench: Import) -> None:
    """A ledger that can't be written ends the run before anything leaves."""
    with bench.ledger.transaction() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count=1")
    with pytest.raises(StorageFull):
        bench.load(iter(operations(2000)))
    assert len(bench.triage.issues) < 2000
