"""Change sets: what a repair or an undo would do to the issues of an earlier run, issue by issue."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol

from importer.codes import GONE_AT_TARGET
from importer.ledger.journal import Run
from importer.ledger.schema import RunKind
from importer.ledger.store import Ledger
from importer.load.driver import RunConnection
from importer.load.updates import Updated
from importer.records import Outcome
from importer.runs.planned_changes import Assessed, ChangePart, ChangeVerdict, PlannedChange, PlannedChanges
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot, is_gone

UNTOUCHED, TOUCHED, GONE, UNSETTLED = "untouched", "touched", GONE_AT_TARGET, "unsettled"
EDITED, CORRECTED, CLOSED, CLOSED_ALREADY = "edited-elsewhere", "corrected", "closed", "closed-already"


Apply = Callable[[PlannedChange], Awaitable[Updated]]
"""Applies one change and records its outcome."""
Listed = Sequence[tuple[PlannedChange, Issue]]
"""Changes, each with its issue as a list shows it."""


def is_closed_by_undo(snapshot: Snapshot) -> bool:
    """Whether it was an undo that closed an issue: its row stands for the status that it was sent with."""
    return bool(snapshot.fields.get("status") == CLOSED != snapshot.ours.get("status"))


def values_written(snapshot: Snapshot) -> dict[str, Any]:
    """Return the fields of an issue as we last wrote them: as its row says, but for the status if an undo closed it.

    A description of which a part is in comments was written without it.
    """
    shortened = {"description": snapshot.fields.get("description")} if snapshot.moved else {}
    return snapshot.ours | shortened | ({"status": CLOSED} if is_closed_by_undo(snapshot) else {})


class ChangeSet(Protocol):
    """The changes to the issues of a run: a repair or an undo.

    kind      the kind of the run that applies it
    digest    equal for change sets that do the same to one run
    done      what is said of the issues that were changed
    typed     the options that say what it does, as they are typed
    outcomes  code of a verdict → outcome of its row, once applied
    changes   what is to be done to the issues, in input order
    """

    kind: RunKind
    digest: str
    done: str
    typed: Sequence[str]
    outcomes: Mapping[str, Outcome]
    changes: PlannedChanges

    def assess(self, listed: Listed) -> Sequence[ChangeVerdict | None]:
        """Return the verdict on each issue as a list shows it, None if it must be read whole to decide."""

    async def read(self, connection: RunConnection, change: PlannedChange) -> ChangeVerdict:
        """Read an issue whole and return the verdict on it. Raises CallFailed, and NotYet as `Absence.read_once`."""

    def name(self, verdict: str, outcome: Outcome) -> str:
        """Return the code in results.csv of an issue with this verdict that was changed, or needed no change."""

    def applier(self, connection: RunConnection) -> Apply:
        """Return what applies one of the changes, and records it in the run of the connection."""


async def read_and_assess(
    connection: RunConnection, change: PlannedChange, assess: Callable[[PlannedChange, Issue], ChangeVerdict | None]
) -> ChangeVerdict:
    """Read an issue whole and return the verdict on it. Raises CallFailed, and NotYet as `Absence.read_once`."""
    operation = change.operation
    if is_gone(operation.returned):
        return ChangeVerdict(GONE)
    issue = await connection.absence.read_once(operation.issue_id, operation.since)
    if issue is None:
        return ChangeVerdict(GONE)
    verdict = assess(change, issue)
    assert verdict is not None  # nothing is missing in a whole issue
    return verdict


def leave_unsettled(changes: PlannedChanges, run: Run) -> None:
    """Add the rows of a run of whose create nobody knows yet what became of it."""
    if not run.count()[Outcome.UNKNOWN]:
        return
    for row in run.results():
        if row.outcome is Outcome.UNKNOWN and not row.issue_id:
            how = f"it may have an issue; record it with T-… or absent: {run.settle_command(row.key, 'ISSUE')}"
            changes.leave(ChangePart.UNSETTLED, Assessed(row.key, "", "", ChangeVerdict(UNSETTLED, message=how)))


def find_open(ledger: Ledger, run: Run, change_set: ChangeSet) -> Run | None:
    """Return the run of an earlier attempt at the same change set that is still open, None if there is none."""
    same = {"of": run.name, "digest": change_set.digest}
    runs = (each for each in ledger.list_runs() if each.kind is change_set.kind and each.is_open)
    return next((each for each in runs if each.options.items() >= same.items()), None)
