"""A report that is a plain table, and is only there if it has rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from itertools import chain

from importer.report.folder import ReportFolder
from importer.spreadsheet import escape_cell


def write_table(folder: ReportFolder, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write a CSV file as its rows pass, cells escaped as in results.csv; count them.

    Raises:
        StorageFull: it can't be written.
    """
    remaining = iter(rows)
    first = next(remaining, None)
    if first is None:
        return 0
    count = 0
    with folder.open(name) as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        for row in chain([first], remaining):
            writer.writerow(map(escape_cell, row))
            count += 1
    return count
