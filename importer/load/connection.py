"""A run's connection to its target, shared by everything that sends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from importer.ledger.journal import Run
from importer.load.keeping import TargetKeeping
from importer.load.workers import FailureCap, Workers
from importer.triage.absence import Absence
from importer.triage.client import TriageClient
from importer.triage.listing import TargetTime
from importer.triage.paced import PacedCalls


@dataclass(frozen=True)
class RunConnection:
    """A run and its connection to the target.

    client       makes the requests
    run          records intents and outcomes in the ledger
    calls        paces and repeats the requests; one for all of an import
    target_time  how far the target's own clock is known to be
    settle_seconds  how long reads may lag behind writes
    concurrency  requests at a time
    cap          ends the run after too many failures
    now          this machine's clock, in seconds since 1970
    keeping      what the target keeps of long texts
    """

    client: TriageClient
    run: Run
    calls: PacedCalls
    target_time: TargetTime = field(default_factory=TargetTime)
    settle_seconds: float = 30.0
    concurrency: int = 8
    cap: FailureCap = field(default_factory=FailureCap)
    now: Callable[[], float] = time.time
    keeping: TargetKeeping = field(default_factory=TargetKeeping)

    @cached_property
    def absence(self) -> Absence:
        """Decides which issues are gone."""
        return Absence(self.client, self.calls, settle_seconds=self.settle_seconds, now=self.now)

    @cached_property
    def workers(self) -> Workers:
        """The workers that send concurrently; one pool for this connection."""
        return Workers(self.calls, self.concurrency, self.cap)
