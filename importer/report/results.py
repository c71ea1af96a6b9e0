"""Writes results.csv: every row of the source once, in the order of the input, with its outcome."""

from __future__ import annotations

from collections.abc import Iterable
from typing import IO

from importer.records import Row
from importer.spreadsheet import escape_cell, write_cells

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
    """Writes results.csv, a chunk at a time; of several findings, codes and messages are each joined by newlines."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._write([[name] for name in COLUMNS])

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows, in input order."""
        rows = list(rows)
        if not rows:
            return
        columns = (
            write_cells([escape_cell(row.file_name) for row in rows]),
            [str(row.record) for row in rows],
            [str(row.line) for row in rows],
            write_cells([escape_cell(row.key) for row in rows]),
            [row.outcome for row in rows],
            write_cells(["\n".join(row.codes) for row in rows]),
            write_cells([escape_cell("\n".join(row.messages)) if row.messages else "" for row in rows]),
            [str(row.attempts) for row in rows],
            write_cells([row.issue_id for row in rows]),
            write_cells([row.triage_id for row in rows]),
            [str(row.additions_planned) for row in rows],
            [str(row.additions_done) for row in rows],
            [str(row.additions_failed) for row in rows],
            write_cells([escape_cell(row.shown_title) for row in rows]),
        )
        self._write(columns)

    def _write(self, columns: Iterable[Iterable[str]]) -> None:
        self._file.write("".join([",".join(cells) + "\r\n" for cells in zip(*columns, strict=True)]))
