"""Group commit: the intents and outcomes of many workers in one transaction, while a thread waits for the disk.

Only what waits runs in that thread. For a file that is the commit: with its statements there too, both threads spent
their time handing each other the interpreter's lock. For a server it is the statements as well.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from importer.ledger.journal import Decision
    from importer.ledger.replaced import Replacement

OperationId = tuple[str, str, str]
"""Key, act and name of an operation."""


class Intent(NamedTuple):
    """What says that an operation may have been sent, and is durable before it is.

    identity     its key, act and name
    since        when it is sent at the latest, in seconds since 1970
    values       those of its row, see `statements.INTEND`
    replacement  what it replaces: key, issue id, values; None if nothing is kept of it
    """

    identity: OperationId
    since: float
    values: tuple[Any, ...]
    replacement: tuple[str, str, Replacement] | None = None


AHEAD_GROUPS = 2
"""So many groups of announced intents are committed by themselves: nobody waits for these."""
INTENT_SECONDS = 0.002
DECISION_SECONDS = 0.2
"""How long an intent, and an outcome that no intent follows, waits for others to be committed with."""


class GroupCommit:
    """Gathers the workers' intents and outcomes, and commits them in groups, one group at a time.

    A group is committed when it has `group` intents, or when its first has waited long enough; those that were only
    announced go with it, or by themselves once they are AHEAD_GROUPS times as many. `write` writes a group and returns
    what commits it, which is called in a thread. Whoever asks first goes on first, whatever group each waits for. Once
    either of the two has failed with an ImporterError, every call raises that error.
    """

    def __init__(self, write: Callable[[list[Intent], list[Decision]], Callable[[], None]], group: int) -> None:
        self._write = write
        self._group = group
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="ledger")
        self._intents: list[Intent] = []
        self._decisions: list[Decision] = []
        self._announced: dict[OperationId, Intent] = {}
        # What was announced and has gone with a group since: the group's number, and the intent's `since`.
        self._early: dict[OperationId, tuple[int, float]] = {}
        self._started = self._ended = 0  # the numbers of the newest groups
        # Those who wait, each with its group's number; whoever may go on stays in line until it does.
        self._line: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._timer: asyncio.TimerHandle | None = None
        self._running: asyncio.Future[None] | None = None
        self._error: BaseException | None = None
        self._closed = False

    def record(self, decision: Decision) -> None:
        """Hand in an outcome; it becomes durable with the next group."""
        self._decisions.append(decision)
        self._schedule()

    def announce(self, intent: Intent) -> None:
        """Let the next group take an intent along that is wanted soon: before its own `since`."""
        self._announced[intent.identity] = intent
        if self._is_ahead:
            self._schedule()

    def retract(self, identity: OperationId) -> bool:
        """Take back what was announced and not wanted; return whether it went with a group, and so may be durable."""
        self._announced.pop(identity, None)
        return self._early.pop(identity, None) is not None

    async def is_durable(self, identity: OperationId, since: float) -> bool:
        """Whether what was announced went with a group, for a time after `since`; waits for that group's commit."""
        group, good_until = self._early.pop(identity, (0, 0.0))
        if not group or good_until < since or self._error is not None:
            self._announced.pop(identity, None)
            return False
        await self._line_up(group)
        return True

    async def intend(self, intent: Intent) -> None:
        """Return once the intent, and every outcome handed in before it, is durable."""
        self._intents.append(intent)
        group = self._started + 1
        self._schedule()
        await self._line_up(group)

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

    async def _line_up(self, group: int) -> None:
        """Return once a group is durable, after all those who have come before."""
        if self._error is not None:
            raise self._error
        if group <= self._ended and not self._line:
            return
        place = group, self._loop.create_future()
        self._line.append(place)
        try:
            await place[1]
        finally:
            self._line.remove(place)
            self._call_up()  # those who have lined up since behind whoever could go on

    def _call_up(self) -> None:
        """Let those go on whose group is durable, up to the first whose isn't; after an error all of them raise it."""
        for group, waiter in self._line:
            if self._error is None and group > self._ended:
                break
            if waiter.done():
                continue
            if self._error is None:
                waiter.set_result(None)
            else:
                waiter.set_exception(self._error)

    @property
    def _is_full(self) -> bool:
        """Whether there is enough for a commit, so that nothing is waited for."""
        return len(self._intents) >= self._group or self._is_ahead

    @property
    def _is_ahead(self) -> bool:
        """Whether enough was announced: nobody waits for it, so that a commit can take more."""
        return len(self._announced) >= AHEAD_GROUPS * self._group

    def _schedule(self) -> None:
        if self._running is not None or self._error is not None or self._closed:
            return  # what is handed in meanwhile goes with the next group
        if self._is_full:
            self._start()
        elif self._timer is None or len(self._intents) == 1:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._loop.call_later(INTENT_SECONDS if self._intents else DECISION_SECONDS, self._start)

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        intents, decisions, self._intents, self._decisions = self._intents, self._decisions, [], []
        self._started += 1
        if intents or self._is_ahead:
            intents += self._announced.values()
            self._early |= {identity: (self._started, intent.since) for identity, intent in self._announced.items()}
            self._announced = {}
        try:
            commit = self._write(intents, decisions)
            self._running = self._loop.run_in_executor(self._thread, commit)
        except Exception as error:  # noqa: BLE001 - without memory, too, those who wait are told
            self._end(error)
        else:
            self._running.add_done_callback(lambda done: self._end(done.exception()))

    def _end(self, error: BaseException | None) -> None:
        self._running = None
        self._error = error
        if error is None:
            self._ended = self._started
        self._call_up()
        if self._intents or self._decisions or self._is_full:
            self._schedule()
