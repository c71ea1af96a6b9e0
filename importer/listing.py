"""The target's list of issues, page by page: newest first, or those that have a word."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial

from importer.calls import PacedCalls
from importer.client import Issue, TriageClient

PAGE_LIMIT = "100"


async def list_newest_first(client: TriageClient, calls: PacedCalls) -> AsyncIterator[tuple[Issue, ...]]:
    """Give pages of issues by creation time, the newest first. A caller that has seen enough just stops.

    Raises:
        CallFailed: a page can't be read; 400 if the last issue of the page before was deleted meanwhile.
    """
    async for page in _list_pages(client, calls, sort="created_at", order="desc"):
        yield page


async def search_issues(client: TriageClient, calls: PacedCalls, word: str) -> AsyncIterator[tuple[Issue, ...]]:
    """Give pages of the issues whose title or description has a word. Raises CallFailed as `list_newest_first`."""
    async for page in _list_pages(client, calls, search=word):
        yield page


async def _list_pages(client: TriageClient, calls: PacedCalls, **query: str) -> AsyncIterator[tuple[Issue, ...]]:
    query["limit"] = PAGE_LIMIT
    while True:
        page = await calls.call(partial(client.list_issues, **query))
        yield page.items
        if page.next_cursor is None:
            return
        query["cursor"] = page.next_cursor


def created_seconds(issue: Issue, otherwise: float) -> float:
    """Read when an issue was created, in seconds since 1970; what isn't an ISO 8601 time is `otherwise`."""
    try:
        return datetime.fromisoformat(issue.created_at).timestamp()
    except ValueError:
        return otherwise
