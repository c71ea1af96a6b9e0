"""The pages of a list, one after the other; a list that never ends stops the command with a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import partial
from typing import TypeVar

from importer.api import PAGE_LIMIT
from importer.errors import TargetUnreachable
from importer.triage.answers import Page
from importer.triage.paced import PacedCalls

T = TypeVar("T")

STALE_PAGES = 3
"""So many pages in a row without an item that was not shown before mean that a list never ends."""


async def follow_pages(
    calls: PacedCalls, ask: Callable[..., Awaitable[Page[T]]], what: str, identify: Callable[[T], str]
) -> AsyncIterator[tuple[T, ...]]:
    """Yield the items of each page; `ask` takes a page's limit and cursor, `what` is for people.

    Raises:
        CallFailed: a page can't be read.
        TargetUnreachable: the pages never end.
    """
    query, seen = {"limit": str(PAGE_LIMIT)}, SeenPages(what)
    while True:
        page = await calls.call(partial(ask, **query))
        yield page.items
        if page.next_cursor is None:
            return
        seen.note(map(identify, page.items), page.next_cursor)
        query["cursor"] = page.next_cursor


class SeenPages:
    """The pages of one reading: notices where they never end, as then nobody knows what a look hasn't seen."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._cursors: set[str] = set()
        self._items: set[int] = set()  # hashes of their ids
        self._stale = 0

    def note(self, ids: Iterable[str], next_cursor: str) -> None:
        """Take note of a page that another one follows. Raises TargetUnreachable if they come again."""
        new = {hash(its_id) for its_id in ids} - self._items
        self._items |= new
        self._stale = 0 if new else self._stale + 1
        if next_cursor in self._cursors or self._stale == STALE_PAGES:
            raise TargetUnreachable(
                f"The list of {self._what} in Triage never ends: its pages come again.",
                hint="Nothing is sent without a search first. Run the same command again once the list can be read.",
            )
        self._cursors.add(next_cursor)
