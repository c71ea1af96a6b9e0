"""The pages of a list, one after the other; a list that never ends stops the command with a sentence."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import cached_property, partial
from typing import TypeVar

from importer.api import PAGE_LIMIT
from importer.errors import TargetUnreachable
from importer.scratch import Scratch
from importer.triage.answers import Page
from importer.triage.paced import PacedCalls

T = TypeVar("T")

_SHOWN = "CREATE TABLE items (hash INTEGER PRIMARY KEY); CREATE TABLE cursors (hash INTEGER PRIMARY KEY);"
STALE_PAGES = 3
"""So many pages in a row without an item that was not shown before mean that a list never ends."""


async def follow_pages(
    calls: PacedCalls, ask: Callable[..., Awaitable[Page[T]]], noun: str, identify: Callable[[T], str]
) -> AsyncIterator[tuple[T, ...]]:
    """Yield the items of each page; `ask` takes a page's limit and cursor, `noun` is for people.

    Raises:
        CallFailed: a page can't be read.
        TargetUnreachable: the pages never end.
    """
    query = {"limit": str(PAGE_LIMIT)}
    pages_seen = SeenPages(noun)
    while True:
        page = await calls.call(partial(ask, **query))
        yield page.items
        if page.next_cursor is None:
            return
        pages_seen.note(map(identify, page.items), page.next_cursor)
        query["cursor"] = page.next_cursor


class SeenPages:
    """The pages of one reading: notices if they never end, since such a reading doesn't show everything."""

    def __init__(self, noun: str) -> None:
        self._what = noun
        self._stale = 0

    @cached_property
    def _shown(self) -> Scratch:
        """The cursors, and the hashes of the items' ids: on disk, as a list may be long; most have a single page."""
        return Scratch(_SHOWN)

    def note(self, ids: Iterable[str], next_cursor: str) -> None:
        """Take note of a page that another one follows.

        Raises:
            TargetUnreachable: pages come again.
            StorageFull: the temporary disk takes no more.
        """
        has_new = self._add("items", map(hash, ids))
        self._stale = 0 if has_new else self._stale + 1
        if not self._add("cursors", [hash(next_cursor)]) or self._stale == STALE_PAGES:
            raise TargetUnreachable(
                f"The list of {self._what} in Triage never ends: its pages come again.",
                hint="Nothing is sent without a search first. Run the same command again once the list can be read.",
            )

    def _add(self, table: str, hashes: Iterable[int]) -> bool:
        """Add hashes; returns whether one of them is new."""
        before = self._shown.row("SELECT total_changes()")
        self._shown.write(f"INSERT OR IGNORE INTO {table} VALUES (?)", ((number,) for number in hashes))
        return self._shown.row("SELECT total_changes()") != before
