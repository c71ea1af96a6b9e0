"""The breaker: when a target counts as down."""

from __future__ import annotations

import pytest

from importer.errors import TargetUnreachable
from importer.triage.breaker import Breaker
from tests.harness.virtual_time import VirtualTime


def test_breaker() -> None:
    """A target is down after ten failures in a row over a minute; one answer starts the count anew."""
    time = VirtualTime()
    breaker = Breaker(time.clock)
    for _ in range(50):
        breaker.fail("quick ones are no proof")
    time.now += 61
    breaker.succeed()
    for _ in range(20):
        breaker.fail("503")
    time.now += 61
    with pytest.raises(TargetUnreachable, match=r"21 calls in 61 seconds failed, the last with: 503"):
        breaker.fail("503")


def test_nothing_but_429() -> None:
    """A target that only says 429 for half an hour ends the run."""
    time = VirtualTime()
    breaker = Breaker(time.clock)
    breaker.limit()
    time.now += 1801
    with pytest.raises(TargetUnreachable):
        breaker.limit()
