"""Which issues are ours, and the only door through which one is deleted.

An answer may be that to another request, so the id in it proves nothing. What is believed is what the issue itself
shows, in the answer or when it is read by its id: our marker, or, where the target has cut that off, what we sent.
"""

from __future__ import annotations

from typing import NamedTuple

import orjson

from importer.transform.markers import find_marker, find_probe
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.snapshot import Snapshot, digest, is_left_of


class Ours(NamedTuple):
    """An issue that was just read by its id and is ours. Only this can be deleted."""

    issue: Issue


def prove_created(issue: Issue, marker: str, snapshot: Snapshot) -> Ours | None:
    """Return an issue as ours if it is that of a create in the ledger; `snapshot` is what the ledger has of it."""
    if find_marker(issue.description) == marker:
        return Ours(issue)
    is_text_known = digest(issue.description, snapshot.numbers) == snapshot.fields.get("description")
    title = str(snapshot.ours.get("title") or "")
    is_title_sent = is_left_of(title, issue.title)
    return Ours(issue) if is_text_known and is_title_sent else None


def prove_probed(issue: Issue) -> Ours | None:
    """Return an issue as ours if a probe has made it, this one or an earlier one."""
    return Ours(issue) if find_probe(issue.title, issue.description) else None


async def delete(client: TriageClient, own_issue: Ours) -> None:
    """Delete an issue for good. Raises CallFailed."""
    await client.delete_issue(own_issue.issue.id)


def shows_create(issue: Issue, marker: str, body: bytes) -> bool:
    """Whether an answer, or a reading, shows the issue that a create with this body was to make."""
    if marker in issue.description:
        return True
    if find_marker(issue.description):
        return False
    fields = orjson.loads(body)
    description = fields.get("description") or ""
    return is_left_of(fields["title"], issue.title) and is_left_of(description, issue.description)
