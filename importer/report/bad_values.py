"""Writes fixes.csv: the values that reject rows, one a line, to be corrected and given back as `--fixes`."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import suppress

from importer.mapping.fixes_table import BAD, COLUMN, NEW
from importer.report.folder import FIXES, ReportFolder
from importer.spreadsheet import escape_cell

TABLE = (COLUMN, BAD, "rows", NEW, "code", "hint")


def write_fixes(folder: ReportFolder, lines: Sequence[Sequence[str]]) -> None:
    """Write fixes.csv, or remove an earlier one where no value rejects a row.

    Raises:
        StorageFull: it can't be written.
    """
    if not lines:
        with suppress(OSError):
            folder.file(FIXES).unlink(missing_ok=True)
        return
    with folder.open(FIXES) as file:
        csv.writer(file).writerows([TABLE, *(map(escape_cell, line) for line in lines)])
