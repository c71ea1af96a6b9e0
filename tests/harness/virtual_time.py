"""Time that passes only when everybody sleeps."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from math import inf
from typing import Any, TypeVar

T = TypeVar("T")
SOON = 0.01
"""So near is what happens in real time, as a commit that waits for company, and no virtual time passes before it."""


class VirtualTime:
    """A clock and a sleep, and a run that moves the clock to the next who wakes.

    It isn't moved while a thread is at work: a disk may take its time. At `set_back_at` somebody sets the clock back by
    five hours, which makes no sleep longer.
    """

    def __init__(self) -> None:
        self.now = 1000.0
        self.set_back_at = inf
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0
        self._threads = 0

    def clock(self) -> float:
        return self.now - 5 * 3600 * (self.now > self.set_back_at)

    def monotonic(self) -> float:
        """Give the time by a clock that nobody sets."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Sleep until the clock is moved there."""
        self._count += 1
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + seconds, self._count, future))
        await future

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something to its end in its own time."""
        return asyncio.run(self._drive(work))

    async def _drive(self, work: Coroutine[Any, Any, T]) -> T:
        loop = asyncio.get_running_loop()
        self._threads = 0
        loop.run_in_executor = self._counting(loop.run_in_executor)  # type: ignore[assignment, method-assign]
        task = asyncio.create_task(work)
        while not task.done():
            await asyncio.sleep(0)
            # Before time passes, whatever can go on without it does: until no callback but this one is left.
            if task.done() or loop._ready:  # type: ignore[attr-defined]
                continue
            if self._is_busy(loop) or not self._wake_next():
                await asyncio.sleep(0.001)
        return await task

    def _wake_next(self) -> bool:
        while self._sleepers:
            at, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                self.now = max(self.now, at)
                future.set_result(None)
                return True
        return False

    def _is_busy(self, loop: asyncio.AbstractEventLoop) -> bool:
        timers: list[asyncio.TimerHandle] = getattr(loop, "_scheduled", [])
        soon = loop.time() + SOON
        return self._threads > 0 or any(not timer.cancelled() and timer.when() < soon for timer in timers)

    def _counting(self, run: Callable[..., asyncio.Future[Any]]) -> Callable[..., asyncio.Future[Any]]:
        def counting(*arguments: Any) -> asyncio.Future[Any]:
            future = run(*arguments)
            self._threads += 1
            future.add_done_callback(lambda _: self._end_thread())
            return future

        return counting

    def _end_thread(self) -> None:
        self._threads -= 1
