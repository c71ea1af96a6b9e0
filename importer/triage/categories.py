"""The categories that an organisation has."""

from __future__ import annotations

from collections.abc import Collection

from importer.api import BUILT_IN_CATEGORIES
from importer.triage.actions import CallFailed
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.paced import PacedCalls
from importer.triage.pages import follow_pages
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
        TargetUnreachable: the target is down, or the list never ends.
    """
    names: set[str] = set()
    async with TriageClient(target.url, target.api_key) as client:
        async for page in follow_pages(calls, client.list_categories, "categories", str):
            names.update(page)
    return frozenset(names)
