"""The folder of a run that is the same as the one before: its figures again, and the rows that somebody has to mend."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from importer.phrases import counted, format_duration
from importer.report.folder import SUMMARY, ReportFolder
from importer.report.from_ledger import kept_figures, write_end, write_rows
from importer.report.page_rows import PageRows
from importer.report.summary import Summary

if TYPE_CHECKING:
    from importer.ledger.journal import Run


def write_repeated(run: Run, folder: ReportFolder, **figures: Any) -> Summary:
    """Write what a repetition of a run leaves, and return its summary; `figures` are those of its own.

    In the run's own folder the reports are there already, unless another command has written its own into it. Any other
    folder gets those that the ledger alone is enough for.

    If its summary can't be written, the returned one says so.

    Raises:
        StorageFull: another report can't be written.
        UsageError: the folder can't be used.
    """
    path, stamp = folder.file(SUMMARY), None
    page: PageRows | None = None
    if path.resolve() == (run.out / SUMMARY).resolve() and _is_of(run, path):
        stamp = path.stat()
    else:
        folder.prepare()
        *_, page = write_rows(run, folder)
    summary = Summary(**kept_figures(run) | figures | {"out": str(folder.path), "same_as": run.name})
    summary = replace(summary, errors=folder.errors or summary.errors)
    summary = write_end(run, folder, summary, page)
    if stamp is not None:
        with suppress(OSError):  # reports that people edit are recognised by a time after the summary's
            os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    return summary


def _is_of(run: Run, path: Path) -> bool:
    """Whether a summary.json is that of this run."""
    try:
        summary = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return False
    return isinstance(summary, dict) and summary.get("run_id") == run.name


def describe_repeated(summary: Summary) -> str:
    """Say that nothing has changed, how old the source is, and what still waits for somebody."""
    age = summary.source_age_seconds
    old = "" if age is None else f", the newest file is {format_duration(age)} old"
    standing = [
        counted(number, f"{name} row") for name in ("rejected", "changed") if (number := getattr(summary, name))
    ]
    waits = f" As before: {' and '.join(standing)}." if standing else ""
    return (
        f"Nothing has changed since {summary.same_as}, for {counted(summary.repeats, 'run')} now: the same source, "
        f"mapping and options, and nothing is open{old}.{waits}"
    )
