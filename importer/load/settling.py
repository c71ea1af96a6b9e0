"""Settles creates without a response, and refused ones, by reading the list of issues for their markers.

A reading goes through the list, newest first, and reads those issues whole that may be among the wanted ones: texts
quote markers, and lists may cut descriptions anywhere, so only a whole description says whose an issue is. An issue
that is found settles its create at once. How far back a reading goes is a matter of the target's own times: to the
newest issue that it had shown before the create was sent. Earlier readings only go back to where the last one began.

That there is none is decided for a create without an answer after `settle_seconds`, by two readings in which it isn't
found, and a search for its marker. For a create that was refused, one reading decides after REFUSED_SECONDS: nearly
all refusals are what they say, the issue of one that isn't was there before its answer left, and what shows even later
is found by the search before its row is sent again, or by the closing scan.
"""

from __future__ import annotations

import asyncio
from collections.abc import Container, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

from importer.ledger.known_create import KnownCreate
from importer.load.driver import RunConnection
from importer.transform.markers import find_marker
from importer.triage.absence import REFUSED, REQUEST, Doubt, Rule, Sought, find_unmarked, watch
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.listing import CLOCK_SKEW, NewestFirst, search_issues
from importer.triage.paced import Undecidable

USUAL_SECONDS = 5.0
"""By how much an issue's creation time may lie before the newest that was known; deciding readings go further back."""
ROUNDING = 1.0
"""Seconds by which a list may show a creation time earlier than the answer to the create did."""
LACKING_READ = 3
"""Issues that a list lacks, and that are read to see that they were deleted."""


@dataclass(slots=True)
class _Pending:
    """A create that waits for its outcome.

    mark    the newest creation time that the target had shown before it was sent, by the target's clock
    sought  by what its issue is known without its marker; None where that wasn't cut off
    """

    marker: str
    mark: float
    doubt: Doubt
    sought: Sought | None
    was_read_for: bool = False
    outcome: asyncio.Future[Issue | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    @property
    def is_refused(self) -> bool:
        """Whether it was answered with a refusal."""
        return self.doubt.rule is REFUSED


class Settler:
    """Finds out the outcome of creates without an answer, for one run."""

    def __init__(self, connection: RunConnection, answered: Container[str] = ()) -> None:
        """`answered` has the ids of issues that answers to creates have shown."""
        self._client = connection.client
        self._run = connection.run
        self._calls = connection.calls
        self._answered = answered
        self._settle_seconds = connection.settle_seconds
        self._now = connection.now
        self._pending: dict[str, _Pending] = {}  # by marker
        self._reader: asyncio.Task[None] | None = None  # one for all that wait
        self._newest_read = 0.0  # the newest creation time in the readings so far
        self._markers: dict[str, str] = {}  # of issues that were read whole, by id: none is read twice
        self._unmarked: dict[str, Issue] = {}  # those of them without any, by id

    async def settle(self, create: KnownCreate, *, is_refused: bool = False) -> Issue | None:
        """Return the issue of a create, or None once it is certain that there is none.

        Raises:
            Undecidable: three readings in a row failed, or issues without a marker may be it.
        """
        rule = REFUSED if is_refused else REQUEST
        with self._waiting_for(create, create.since, rule) as pending:
            if self._reader is None or self._reader.done():
                self._reader = asyncio.create_task(self._read_until_settled())
            return await pending.outcome

    async def find_once(self, create: KnownCreate) -> Issue | None:
        """Read the newest issues once, and return that of a create if it is there. Raises CallFailed, Undecidable."""
        with self._waiting_for(create, self._now(), REFUSED) as pending:
            await self._read_list(create.mark)
            return pending.outcome.result() if pending.outcome.done() else self._find_unmarked(pending)

    @contextmanager
    def _waiting_for(self, create: KnownCreate, since: float, rule: Rule) -> Iterator[_Pending]:
        doubt = Doubt(rule, since, self._settle_seconds, self._now)
        sought = Sought.parse(create.sought)
        pending = _Pending(create.marker, create.mark, doubt, sought)
        self._pending[create.marker] = pending
        try:
            yield pending
        finally:
            self._pending.pop(create.marker, None)
            if not self._pending and self._reader is not None:
                self._reader.cancel()
                self._reader = None  # the cancelled task isn't done yet: the next create needs a new one

    async def _read_until_settled(self) -> None:
        def seconds_left() -> float:
            return min(pending.doubt.seconds_left() for pending in self._pending.values())

        try:
            await watch(self._calls, seconds_left, self._read_once, gone_ends=False)
        except Exception as error:  # noqa: BLE001 - nobody awaits this task: whatever ends it ends those that wait
            for pending in self._pending.values():
                if not pending.outcome.done():
                    pending.outcome.set_exception(error)

    async def _read_once(self) -> None:
        """Read the list once, and decide for creates that are past their deadline, which are due."""
        due = [pending for pending in self._pending.values() if pending.doubt.seconds_left() <= 0]
        pages, shown_ids = await self._read_list(self._back_to(due))
        for pending in due:
            if not pending.outcome.done() and not pending.is_refused:
                await self._search(pending)
        undecided = [pending for pending in due if not pending.outcome.done()]
        # Where nothing was shown before it was sent, the list can't lack any of that.
        marks = [pending.mark for pending in undecided if pending.mark > 0]
        is_old = any(mark > pages.newest + ROUNDING for mark in marks)
        if is_old or (any(mark < pages.oldest for mark in marks) and not await self._is_whole(shown_ids)):
            # A list that lacks what it has shown before, or is empty or old, says nothing about what it lacks.
            raise CallFailed(Action.SETTLE, "the list of issues lacks some that it has shown before")
        for pending in self._pending.values():
            pending.was_read_for = True
            if not pending.outcome.done():
                is_enough = pending in undecided and pending.doubt.weigh()
                self._decide(pending, is_enough=is_enough)

    def _decide(self, pending: _Pending, *, is_enough: bool) -> None:
        """Decide a create whose marker no issue has, if it can be decided; `is_enough` says that no more is read."""
        try:
            issue = self._find_unmarked(pending)
        except Undecidable as error:
            if is_enough:
                pending.outcome.set_exception(error)
            return
        if issue is not None or is_enough:
            pending.outcome.set_result(issue)

    def _find_unmarked(self, pending: _Pending) -> Issue | None:
        """Return a create's issue among those whose marker may be cut off. Raises Undecidable."""
        if pending.sought is None:
            return None
        unmarked = {issue_id: issue for issue_id, issue in self._unmarked.items() if issue_id not in self._answered}
        known_ids = (
            self._run.find_issues({issue.id: issue.triage_id for issue in unmarked.values()}) if unmarked else set()
        )
        issues = [issue for issue_id, issue in unmarked.items() if issue_id not in known_ids]
        if pending.is_refused:  # a person may have made it by hand since, with the same title
            issues = list(filter(pending.sought.is_issue, issues))
        issue = find_unmarked(pending.sought, issues)
        others_sought = [
            waiting.sought
            for waiting in self._pending.values()
            if waiting is not pending and waiting.sought is not None
        ]
        if issue is not None and any(sought.is_issue(issue) for sought in others_sought):
            raise Undecidable(f"{issue.triage_id} has no marker, and may be the issue of several rows")
        return issue

    async def _is_whole(self, shown_ids: Container[str]) -> bool:
        """Whether a list read to its end shows everything that this run created, except what was deleted since.

        As after an undo: the issues by which it showed how far back it goes are not there any more.
        """
        made_ids = [create.issue_id for create in self._run.written_creates()]
        lacking_ids = [issue_id for issue_id in made_ids if issue_id not in shown_ids]
        for issue_id in lacking_ids[-LACKING_READ:]:
            try:
                await self._calls.call(partial(self._client.get_issue, issue_id))
            except CallFailed as error:
                if not error.is_gone:
                    raise
            else:
                return False
        return bool(made_ids)

    def _back_to(self, due: Sequence[_Pending]) -> float:
        """Return the creation time, by the target's clock, to read back to: for creates that are due, else for new."""
        if due:
            return min(pending.mark - (USUAL_SECONDS if pending.is_refused else CLOCK_SKEW) for pending in due)
        new = [pending.mark for pending in self._pending.values() if not pending.was_read_for]
        if not new:
            return self._newest_read
        return min(new) - USUAL_SECONDS

    async def _read_list(self, back_to: float) -> tuple[NewestFirst, set[str]]:
        """Read the list back to a creation time; return what it has shown, and all ids."""
        pages = NewestFirst(self._client, self._calls, back_to, skew=0.0)
        shown_ids = set[str]()
        async for page in pages:
            shown_ids.update(issue.id for issue in page)
            await self._read_whole(issue for issue in page if self._may_be_awaited(issue))
            if all(pending.outcome.done() for pending in self._pending.values()):
                break
        self._newest_read = max(self._newest_read, pages.newest)
        return pages, shown_ids

    async def _search(self, pending: _Pending) -> None:
        async for page in search_issues(self._client, self._calls, pending.marker):
            await self._read_whole(page)
            break  # one page is enough: only issues that quote the marker have it, too

    async def _read_whole(self, issues: Iterable[Issue]) -> None:
        """Read issues whole, but for those known as another key's, and hand them to the creates that wait for them."""
        unread = dict[str, str]()
        for issue in issues:
            if self._is_awaited(self._markers.get(issue.id)):
                unread[issue.id] = issue.triage_id
        known_ids = self._run.find_issues(unread) if unread else set()
        for issue_id in (issue_id for issue_id in unread if issue_id not in known_ids):
            issue = await self._calls.call(partial(self._client.get_issue, issue_id))
            marker = self._markers[issue_id] = find_marker(issue.description)
            if not marker:
                self._unmarked[issue_id] = issue
            pending = self._pending.get(marker)
            if pending is not None and not pending.outcome.done():
                pending.outcome.set_result(issue)

    def _may_be_awaited(self, issue: Issue) -> bool:
        """Whether an issue may be a wanted one, by the end of its description in the list, where its marker stands.

        Where a cut leaves a quoted marker at the end, search finds the issue.
        """
        last_line = issue.description.rstrip().rpartition("\n")[2]
        return self._is_awaited(find_marker(last_line) or None)

    def _is_awaited(self, marker: str | None) -> bool:
        """Whether a create waits for this marker; True for None, a marker that isn't known."""
        return marker is None or marker in self._pending
