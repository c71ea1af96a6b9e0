"""Workers: how many work at a time, who waits for whom, and how all of it ends."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import httpx
import orjson
import pytest
from sqlalchemy import Engine, event

from importer.errors import TooManyFailures
from importer.ledger.opening import open_ledger
from importer.ledger.store import RunIdentity
from importer.load.creates import Loader
from importer.load.driver import RunConnection
from importer.load.updates import Updater
from importer.load.workers import OPEN_LIMIT, FailureCap, Workers
from importer.records import Outcome, Row
from importer.triage.absence import NotYet
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import ApiKey
from tests.harness.bench import TARGET, paced
from tests.harness.fake_triage import make_issue, operations
from tests.harness.virtual_time import VirtualTime


class Watched:
    """Workers in virtual time, and how many of them are at work."""

    def __init__(self, concurrency: int = 2, most_failures: int | None = None) -> None:
        self.time = VirtualTime()
        self.calls, self.cap = paced(self.time), FailureCap(most_failures)
        self.workers = Workers(self.calls, concurrency, self.cap)
        self.busy = self.most_busy = 0
        self.done: list[int] = []

    async def work(self, number: int) -> None:
        """Take a second."""
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        await self.calls.sleep(1)
        self.busy -= 1
        self.done.append(number)


def test_so_many_at_a_time() -> None:
    """All items are worked on, in order, by as many as are allowed."""
    watched = Watched(3)
    watched.time.run(watched.workers.work_through(range(10), watched.work))
    assert watched.done == list(range(10))
    assert (watched.most_busy, watched.time.now) == (3, 1004)


def test_whoever_waits_lets_others_work() -> None:
    """With one slot, an item that waits idly for another's end doesn't keep it from beginning."""
    watched = Watched(1)
    ended = asyncio.Event()

    async def work(number: int) -> None:
        if number == 0:
            async with watched.workers.idle():
                await ended.wait()
        await watched.work(number)
        ended.set()

    watched.time.run(watched.workers.work_through(range(3), work))
    assert watched.done[0] == 1
    assert watched.most_busy == 1


def test_what_is_not_sure_yet() -> None:
    """A look that can't say yet is repeated after the time that it names, while others work."""
    watched, looks = Watched(1), []

    async def look() -> str:
        looks.append(watched.time.now)
        if len(looks) < 3:
            raise NotYet(10)
        return "there"

    async def work(number: int) -> None:
        if number == 0:
            assert await watched.workers.when_sure(look) == "there"
        await watched.work(number)

    watched.time.run(watched.workers.work_through(range(3), work))
    assert looks == [1000, 1010, 1020]
    assert watched.done == [1, 2, 0]


def test_the_first_error_ends_it() -> None:
    """What is on its way is awaited, nothing else is begun, and the first error is raised."""
    watched = Watched(2)

    async def work(number: int) -> None:
        if number == 2:
            raise ValueError("first")
        await watched.work(number) if number < 2 else None

    with pytest.raises(ValueError, match="first"):
        watched.time.run(watched.workers.work_through(range(10), work))
    assert len(watched.done) == 1  # the other one was still waiting for its turn
    assert watched.calls.interrupted


def test_items_that_can_not_be_read() -> None:
    """An error of the items is raised once what is on its way has ended."""
    watched = Watched(2)
    answered: list[int] = []

    async def work(number: int) -> None:
        await watched.time.sleep(1)  # a request that has left can't be interrupted
        answered.append(number)

    def items() -> Iterator[int]:
        yield 1
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        watched.time.run(watched.workers.work_through(items(), work))
    assert answered == [1]


def test_an_interrupt() -> None:
    """After an interrupt nothing is begun, and nothing is raised."""
    watched = Watched(2)

    async def work(number: int) -> None:
        if number == 3:
            watched.calls.interrupt()
        await watched.work(number)

    watched.time.run(watched.workers.work_through(range(10), work))
    assert watched.done == [0, 1]


def test_so_many_open_at_most() -> None:
    """However many wait for an outcome, no more than the limit are in memory."""
    watched, begun = Watched(2), list[int]()

    async def main() -> None:
        go_on = asyncio.Event()

        async def work(number: int) -> None:
            begun.append(number)
            async with watched.workers.idle():
                await go_on.wait()

        task = asyncio.create_task(watched.workers.work_through(range(OPEN_LIMIT + 50), work))
        for _ in range(10 * OPEN_LIMIT):  # far more turns of the loop than it takes to begin all
            await asyncio.sleep(0)
        assert len(begun) == OPEN_LIMIT
        go_on.set()
        await task

    asyncio.run(main())
    assert len(begun) == OPEN_LIMIT + 50


@pytest.mark.parametrize(("failed", "begun"), [(True, 3), (False, 8)])
def test_nothing_is_begun_while_too_many_may_have_failed(failed: bool, begun: int) -> None:
    """What is in doubt counts as failed until that is known; with one slot, too, it gets known."""
    watched, numbers = Watched(1, most_failures=2), []

    async def work(number: int) -> None:
        numbers.append(number)
        with watched.cap.doubted():
            async with watched.workers.idle():
                await watched.time.sleep(60)
        if failed:
            watched.cap.fail("no")

    if failed:
        with pytest.raises(TooManyFailures, match="3 rows failed, the last with: no"):
            watched.time.run(watched.workers.work_through(range(8), work))
    else:
        watched.time.run(watched.workers.work_through(range(8), work))
    assert len(numbers) == begun


def test_a_cancelled_task_cancels_its_workers() -> None:
    """Who cancels it doesn't wait for what is on its way."""
    watched, begun, cancelled = Watched(2), asyncio.Semaphore(0), []

    async def work(number: int) -> None:
        try:
            begun.release()
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(number)
            raise

    async def main() -> None:
        task = asyncio.create_task(watched.workers.work_through(range(5), work))
        for _ in range(2):
            await begun.acquire()
        task.cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert task.cancelled()

    asyncio.run(main())
    assert sorted(cancelled) == [0, 1]


@pytest.fixture(params=[0.0, 0.01], ids=["quick disk", "slow disk"])
def disk(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let each commit take its time."""

    def wait(_: object) -> None:
        time.sleep(request.param)

    event.listen(Engine, "commit", wait)
    yield
    event.remove(Engine, "commit", wait)


@pytest.mark.usefixtures("disk")
@pytest.mark.parametrize("rate", [0, 2000])
@pytest.mark.parametrize("concurrency", [1, 8, 32])
def test_creates_leave_in_the_order_of_the_file(tmp_path: Path, concurrency: int, rate: float) -> None:
    """However many are sent at a time, how long answers and commits take: each leaves after the one before it."""
    left: list[int] = []
    random = Random(concurrency)

    async def answer(request: httpx.Request) -> httpx.Response:
        description = orjson.loads(request.content)["description"]
        number = int(description.split()[1])
        left.append(number)
        await asyncio.sleep(random.uniform(0, 0.01))
        return httpx.Response(201, json={"data": make_issue(number, description), "errors": None})

    async def load() -> None:
        with open_ledger(tmp_path / "ledger.db") as ledger:
            run = ledger.begin_run(RunIdentity(TARGET, "s", "d", "m"))
            rows = operations(200)
            run.register(Row(1, "a", int(o.key[1:]), 1, o.key, Outcome.PLANNED) for o in rows)
            async with TriageClient(TARGET, ApiKey("org_rehearsal"), transport=httpx.MockTransport(answer)) as client:
                calls = PacedCalls(Limiter(rate), Breaker())
                connection = RunConnection(client, run, calls, concurrency=concurrency)
                await Loader(connection, Updater(connection)).load(iter(rows))

    asyncio.run(load())
    assert left == list(range(1, 200 + 1))
