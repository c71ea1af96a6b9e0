"""The token bucket."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox.gate import TokenBucket


def test_one_second_is_worth_of_a_burst() -> None:
    """A rested bucket of 50/s gives 50 at once, then tells to wait a second."""
    bucket = TokenBucket(50, lambda: 0.0)
    assert [bucket.take() for _ in range(51)] == [0] * 50 + [1]


def test_slow_rates_name_longer_waits() -> None:
    """Below one request a second the wait is rounded up to whole seconds."""
    times = iter([0.0, 0.0, 0.0, 2.5, 4.0])
    bucket = TokenBucket(0.25, lambda: next(times))
    assert [bucket.take() for _ in range(4)] == [0, 4, 2, 0]


@given(st.floats(0.1, 500), st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_never_more_than_rate_and_burst(rate: float, pauses: list[float]) -> None:
    """In any time the bucket lets no more through than its rate and one second's worth."""
    times = list(accumulate(pauses))
    clock = iter([0.0, *times])
    bucket = TokenBucket(rate, lambda: next(clock))
    passed = sum(bucket.take() == 0 for _ in times)
    assert passed <= max(1, rate) + rate * times[-1] + 1e-6


@given(st.floats(0.1, 500), st.integers(1, 600))
def test_the_wait_is_enough(rate: float, requests: int) -> None:
    """Who waits as long as it is told gets through."""
    time = 0.0
    bucket = TokenBucket(rate, lambda: time)
    for _ in range(requests):
        wait_seconds = bucket.take()
        if wait_seconds:
            time += wait_seconds
            assert bucket.take() == 0
