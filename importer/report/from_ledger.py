"""The reports of a run, from the ledger alone: as the run writes them at its end, and again whenever somebody asks."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer import __version__
from importer.errors import ExitCode, UsageError
from importer.records import Outcome
from importer.report.error_files import ErrorFiles, Header
from importer.report.folder import SUMMARY, ReportFolder
from importer.report.results import ResultsFile
from importer.report.summary import Summary
from importer.report.tables import CONFLICTS, write_conflicts

if TYPE_CHECKING:
    from importer.ledger.journal import Run

NAMES = ("results.csv", "errors.csv", "errors.jsonl", CONFLICTS, SUMMARY)
"""What the ledger alone is enough for."""
CUT_OFF = "The process ended without a word; the same command continues."
STILL_RUNNING = "Nothing: it is still running."


def write_rows(run: Run, folder: ReportFolder, headers: Sequence[Header | None]) -> Counter[str]:
    """Write results.csv, the errors files and conflicts.csv of a run; count the codes.

    Raises:
        StorageFull: one of them can't be written.
    """
    codes = Counter[str]()
    with folder.open("results.csv") as file, ErrorFiles(folder, headers) as errors:
        results = ResultsFile(file)
        for row in run.results():
            results.write([row])
            errors.write([row])
            codes.update(set(row.codes))
    write_conflicts(folder, run.conflicts())
    return codes


def write_again(run: Run, out: Path, *, is_running: bool = False) -> Summary:
    """Write a run's reports once more, and give its summary: the figures as it ended, or as they are by now.

    Raises:
        StorageFull: one of them can't be written.
        UsageError: the folder can't be used.
    """
    if "headers" not in run.options:
        hint = f"What it wrote at its end is in {run.out}; a run that is still open is continued by its own command."
        raise UsageError(f"{run.name} began under an older version, which kept no headers.", hint=hint)
    counts = run.count()
    kept = _so_far(run, counts[Outcome.CREATED]) if is_running else _ended(run)
    folder = ReportFolder(out)
    folder.prepare(NAMES)
    codes = write_rows(run, folder, [None if header is None else tuple(header) for header in run.options["headers"]])
    counts[Outcome.PLANNED] += max(0, kept.get("rows", 0) - sum(counts.values()))  # not even registered
    outcomes: dict[str, Any] = {outcome.value: number for outcome, number in counts.items()}
    known = {"rows": sum(counts.values()), "findings": dict(codes.most_common()), "out": str(out), **outcomes}
    summary = Summary(**kept | known)
    with folder.open(SUMMARY) as file:
        summary.write(file)
    return summary


def _ended(run: Run) -> dict[str, Any]:
    """The summary with which a run's last attempt ended; one that never ended has a few words of its own."""
    if run.summary:
        names = {field.name for field in fields(Summary)}
        return {name: value for name, value in run.summary.items() if name in names}
    return _few_words(run, CUT_OFF)


def _so_far(run: Run, created: int) -> dict[str, Any]:
    """The summary of a run that a process is at. How fast it is, only its first attempt can tell: all is its own."""
    kept = _few_words(run, STILL_RUNNING) | {"rows": run.summary.get("rows", 0)}
    if run.attempts > 1:
        return kept
    seconds = max(time.time() - run.started_at, 0.001)
    return kept | {"elapsed_seconds": round(seconds, 3), "issues_per_second": round(created / seconds, 1)}


def _few_words(run: Run, because: str) -> dict[str, Any]:
    return {
        "run_id": run.name,
        "exit_code": int(ExitCode.STOPPED),
        "target": run.target,
        "source_name": run.source_name,
        "stopped_because": because,
        "version": __version__,
    }
