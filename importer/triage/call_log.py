"""What happened to requests minute by minute: how many were sent, retried or refused, and for how long none was."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from typing import Literal

from importer.records import Minute
from importer.triage.limiter import Clock

MINUTE = 60
What = Literal["requests", "retries", "rate_limited", "paused_seconds"]


class CallLog:
    """Counts requests by the minute, and in all. `paused_seconds` says how long none could leave so far, in all."""

    def __init__(self, paused_seconds: Callable[[], float], now: Clock = time.time) -> None:
        self._paused_seconds, self._now = paused_seconds, now
        self._paused_before = 0.0
        self._minutes = defaultdict[int, dict[str, float]](lambda: defaultdict(float))
        self.total = Counter[str]()

    def count(self, what: What) -> None:
        """Count one of these, now."""
        minute = int(self._now()) // MINUTE
        if minute not in self._minutes:
            self._count_pause()
        self._minutes[minute][what] += 1
        self.total[what] += 1

    def take(self, *, whole: bool = False) -> list[Minute]:
        """Take out the minutes that are over, or the whole log."""
        self._count_pause()
        this = int(self._now()) // MINUTE
        over = [minute for minute in sorted(self._minutes) if whole or minute < this]
        return [_make_minute(minute, self._minutes.pop(minute)) for minute in over]

    def _count_pause(self) -> None:
        """Count the pause since it was last asked for, in the minutes right before now: nothing has left in it."""
        paused = self._paused_seconds()
        left, end = paused - self._paused_before, self._now()
        self._paused_before = paused
        while left > 0:
            minute = -int(-end // MINUTE) - 1  # the one that ends at `end`, or has it
            seconds = min(left, end - minute * MINUTE)
            self._minutes[minute]["paused_seconds"] += seconds
            left, end = left - seconds, end - seconds


def _make_minute(minute: int, counts: Mapping[str, float]) -> Minute:
    requests, retries, rate_limited = (int(counts[name]) for name in ("requests", "retries", "rate_limited"))
    return Minute(minute, requests, retries, rate_limited, counts["paused_seconds"])
