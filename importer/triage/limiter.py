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

TOGETHER = 0.04
"""How late the first of those who leave together may be: enough to keep its slot even where it is woken late."""

SHORTEST_SLEEP = 0.001
"""The resolution of an event loop's timers: shorter sleeps are over too soon, and come repeatedly."""

LONGEST_PAUSE = 300.0
"""The most that a Retry-After is obeyed; a target that still refuses then says so again."""

FIRST_PAUSE = 1.0
"""The pause after a 429 without Retry-After; it doubles with each further 429 until another answer comes."""

WINDOW, FEWEST, FALL_SHARE = 100, 10, 0.10
"""The rate falls when more than FALL_SHARE of the last WINDOW answers (counted as at least FEWEST) were 429."""

SELDOM = 3
"""A 429 that comes after more than SELDOM times its own pause costs less time than a much lower rate would."""

BIT_BELOW, LOWEST = 0.98, 0.2
"""The share of a measured rate that is used, and the lowest rate, in requests a second."""

DEEPEST, DEEPEST_KEPT = 0.5, 0.8
"""The share of the rate that one 429 leaves at least: where too few answers measure it, and where it was being kept."""

SHORTEST_SPAN = 0.1
"""Spans below this are too short to measure a rate over."""

HASTE, CREEP = (0.5, 0.2), (0.02, 5.0)
"""The two ways to raise the rate: by which share first (it doubles each time, up to a half), every how many seconds."""

FIRST_WAIT, LONGEST_WAIT = 5.0, 90.0
"""How long a rate is kept before a higher one is tried: twice as long each time that this was for nothing."""


class Rate:
    """Requests a second: the user's limit, or less while the target accepts less; `inf` means no limit.

    Targets mostly limit by a token bucket of unknown size. So after too many 429s the rate falls to what was
    sustained, pauses included, and is raised fast from there until the target refuses again; what was accepted until
    then measures the limit (see `_measure`). A bit below it is kept, and a higher rate is tried seldom and for a short
    time. Where the user set no limit, the first 429 starts this search.
    """

    def __init__(self, limit: float, moment: float) -> None:
        self.value = self._limit = limit
        self._kept = 0.0  # the rate that a try which is refused goes back to
        self._answers: deque[bool] = deque(maxlen=WINDOW)
        self._accepted: deque[float] = deque(maxlen=10_000)  # since the 429 that began the last pause
        self._burst = 0  # upper bound of the target's bucket, in requests
        self._refused_at = self._measured_from = self._resumed_at = moment
        self._wait = FIRST_WAIT
        self._plan(HASTE, moment)

    def accept(self, moment: float) -> None:
        """Count an answer other than 429."""
        self._answers.append(False)
        self._accepted.append(moment)
        if self.value < self._limit and moment >= self._raise_at:
            self._raise(moment)

    def refuse(self, moment: float, pause_until: float, *, first: bool) -> None:
        """Count a 429; `first` is False for requests that were already on their way when a pause began."""
        if first:
            self._refused_at = moment
        if self.value < self._limit:
            # Refused at once, the pause was too short, which says nothing about the rate.
            if first and self._accepted and self._accepted[-1] > self._resumed_at:
                self._take_back(moment, pause_until)
            return
        self._answers.append(True)
        share = sum(self._answers) / max(FEWEST, len(self._answers))
        if share > FALL_SHARE or self._limit == inf:
            self._fall(pause_until)

    def resume(self, moment: float) -> None:
        """Measure from the 429 that began this pause: the target's bucket was empty then."""
        self._measured_from, self._resumed_at = self._refused_at, moment
        while self._accepted and self._accepted[0] <= self._measured_from:
            self._accepted.popleft()

    def _fall(self, pause_until: float) -> None:
        self._burst = len(self._accepted)
        sustained = max(1, self._burst) / max(SHORTEST_SPAN, pause_until - self._measured_from)
        self.value = min(self._limit, max(LOWEST, BIT_BELOW * sustained))
        self._kept, self._wait = 0.0, FIRST_WAIT
        # These were answers at the rate that was too high.
        self._answers.clear()
        self._plan(HASTE, pause_until)

    def _take_back(self, moment: float, pause_until: float) -> None:
        self._burst = min(self._burst, len(self._accepted))
        proven = BIT_BELOW * min(self.value, self._measure(moment))
        if len(self._accepted) < FEWEST:
            proven = max(proven, DEEPEST * self.value)
        if self.value > self._kept:
            a_bit_more = self._kept / BIT_BELOW
            self._wait = FIRST_WAIT if 0 < a_bit_more < proven else min(LONGEST_WAIT, 2 * self._wait)
            rate = max(proven, min(BIT_BELOW * self.value, a_bit_more))
        elif moment - self._resumed_at > SELDOM * (pause_until - moment):
            rate = BIT_BELOW * self.value
        else:  # the limit is lower by now
            self._wait = FIRST_WAIT
            rate = max(proven, DEEPEST_KEPT * self.value)
        self.value = self._kept = max(LOWEST, rate)
        self._plan(CREEP, pause_until + self._wait)

    def _measure(self, moment: float) -> float:
        """Return a rate that the target certainly allows, by what it has accepted.

        Between two 429s that was refilled, as the bucket is empty at both; in any span at their end, what exceeds a
        full bucket.
        """
        spans = ((count, moment - accepted_at) for count, accepted_at in enumerate(reversed(self._accepted), start=1))
        rates = ((count - self._burst) / span for count, span in spans if span > SHORTEST_SPAN)
        return max(len(self._accepted) / max(SHORTEST_SPAN, moment - self._measured_from), max(rates, default=0.0))

    def _plan(self, pace: tuple[float, float], raise_at: float) -> None:
        self._growth, self._step = pace
        self._raise_at = raise_at

    def _raise(self, moment: float) -> None:
        self.value = min(self._limit, self.value * (1 + self._growth))
        self._growth = min(0.5, self._growth * 2)
        self._raise_at = moment + max(self._step, 1 / self.value)


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
        return self._rate.value

    @property
    def is_limited(self) -> bool:
        """Whether a request may have to wait."""
        return self._paused or self._rate.value != inf

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
                self._next = max(self._next, self._clock() - CATCH_UP) + 1 / self._rate.value
        finally:
            self._waiting -= 1

    def take(self) -> bool:
        """Take a turn at once, for which those that wait will wait longer; False during a pause."""
        self._delay()  # which ends a pause that is over
        if not self._paused and self._rate.value != inf:
            self._next = max(self._next, self._clock() - CATCH_UP) + 1 / self._rate.value
        return not self._paused

    @property
    def _until_others(self) -> float:
        """Seconds from the next slot to the last one of those who wait now and may leave together."""
        if self._paused or self._was_refused:
            return 0.0
        slots = min(self._waiting - 1, int(TOGETHER * self._rate.value))
        return slots / self._rate.value + SHORTEST_SLEEP if slots else 0.0

    def _delay(self) -> float:
        moment = self._clock()
        if self._paused and moment >= self._paused_until:
            self._paused = False
            self._next = max(self._next, moment)
            self._rate.resume(moment)
        return max(self._paused_until, self._next) - moment

    def accept(self) -> None:
        """Count an answer other than 429."""
        self._pauses_in_a_row = 0
        self._rate.accept(self._clock())

    def refuse(self, retry_after: float | None) -> None:
        """Pause all workers after a 429: for its Retry-After in seconds, 300 at most, or a growing default."""
        moment = self._clock()
        first = not self._paused
        self._was_refused = True
        self._pauses_in_a_row += first
        seconds = retry_after
        if seconds is None:
            seconds = FIRST_PAUSE * 2 ** min(10, self._pauses_in_a_row - 1)
        self.pause(max(seconds, CATCH_UP))
        self._rate.refuse(moment, self._paused_until, first=first)

    def pause(self, seconds: float) -> None:
        """Let no request leave for so many seconds; of several pauses the longest counts."""
        moment = self._clock()
        self._paused = True
        self._paused_until = max(self._paused_until, moment + min(LONGEST_PAUSE, seconds))
