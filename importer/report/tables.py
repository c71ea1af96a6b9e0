"""Writes the reports that are plain tables: changes of a repair or an undo, conflicts, losses, attachments, fixes."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import NamedTuple

from importer.check.coverage.coverage import Coverage
from importer.mapping.edited_tables import BAD, COLUMN, NEW
from importer.report.folder import FIXES, ReportFolder
from importer.spreadsheet import escape_cell

CHANGE_COLUMNS = ("key", "triage_id", "issue_id", "verdict", "fields", "message", "before", "after")


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
    """Write results.csv of a repair or an undo; without a line it has the header alone.

    Raises:
        StorageFull: it can't be written.
    """
    write_table(folder, "results.csv", CHANGE_COLUMNS, lines, is_optional=False)


CONFLICTS = "conflicts.csv"


COLUMNS = ("key", "triage_id", "field", "ours", "theirs", "new")


Conflicts = Iterable[tuple[str, str, Sequence[Sequence[str]]]]
"""Key, number (`T-…`), and for each field its name, what we wrote, what is there, and what we would have written."""


def write_conflicts(folder: ReportFolder, conflicts: Conflicts) -> int:
    """Write conflicts.csv, a line for each field, if there is any; returns the number of fields.

    Raises:
        StorageFull: it can't be written.
    """
    lines = ((key, triage_id, *conflict) for key, triage_id, fields in conflicts for conflict in fields)
    return write_table(folder, CONFLICTS, COLUMNS, lines)


LOSSES, ATTACHMENTS = "losses.csv", "attachments.csv"


LOSS_COLUMNS = ("column", "class", "filled_cells", "share", "columns", "sample_1", "sample_2")
"""`share` is the class's share of the column's filled cells, `columns` how many columns have this header."""


ATTACHMENT_COLUMNS = ("key", "name", "url")


def write_coverage(folder: ReportFolder, losses: Coverage) -> None:
    """Write losses.csv and attachments.csv, each if it has a line.

    Raises:
        StorageFull: one of them can't be written.
    """
    write_table(folder, LOSSES, LOSS_COLUMNS, losses.table())
    write_table(folder, ATTACHMENTS, ATTACHMENT_COLUMNS, losses.attachments)


FIX_COLUMNS = (COLUMN, BAD, "rows", NEW, "code", "hint")


def write_fixes(folder: ReportFolder, lines: Sequence[Sequence[str]]) -> None:
    """Write fixes.csv, to be filled in and given back as `--fixes`; without a line remove an earlier one.

    Raises:
        StorageFull: it can't be written.
    """
    if not write_table(folder, FIXES, FIX_COLUMNS, lines):
        with suppress(OSError):
            folder.file(FIXES).unlink(missing_ok=True)


def write_table(
    folder: ReportFolder, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]], *, is_optional: bool = True
) -> int:
    """Write a CSV file row by row, cells escaped as in results.csv; returns the number of rows.

    One that `is_optional` is only made if there is a row.

    Raises:
        StorageFull: it can't be written.
    """
    remaining = iter(rows)
    first = list(islice(remaining, 1))
    if is_optional and not first:
        return 0
    count = 0
    with folder.open(name) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in chain(first, remaining):
            writer.writerow(map(escape_cell, row))
            count += 1
    return count
