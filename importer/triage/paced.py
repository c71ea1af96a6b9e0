"""Calls at the right pace: limiter, breaker and retries, the same for everything that talks to the target."""

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
    """A call that was waiting for its turn, and never left, since everything ends."""


class Undecidable(Exception):
    """The look-ups that would decide an operation's fate fail; it stays unknown."""


class PacedCalls:
    """Makes calls when the limiter lets them, again where they were surely not executed; counts them.

    A 429 costs a pause, never an attempt. After `interrupt` nothing leaves any more; what is on its way ends.
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
        """End every wait with Interrupted, now and from now on."""
        self.interrupted = True
        for task in tuple(self._waiting):
            task.cancel()

    async def sleep(self, seconds: float) -> None:
        """Let time pass between calls. Raises Interrupted as soon as everything ends."""
        await self._wait(partial(self._sleep, seconds))

    async def call(self, send: Callable[[], Awaitable[T]], before: Callable[[], Awaitable[None]] | None = None) -> T:
        """Make a call; `before` is awaited between the limiter and each request.

        Raises:
            CallFailed: with any action but DONE; with RETRY, all attempts were in vain.
            Interrupted: before the request, or the next one, left.
            TargetUnreachable: the target is plainly down; its cause is the CallFailed.
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
                raise failed.pop()  # the attempt that was made already: tenacity counts it and waits
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
