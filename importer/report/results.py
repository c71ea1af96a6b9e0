"""Writes results.csv: every row of the source once, in the order of the input, with its outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import IO

from importer.records import Outcome, Row
from importer.report.issue_urls import NO_URL, IssueUrl
from importer.spreadsheet import escape_cells, write_cells

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
    "url",
)
_LINE = "%s,%d,%d,%s,%s,%s,%s,%d,%s,%s,%d,%d,%d,%s,%s\r\n"
_WORDS = {outcome: str(outcome) for outcome in Outcome}  # a plain text is written faster than an enum's


class ResultsFile:
    """Writes results.csv, a chunk at a time; of several findings, codes and messages are each joined by newlines."""

    def __init__(self, file: IO[str], url: IssueUrl = NO_URL) -> None:
        self._file, self._url = file, url
        file.write(",".join(COLUMNS) + "\r\n")

    def write(self, rows: Iterable[Row]) -> None:
        """Append rows, in input order."""
        rows = list(rows)
        if not rows:
            return
        columns = (
            write_cells(escape_cells([row.file_name for row in rows])),
            [row.record for row in rows],
            [row.line for row in rows],
            write_cells(escape_cells([row.key for row in rows])),
            [_WORDS[row.outcome] for row in rows],
            write_cells(["\n".join(row.codes) if row.codes else "" for row in rows]),
            write_cells(escape_cells(["\n".join(row.messages) if row.messages else "" for row in rows])),
            [row.attempts for row in rows],
            write_cells([row.issue_id for row in rows]),
            write_cells([row.triage_id for row in rows]),
            [row.additions_planned for row in rows],
            [row.additions_done for row in rows],
            [row.additions_failed for row in rows],
            write_cells(escape_cells([row.shown_title for row in rows])),
            self._urls(rows),
        )
        self._file.write("".join(map(_LINE.__mod__, zip(*columns, strict=True))))

    def _urls(self, rows: Sequence[Row]) -> Sequence[str]:
        if not self._url.pattern:
            return [""] * len(rows)
        return write_cells([self._url.of(row.triage_id, row.issue_id) for row in rows])
