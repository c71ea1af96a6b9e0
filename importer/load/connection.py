"""What every request of a run needs: its client, its pace, the run that keeps the outcome, and when to give up."""

from __future__ import annotations

from dataclasses import dataclass

from importer.codes import GAVE_UP, REFUSED
from importer.ledger.journal import Run
from importer.triage.actions import Action
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls

DAY = 86_400.0
FAILURE_CODES = {Action.REFUSE: REFUSED, Action.RETRY: GAVE_UP}
"""What a row or an addition is called that failed."""


@dataclass(frozen=True)
class RunConnection:
    """A run and the way to its target.

    client  makes the calls
    run     keeps in the ledger what becomes of them
    calls   lets them leave at the right pace, one for all
    """

    client: TriageClient
    run: Run
    calls: PacedCalls


@dataclass(frozen=True)
class Limits:
    """How far a run goes.

    concurrency   requests at a time
    max_errors    failed rows and additions after which it stops; None is no limit
    failures      those that failed before, which count too
    wait_seconds  how long evidence that the target doesn't know is tried again
    """

    concurrency: int = 8
    max_errors: int | None = None
    failures: int = 0
    wait_seconds: float = 7 * DAY
