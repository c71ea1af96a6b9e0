"""Writes errors.csv and errors.jsonl: the rows to be corrected, as they came, each with its findings."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType
from typing import IO, Any

from importer.codes import INCOMPLETE
from importer.records import Outcome, Row, Rows
from importer.report.folder import ReportFolder
from importer.sources.delimiters import DELIMITERS
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW, escape_cell

Header = tuple[str, ...]
_Column = tuple[str, int]  # a header and which of its occurrences

ERRORS = "errors.csv"
PLAIN = (",", "utf-8")
MENDABLE = (Outcome.REJECTED, Outcome.FAILED)
TO_COMPLETE = {INCOMPLETE, "group-incomplete"}
"""Codes of rows that are listed whatever their outcome: their issue lacks something, or their group has an error."""


class ErrorFiles:
    """Writes rejected and failed rows in the format they came in: tables to errors.csv, JSON to errors.jsonl.

    A file is made with its first row. `headers` has one entry for each file of the source: its header, or None where
    it is JSON. `form` is delimiter and encoding of its first table: errors.csv has these, too, if the encoding can hold
    all of it. Where headers differ, it has the columns of all of them: those of the first file, then those that the
    others add. Columns that repeat are matched by number: the second `Comment` of one file is in the column of the
    second `Comment` of the other.
    """

    def __init__(self, folder: ReportFolder, headers: Sequence[Header | None], form: tuple[str, str] = PLAIN) -> None:
        self._folder, (self._delimiter, self._encoding) = folder, form
        self._stack = ExitStack()
        self._csv: Any = None
        self._jsonl: IO[str] | None = None
        self._headers = headers

    def __enter__(self) -> ErrorFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)
        if self._csv is not None and kind is None:
            self._folder.recode(ERRORS, self._encoding)

    def write(self, rows: Rows) -> None:
        """Append those of the rows that are rejected or failed."""
        for place, raw in enumerate(rows.columns["raw"]):
            if raw is None:  # as of most
                continue
            row = rows[place]
            if row.outcome in MENDABLE or TO_COMPLETE.intersection(row.codes):
                if isinstance(raw, str):
                    self._write_json(row, raw)
                else:
                    self._write_cells(row, raw)

    @cached_property
    def _columns(self) -> list[_Column]:
        return _union([header for header in self._headers if header is not None])

    @cached_property
    def _places(self) -> list[list[int] | None]:
        return [None if header is None else _places(header, self._columns) for header in self._headers]

    def _write_cells(self, row: Row, cells: Sequence[str]) -> None:
        if self._csv is None:
            file = self._stack.enter_context(self._folder.open(ERRORS))
            # Line ends of CR LF: before 3.13 Python quotes a lone CR in a cell only then.
            self._csv = csv.writer(file, delimiter=self._delimiter if self._delimiter in DELIMITERS else ",")
            self._csv.writerow([*(escape_cell(name) for name, _ in self._columns), *IMPORT_COLUMNS])
        placed = [""] * len(self._columns)
        places = self._places[row.file] or ()
        for place, cell in zip(places, cells, strict=False):
            placed[place] = escape_cell(cell)
        surplus = cells[len(places) :]  # beyond the header here, too, so that the row is as ragged as it was
        self._csv.writerow([*placed, *map(escape_cell, (*_import_cells(row), *surplus))])

    def _write_json(self, row: Row, raw: str) -> None:
        if self._jsonl is None:
            self._jsonl = self._stack.enter_context(self._folder.open("errors.jsonl"))
        added = json.dumps(dict(zip(IMPORT_COLUMNS, _import_cells(row), strict=True)), ensure_ascii=False)
        # A line end within a string would be no JSON: they only stand between tokens. Numbers stay as they are written.
        record = re.sub(r"[\r\n]", "", raw) if _is_object(raw) else json.dumps({IMPORT_RAW: raw}, ensure_ascii=False)
        body = record.strip()[1:-1].strip()
        self._jsonl.write(f"{{{body}, {added[1:]}\n" if body else f"{added}\n")


def _import_cells(row: Row) -> tuple[str, ...]:
    """Return the cells of IMPORT_COLUMNS: where the row is from, codes, fields, messages, hints."""
    origin = row.origin or f"{row.file_name} row {row.record}"  # behind a colon would be a line
    return (origin, *("\n".join(lines) for lines in (row.codes, row.fields, row.messages, row.hints)))


def _is_object(raw: str) -> bool:
    """Whether a record's text is a whole JSON object, to which keys can be added."""
    try:
        return isinstance(json.loads(raw, parse_int=str), dict)  # without it Python refuses numbers of 5,000 digits
    except (ValueError, RecursionError):
        return False


def _union(headers: Sequence[Header]) -> list[_Column]:
    columns: dict[_Column, None] = {}
    for header in headers:
        columns.update(dict.fromkeys(_numbered(header)))
    return list(columns)


def _places(header: Header, columns: Sequence[_Column]) -> list[int]:
    index = {column: place for place, column in enumerate(columns)}
    return [index[column] for column in _numbered(header)]


def _numbered(header: Header) -> list[_Column]:
    seen = Counter[str]()
    numbered = []
    for name in header:
        seen[name] += 1
        numbered.append((name, seen[name]))
    return numbered
