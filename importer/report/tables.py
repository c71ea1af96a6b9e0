"""Writes the reports that are plain tables: changes, conflicts, losses, attachments, fixes, and what was read back."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from itertools import chain, islice
from typing import IO, NamedTuple

from importer.check.coverage.attachments import Attachment
from importer.check.coverage.coverage import Coverage
from importer.mapping.edited_tables import BAD, COLUMN, NEW
from importer.report.folder import FIXES, SUMMARY, ReportFolder
from importer.spreadsheet import escape_cell, shown_cell

CONFLICTS = "conflicts.csv"
CONFLICT_COLUMNS = ("key", "triage_id", "field", "ours", "theirs", "new")
LOSS_COLUMNS = ("column", "lost_cells", "filled_cells", "drop", "keys", "example")
FIX_COLUMNS = (COLUMN, BAD, "rows", NEW, "code", "hint")
VERIFY_FILES = ("verify.csv", "report.html", SUMMARY)

Conflicts = Iterable[tuple[str, str, Sequence[Sequence[str]]]]
"""Key, number (`T-…`), and for each field its name, what we wrote, what is there, and what we would have written."""


class ChangeLine(NamedTuple):
    """A line of a repair's or an undo's results.csv: an issue, its verdict, and the fields or traces of that.

    `before` and `after` are the values of these fields as far as they are value fields, a line for each.
    """

    key: str
    triage_id: str
    issue_id: str
    verdict: str
    fields: str
    message: str
    before: str = ""
    after: str = ""


def write_changes(folder: ReportFolder, lines: Iterable[ChangeLine]) -> None:
    """Write results.csv of a repair or an undo; without a line it has the header alone."""
    write_table(folder, "results.csv", ChangeLine._fields, lines, is_optional=False)


def write_conflicts(folder: ReportFolder, conflicts: Conflicts) -> int:
    """Write conflicts.csv, a line for each field, if there is any; returns the number of fields."""
    lines = ((key, triage_id, *conflict) for key, triage_id, fields in conflicts for conflict in fields)
    return write_table(folder, CONFLICTS, CONFLICT_COLUMNS, lines)


def write_coverage(folder: ReportFolder, losses: Coverage) -> None:
    """Write losses.csv and attachments.csv, each if it has a line."""
    write_table(folder, "losses.csv", LOSS_COLUMNS, losses.table())
    write_table(folder, "attachments.csv", Attachment._fields, losses.attachments)


def write_fixes(folder: ReportFolder, lines: Sequence[Sequence[str]]) -> None:
    """Write fixes.csv, to be filled in and given back as `--fixes`; without a line remove an earlier one."""
    if not write_table(folder, FIXES, FIX_COLUMNS, lines, cell=escape_cell):
        with suppress(OSError):
            folder.file(FIXES).unlink(missing_ok=True)


def write_table(
    folder: ReportFolder,
    name: str,
    columns: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    is_optional: bool = True,
    cell: Callable[[str], str] = shown_cell,
) -> int:
    """Write a CSV file row by row, cells escaped as in results.csv; returns the number of rows.

    One that `is_optional` is only made if there is a row.
    """
    remaining = iter(rows)
    first = list(islice(remaining, 1))
    if is_optional and not first:
        return 0
    count = 0
    with folder.open(name) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for count, row in enumerate(chain(first, remaining), start=1):  # noqa: B007 - it is the number of rows
            writer.writerow(map(cell, row))
    return count


class Verdict(StrEnum):
    """The state of an issue compared with what we last wrote to it; the worst first."""

    STRANGER = "stranger"  # has the source's marker, and the ledger doesn't know it: perhaps a double
    MISSING = "missing"  # deleted in Triage
    DIFFERENT = "different"  # in a field, or in what was added to it
    UNSETTLED = "unsettled"  # has the marker of a row whose outcome is not known yet
    SAME = "same"


class Verified(NamedTuple):
    """One line of verify.csv; an issue that differs has one for each field.

    `ours` is what we sent, `theirs` what is there now. Of a stranger `ours` is the number (`T-…`) of its key's issue.
    """

    key: str
    triage_id: str
    issue_id: str
    verdict: Verdict
    field: str = ""
    ours: str = ""
    theirs: str = ""


class VerifyFile:
    """Writes verify.csv, a few lines at a time."""

    def __init__(self, file: IO[str]) -> None:
        self._writer = csv.writer(file)
        self._writer.writerow(Verified._fields)

    def write(self, lines: Iterable[Verified]) -> None:
        self._writer.writerows(map(shown_cell, line) for line in lines)


@dataclass(frozen=True, slots=True)
class VerifySummary:
    """The figures of a verification: issues by verdict, and `fields`: field → issues that differ in it.

    `read_back` has how many issues, and additions of each kind, were `sent`, and how many of these were `found`.
    """

    run_id: str
    exit_code: int
    same: int
    different: int
    missing: int
    stranger: int
    unsettled: int
    fields: Mapping[str, int] = field(default_factory=dict)
    read_back: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    requests: int = 0
    elapsed_seconds: float = 0.0
    target: str = ""
    source_name: str = ""
    out: str = ""
    version: str = ""

    def as_text(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False, indent=2) + "\n"
