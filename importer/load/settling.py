"""Unknown → known: creates without an answer are looked up by their markers, many in one look.

A look reads the list of issues, newest first, and then, whole, those that may be waited for: texts quote markers and
lists may cut them anywhere, so only a whole description says whose an issue is. Found is found at once. That there is
none is believed after `settle_seconds` and two looks made after that, each all the way back to the create and by
search too; looks before that only go back to where the last one began.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

from importer.ledger.journal import Run
from importer.load.reconcile import DECIDING_LOOKS, FAILED_LOOKS, FIRST_LOOK, LONGEST_BETWEEN
from importer.transform.markers import find_marker
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.limiter import Sleep
from importer.triage.listing import CLOCK_SKEW, created_seconds, list_newest_first, search_issues
from importer.triage.paced import PacedCalls, Undecidable

USUAL_SECONDS = 5.0
"""Seconds before the end of its request within which an issue is usually made: the looks that decide go further."""


@dataclass(slots=True)
class _Pending:
    marker: str
    since: float
    looked_for: bool = False
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
        self._markers: dict[str, str] = {}  # of the issues that were read whole, by id

    async def settle(self, key: str, marker: str, since: float) -> Issue | None:
        """Give the issue with this marker, or None once it is sure that there is none.

        `since` is when the create was last on its way, in seconds since 1970.

        Raises:
            Undecidable: three looks in a row failed.
            RunStopped: what a look met ends the run.
        """
        # A clock that was ahead then would have us wait until it is right.
        pending = self._pending[marker] = _Pending(marker, min(since, self._now()))
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look_until_settled())
            self._looking.add_done_callback(self._end)
        try:
            return await pending.fate
        finally:
            self._pending.pop(marker, None)
            if not self._pending and self._looking is not None:
                self._looking.cancel()
                self._looking = None  # it is not done yet, but whoever comes now needs another

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
        await self._read_list(self._back_to(due))
        for pending in self._pending.values():
            pending.looked_for = True
        for pending in due:
            if not pending.fate.done():
                await self._search(pending)
            if not pending.fate.done():
                pending.looks += 1
                if pending.looks == DECIDING_LOOKS:
                    pending.fate.set_result(None)

    def _back_to(self, due: Sequence[_Pending]) -> float:
        """Say how far back to read: for a decision all the way, else as far as the read before did not."""
        if due:
            return min(pending.since for pending in due) - CLOCK_SKEW
        new = [pending.since for pending in self._pending.values() if not pending.looked_for]
        return min(new) - USUAL_SECONDS if new else self._read_until

    async def _read_list(self, back_to: float) -> None:
        newest = 0.0
        async for page in list_newest_first(self._client, self._calls):
            times = [created_seconds(issue, self._now()) for issue in page]
            newest = max([newest, *times])
            await self._read_whole(issue for issue in page if self._may_be_awaited(issue))
            done = all(pending.fate.done() for pending in self._pending.values())
            if done or min(times, default=0.0) < back_to:
                break
        self._read_until = max(self._read_until, newest)

    async def _search(self, pending: _Pending) -> None:
        async for page in search_issues(self._client, self._calls, pending.marker):
            await self._read_whole(page)
            break  # nobody but who quotes it has this word

    async def _read_whole(self, issues: Iterable[Issue]) -> None:
        """Give issues to the creates that wait for them; each is read once, and none that is known as another key's."""
        unread = {issue.id: issue.triage_id for issue in issues if self._is_awaited(self._markers.get(issue.id))}
        known = self._run.find_issues(unread) if unread else set()
        for issue_id in (issue_id for issue_id in unread if issue_id not in known):
            issue = await self._calls.call(partial(self._client.get_issue, issue_id))
            marker = self._markers[issue_id] = find_marker(issue.description)
            pending = self._pending.get(marker)
            if pending is not None and not pending.fate.done():
                pending.fate.set_result(issue)

    def _may_be_awaited(self, issue: Issue) -> bool:
        """Whether the list leaves room for it; where another's marker is last only by a cut, search finds it."""
        last_line = issue.description.rstrip().rpartition("\n")[2]
        return self._is_awaited(find_marker(last_line) or None)

    def _is_awaited(self, marker: str | None) -> bool:
        """Whether a create waits for this marker, or for all we know (None)."""
        return marker is None or marker in self._pending
