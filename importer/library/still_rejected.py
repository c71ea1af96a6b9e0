"""Rows that earlier runs rejected are given back: as errors files, as if somebody had kept those of each run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from importer.ledger.rejected import JUDGED_BY, find_rejected, judged_by, read_rejected
from importer.library.inputs import mapping_digest
from importer.notices import STILL_REJECTED
from importer.records import Outcome
from importer.report.error_files import PLAIN, Columns, open_errors
from importer.report.folder import ReportFolder

if TYPE_CHECKING:
    from importer.ledger.store import Ledger
    from importer.report.summary import Summary


def may_be_due(ended: Summary, given: Mapping[str, Any]) -> bool:
    """Whether there may be any such rows after what has ended; `given` are its options."""
    if given["limit"] or given["only"]:
        return False
    if ended.run_id:
        return any(each.cause == STILL_REJECTED for each in ended.notices)
    return given["mapping"] is not None  # no file was new


def choose_rejected(ledger: Ledger, ended: Summary, given: Mapping[str, Any]) -> set[str]:
    """Return the digests of the rows that Triage refused, or that another mapping or version rejected."""
    found = find_rejected(ledger.transaction, ended.target, ended.source_name)
    if not found:
        return set()
    run = ended.run_id or ended.same_as
    now = ledger.find_run(run).options.get(JUDGED_BY, "") if run else judged_by(mapping_digest(given))
    return {each.digest for each in found if each.judged_by != now or each.outcome is Outcome.FAILED}


def write_rejected(
    ledger: Ledger, target: str, source_name: str, folder: Path, due: Collection[str] | None = None
) -> list[Path]:
    """Write a source's rejected rows to errors files in a folder; returns these.

    `due` are the digests of those that are meant, None for all. Raises StorageFull if one can't be written.
    """
    found = read_rejected(ledger.transaction, target, source_name)
    rows = [(each.run, row) for each, row in found if due is None or each.digest in due]
    reports = ReportFolder(folder)
    reports.prepare(())
    files, first, form = list[Columns](), dict[str, int](), PLAIN
    for name in dict.fromkeys(run for run, _ in rows):
        options = ledger.find_run(name).options
        first[name], form = len(files), tuple(options.get("form", PLAIN))
        files += Columns.of(options["headers"], options.get("columns", {}))
    with open_errors(reports, files, form) as errors:
        errors.write(row._replace(file=first[run] + row.file) for run, row in rows)
    return [folder / name for name in reports.errors]
