"""Scheduled imports: whether tonight's source is ready, and what is new since the last run that finished."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from importer.check.rows import Job
from importer.errors import SourceNotReady
from importer.ledger.journal import Run
from importer.ledger.previous_run import SNAPSHOT, WHOLE, count_rows, find_pair
from importer.ledger.store import Ledger
from importer.report.folder import ReportFolder
from importer.report.table import write_table

QUIET_SECONDS = 60.0
"""How long nobody must have changed a snapshot: one that still grows looks as if keys had vanished."""
VANISHED = "vanished.csv"
COLUMNS = ("key", "triage_id", "issue_id")


class FailOn(StrEnum):
    """Which rejected rows make the exit code 1."""

    NEW = "new"
    ANY = "any"


@dataclass(frozen=True)
class Since:
    """What a run says against the one before it.

    known     rejected rows that were rejected for the same reasons then
    vanished  issues whose keys the source doesn't have any more
    run       the run before that vanished keys were in; "" where there is none to compare with
    """

    known: int = 0
    vanished: int = 0
    run: str = ""


NOTHING = Since()


def check_quiet(job: Job, now: float) -> None:
    """Make sure that nobody writes a snapshot any more; `now` is in seconds since 1970.

    Raises:
        SourceNotReady: it was changed within the last minute.
    """
    if not _is_snapshot(job):
        return
    age_seconds = job.source.age_seconds(now)
    if abs(age_seconds) < QUIET_SECONDS:
        raise SourceNotReady(
            f"The source was changed {abs(age_seconds):.0f} s ago, and a snapshot must be complete.",
            hint=f"Run the same command again when it has been left alone for {QUIET_SECONDS:.0f} s.",
        )


def check_rows(rows: int, min_rows: int) -> None:
    """Make sure that a source has as many rows as were asked for.

    Raises:
        SourceNotReady: it has fewer.
    """
    if rows < min_rows:
        raise SourceNotReady(
            f"The source has {rows:,} rows, and --min-rows asks for {min_rows:,}; nothing was sent.",
            hint="Export again, or wait until it is complete; if so few are right, lower --min-rows.",
        )


def describe_input(job: Job) -> dict[str, Any]:
    """Say in a run's options what a later run has to know before it compares itself with this one."""
    selected = job.limit is not None or job.only is not None
    mended = any(file.errors_file for file in job.source.files)
    return {WHOLE: not selected and not mended, SNAPSHOT: _is_snapshot(job)}


def compare_with_last(ledger: Ledger, run: Run, folder: ReportFolder, rows: int) -> Since:
    """Compare a run with the last one; write vanished.csv if any key has. Of a source that changed it says nothing.

    `rows` is how many the source has: after a stop the ledger may not know all of them.

    Raises:
        StorageFull: it can't be written.
    """
    if count_rows(ledger.transaction, run.name) != rows:
        return NOTHING
    last = find_pair(ledger.transaction, run.name)
    known = last.count_known() if last else 0
    last = find_pair(ledger.transaction, run.name, snapshots=True)
    if last is None:
        return Since(known)
    return Since(known, write_table(folder, VANISHED, COLUMNS, last.vanished()), last.name)


def _is_snapshot(job: Job) -> bool:
    return job.mapping.model.input.kind == "snapshot"
