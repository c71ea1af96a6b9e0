"""Group commit: the intents and outcomes of many workers in one transaction, while a thread waits for the disk.

Only what waits runs in that thread. For a file that is the commit: with its statements there too, both threads spent
their time handing each other the interpreter's lock. For a server it is the statements as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Generic, TypeVar

Intent = TypeVar("Intent")
Decision = TypeVar("Decision")

INTENT_SECONDS = 0.002
DECISION_SECONDS = 0.2
"""How long an intent, and an outcome that no intent follows, waits for others to be committed with."""


class GroupCommit(Generic[Intent, Decision]):
    """Gathers the workers' intents and outcomes, and commits them in groups, one group at a time.

    A group is committed when it has `group` intents, or when its first has waited long enough. `write` writes a group
    and returns what commits it, which is called in a thread. Whoever asks first goes on first. Once either of the two
    has failed, every call raises that error.
    """

    def __init__(self, write: Callable[[list[Intent], list[Decision]], Callable[[], None]], group: int) -> None:
        self._write = write
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._intents: list[Intent] = []
        self._decisions: list[Decision] = []
        self._waiters: list[asyncio.Future[None]] = []
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._closed = False

    def record(self, decision: Decision) -> None:
        """Hand in an outcome; it becomes durable with the next group."""
        self._decisions.append(decision)
        self._schedule()

    async def intend(self, intent: Intent) -> None:
        """Return once the intent, and every outcome handed in before it, is durable."""
        if self._error is not None:
            raise self._error
        waiter = self._loop.create_future()
        self._intents.append(intent)
        self._waiters.append(waiter)
        self._schedule()
        await waiter

    async def flush(self) -> None:
        """Return once everything handed in is durable."""
        while self._error is None and (self._running or self._intents or self._decisions):
            if self._running is None:
                self._start()
            else:
                await asyncio.wait([self._running])
        if self._error is not None:
            raise self._error

    def close(self) -> None:
        """Wait for the group under way and end the thread. What was not flushed is lost."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._thread.shutdown()

    def _schedule(self) -> None:
        if self._running is not None or self._error is not None or self._closed:
            return  # what is handed in meanwhile goes with the next group
        if len(self._intents) >= self._group:
            self._start()
        # With the first intent: a timer that runs is one for outcomes alone, which may wait longer.
        elif self._timer is None or len(self._intents) == 1:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(INTENT_SECONDS if self._intents else DECISION_SECONDS, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        intents, decisions, waiters = self._intents, self._decisions, self._waiters
        self._intents, self._decisions, self._waiters = [], [], []
        try:
            commit = self._write(intents, decisions)
            self._running = self._loop.run_in_executor(self._thread, commit)
        except Exception as error:  # noqa: BLE001 - without memory, too, those who wait are told
            self._end(waiters, error)
        else:
            self._running.add_done_callback(lambda future: self._end(waiters, future.exception()))

    def _end(self, waiters: list[asyncio.Future[None]], error: BaseException | None) -> None:
        self._running, self._error = None, error
        if error is not None:  # nothing more is committed, so nobody goes on
            waiters, self._waiters = [*waiters, *self._waiters], []
        for waiter in waiters:
            if waiter.done():
                continue
            if error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(error)
        if self._intents or self._decisions:
            self._schedule()
