"""What a probe sends: within its requests and its time, and with what each answer shows noted."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, TypeVar

from importer.api import PAGE_LIMIT
from importer.errors import RunStopped
from importer.load.ours import Ours, delete
from importer.load.read_back import LOOK_SECONDS
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.assumptions import BY_ID
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
from importer.triage.recorder import Exchange, Recorder

T = TypeVar("T")
MOST_REQUESTS = 80
MOST_SECONDS = 120.0
REQUESTS_LEFT = 20
SECONDS_LEFT = 20.0
"""What is kept of them for deleting what was made."""
NEWEST = {"sort": "created_at", "order": "desc"}
TOLD_SECONDS = 10.0
"""A longer wait is told to the person who waits."""


class Enough(Exception):
    """So many requests, or so much time, that the rest is for deleting what was made."""


class ProbeCalls:
    """The calls of a probe.

    paced       counts and paces the requests
    recorder    has all exchanges
    seen        id of an assumption → whether it is so, None if that wasn't seen; and what was
    shown       id → the exchange that shows it
    refused     refusals of a write that did nothing, which is as the reference says
    done        refusals of a write that was done all the same
    created     id → number of each issue of the probe's own that is there, as far as is known
    there       id → each of them as it was read first
    deleted     numbers of those that it has deleted, as they were read
    settle      seconds after which the last of what was written was there
    is_closing  whether what is kept of requests and time may be used
    """

    def __init__(
        self,
        client: TriageClient,
        paced: PacedCalls,
        recorder: Recorder,
        say: Callable[[str], object] = lambda text: None,
        *,
        look_seconds: Sequence[float] = LOOK_SECONDS,
        seconds: float = MOST_SECONDS,
    ) -> None:
        self.client = client
        self.paced = paced
        self.recorder = recorder
        self.say = say
        self.look_seconds = look_seconds
        self.seen = dict[str, tuple[bool | None, str]]()
        self.shown = dict[str, Exchange]()
        self.refused = list[Exchange]()
        self.done = list[Exchange]()
        self.created = dict[str, str]()
        self.there = dict[str, Issue]()
        self.deleted = list[str]()
        self.settle = 0.0
        self.is_closing = False
        self.end = time.monotonic() + seconds
        self.seconds_left = min(SECONDS_LEFT, seconds / 3)

    async def list_issues(self, filters: Mapping[str, str] = NEWEST, most_pages: int = 1) -> list[Issue]:
        """Read pages of the list, so many at most; what can't be read is seen in the end."""
        issues = list[Issue]()
        query = {"limit": str(PAGE_LIMIT), **filters}
        for _ in range(most_pages):
            page = await self.attempt(partial(self.client.list_issues, **query))
            issues += page.items if page else ()
            if page is None or page.next_cursor is None:
                break
            query["cursor"] = page.next_cursor
        return issues

    async def delete(self, own_issue: Ours) -> bool:
        """Delete an issue, and return whether it is gone: a deletion that is answered with an error may be done."""
        self.there.pop(own_issue.issue.id, None)
        try:
            await self.call(partial(delete, self.client, own_issue))
        except CallFailed as error:
            self.check(error)
            _, is_gone = await self.read(own_issue.issue.id)
            return is_gone
        return True

    async def read(self, issue_id: str) -> tuple[Issue | None, bool]:
        """Read an issue, None if that fails; the second says whether it isn't there."""
        try:
            return await self.call(partial(self.client.get_issue, issue_id)), False
        except CallFailed as error:
            self.check(error)
            return None, error.is_own_absence

    async def poll(self, name: str, read_once: Callable[[], Awaitable[T | None]]) -> T | None:
        """Read until it is there, and note if that wasn't at once; `read_once` is one request."""
        started = time.monotonic()
        seconds = 0.0
        for seconds in self.look_seconds:
            seconds_left = started + seconds - time.monotonic()
            if seconds_left > 0:
                await self.paced.sleep(seconds_left)
            result = await self.attempt(read_once)
            if result is not None:
                self.settle = max(self.settle, seconds)
                lag = "at once" if seconds == 0 else f"after {seconds:g} s"
                self.saw("reads", seconds == 0, f"{name} {lag}")
                return result
        self.saw("reads", False, f"{name} not within {seconds:g} s")
        return None

    async def attempt(self, send: Callable[[], Awaitable[T]]) -> T | None:
        """Make a call; None where it fails, which is seen in the end."""
        try:
            return await self.call(send)
        except CallFailed as error:
            self.check(error)
            return None

    async def write(self, send: Callable[[], Awaitable[object]]) -> CallFailed | None:
        """Make a call, and return its refusal; None after any other answer, or none: what it did is read back."""
        try:
            await self.call(send)
        except CallFailed as error:
            return self.as_refusal(error)
        return None

    def as_refusal(self, error: CallFailed) -> CallFailed | None:
        self.check(error)
        return error if error.action is Action.REFUSE else None

    def note_refused(self, name: str, *, is_done: bool) -> None:
        """Note of the last request of this name, which was refused, whether it was done all the same."""
        exchange = self.recorder.last(name)
        if exchange is not None:
            refusals = self.done if is_done else self.refused
            refusals.append(exchange)

    async def call(self, send: Callable[[], Awaitable[T]], **options: Any) -> T:
        has_requests = self.paced.requests < MOST_REQUESTS - REQUESTS_LEFT
        has_time = time.monotonic() <= self.end - self.seconds_left
        if not self.is_closing and not (has_requests and has_time):
            raise Enough
        try:
            async with self.bounded():
                return await self.paced.call(send, **options)
        except CallFailed as error:
            if error.is_own_absence:
                await self._check_own(self.recorder.exchanges[-1].issue_id)
            raise

    @asynccontextmanager
    async def bounded(self, told_after: float = TOLD_SECONDS) -> AsyncIterator[None]:
        """End what is awaited with Enough when the time is over, and say so if that is long."""
        seconds_left = self.end - time.monotonic()
        if not self.is_closing:
            seconds_left -= self.seconds_left
        text = f"The probe waits for Triage to answer, for {max(0, seconds_left):.0f} seconds at most …"
        loop = asyncio.get_running_loop()
        telling = loop.call_later(min(told_after, seconds_left / 2), self.say, text)
        try:
            async with asyncio.timeout(max(0, seconds_left)):
                yield
        except TimeoutError:
            raise Enough from None
        finally:
            telling.cancel()

    async def _check_own(self, issue_id: str) -> None:
        """Raise RunStopped if an issue of its own, which was there, isn't there any more; what lags may flicker."""
        if issue_id not in self.there:
            return
        await self.paced.sleep(self.look_seconds[1])
        try:
            await self.paced.call(partial(self.client.get_issue, issue_id))
        except CallFailed as error:
            if error.is_own_absence:
                del self.there[issue_id]  # it is said once, and what is left is deleted
                number = self.created.get(issue_id, issue_id)
                raise RunStopped(
                    f"Somebody or another probe deletes the issues of this probe: {number} is gone.",
                    hint="No answers are kept. Probe again once nobody deletes them: triage-import probe",
                ) from error

    def check(self, error: CallFailed) -> None:
        """Raise RunStopped for a failure that every call would meet."""
        if error.action is Action.STOP:
            raise error.as_stop() from error

    def saw(self, name: str, is_so: object, text: str) -> None:
        """Note what was seen of an assumption. What contradicts it once stays."""
        if self.seen.get(name, (None, ""))[0] is not False:
            self.seen[name] = (None if is_so is None else bool(is_so), text)
            match = re.search("`([A-Z]+ [a-z]+)`", BY_ID[name].asked)
            exchange = self.recorder.last(match[1]) if match else None
            if exchange is None:
                exchange = next(reversed(self.recorder.exchanges), None)
            if exchange is not None:
                self.shown[name] = exchange
