"""Calls through limiter, breaker and retries: the only way in which anything talks to Triage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from math import inf
from typing import Self, TypeVar

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_random_exponential

from importer.errors import TargetUnreachable
from importer.triage.actions import Action, CallFailed
from importer.triage.breaker import Breaker
from importer.triage.event_loop import signals_call
from importer.triage.limiter import Limiter, Sleep

T = TypeVar("T")


class Interrupted(Exception):
    """A call that was still waiting for its turn when the run was interrupted; it was not sent."""


class Undecidable(Exception):
    """Reading back failed as well, so that an operation's outcome stays unknown."""


class TooLate(Exception):
    """A call within a turn that could not leave at once, or was surely not executed: what was read may be old by now.

    `__cause__` is the CallFailed if it left.
    """


LONG_PAUSE = 10.0
"""Seconds; a longer pause is told to the person who waits."""
FAILED_TURNS = 5
"""How often calls in one turn are made, at most, if one of them surely was not executed; 429 costs a pause instead."""


LIMITS_TRIED = 3
"""After so many calls that were answered 429, and that a search doesn't show, a 429 is believed without a search."""


class PacedCalls:
    """Makes calls at the limiter's pace, retries those that were certainly not executed, and counts requests.

    A 429 costs a pause but no attempt. After `interrupt` no request leaves; those on their way are waited for. `say`
    tells a person why nothing leaves for long. `signalled` says that a signal has asked to end.
    """

    def __init__(
        self,
        limiter: Limiter,
        breaker: Breaker,
        say: Callable[[str], object] = lambda text: None,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._limiter, self._breaker, self._say, self._sleep = limiter, breaker, say, sleep
        self._retrying = make_retrying(_is_retryable, self.sleep)
        self._waiting: set[asyncio.Task[object]] = set()
        self._turns: dict[asyncio.Task[object] | None, bool] = {}  # tasks within `in_turn`: whether theirs has come
        self.interrupted = self.signalled = False
        self.requests = self.retries = self.rate_limited = 0
        self._limits_left: float = LIMITS_TRIED  # searches after a 429; for ever, once what it answered was there

    @classmethod
    def at(cls, rate: float, say: Callable[[str], object]) -> Self:
        """Return the calls of a command: `rate` requests a second at most, 0 for no limit."""
        return cls(Limiter(rate), Breaker(), say)

    @property
    def is_limited(self) -> bool:
        """Whether a call may have to wait for its turn."""
        return self._limiter.is_limited

    @property
    def rate(self) -> float:
        """Requests a second that leave at this moment at most; `inf` where nothing limits them."""
        return self._limiter.rate

    @property
    def pause_left(self) -> float:
        """Seconds until requests leave again; not above 0 if none waits for that."""
        return self._limiter.pause_left

    def interrupt(self) -> None:
        """End every wait with Interrupted, those under way and all later ones."""
        self.interrupted = True
        for task in tuple(self._waiting):
            task.cancel()

    @contextmanager
    def ended_by_signals(self) -> Iterator[None]:
        """While the block runs, a signal that asks to end interrupts the calls, and a second one cancels this task."""
        task = asyncio.current_task()
        assert task is not None

        def end() -> None:
            if self.signalled:
                task.cancel()  # which doesn't wait for what is on its way
                return
            self.signalled = True
            self._say("Interrupted: waiting for requests in flight (press Ctrl-C again to stop at once) …")
            self.interrupt()

        with signals_call(end):
            yield

    async def sleep(self, seconds: float) -> None:
        """Sleep between calls. Raises Interrupted as soon as the run is interrupted."""
        await self._wait(partial(self._sleep, seconds))

    async def call(
        self,
        send: Callable[[], Awaitable[T]],
        before: Callable[[], Awaitable[None]] | None = None,
        *,
        find: Callable[[], Awaitable[T | None]] | None = None,
        alone: bool = False,
    ) -> T:
        """Make a call; `before` is awaited after the limiter, right before each request: it makes the intent durable.

        `find` looks for what the call may have made, in spite of a 429, and gives what the call would have given. With
        `alone` it waits for a turn of its own, also within `in_turn`.

        Raises:
            CallFailed: with any action but DONE; with RETRY if every attempt failed.
            TooLate: within `in_turn` alone.
            Interrupted: the run was interrupted before the request, or the next attempt, was sent.
            TargetUnreachable: the target is down; `__cause__` is the CallFailed.
        """
        # Asked for only if anybody has a turn: it takes 2 µs, as long as all else here.
        task = asyncio.current_task() if self._turns and not alone else None
        if self._turns.get(task):
            return await self._call_at_once(send, before)
        try:
            answer = await self._attempt(send, before, find)
        except CallFailed as error:
            if error.action is not Action.RETRY:
                raise
            answer = await self._retry(error, partial(self._attempt, send, before, find))
        if task in self._turns:
            self._turns[task] = True
        return answer

    async def in_turn(self, read_and_write: Callable[[], Awaitable[T]]) -> T:
        """Let calls that read, and one that writes what depends on them, take one turn of the limiter together.

        The first one waits for it, the others leave right after; whoever is next waits longer for that. So nobody's
        edit falls between them, but for the time that they are on their way. What is read doesn't outlive a pause, or a
        request that wasn't executed: then all of it is done again.

        Raises as `call`, but for TooLate; CallFailed with RETRY if this has failed five times.
        """
        task, failed = asyncio.current_task(), 0
        while True:
            self._turns[task] = False
            try:
                return await read_and_write()
            except TooLate as late:
                cause = late.__cause__
                self.retries += 1
                # After a pause the next turn is as good as the first.
                if isinstance(cause, CallFailed) and not cause.rate_limited:
                    failed += 1
                    if failed == FAILED_TURNS:
                        raise cause from None
            finally:
                del self._turns[task]

    async def _call_at_once(self, send: Callable[[], Awaitable[T]], before: Callable[[], Awaitable[None]] | None) -> T:
        """Make a call without waiting. Raises TooLate if all pause, or if it was surely not executed."""
        if self.interrupted:
            raise Interrupted
        if not self._limiter.take():
            raise TooLate
        try:
            return await self._send(send, before)
        except CallFailed as error:
            if error.action is Action.RETRY:
                raise TooLate from error
            raise

    async def _retry(self, first: CallFailed, repeat: Callable[[], Awaitable[T]]) -> T:
        failed: list[CallFailed] = [first]

        async def attempt() -> T:
            if failed:
                raise failed.pop()  # the attempt that has been made already, so that tenacity counts it and waits
            self.retries += 1
            return await repeat()

        return await self._retrying(attempt)

    async def _attempt(
        self,
        send: Callable[[], Awaitable[T]],
        before: Callable[[], Awaitable[None]] | None,
        find: Callable[[], Awaitable[T | None]] | None,
    ) -> T:
        while True:
            if self.interrupted or self.is_limited:
                await self._wait(self._limiter.wait)
            try:
                return await self._send(send, before)
            except CallFailed as error:
                if not error.rate_limited:
                    raise
            if find is not None and self._limits_left > 0:
                answer = await self._find(find)
                if answer is not None:
                    return answer

    async def _find(self, find: Callable[[], Awaitable[T | None]]) -> T | None:
        """Look once for what a call has made that was answered 429."""
        try:
            answer = await find()
        except CallFailed:
            return None  # it is sent again, as after any 429
        self._limits_left = self._limits_left - 1 if answer is None else inf
        return answer

    async def _send(self, send: Callable[[], Awaitable[T]], before: Callable[[], Awaitable[None]] | None) -> T:
        """Await `before`, make a request, and tell limiter and breaker of its answer."""
        if before is not None:
            await before()
        self.requests += 1
        try:
            answer = await send()
        except CallFailed as error:
            self._note(error)
            raise
        self._limiter.accept()
        self._breaker.succeed()
        return answer

    def _note(self, error: CallFailed) -> None:
        paused_for = self._limiter.pause_left
        if error.rate_limited:
            self.rate_limited += 1
            self._limiter.refuse(error.retry_after)
            self._breaker.limit()
        elif error.action in (Action.RETRY, Action.SETTLE):
            try:
                self._limiter.pause(self._breaker.fail(error.message))
            except TargetUnreachable as stop:
                raise stop from error
        else:  # a refusal is an answer, too: the target works
            self._limiter.accept()
            self._breaker.succeed()
        seconds = self._limiter.pause_left
        # Each request that was on its way makes the pause a little longer, which is not said again.
        if seconds > LONG_PAUSE and seconds > paused_for + LONG_PAUSE / 2:
            until = datetime.now() + timedelta(seconds=seconds)
            self._say(
                f"Triage doesn't take requests now ({error.message}): nothing is sent until {until:%H:%M:%S}, "
                "then it is asked again. Ctrl-C ends the command; the same one continues."
            )

    async def _wait(self, wait: Callable[[], Awaitable[None]]) -> None:
        if self.interrupted:
            raise Interrupted
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            await wait()
        except asyncio.CancelledError:
            if self.interrupted:  # else somebody else has cancelled it
                raise Interrupted from None
            raise
        finally:
            self._waiting.discard(task)


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, CallFailed) and error.action is Action.RETRY


def make_retrying(is_retryable: Callable[[BaseException], bool], sleep: Sleep = asyncio.sleep) -> AsyncRetrying:
    """Return the retry policy: exponential waits with full jitter, at most 6 attempts within 2 minutes."""
    return AsyncRetrying(
        retry=retry_if_exception(is_retryable),
        stop=stop_after_attempt(6) | stop_after_delay(120),
        wait=wait_random_exponential(multiplier=0.5, max=30),
        sleep=sleep,
        reraise=True,
    )
