"""The limiter, in virtual time."""

from __future__ import annotations

import asyncio
from math import ceil, inf

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


@pytest.mark.parametrize(
    ("asked", "allowed", "seconds", "least", "refused_at_most"),
    [
        (100, 50, 600, 0.85, 0.001),  # twice as much as is allowed
        (500, 50, 300, 0.9, 0.01),  # ten times
        (5, 4, 3600, 0.8, 0.01),  # at the default, a night's import
        (5, 2, 3600, 0.8, 0.025),
        (0, 50, 300, 0.8, 0.002),  # no limit of ours
        (0, 5, 3600, 0.8, 0.01),
    ],
)
def test_a_target_that_allows_less(
    asked: float, allowed: float, seconds: float, least: float, refused_at_most: float
) -> None:
    """Most of what it allows is used, and little is refused: a 429 halves the rate, which rises from there."""
    reached, refused = send_through(asked, allowed, allowed, round(allowed * seconds))
    assert reached >= least
    assert refused <= refused_at_most


@pytest.mark.parametrize("factor", [0.1, 0.5, 0.9, 1.2, 2])
def test_follows_a_limit_that_changes(factor: float) -> None:
    """After minutes at one limit, another one is used as well within a few minutes more."""
    time = VirtualTime()
    limiter = Limiter(100, clock=time.clock, sleep=time.sleep)
    bucket = Bucket(time, 20, 20)
    changes_at, taken = time.now + 300, 0

    async def work() -> None:
        nonlocal taken
        while time.now < changes_at + 600:
            if time.now >= changes_at:
                bucket.rate = 20 * factor
            await limiter.wait()
            retry_after = bucket.take()
            await time.sleep(0.004)
            if retry_after is None:
                limiter.accept()
                taken += time.now >= changes_at + 300
            else:
                limiter.refuse(retry_after)

    async def main() -> None:
        await asyncio.gather(*(work() for _ in range(8)))

    time.run(main())
    assert taken / 300 >= 0.8 * 20 * factor


def test_a_429_halves_the_rate() -> None:
    """It rises evenly from there, up to what was asked for: half of it takes a minute."""
    time = VirtualTime()
    limiter = Limiter(100, clock=time.clock, sleep=time.sleep)
    limiter.accept()
    limiter.refuse(7)
    limiter.refuse(7)  # was on its way: one pause halves once
    rates = list[float]()
    for _ in range(4):
        time.now += 7 if not rates else 30
        time.run(limiter.wait())
        rates.append(limiter.rate)
    assert rates == pytest.approx([50, 75, 100, 100], abs=1)


def test_refused_at_once_after_a_pause() -> None:
    """A Retry-After that is too short, as of a quota for each minute, says nothing about the rate."""
    time = VirtualTime()
    limiter = Limiter(100, clock=time.clock, sleep=time.sleep)
    limiter.accept()
    for _ in range(60):
        limiter.refuse(1)
        time.now += 1
        time.run(limiter.wait())
    assert limiter.rate == pytest.approx(50, abs=1)


def test_a_failure_halves_nothing() -> None:
    """A pause because the target fails leaves the rate."""
    time = VirtualTime()
    limiter = Limiter(100, clock=time.clock, sleep=time.sleep)
    limiter.accept()
    limiter.pause(10)
    time.run(limiter.wait())
    assert limiter.rate == 100


def test_keeps_a_rate_that_fits() -> None:
    """At the target's own rate nothing is refused and nothing is lost."""
    reached, refused = send_through(50, 50, 10, 1000)
    assert reached >= 0.97
    assert refused <= 0.005


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
    """All wait for the same pause, and leave evenly after it, at half the rate."""
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
    assert left == pytest.approx([seconds, seconds + 0.2, seconds + 0.4], abs=0.06)
