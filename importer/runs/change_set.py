"""Errands on the way back: what is to be done to the issues of a run, and where an earlier attempt has left off."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, Protocol

from importer.ledger.journal import Run
from importer.ledger.schema import RunKind
from importer.ledger.store import Ledger
from importer.load.updates import Updated
from importer.records import Operation, Outcome
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import Conflict

UNTOUCHED, TOUCHED, GONE = "untouched", "touched", "gone-at-target"


class ChangeVerdict(NamedTuple):
    """What a look at an issue makes of it: a verdict, which fields or traces it is about, and what is left alone."""

    verdict: str
    fields: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    message: str = ""


class Left(NamedTuple):
    """An issue of the run about which nothing can be done, and why."""

    key: str
    issue_id: str
    triage_id: str
    code: str
    field: str
    message: str


Apply = Callable[[Operation], Awaitable[Updated]]
"""Carries out one change, and records what became of it."""


class ChangeSet(Protocol):
    """What is to be done to the issues of a run.

    kind        what the run is that carries it out
    digest      what makes two errands one, the run aside
    done, same  what results.csv says of an issue that it changed, or that was so already
    verdicts    verdict of a look → what its carrying out would make of the row
    operations  its changes, by issue id, in the order of the input
    left        issues that it can't do anything about
    """

    kind: RunKind
    digest: str
    done: str
    same: str
    verdicts: Mapping[str, Outcome]
    operations: dict[str, Operation]
    left: list[Left]

    def assess(self, operation: Operation, issue: Issue) -> ChangeVerdict | None:
        """Say what a list's item makes of an issue, None if that isn't enough to say so."""

    async def read(self, client: TriageClient, calls: PacedCalls, operation: Operation) -> ChangeVerdict:
        """Read an issue whole and say what that makes of it. Raises CallFailed."""

    def carrier(self, client: TriageClient, run: Run, calls: PacedCalls) -> Apply:
        """Give what carries out one of the operations."""


def find_open(ledger: Ledger, run: Run, change_set: ChangeSet) -> Run | None:
    """Find the run that an earlier attempt at the same errand has left open."""
    same = {"of": run.name, "digest": change_set.digest}
    runs = (each for each in ledger.list_runs() if each.kind is change_set.kind and each.is_open)
    return next((each for each in runs if each.options.items() >= same.items()), None)
