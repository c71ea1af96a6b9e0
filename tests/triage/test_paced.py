"""Calls that take one turn of the limiter together: a read, and the write that depends on it."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from contextlib import suppress
from functools import partial

import pytest

from importer.errors import TargetUnreachable
from importer.triage.actions import Action, CallFailed
from importer.triage.breaker import Breaker
from importer.triage.limiter import Limiter
from importer.triage.paced import FAILED_TURNS, LIMITS_TRIED, PacedCalls
from tests.harness.virtual_time import VirtualTime


class Paced:
    """Calls at one request a second in virtual time; `sent` is what left, and when."""

    def __init__(self) -> None:
        self.time = VirtualTime()
        self.start = self.time.now
        clock, sleep = self.time.clock, self.time.sleep
        self.said: list[str] = []
        self.calls = PacedCalls(Limiter(1, clock=clock, sleep=sleep), Breaker(clock), self.said.append, sleep=sleep)
        self.sent: list[tuple[str, float]] = []
        self.failures: list[CallFailed] = []  # of the next writes

    async def send(self, name: str) -> None:
        """Send a request, which is answered at once."""
        self.sent.append((name, self.time.now - self.start))
        if name.startswith("write") and self.failures:
            raise self.failures.pop(0)

    async def read_and_write(self, name: str = "") -> None:
        await self.calls.call(lambda: self.send(f"read{name}"))
        await self.calls.call(lambda: self.send(f"write{name}"))

    async def work(self, *names: str) -> None:
        """Let one worker for each name read and write at the same time."""
        await asyncio.gather(*(self.calls.in_turn(partial(self.read_and_write, name)) for name in names))


def refused(status: int) -> CallFailed:
    """A request that was surely not executed."""
    return CallFailed(Action.RETRY, "no", status=status, retry_after=7 if status == 429 else None)


def test_the_write_follows_its_read() -> None:
    """Eight workers want a turn: between nobody's reading and writing does time pass, and the pace is kept."""
    paced = Paced()
    paced.time.run(paced.work(*"12345678"))
    times = dict(paced.sent)
    assert all(times[f"read{name}"] == times[f"write{name}"] for name in "12345678")
    assert 13 <= max(times.values()) <= 15, "sixteen requests at one a second"


def test_without_a_turn_each_call_waits() -> None:
    """Calls that nothing holds together leave one by one."""
    paced = Paced()
    paced.time.run(paced.read_and_write())
    assert paced.sent[1][1] - paced.sent[0][1] == pytest.approx(1, abs=0.06)


@pytest.mark.parametrize("status", [429, 0])
def test_a_write_that_was_not_executed_reads_again(status: int) -> None:
    """Whatever was read is old by then."""
    paced = Paced()
    paced.failures = [refused(status)]
    paced.time.run(paced.work(""))
    assert [name for name, _ in paced.sent] == ["read", "write", "read", "write"]
    if status == 429:
        assert paced.sent[2][1] >= 7, "after the pause"


def test_looks_after_429_come_to_an_end() -> None:
    """Eight workers whose writes are answered 429 again and again, and not executed, look a few times in all."""
    paced = Paced()
    paced.failures = [refused(429) for _ in range(40)]

    async def write() -> None:
        await paced.calls.call(lambda: paced.send("write"), find=lambda: paced.calls.call(lambda: paced.send("find")))

    async def main() -> None:
        await asyncio.gather(*(write() for _ in range(8)))

    paced.time.run(main())
    counts = Counter(name for name, _ in paced.sent)
    assert counts["write"] == 48
    assert LIMITS_TRIED <= counts["find"] < 2 * 8


def test_it_ends() -> None:
    """A write that never arrives is given up; one that has to wait is not."""
    paced = Paced()
    paced.failures = [refused(429)] * 9 + [refused(0)] * 9
    with pytest.raises(CallFailed):
        paced.time.run(paced.work(""))
    assert len(paced.sent) == 2 * (9 + FAILED_TURNS)


def test_alone() -> None:
    """A call that doesn't belong to the others waits for a turn of its own."""
    paced = Paced()

    async def work() -> None:
        await paced.calls.call(lambda: paced.send("read"))
        await paced.calls.call(lambda: paced.send("control"), alone=True)
        await paced.calls.call(lambda: paced.send("write"))

    paced.time.run(paced.calls.in_turn(work))
    (_, read), (_, control), (_, write) = paced.sent
    assert control > read
    assert control == write


@pytest.mark.parametrize(("seconds", "times"), [(7, 0), (30, 3), (10**11, 3)])
def test_a_long_pause_is_told(seconds: float, times: int) -> None:
    """Once for each, however many requests were on their way: why nothing leaves, and until when."""
    paced = Paced()
    paced.failures = [CallFailed(Action.RETRY, "429 busy", status=429, retry_after=seconds) for _ in range(3)]

    async def write() -> None:
        await paced.calls.call(lambda: paced.send("write"))

    paced.time.run(write())
    assert len(paced.said) == times
    assert all(re.search(r"\(429 busy\): nothing is sent until \d\d:\d\d:\d\d, then", said) for said in paced.said)


def test_an_outage_is_told() -> None:
    """What waits for a target that fails says so, too, until it gives up."""
    paced = Paced()

    async def read() -> None:
        paced.failures = [CallFailed(Action.RETRY, "503 down", status=503)] * 99
        with suppress(CallFailed):
            await paced.calls.call(lambda: paced.send("write"))

    async def work() -> None:
        for _ in range(4):
            await read()

    with pytest.raises(TargetUnreachable):
        paced.time.run(work())
    assert "(503 down): nothing is sent until" in paced.said[0]
