"""Writes results.csv: every row of the source once, in the order of the input, with its outcome."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import IO

from importer.records import Row
from importer.spreadsheet import escape_cell

COLUMNS = (
    "file",
    "record",
    "line",
    "key",
    "outcome",
    "code",
    "message",
    "attempts",
    "issue_id",
    "triage_id",
    "operations_planned",
    "operations_done",
    "operations_failed",
    "title",
)


class ResultsFile:
    """Writes results.csv, a few rows at a time; of several findings, codes and messages are each joined by newlines."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._write([COLUMNS])

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows, in input order."""
        self._write(
            (
                escape_cell(row.file_name),
                row.record,
                row.line,
                escape_cell(row.key),
                row.outcome,
                "\n".join(row.codes),
                escape_cell("\n".join(row.messages)) if row.messages else "",
                row.attempts,
                row.issue_id,
                row.triage_id,
                row.additions_planned,
                row.additions_done,
                row.additions_failed,
                escape_cell(row.shown_title),
            )
            for row in rows
        )

    def _write(self, rows: Iterable[Iterable[object]]) -> None:
        text = io.StringIO(newline="")  # the file is written once for all rows, and not once a row
        csv.writer(text).writerows(rows)
        self._file.write(text.getvalue())
