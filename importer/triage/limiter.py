"""The rate limiter: one adaptive rate and one pause, shared by all workers.

All times are in seconds. `clock` and `sleep` can be passed in, so that tests steer the time.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from math import inf

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

CATCH_UP = 0.05
"""How late a request may leave and still keep its slot: more would allow bursts, less would lose each late wake-up."""

TOGETHER = 0.04
"""How late the first of those who leave together may be: enough to keep its slot even where it is woken late."""

SHORTEST_SLEEP = 0.001
"""The resolution of an event loop's timers: shorter sleeps are over too soon, and come repeatedly."""

LONGEST_PAUSE = 300.0
"""The most that a Retry-After is obeyed; a target that still refuses then says so again."""

FIRST_PAUSE = 1.0
"""The pause after a 429 without Retry-After; it doubles with each further 429 until another answer comes."""

BACK_SECONDS = 120.0
"""The time in which a rate rises from nothing to that of the first 429; what a 429 takes is back in half of it."""

LOWEST, USUAL = 0.2, 5.0
"""Requests a second: below the first no 429 brings a rate; the second is supposed where too few answers tell one."""


class Rate:
    """Requests a second: the user's limit, or less after a 429; `inf` means no limit.

    The 429 that begins a pause halves the rate; from there it rises evenly, to the next 429 or to the limit. Without a
    limit, what the target took up to the first one, its pause included, is the rate that is halved.
    """

    def __init__(self, limit: float, now: float) -> None:
        self._limit = self._low = limit
        self._step = 0.0  # by which it rises each second
        self._since, self._accepted = now, 0  # the end of the last pause, and the answers that came after it

    @property
    def is_limited(self) -> bool:
        """Whether there is a rate."""
        return self._low != inf

    def at(self, now: float) -> float:
        """Return the rate of this moment."""
        return min(self._limit, self._low + self._step * max(0.0, now - self._since))

    def accept(self) -> None:
        """Count an answer other than 429."""
        self._accepted += 1

    def refuse(self, now: float, pause_seconds: float) -> None:
        """Halve the rate, unless nothing was taken since the last pause: that was too short then, and says no more."""
        if self._accepted:
            taken = max(USUAL, self._accepted / (now - self._since + pause_seconds))
            before = self.at(now) if self.is_limited else taken
            self._step = self._step or before / BACK_SECONDS
            self._low, self._since = max(LOWEST, before / 2), now

    def pause(self, now: float) -> None:
        """Rise no more."""
        self._low, self._since = self.at(now), inf

    def resume(self, now: float) -> None:
        """Rise again, after a pause."""
        self._since, self._accepted = now, 0


class Limiter:
    """Lets requests leave at a rate (GCRA), and none during a pause. All workers share one.

    `rate` is in requests a second; 0 means no limit. No request leaves before its slot. Some leave after it, together
    with the next ones, since one that leaves alone takes several times as much CPU. After the first 429 each leaves in
    its slot, as the target may allow none at the same time.
    """

    def __init__(self, rate: float = 0, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._rate = Rate(rate or inf, clock())
        self._next = clock()
        self._paused_until = -inf
        self._paused = self._was_refused = False
        self._waiting = 0
        self._pauses_in_a_row = 0
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def rate(self) -> float:
        """Requests a second at this moment; `inf` where nothing limits them."""
        return self._rate.at(self._clock())

    @property
    def is_limited(self) -> bool:
        """Whether a request may have to wait."""
        return self._paused or self._rate.is_limited

    @property
    def pause_left(self) -> float:
        """Seconds until the present pause is over; not above 0 if there is none."""
        return self._paused_until - self._clock()

    async def wait(self) -> None:
        """Wait until a request may leave."""
        if not self.is_limited:
            return
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # a command may run several, one after the other
            self._loop, self._turn = loop, asyncio.Lock()
        self._waiting += 1
        try:
            # One worker sleeps, the others queue for the lock: slots given out in advance would be at an old rate.
            async with self._turn:
                while (delay := self._delay()) > 0:
                    await self._sleep(max(delay + self._until_others, SHORTEST_SLEEP))
                self._leave()
        finally:
            self._waiting -= 1

    def take(self) -> bool:
        """Take a turn at once, for which those that wait will wait longer; False during a pause."""
        self._delay()  # which ends a pause that is over
        if not self._paused and self._rate.is_limited:
            self._leave()
        return not self._paused

    def _leave(self) -> None:
        now = self._clock()
        self._next = max(self._next, now - CATCH_UP) + 1 / self._rate.at(now)

    @property
    def _until_others(self) -> float:
        """Seconds from the next slot to the last one of those who wait now and may leave together."""
        if self._paused or self._was_refused:
            return 0.0
        slots = min(self._waiting - 1, int(TOGETHER * self.rate))
        return slots / self.rate + SHORTEST_SLEEP if slots else 0.0

    def _delay(self) -> float:
        now = self._clock()
        if self._paused and now >= self._paused_until:
            self._paused = False
            self._next = max(self._next, now)
            self._rate.resume(now)
        return max(self._paused_until, self._next) - now

    def accept(self) -> None:
        """Count an answer other than 429."""
        self._pauses_in_a_row = 0
        self._rate.accept()

    def refuse(self, retry_after: float | None) -> None:
        """Pause all workers after a 429: for its Retry-After in seconds, 300 at most, or a growing default."""
        first, self._was_refused = not self._paused, True
        self._pauses_in_a_row += first
        asked = FIRST_PAUSE * 2 ** min(10, self._pauses_in_a_row - 1) if retry_after is None else retry_after
        seconds = min(LONGEST_PAUSE, max(asked, CATCH_UP))
        if first:
            self._rate.refuse(self._clock(), seconds)
        self.pause(seconds)

    def pause(self, seconds: float) -> None:
        """Let no request leave for so many seconds; of several pauses the longest counts."""
        now = self._clock()
        if not self._paused:
            self._rate.pause(now)
        self._paused, self._paused_until = True, max(self._paused_until, now + seconds)
