"""Calls through limiter, breaker and retries: the only way in which anything talks to Triage."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TypeVar

from importer.errors import TargetUnreachable
from importer.triage.actions import Action, CallFailed
from importer.triage.breaker import Breaker
from importer.triage.limiter import Limiter, Sleep
from importer.triage.retry import make_retrying

T = TypeVar("T")


class Interrupted(Exception):
    """A call that was still waiting for its turn when the run was interrupted; it was not sent."""


class Undecidable(Exception):
    """Reading back failed as well, so that an operation's outcome stays unknown."""


class PacedCalls:
    """Makes calls at the limiter's pace, retries those that were certainly not executed, and counts requests.

    A 429 costs a pause but no attempt. After `interrupt` no request leaves; those on their way are waited for.
    """

    def __init__(self, limiter: Limiter, breaker: Breaker, *, sleep: Sleep = asyncio.sleep) -> None:
        self._limiter, self._breaker, self._sleep = limiter, breaker, sleep
        self._retrying = make_retrying(_is_retryable, self.sleep)
        self._waiting: set[asyncio.Task[object]] = set()
        self.interrupted = False
        self.requests = 0
        self.retries = 0
        self.rate_limited = 0

    def interrupt(self) -> None:
        """End every wait with Interrupted, those under way and all later ones."""
        self.interrupted = True
        for task in tuple(self._waiting):
            task.cancel()

    async def sleep(self, seconds: float) -> None:
        """Sleep between calls. Raises Interrupted as soon as the run is interrupted."""
        await self._wait(partial(self._sleep, seconds))

    async def call(self, send: Callable[[], Awaitable[T]], before: Callable[[], Awaitable[None]] | None = None) -> T:
        """Make a call; `before` is awaited after the limiter, right before each request: it makes the intent durable.

        Raises:
            CallFailed: with any action but DONE; with RETRY if every attempt failed.
            Interrupted: the run was interrupted before the request, or the next attempt, was sent.
            TargetUnreachable: the target is down; `__cause__` is the CallFailed.
        """
        try:
            return await self._attempt(send, before)
        except CallFailed as error:
            if error.action is not Action.RETRY:
                raise
            return await self._retry(error, send, before)

    async def _retry(
        self, first: CallFailed, send: Callable[[], Awaitable[T]], before: Callable[[], Awaitable[None]] | None
    ) -> T:
        failed: list[CallFailed] = [first]

        async def attempt() -> T:
            if failed:
                raise failed.pop()  # the attempt that has been made already, so that tenacity counts it and waits
            self.retries += 1
            return await self._attempt(send, before)

        return await self._retrying(attempt)

    async def _attempt(self, send: Callable[[], Awaitable[T]], before: Callable[[], Awaitable[None]] | None) -> T:
        while True:
            await self._wait(self._limiter.wait)
            if before is not None:
                await before()
            self.requests += 1
            try:
                answer = await send()
            except CallFailed as error:
                if not error.rate_limited:
                    self._note(error)
                    raise
                self.rate_limited += 1
                self._limiter.refuse(error.retry_after)
                self._breaker.limit()
            else:
                self._limiter.accept()
                self._breaker.succeed()
                return answer

    def _note(self, error: CallFailed) -> None:
        if error.action in (Action.RETRY, Action.SETTLE):
            try:
                self._limiter.pause(self._breaker.fail(error.message))
            except TargetUnreachable as stop:
                raise stop from error
        else:
            self._limiter.accept()
            self._breaker.succeed()

    async def _wait(self, wait: Callable[[], Awaitable[None]]) -> None:
        if self.interrupted:
            raise Interrupted
        task = asyncio.current_task()
        assert task is not None
        self._waiting.add(task)
        try:
            await wait()
        except asyncio.CancelledError:
            if self.interrupted:
                raise Interrupted from None
            raise
        finally:
            self._waiting.discard(task)


def _is_retryable(error: BaseException) -> bool:
    return isinstance(error, CallFailed) and error.action is Action.RETRY
