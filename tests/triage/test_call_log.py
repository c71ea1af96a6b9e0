"""The log of calls by minute."""

from __future__ import annotations

from importer.records import Minute
from importer.triage.call_log import CallLog


class Clock:
    """A clock, and how long nothing could leave, as a test sets them."""

    now = 600.0
    paused = 0.0

    def log(self) -> CallLog:
        """Return a log that goes by it."""
        return CallLog(lambda: self.paused, lambda: self.now)


def test_minutes_that_are_over() -> None:
    """Each is given out once; the present one stays until all are asked for."""
    clock = Clock()
    log = clock.log()
    log.count("requests")
    log.count("requests")
    log.count("retries")
    clock.now = 661.0
    log.count("requests")
    log.count("rate_limited")
    assert log.take() == [Minute(10, 2, 1)]
    assert log.take() == []
    assert log.take(whole=True) == [Minute(11, 1, 0, 1)]


def test_a_pause_lies_in_the_minutes_that_it_took() -> None:
    """One of 150 seconds is over at the first request after it: 10 seconds of that minute, and back from there."""
    clock = Clock()
    log = clock.log()
    log.count("requests")
    clock.now, clock.paused = 790.0, 150.0
    log.count("requests")
    assert log.take(whole=True) == [
        Minute(10, 1, paused_seconds=20.0),
        Minute(11, paused_seconds=60.0),
        Minute(12, paused_seconds=60.0),
        Minute(13, 1, paused_seconds=10.0),
    ]


def test_a_pause_is_seen_while_it_lasts() -> None:
    """Somebody who looks meanwhile learns how long it has been so far."""
    clock = Clock()
    log = clock.log()
    clock.now, clock.paused = 670.0, 30.0
    assert log.take() == [Minute(10, paused_seconds=20.0)]
    clock.now, clock.paused = 680.0, 40.0
    assert log.take(whole=True) == [Minute(11, paused_seconds=20.0)]
