"""What all steps of one import work with, and how it was asked to send."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from importer.check.history import ChangePolicy
from importer.check.job import Job
from importer.ledger.store import Ledger
from importer.progress import Progress
from importer.records import FailOn
from importer.triage.breaker import Breaker
from importer.triage.limiter import Limiter
from importer.triage.paced import PacedCalls
from importer.triage.target import Target

AS_THEY_ARE = ChangePolicy()
Order = Literal["source", "open-first", "oldest-first"]


@dataclass(frozen=True)
class Settings:
    """How to send.

    rate             requests a second; 0 is no limit of ours
    max_errors       failed rows after which the run stops; 0 is no limit
    settle_seconds   how long an issue of unknown outcome may still appear
    order            which issues come first: `source`, `open-first` or `oldest-first`
    max_seconds      after which nothing new is sent; None is no limit
    check_users      whether the user ids that the mapping and users.csv give must be those of members
    canary           whether an organisation that the ledger doesn't know gets a few issues first, which are read back
    min_rows         of a source with fewer rows nothing is sent
    fail_on          which rejected rows make the exit code 1
    expect_org       the only organisation that anything is sent to; "" is any
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


@dataclass(frozen=True)
class ImportContext:
    """One import: what is read, where it goes, what is known of it, and who is shown how far it is."""

    job: Job
    target: Target
    ledger: Ledger
    settings: Settings
    progress: Progress

    @cached_property
    def calls(self) -> PacedCalls:
        """The one pace of all its requests, and their count."""
        return PacedCalls(Limiter(self.settings.rate), Breaker())
