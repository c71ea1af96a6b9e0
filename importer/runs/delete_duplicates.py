"""Deleting the duplicates of a key's issue on which nobody has worked: `settle KEY ISSUE --delete-other`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from importer.errors import UsageError
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.ledger.target_scan import DuplicateIssue
from importer.load.addition_reader import AdditionReader
from importer.load.preflight import claim_source
from importer.phrases import listed
from importer.transform.markers import find_marker_lines, record_marker
from importer.triage.absence import Absence
from importer.triage.actions import CallFailed, stop_of
from importer.triage.answers import Entry, Issue
from importer.triage.breaker import Breaker
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import Snapshot
from importer.triage.target import Target

NAMED = 5
CREATED, ATTACHED = "created", "resource_added"
"""Types of the entries that an issue's activity has from its create, evidence in it included."""


def delete_duplicates(
    ledger: Ledger, target: Target, key: str, number: str, rate: float, say: Callable[[str], None]
) -> str:
    """Delete the other issues of a key, of which `number` is the ledger's own; returns a sentence for the user.

    Raises:
        LedgerInUse: another process works on the source.
        UsageError: the ledger knows no duplicate, its own is gone, or somebody may have worked on a duplicate.
        RunStopped: Triage can't be read, or refuses.
    """
    source_name = key.partition(":")[0]
    claim_source(target, ledger, source_name, say)
    seen = ledger.seen(target.name, source_name, writable=True)
    duplicates = [each for each in seen.duplicates() if (each.key, each.triage_id) == (key, number.upper())]
    known = ledger.find_known(target.name, source_name, [key]).get(key)
    if not duplicates or known is None or known.state is not State.DONE:
        raise UsageError(
            f"The ledger knows no duplicate of {number} for {key}.",
            hint="A run names each duplicate in results.csv, with the command that deletes it.",
        )
    calls = PacedCalls(Limiter(rate), Breaker(), say)
    deleted = run_loop(_delete(target, known, duplicates, calls, seen.drop))
    return f"{key} is {number.upper()}; deleted: {listed(deleted, NAMED)}."


async def _delete(
    target: Target,
    known: KnownCreate,
    duplicates: Sequence[DuplicateIssue],
    calls: PacedCalls,
    drop: Callable[[str], None],
) -> list[str]:
    async with TriageClient(target.url, target.api_key) as client:
        absence, reader = Absence(client, calls), AdditionReader(client, calls)
        try:
            own, (first, *_) = await absence.read(known.issue_id), duplicates
            # Nobody knows who has put the marker into an issue that was found with another text than its row's.
            is_sure = "description" in Snapshot.parse(known.returned).fields
            if own is None or not (is_sure and _is_of(own, first.key)):
                raise UsageError(
                    f"{first.triage_id} is no longer in Triage, or may be another issue than that of {first.key}: what "
                    "would be deleted may be all there is. Compare them, and delete the wrong one in Triage."
                )
            for duplicate in duplicates:
                await _delete_one(client, calls, absence, reader, duplicate)
                drop(duplicate.issue_id)
        except CallFailed as error:
            raise stop_of(error) from error
    return [duplicate.other for duplicate in duplicates]


async def _delete_one(
    client: TriageClient, calls: PacedCalls, absence: Absence, reader: AdditionReader, duplicate: DuplicateIssue
) -> None:
    """Delete a duplicate, and make sure that it is gone; one that is gone already needs nothing."""
    if await absence.read(duplicate.issue_id) is None:
        return

    async def read_and_delete() -> None:
        entries = await reader.read_entries(duplicate.issue_id)
        issue = await calls.call(partial(client.get_issue, duplicate.issue_id))
        if not (is_untouched(issue, entries) and _is_of(issue, duplicate.key)):
            raise UsageError(
                f"{duplicate.other} is not deleted: somebody has worked on it, or Triage doesn't show that nobody has.",
                hint=f"Compare it with {duplicate.triage_id}, and delete one of them in Triage.",
            )
        await calls.call(partial(client.delete_issue, duplicate.issue_id))

    await calls.in_turn(read_and_delete)
    absence.note_deleted(duplicate.issue_id)
    if await absence.read(duplicate.issue_id) is not None:
        raise UsageError(
            f"Triage reported {duplicate.other} as deleted but still shows it.", hint="Run the command again."
        )


def _is_of(issue: Issue, key: str) -> bool:
    """Whether an issue has the marker of a key, and none of another."""
    return {marker for _, marker in find_marker_lines(issue.description)} == {record_marker(key)}


def is_untouched(issue: Issue, entries: Sequence[Entry]) -> bool:
    """Whether an issue is as its create made it: nothing has changed it, and its activity shows nothing else."""
    types = {entry.type for entry in entries}
    is_as_made = bool(issue.created_at) and issue.updated_at == issue.created_at and not issue.had_agent
    return is_as_made and not (issue.flag_count or issue.relation_count) and CREATED in types <= {CREATED, ATTACHED}
