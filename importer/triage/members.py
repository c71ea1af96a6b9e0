"""Reading the members of an organisation."""

from __future__ import annotations

from functools import partial

from importer.triage.answers import Member
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
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
