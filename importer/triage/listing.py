"""Reading the list of issues page by page: newest first, or by a search word; and whole descriptions of cut items.

A cursor is the last issue of the page before. If that issue is deleted meanwhile, the list is read from its beginning
again, so a caller may see issues twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from functools import partial

from importer.api import PAGE_LIMIT
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry, Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls

CLOCK_SKEW = 60.0
"""Seconds by which the target's own times may be out of order: it has several clocks, and commits lag behind them."""
BEGINNINGS = 5
"""How often a list is read from its beginning, at most, because the issue of a cursor was deleted."""
WORD = 64
"""By how many characters cut descriptions may differ in length, as they may be cut between words."""
ELLIPSES = ("...", "…")


async def list_newest_first(client: TriageClient, calls: PacedCalls) -> AsyncIterator[tuple[Issue, ...]]:
    """Yield pages of issues by creation time, the newest first; stop iterating when enough was seen.

    Raises:
        CallFailed: a page can't be read.
    """
    async for page in _list_pages(client, calls, sort="created_at", order="desc"):
        yield page


async def search_issues(client: TriageClient, calls: PacedCalls, word: str) -> AsyncIterator[tuple[Issue, ...]]:
    """Yield pages of the issues whose title or description contains a word. Raises CallFailed."""
    async for page in _list_pages(client, calls, search=word):
        yield page


async def _list_pages(client: TriageClient, calls: PacedCalls, **query: str) -> AsyncIterator[tuple[Issue, ...]]:
    first = {"limit": str(PAGE_LIMIT), **query}
    asked, beginnings = first, 1
    while True:
        try:
            page = await calls.call(partial(client.list_issues, **asked))
        except CallFailed as error:
            if error.status != 400 or asked is first or beginnings == BEGINNINGS:
                raise
            asked, beginnings = first, beginnings + 1
            continue
        yield page.items
        if page.next_cursor in (None, asked.get("cursor")):  # a cursor that stays the same would loop forever
            return
        asked = {**first, "cursor": page.next_cursor}


def created_seconds(item: Issue | Entry, otherwise: float) -> float:
    """Return when an issue or entry was created, in seconds since 1970; `otherwise` if it is no ISO 8601 time.

    By the target's clock, and a time without a zone taken for UTC: it is only ever compared with another such time.
    """
    try:
        moment = datetime.fromisoformat(item.created_at)
    except ValueError:
        return otherwise
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class TargetTime:
    """The newest creation time that the target has shown so far, by its own clock; 0 before it has shown any."""

    def __init__(self) -> None:
        self.newest = 0.0

    def note(self, issues: Iterable[Issue]) -> None:
        """Take note of issues that it has shown."""
        self.newest = max([self.newest, *(created_seconds(issue, 0.0) for issue in issues)])


class WholeIssues:
    """Reads issues with their whole descriptions, saving requests where the list doesn't cut them.

    The API doesn't document whether lists cut descriptions. A list item is trusted once a longer one proved to be
    whole: the same text in the list and read by itself, with a blank line in it. A list of first paragraphs, or of
    empty descriptions, therefore proves nothing.
    """

    def __init__(self, client: TriageClient, calls: PacedCalls) -> None:
        self._client, self._calls = client, calls
        self._whole_length = 0

    async def read(self, listed: Issue) -> Issue | None:
        """Return a listed issue with its whole description, None if it no longer exists. Raises CallFailed."""
        text = listed.description
        if len(text) + WORD <= self._whole_length and not text.endswith(ELLIPSES):
            return listed
        try:
            issue = await self._calls.call(partial(self._client.get_issue, listed.id))
        except CallFailed as error:
            if error.is_gone:
                return None
            raise
        if issue.description == text and "\n\n" in text:
            self._whole_length = max(self._whole_length, len(text))
        return issue
