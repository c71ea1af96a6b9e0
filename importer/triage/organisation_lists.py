"""What Triage lists of an organisation besides issues: its members and its categories."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from importer.api import BUILT_IN_CATEGORIES
from importer.triage.actions import CallFailed
from importer.triage.answers import Member
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.paced import PacedCalls
from importer.triage.pages import follow_pages
from importer.triage.target import Target


async def fetch_members(target: Target, calls: PacedCalls, organisation: str = "") -> tuple[Member, ...]:
    """Read the members of an organisation; without one, of every organisation that the key's user belongs to.

    Source: get/org_list_self_memberships, get/org_members.

    Raises:
        CallFailed: the target refuses to list them.
        TargetUnreachable: the target is down.
    """
    async with TriageClient(target.url, target.api_key) as client:
        org_ids = (organisation,) if organisation else await calls.call(client.list_org_ids)
        members = [await calls.call(partial(client.list_members, org_id)) for org_id in org_ids]
    return tuple(member for organisation_members in members for member in organisation_members)


def find_categories(target: Target, calls: PacedCalls) -> Collection[str]:
    """The names of all categories that Triage has; where it doesn't list them, those that every organisation has.

    Source: get/triage-categories. Raises TargetUnreachable if the target is down, or the list never ends.
    """

    async def read() -> Collection[str]:
        async with TriageClient(target.url, target.api_key) as client:
            pages = follow_pages(calls, client.list_categories, "categories", str)
            return frozenset([name async for page in pages for name in page])

    try:
        return run_loop(read())
    except CallFailed:
        return BUILT_IN_CATEGORIES
