"""Workers: process items concurrently, with a limited number of requests, until all are done or one fails.

An item that waits for something other than its own request, such as `--settle-seconds`, gives its slot to others
meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

from importer.errors import TooManyFailures
from importer.triage.absence import when_sure
from importer.triage.paced import Interrupted, PacedCalls

T = TypeVar("T")
OPEN_LIMIT = 1000
"""Most items in progress, many of which wait for an outcome; the limit keeps memory flat."""

TURNS = 3
"""Turns of the loop that other answers have once a slot is free: what many do together takes less than one by one."""


class FailureCap:
    """Counts failures in a run, which ends after more than `limit`; None for no limit.

    `what` names what is counted, and `hint` says what to do then.
    """

    def __init__(self, limit: int | None = None, what: str = "rows", hint: str = "") -> None:
        self.what = what
        self._most = limit
        self._hint = hint
        self._failed = self._doubted = 0

    def fail(self, message: str) -> None:
        """Count a failure. Raises TooManyFailures if that is one too many."""
        self._failed += 1
        if self._most is not None and self._failed > self._most:
            raise TooManyFailures(f"{self._failed} {self.what} failed, the last with: {message}", hint=self._hint)

    @contextmanager
    def doubted(self, number: int = 1) -> Iterator[None]:
        """Count this many items as possible failures while the block finds out."""
        self._doubted += number
        try:
            yield
        finally:
            self._doubted -= number

    @property
    def may_be_exceeded(self) -> bool:
        """Whether too many failed if all that is in doubt has."""
        return self._most is not None and self._doubted > 0 and self._failed + self._doubted > self._most


class Workers:
    """Process items, with `concurrency` requests at a time; nothing is begun while too many may have failed."""

    def __init__(self, calls: PacedCalls, concurrency: int, cap: FailureCap) -> None:
        self._calls = calls
        self._cap = cap
        self._slots = asyncio.Semaphore(concurrency)
        self._turn = asyncio.Lock()
        self._tasks = set[asyncio.Task[Any]]()
        self._ended = asyncio.Event()
        self._error: BaseException | None = None

    async def work_through(self, items: Iterable[T], work: Callable[[T], Awaitable[object]]) -> None:
        """Work on each item, and return once all have ended, those of `start`, too.

        After the first error, or once the calls are interrupted, no item is begun and no request leaves; those on
        their way are awaited.

        Raises:
            Exception: the first error of a piece of work or of the items, but for Interrupted.
        """
        try:
            await self._begin_all(iter(items), work)
            while self._tasks:
                await self._wait_for_an_end()
        finally:
            for task in self._tasks:  # there are some only if this task was cancelled: their outcomes stay open
                task.cancel()
        if self._error is not None:
            raise self._error

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start work that takes no slot, because it only waits for others' requests."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._end)
        return task

    @asynccontextmanager
    async def idle(self) -> AsyncIterator[None]:
        """Give this item's slot to others while the block waits."""
        self._slots.release()
        try:
            yield
        finally:
            await self._slots.acquire()

    async def alone(self, is_needed: Callable[[], bool], work: Callable[[], Awaitable[T]]) -> T:
        """Do work for which it is needed when no other such work is under way; others use the slot of what waits."""
        if not is_needed():
            return await work()
        async with self.idle():
            await self._turn.acquire()
        try:
            if is_needed():
                return await work()
        finally:
            self._turn.release()
        return await work()

    async def when_sure(self, read_issue: Callable[[], Awaitable[T]]) -> T:
        """Read until it is certain whether an issue is gone; while `read_issue` raises NotYet, others use the slot."""

        async def wait(seconds: float) -> None:
            async with self.idle():
                await self._calls.sleep(seconds)

        return await when_sure(read_issue, wait)

    async def _begin_all(self, items: Iterator[T], work: Callable[[T], Awaitable[object]]) -> None:
        while await self._take_slot():
            try:
                item = next(items)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - whatever it is, what is on its way is awaited before it is raised
                self._note(error)
                break
            self.start(self._perform(work, item))
        else:
            return
        self._slots.release()  # that of the next item, of which there is none

    async def _take_slot(self) -> bool:
        """Wait for the slot of the next item; return whether it may be begun."""
        while not self._calls.interrupted:
            # No slot is held meanwhile: whoever waits for an outcome needs one to go on.
            if self._tasks and (len(self._tasks) >= OPEN_LIMIT or self._cap.may_be_exceeded):
                await self._wait_for_an_end()
                continue
            turns = TURNS if self._slots.locked() else 0
            await self._slots.acquire()
            for _ in range(turns):
                await asyncio.sleep(0)
            if not self._cap.may_be_exceeded and not self._calls.interrupted:
                return True
            self._slots.release()
        return False

    async def _wait_for_an_end(self) -> None:
        self._ended.clear()
        await self._ended.wait()

    async def _perform(self, work: Callable[[T], Awaitable[object]], item: T) -> None:
        try:
            await work(item)
        finally:
            self._slots.release()

    def _end(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        self._ended.set()
        error = None if task.cancelled() else task.exception()
        if error is not None and not isinstance(error, Interrupted):
            self._note(error)

    def _note(self, error: BaseException) -> None:
        """Keep the first error, and stop sending."""
        self._error = self._error or error
        self._calls.interrupt()
