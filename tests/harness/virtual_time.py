"""Time that passes only when everybody sleeps."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")
TURNS = 30
"""Rounds of the loop that are enough for whatever can go on without time passing."""


class VirtualTime:
    """A clock and a sleep, and a run that moves the clock to the next who wakes."""

    def __init__(self) -> None:
        self.now = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._count = 0

    def clock(self) -> float:
        """Give the time."""
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
        task = asyncio.create_task(work)
        while not task.done():
            for _ in range(TURNS):
                await asyncio.sleep(0)
            while self._sleepers and not task.done():
                at, _, future = heapq.heappop(self._sleepers)
                if not future.done():
                    self.now = max(self.now, at)
                    future.set_result(None)
                    break
            else:
                await asyncio.sleep(0.001)  # a thread is at work
        return await task
