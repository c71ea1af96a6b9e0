"""The rate limiter: one adaptive rate and one pause, shared by all workers.

All times are in seconds. `clock` and `sleep` can be passed in, so that tests steer the time.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from math import inf

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]

CATCH_UP = 0.05
"""How late a request may leave and still keep its slot: more would allow bursts, less would lose each late wake-up."""

SHORTEST_SLEEP = 0.001
"""The resolution of an event loop's timers: shorter sleeps are over too soon, and come again and again."""

LONGEST_PAUSE = 300.0
"""The most that a Retry-After is obeyed; a target that still refuses then says so again."""

FIRST_PAUSE = 1.0
"""The pause after a 429 without Retry-After; it doubles with each further 429 until another answer comes."""

WINDOW, FEWEST, FALL_SHARE = 100, 10, 0.10
"""The rate falls when more than FALL_SHARE of the last WINDOW answers (counted as at least FEWEST) were 429."""

SELDOM = 5
"""A 429 that comes after more than SELDOM times its own pause costs less time than a lower rate would."""

BIT_BELOW, LOWEST = 0.97, 0.2
"""The share of a proven rate that is used, and the lowest rate, in requests a second."""

DEEPEST, DEEPEST_CREEPING = 0.5, 0.8
"""The share of the rate that one 429 leaves at least: while it is raised fast, and while it creeps up."""

SHORTEST_SPAN = 0.1
"""Spans below this are too short to measure a rate over."""

HASTE, CREEP = (0.5, 0.1), (0.01, 5.0)
"""The two ways to raise the rate: by which share first (it doubles each time, up to a half), every how many seconds."""


class Rate:
    """Requests a second: the user's limit, or less while the target accepts less; `inf` means no limit.

    Targets mostly limit by a token bucket of unknown size. So after too many 429s the rate falls to what was certainly
    sustained, pauses included. From there it is raised fast until the target refuses again; what was accepted until
    then proves the limit (see `_proven`). After that it creeps up, and a raise that is refused is taken back. Where the
    user set no limit, the first 429 starts this search.
    """

    def __init__(self, limit: float, now: float) -> None:
        self.value = self._limit = limit
        self._answers: deque[bool] = deque(maxlen=WINDOW)
        self._accepted: deque[float] = deque(maxlen=1000)
        self._burst = 0  # upper bound of the target's bucket, in requests
        self._resumed_at = now
        self._plan(HASTE)

    def accept(self, now: float) -> None:
        """Count an answer other than 429."""
        self._answers.append(False)
        self._accepted.append(now)
        if self.value < self._limit and now >= self._raise_at:
            self._raise(now)

    def refuse(self, now: float, pause_until: float, *, first: bool) -> None:
        """Count a 429; `first` is False for requests that were already on their way when a pause began."""
        if self.value < self._limit:
            if first and self._accepted:  # else the pause was too short, which says nothing about the rate
                if now - self._resumed_at < SELDOM * (pause_until - now):
                    self._take_back(now)
                else:
                    self._plan(CREEP)
            return
        self._answers.append(True)
        share = sum(self._answers) / max(FEWEST, len(self._answers))
        if share > FALL_SHARE or self._limit == inf:
            self._fall(pause_until)

    def resume(self, now: float) -> None:
        """Start measuring anew after a pause."""
        self._accepted.clear()
        self._resumed_at = now

    def _fall(self, pause_until: float) -> None:
        self._burst = len(self._accepted)
        sustained = max(1, self._burst) / max(SHORTEST_SPAN, pause_until - self._resumed_at)
        self.value = min(self._limit, max(LOWEST, BIT_BELOW * sustained))
        self._answers.clear()
        self._plan(HASTE)

    def _take_back(self, now: float) -> None:
        self._burst = min(self._burst, len(self._accepted))
        deepest = DEEPEST if self._step == HASTE[1] else DEEPEST_CREEPING
        lower = min(BIT_BELOW * self.value, max(deepest * self.value, BIT_BELOW * self._proven(now)))
        self.value = min(self._limit, max(LOWEST, lower))
        self._plan(CREEP)

    def _proven(self, now: float) -> float:
        """Return the rate that the last answers prove: what was accepted beyond a full bucket was refilled."""
        spans = ((count, now - then) for count, then in enumerate(reversed(self._accepted), start=1))
        return max(((count - self._burst) / span for count, span in spans if span > SHORTEST_SPAN), default=0.0)

    def _plan(self, pace: tuple[float, float]) -> None:
        self._growth, self._step = pace
        self._raise_at = -inf

    def _raise(self, now: float) -> None:
        if self._raise_at != -inf:  # the first answer after a plan only starts the clock
            self.value = min(self._limit, self.value * (1 + self._growth))
            self._growth = min(0.5, self._growth * 2)
        self._raise_at = now + max(self._step, 1 / self.value)


class Limiter:
    """Lets requests leave evenly at a rate (GCRA), and none during a pause. All workers share one.

    `rate` is in requests a second; 0 means no limit.
    """

    def __init__(self, rate: float = 0, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep) -> None:
        self._clock, self._sleep = clock, sleep
        self._rate = Rate(rate or inf, clock())
        self._next = clock()
        self._paused_until = -inf
        self._paused = False
        self._asked_for = 0.0  # seconds of all pauses so far, to their ends
        self._pauses_in_a_row = 0
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def rate(self) -> float:
        """Requests a second at this moment; `inf` where nothing limits them."""
        return self._rate.value

    @property
    def is_limited(self) -> bool:
        """Whether a request may have to wait."""
        return self._paused or self._rate.value != inf

    @property
    def pause_left(self) -> float:
        """Seconds until the present pause is over; not above 0 if there is none."""
        return self._paused_until - self._clock()

    @property
    def paused_seconds(self) -> float:
        """How long nothing could leave so far, in all pauses."""
        return self._asked_for - max(0.0, self.pause_left)

    async def wait(self) -> None:
        """Wait until a request may leave."""
        if not self.is_limited:
            return
        loop = asyncio.get_running_loop()
        if loop is not self._loop:  # a command may run several, one after the other
            self._loop, self._turn = loop, asyncio.Lock()
        # One worker sleeps, the others queue for the lock: slots given out in advance would be at an old rate.
        async with self._turn:
            while (delay := self._delay()) > 0:
                await self._sleep(max(delay, SHORTEST_SLEEP))
            self._next = max(self._next, self._clock() - CATCH_UP) + 1 / self._rate.value

    def take(self) -> bool:
        """Take a turn at once, for which those that wait will wait longer; False during a pause."""
        self._delay()  # which ends a pause that is over
        if not self._paused and self._rate.value != inf:
            self._next = max(self._next, self._clock() - CATCH_UP) + 1 / self._rate.value
        return not self._paused

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
        self._rate.accept(self._clock())

    def refuse(self, retry_after: float | None) -> None:
        """Pause all workers after a 429: for its Retry-After in seconds, 300 at most, or a growing default."""
        now = self._clock()
        first = not self._paused
        self._pauses_in_a_row += first
        asked = FIRST_PAUSE * 2 ** min(10, self._pauses_in_a_row - 1) if retry_after is None else retry_after
        self.pause(max(asked, CATCH_UP))
        self._rate.refuse(now, self._paused_until, first=first)

    def pause(self, seconds: float) -> None:
        """Let no request leave for so many seconds; of several pauses the longest counts."""
        now = self._clock()
        until = max(self._paused_until, now + min(LONGEST_PAUSE, seconds))
        self._asked_for += until - max(self._paused_until, now)
        self._paused, self._paused_until = True, until
