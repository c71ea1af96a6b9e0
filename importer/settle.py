"""Unknown → known: creates without an answer are looked up by their markers, many in one look.

A look reads the list of issues, newest first. Found is found at once. That there is none is believed after
`settle_seconds` and two looks made after that, each all the way back to the create and by search too; looks before
that only go back to where the last one began.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

from importer.client import Action, CallFailed, Issue, TriageClient
from importer.ledger import Run
from importer.loader import PacedCalls, Undecidable
from importer.pacing import Sleep

MARKER = re.compile(r"\btir[0-9a-f]{20}\b")
CLOCK_SKEW = 60.0
"""Seconds by which the target's clock may differ from ours, and a commit be late against its creation time."""
FIRST_LOOK, LONGEST_BETWEEN = 1.0, 8.0
FAILED_LOOKS = 3
DECIDING_LOOKS = 2


@dataclass(slots=True)
class _Pending:
    marker: str
    since: float
    looks: int = 0  # deciding ones that found nothing
    fate: asyncio.Future[Issue | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Settler:
    """Finds out the fate of creates. Made for one run; its looks go through the same limiter as everything."""

    def __init__(
        self,
        client: TriageClient,
        run: Run,
        calls: PacedCalls,
        *,
        settle_seconds: float = 30.0,
        now: Callable[[], float] = time.time,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client, self._run, self._calls = client, run, calls
        self._settle_seconds, self._now, self._sleep = settle_seconds, now, sleep
        self._pending: dict[str, _Pending] = {}  # by marker
        self._looking: asyncio.Task[None] | None = None
        self._read_until = 0.0  # the newest creation time that a look has seen
        self._foreign: set[str] = set()  # ids of issues that were read whole and bear no marker of ours

    async def settle(self, key: str, marker: str, since: float) -> Issue | None:
        """Give the issue with this marker, or None once it is sure that there is none.

        `since` is when the create was last on its way, in seconds since 1970.

        Raises:
            Undecidable: three looks in a row failed.
            RunStopped: what a look met ends the run.
        """
        pending = self._pending[marker] = _Pending(marker, since)
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_settled())
            self._looking.add_done_callback(self._end)
        try:
            return await pending.fate
        finally:
            self._pending.pop(marker, None)
            if not self._pending:
                self._looking.cancel()

    async def _look_until_settled(self) -> None:
        failed, between = 0, FIRST_LOOK
        while self._pending:
            await self._sleep(min(between, self._seconds_to_deadline()))
            between = min(LONGEST_BETWEEN, between * 2)
            try:
                await self._look()
                failed = 0
            except CallFailed as error:
                failed += 1
                if error.action is Action.STOP:
                    self._give_up(error.as_stop())
                elif failed == FAILED_LOOKS:
                    self._give_up(Undecidable(error.message))

    def _end(self, looking: asyncio.Task[None]) -> None:
        error = None if looking.cancelled() else looking.exception()
        if error is not None:
            self._give_up(error)

    def _seconds_to_deadline(self) -> float:
        nearest = min(pending.since for pending in self._pending.values()) + self._settle_seconds
        return max(FIRST_LOOK, nearest - self._now())

    def _give_up(self, error: BaseException) -> None:
        for pending in self._pending.values():
            if not pending.fate.done():
                pending.fate.set_exception(error)

    async def _look(self) -> None:
        due = [pending for pending in self._pending.values() if self._now() > pending.since + self._settle_seconds]
        oldest = min(pending.since for pending in due or self._pending.values())
        back_to = oldest if due else max(oldest, self._read_until)
        await self._read_list(back_to - CLOCK_SKEW)
        for pending in due:
            if not pending.fate.done():
                await self._search(pending)
            if not pending.fate.done():
                pending.looks += 1
                if pending.looks == DECIDING_LOOKS:
                    pending.fate.set_result(None)

    async def _read_list(self, back_to: float) -> None:
        query = {"sort": "created_at", "order": "desc", "limit": "100"}
        newest = 0.0
        while True:
            page = await self._calls.call(partial(self._client.list_issues, **query))
            times = [_seconds(issue.created_at) for issue in page.items]
            newest = max([newest, *times])
            await self._recognise(page.items)
            done = all(pending.fate.done() for pending in self._pending.values())
            if done or page.next_cursor is None or min(times, default=0.0) < back_to:
                break
            query["cursor"] = page.next_cursor
        self._read_until = max(self._read_until, newest)

    async def _recognise(self, issues: Iterable[Issue]) -> None:
        """Find our markers. What the list shows without one is read whole, once: lists may cut descriptions."""
        bare = [issue for issue in issues if not self._claim(issue) and issue.id not in self._foreign]
        known = self._run.find_issues([issue.triage_id for issue in bare]) if bare else set()
        for issue in bare:
            if issue.triage_id not in known:
                whole = await self._calls.call(partial(self._client.get_issue, issue.id))
                self._foreign.add(issue.id)
                self._claim(whole)

    def _claim(self, issue: Issue) -> bool:
        """Give an issue to the create that waits for it; say whether it bears a record's marker at all."""
        markers = MARKER.findall(issue.description)
        for marker in markers:
            pending = self._pending.get(marker)
            if pending is not None and not pending.fate.done():
                pending.fate.set_result(issue)
        return bool(markers)

    async def _search(self, pending: _Pending) -> None:
        page = await self._calls.call(partial(self._client.list_issues, search=pending.marker, limit="10"))
        for issue in page.items:
            if pending.marker in issue.description:
                self._claim(issue)
            else:
                self._claim(await self._calls.call(partial(self._client.get_issue, issue.id)))


def _seconds(created_at: str) -> float:
    """Read the target's ISO 8601 time; what isn't one is taken as now, so that reading goes on."""
    try:
        return datetime.fromisoformat(created_at).timestamp()
    except ValueError:
        return time.time()
