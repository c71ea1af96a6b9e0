"""The context that all steps of an import share: job, target, ledger, settings, progress, rate limiter."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

from importer.check.held import Absence
from importer.check.history import LedgerHistory
from importer.check.job import Job
from importer.check.knowledge import ChangePolicy, policy_of
from importer.ledger.journal import Run
from importer.ledger.store import Ledger
from importer.progress import Progress
from importer.transform.aliases import Aliases
from importer.triage.listing import TargetTime
from importer.triage.paced import PacedCalls
from importer.triage.target import Target

AS_THEY_ARE = ChangePolicy()
Order = Literal["source", "open-first", "oldest-first"]


class FailOn(StrEnum):
    """Which rejected rows cause exit code 1."""

    NEW = "new"
    ANY = "any"


@dataclass(frozen=True)
class Settings:
    """How to send: the options of `run` that are not about the source.

    rate             requests a second; 0 sets no limit
    concurrency      requests at a time
    max_errors       the run stops when more rows than this failed; 0 never stops it
    settle_seconds   how long to wait for an issue with an unknown outcome to appear
    changes          what happens to issues whose row has changed
    min_rows         nothing is sent if the source has fewer rows
    fail_on          which rejected rows make the exit code 1
    expect_org       id of the only organisation that anything is sent to; "" is any
    order            which issues come first
    max_seconds      time after which nothing new is sent; None is no limit
    check_users      whether the user ids of the mapping and users.csv must be those of members
    canary           whether a target that the ledger doesn't know gets a few issues first, which are read back
    deciding         every option that decides what is written, as text; "" where nobody says: then no run is a repeat
    """

    rate: float
    concurrency: int = 8
    max_errors: int = 100
    settle_seconds: float = 30.0
    changes: ChangePolicy = AS_THEY_ARE
    min_rows: int = 0
    fail_on: FailOn = FailOn.ANY
    expect_org: str = ""
    order: Order = "source"
    max_seconds: float | None = None
    check_users: bool = True
    canary: bool = True
    deciding: str = ""


@dataclass(frozen=True)
class ImportContext:
    """The context of one import, made by the command and handed to every step."""

    job: Job
    target: Target
    ledger: Ledger
    settings: Settings
    progress: Progress

    @cached_property
    def changes(self) -> ChangePolicy:
        """What happens to issues whose row has changed, the mapping's own word on issues that recur included."""
        return policy_of(self.settings.changes, self.job.mapping.model)

    @cached_property
    def calls(self) -> PacedCalls:
        """The calls of this import: one limiter and one breaker for all requests, which are counted here."""
        return PacedCalls.at(self.settings.rate, self.progress.say)

    def follow(self, moves: Aliases, absence: Absence) -> ImportContext:
        """Take moves and what stays for granted; go on with the same calls and what is known of the target's clock."""
        context = replace(self, job=replace(self.job.follow(moves), absence=absence))
        vars(context).update({name: vars(self)[name] for name in ("calls", "target_time") if name in vars(self)})
        return context

    def history(self, run: Run | None = None) -> LedgerHistory:
        """What the ledger knows of the source's issues at this target; with `run`, of those of an attempt."""
        return LedgerHistory(self.ledger, self.target.name, self.job.source_name, self.changes, run)

    @cached_property
    def target_time(self) -> TargetTime:
        """How far the target's own clock is known to be."""
        return TargetTime()
