"""The target's list of issues, page by page: newest first, or those that have a word.

A page begins after the last issue of the one before. Where that was deleted meanwhile, the list is read from its
beginning again, so a caller may see issues twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from importer.triage.actions import CallFailed
from importer.triage.answers import Entry, Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls

PAGE_LIMIT = "100"
CLOCK_SKEW = 60.0
"""Seconds by which the target's clock may differ from ours, and a commit be late against its creation time."""
BEGINNINGS = 5
"""How often a list is begun, at most, whose pages end at an issue that is deleted meanwhile."""
WORD = 64
"""Characters by which cut descriptions may differ in length, where they are cut between words."""
ELLIPSES = ("...", "…")


async def list_newest_first(client: TriageClient, calls: PacedCalls) -> AsyncIterator[tuple[Issue, ...]]:
    """Give pages of issues by creation time, the newest first. A caller that has seen enough just stops.

    Raises:
        CallFailed: a page can't be read.
    """
    async for page in _list_pages(client, calls, sort="created_at", order="desc"):
        yield page


async def search_issues(client: TriageClient, calls: PacedCalls, word: str) -> AsyncIterator[tuple[Issue, ...]]:
    """Give pages of the issues whose title or description has a word. Raises CallFailed as `list_newest_first`."""
    async for page in _list_pages(client, calls, search=word):
        yield page


async def _list_pages(client: TriageClient, calls: PacedCalls, **query: str) -> AsyncIterator[tuple[Issue, ...]]:
    first = {"limit": PAGE_LIMIT, **query}
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
        if page.next_cursor in (None, asked.get("cursor")):  # one that never changes would never end
            return
        asked = {**first, "cursor": page.next_cursor}


def created_seconds(item: Issue | Entry, otherwise: float) -> float:
    """Read when an issue or entry was created, in seconds since 1970; what isn't an ISO 8601 time is `otherwise`."""
    try:
        return datetime.fromisoformat(item.created_at).timestamp()
    except ValueError:
        return otherwise


class WholeIssues:
    """Reads issues whole. Lists may cut descriptions: an item is believed only once longer ones proved to be whole.

    The proof is a text with a blank line in it that is the same in the list and read alone; so a list that gives first
    paragraphs, or nothing, proves nothing.
    """

    def __init__(self, client: TriageClient, calls: PacedCalls) -> None:
        self._client, self._calls = client, calls
        self._whole_length = 0

    async def read(self, listed: Issue) -> Issue | None:
        """Give an issue with its whole description, None if it is gone. Raises CallFailed."""
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
