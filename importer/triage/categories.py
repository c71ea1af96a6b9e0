"""The categories that an organisation has."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from importer.api import BUILT_IN_CATEGORIES, PAGE_LIMIT
from importer.triage.actions import CallFailed
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.paced import PacedCalls
from importer.triage.target import Target


def find_categories(target: Target, calls: PacedCalls) -> Collection[str]:
    """The names of all categories that Triage has; where it doesn't list them, those that every organisation has."""
    try:
        return run_loop(read_categories(target, calls))
    except CallFailed:
        return BUILT_IN_CATEGORIES


async def read_categories(target: Target, calls: PacedCalls) -> frozenset[str]:
    """Read the names of all categories that an organisation has. Source: get/triage-categories.

    Raises:
        CallFailed: the target refuses to list them.
        TargetUnreachable: the target is down.
    """
    names: set[str] = set()
    async with TriageClient(target.url, target.api_key) as client:
        cursor: str | None = ""
        while cursor is not None:
            query = {"limit": str(PAGE_LIMIT), **({"cursor": cursor} if cursor else {})}
            page = await calls.call(partial(client.list_categories, **query))
            names.update(page.items)
            cursor = page.next_cursor if page.next_cursor != cursor else None
    return frozenset(names)
