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
MOST_REQUESTS, MOST_SECONDS = 80, 120.0
REQUESTS_LEFT, SECONDS_LEFT = 20, 20.0
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
    made        id → number of each issue of the probe's own that is there, as far as is known
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
        self.client, self.paced, self.recorder, self.say, self.look_seconds = client, paced, recorder, say, look_seconds
        self.seen, self.shown = dict[str, tuple[bool | None, str]](), dict[str, Exchange]()
        self.refused, self.done = list[Exchange](), list[Exchange]()
        self.made, self.there, self.deleted = dict[str, str](), dict[str, Issue](), list[str]()
        self.settle, self.is_closing = 0.0, False
        self.end, self.seconds_left = time.monotonic() + seconds, min(SECONDS_LEFT, seconds / 3)

    async def list_issues(self, asked: Mapping[str, str] = NEWEST, most: int = 1) -> list[Issue]:
        """Read pages of the list, so many at most; what can't be read is seen in the end."""
        found, query = list[Issue](), {"limit": str(PAGE_LIMIT), **asked}
        for _ in range(most):
            page = await self.attempt(partial(self.client.list_issues, **query))
            found += page.items if page else ()
            if page is None or page.next_cursor is None:
                break
            query["cursor"] = page.next_cursor
        return found

    async def delete(self, ours: Ours) -> bool:
        """Delete an issue, and return whether it is gone: a deletion that is answered with an error may be done."""
        self.there.pop(ours.issue.id, None)
        try:
            await self.call(partial(delete, self.client, ours))
        except CallFailed as error:
            self.check(error)
            return (await self.read(ours.issue.id))[1]
        return True

    async def read(self, issue_id: str) -> tuple[Issue | None, bool]:
        """Read an issue, None if that fails; the second says whether it isn't there."""
        try:
            return await self.call(partial(self.client.get_issue, issue_id)), False
        except CallFailed as error:
            self.check(error)
            return None, error.is_own_absence

    async def poll(self, what: str, read: Callable[[], Awaitable[T | None]]) -> T | None:
        """Read until it is there, and note if that wasn't at once; `read` is one request."""
        started, seconds = time.monotonic(), 0.0
        for seconds in self.look_seconds:
            if (left := started + seconds - time.monotonic()) > 0:
                await self.paced.sleep(left)
            if (found := await self.attempt(read)) is not None:
                self.settle = max(self.settle, seconds)
                self.saw("reads", seconds == 0, f"{what} {'at once' if seconds == 0 else f'after {seconds:g} s'}")
                return found
        self.saw("reads", False, f"{what} not within {seconds:g} s")
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
        if (exchange := self.recorder.last(name)) is not None:
            (self.done if is_done else self.refused).append(exchange)

    async def call(self, send: Callable[[], Awaitable[T]], **more: Any) -> T:
        is_over = (
            self.paced.requests >= MOST_REQUESTS - REQUESTS_LEFT or time.monotonic() > self.end - self.seconds_left
        )
        if is_over and not self.is_closing:
            raise Enough
        try:
            async with self.bounded():
                return await self.paced.call(send, **more)
        except CallFailed as error:
            if error.is_own_absence:
                await self._check_own(self.recorder.exchanges[-1].issue_id)
            raise

    @asynccontextmanager
    async def bounded(self, told: float = TOLD_SECONDS) -> AsyncIterator[None]:
        """End what is awaited with Enough when the time is over, and say so if that is long."""
        left = self.end - time.monotonic() - (0 if self.is_closing else self.seconds_left)
        text = f"The probe waits for Triage to answer, for {max(0, left):.0f} seconds at most …"
        telling = asyncio.get_running_loop().call_later(min(told, left / 2), self.say, text)
        try:
            async with asyncio.timeout(max(0, left)):
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
                raise RunStopped(
                    "Somebody or another probe deletes the issues of this probe: "
                    f"{self.made.get(issue_id, issue_id)} is gone.",
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
            asked = re.search("`([A-Z]+ [a-z]+)`", BY_ID[name].asked)
            exchange = (self.recorder.last(asked[1]) if asked else None) or next(
                reversed(self.recorder.exchanges), None
            )
            if exchange is not None:
                self.shown[name] = exchange
