"""The limiter, in virtual time."""

from __future__ import annotations

import asyncio
from math import ceil, inf
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from importer.triage.limiter import CATCH_UP, LONGEST_PAUSE, Limiter
from tests.harness.virtual_time import VirtualTime


class Bucket:
    """A target's token bucket: so many a second, so many at once; Retry-After in whole seconds, rounded up."""

    def __init__(self, time: VirtualTime, rate: float, capacity: float) -> None:
        self._time, self.rate, self._capacity = time, rate, capacity
        self._tokens, self._filled_at = capacity, time.now

    def take(self) -> float | None:
        """Take a token; give None, or the Retry-After of a 429."""
        elapsed = self._time.now - self._filled_at
        self._filled_at = self._time.now
        self._tokens = min(self._capacity, self._tokens + elapsed * self.rate)
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return float(ceil((1 - self._tokens) / self.rate))


def send_through(
    rate: float, bucket_rate: float, capacity: float, rows: int, *, answer_seconds: float = 0.004
) -> tuple[float, float]:
    """Send rows, 8 at a time; give the share of the bucket's rate that was reached and that of answers with 429."""
    time = VirtualTime()
    limiter = Limiter(rate, clock=time.clock, sleep=time.sleep)
    bucket = Bucket(time, bucket_rate, capacity)
    left, refused, started = rows, 0, time.now

    async def work() -> None:
        nonlocal left, refused
        while left > 0:
            await limiter.wait()
            left -= 1
            retry_after = bucket.take()
            await time.sleep(answer_seconds)
            if retry_after is None:
                limiter.accept()
            else:
                left += 1
                refused += 1
                limiter.refuse(retry_after)

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(8)))

    time.run(main())
    return rows / (time.now - started) / bucket_rate, refused / (rows + refused)


@pytest.mark.parametrize(("limit", "capacity", "rows"), [(50, 10, 2000), (50, 50, 2000), (2, 2, 150), (500, 100, 5000)])
def test_finds_the_limit_of_a_target(limit: float, capacity: float, rows: int) -> None:
    """Without a rate of ours, most of the target's is reached, with few refusals."""
    reached, refused = send_through(0, limit, capacity, rows)
    assert reached >= (0.85 if limit == 50 else 0.7)
    assert refused <= (0.05 if rows > 1000 else 0.12)


@pytest.mark.parametrize(("limit", "seconds"), [(50, 100), (100, 100), (500, 30), (5, 3600)])
def test_uses_a_limit_that_it_found(limit: float, seconds: int) -> None:
    """A limit that no longer changes is tried seldom: nearly all of it is used, and next to nothing refused."""
    reached, refused = send_through(0, limit, limit, round(limit * seconds))
    assert reached >= 0.97
    assert refused <= 0.005


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.9, 1.2, 2])
def test_follows_a_limit_that_changes(factor: float) -> None:
    """A limit that was confirmed for minutes, and is another one then, is found again."""
    time = VirtualTime()
    limiter = Limiter(0, clock=time.clock, sleep=time.sleep)
    bucket = Bucket(time, 20, 20)
    changes_at = time.now + 300

    async def work() -> None:
        while time.now < changes_at + 300:
            if time.now >= changes_at:
                bucket.rate = 20 * factor
            await limiter.wait()
            retry_after = bucket.take()
            await time.sleep(0.004)
            if retry_after is None:
                limiter.accept()
            else:
                limiter.refuse(retry_after)

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(8)))

    time.run(main())
    assert limiter.rate == pytest.approx(20 * factor, rel=0.15)


def test_does_not_crawl_for_stray_refusals() -> None:
    """A target that refuses one request in 200 at any rate costs its pauses, and not much more."""
    time, random = VirtualTime(), Random(1)
    limiter = Limiter(0, clock=time.clock, sleep=time.sleep)
    left, pauses, started = 5000, 0, time.now

    async def work() -> None:
        nonlocal left, pauses
        while left > 0:
            await limiter.wait()
            stray = random.random() < 0.005
            await time.sleep(0.004)
            if stray:
                pauses += 1
                limiter.refuse(1)
            else:
                left -= 1
                limiter.accept()

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(8)))

    time.run(main())
    assert time.now - started < 4 * pauses


def test_keeps_a_rate_that_fits() -> None:
    """At the target's own rate nothing is refused and nothing is lost."""
    reached, refused = send_through(50, 50, 10, 1000)
    assert reached >= 0.97
    assert refused <= 0.005


def test_falls_when_a_tenth_is_refused() -> None:
    """A rate that the target doesn't take falls once more than 10 % of the answers are 429, and creeps back."""
    time = VirtualTime()
    limiter = Limiter(100, clock=time.clock, sleep=time.sleep)
    for _ in range(90):
        limiter.accept()
        time.now += 0.01
    for number in range(11):
        assert limiter.rate == 100, f"fell after {number} of {90 + number}"
        limiter.refuse(1)
    assert limiter.rate < 60
    time.run(limiter.wait())
    for _ in range(100):
        time.now += 1
        limiter.accept()
    assert limiter.rate == 100


@settings(deadline=None, max_examples=30)
@given(rate=st.floats(1, 5000), late=st.lists(st.floats(0, 0.2), max_size=50))
def test_never_faster_than_the_rate(rate: float, late: list[float]) -> None:
    """Whoever comes late, no more leave in a span than the rate and 50 ms of catch-up allow."""
    time = VirtualTime()
    limiter = Limiter(rate, clock=time.clock, sleep=time.sleep)
    times = []

    async def main() -> None:
        for delay in late:
            await limiter.wait()
            times.append(time.now)
            time.now += delay

    time.run(main())
    for first in range(len(times)):
        for last in range(first, len(times)):
            assert last - first <= (times[last] - times[first] + CATCH_UP) * rate + 1.001


def leave_waiting(limiter: Limiter, time: VirtualTime, requests: int) -> list[float]:
    """Let as many requests wait at once; give when each left, in seconds from the start."""
    left: list[float] = []
    started = time.now

    async def leave() -> None:
        await limiter.wait()
        left.append(time.now - started)

    async def main() -> None:
        await asyncio.gather(*(leave() for _ in range(requests)))

    time.run(main())
    return left


@pytest.mark.parametrize(("rate", "at_most"), [(5, 1), (24, 1), (100, 5), (500, 21)])
def test_those_who_wait_leave_together(rate: float, at_most: int) -> None:
    """Requests whose slots are within 40 ms leave at once: none before its slot, none so late that a slot is lost."""
    time = VirtualTime()
    left = leave_waiting(Limiter(rate, clock=time.clock, sleep=time.sleep), time, 200)
    together = [left.count(moment) for moment in sorted(set(left[1:]))]
    assert at_most - 1 <= max(together) <= at_most
    assert 199 / at_most <= len(together) <= 1.3 * 200 / at_most
    assert all(slot / rate - 1e-9 <= moment < slot / rate + CATCH_UP for slot, moment in enumerate(left))


def test_each_leaves_in_its_slot_after_a_429() -> None:
    """A target that has refused a request may do so because several came at once."""
    time = VirtualTime()
    limiter = Limiter(100, clock=time.clock, sleep=time.sleep)
    limiter.refuse(1)
    left = leave_waiting(limiter, time, 50)
    assert left == pytest.approx([1 + slot / 100 for slot in range(50)], abs=0.002)


@pytest.mark.parametrize("rate", [40, 100, 500])
@pytest.mark.parametrize("answer_share", [0.5, 0.9, 0.98, 1.0, 1.05, 2.0])
def test_to_leave_together_costs_no_throughput(rate: float, answer_share: float) -> None:
    """Where answers take as long as eight slots, more or less, nobody waits for others who are on their way."""
    reached, refused = send_through(rate, rate, rate, 2000, answer_seconds=answer_share * 8 / rate)
    assert reached >= 0.97 * min(1, 1 / answer_share)
    assert refused == 0


def test_no_limit_never_sleeps() -> None:
    """Without a rate nothing waits."""

    async def no_sleep(seconds: float) -> None:
        raise AssertionError(f"slept {seconds}")

    limiter = Limiter(0, sleep=no_sleep)
    asyncio.run(limiter.wait())
    assert limiter.rate == inf


@pytest.mark.parametrize(("retry_after", "seconds"), [(7.0, 7.0), (1e9, LONGEST_PAUSE), (None, 1.0)])
def test_pause_stops_everybody_once(retry_after: float | None, seconds: float) -> None:
    """All wait for the same pause, and leave evenly after it."""
    time = VirtualTime()
    limiter = Limiter(10, clock=time.clock, sleep=time.sleep)
    started = time.now
    left = []

    async def leave() -> None:
        await limiter.wait()
        left.append(time.now - started)

    async def main() -> None:
        for _ in range(50):
            limiter.accept()
        limiter.refuse(retry_after)
        limiter.refuse(retry_after)
        await asyncio.gather(*(leave() for _ in range(3)))

    time.run(main())
    assert left == pytest.approx([seconds, seconds + 0.1, seconds + 0.2], abs=0.06)
