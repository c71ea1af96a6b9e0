"""A run's connection to its target, and the limits at which it stops, as every sender is handed them."""

from __future__ import annotations

from dataclasses import dataclass, field

from importer.ledger.journal import Run
from importer.triage.client import TriageClient
from importer.triage.listing import TargetTime
from importer.triage.paced import PacedCalls

DAY = 86_400.0


@dataclass(frozen=True)
class RunConnection:
    """A run and its connection to the target.

    client       makes the requests
    run          records intents and outcomes in the ledger
    calls        paces and repeats the requests; one for all of an import
    target_time  how far the target's own clock is known to be
    settle_seconds  how long after the answer to its create an issue may not be there yet for whoever reads it
    """

    client: TriageClient
    run: Run
    calls: PacedCalls
    target_time: TargetTime = field(default_factory=TargetTime)
    settle_seconds: float = 30.0


@dataclass(frozen=True)
class Limits:
    """The limits of a run.

    concurrency   requests at a time
    max_errors    it stops when more rows and additions than this failed; None is no limit
    failures      rows and additions that failed before, which count, too
    wait_seconds  for how long evidence that the target doesn't know is tried again, from its first request on
    """

    concurrency: int = 8
    max_errors: int | None = None
    failures: int = 0
    wait_seconds: float = 7 * DAY
