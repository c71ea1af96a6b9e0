"""Writes errors.csv and errors.jsonl: the rows to be corrected, as they came, each with its findings."""

from __future__ import annotations

import csv
import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import zip_longest
from typing import IO, Any, NamedTuple

from importer.check.held import ColumnsRead
from importer.codes import INCOMPLETE
from importer.records import Outcome, Row
from importer.report.folder import ERRORS, ERRORS_JSON, ReportFolder
from importer.sources.detect import DELIMITERS
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW, escape_cell

Header = tuple[str, ...]
Lacked = tuple[tuple[str, ...], ...]
_Column = tuple[str, int]  # a header and which of its occurrences

PLAIN = (",", "utf-8")
MENDABLE = (Outcome.REJECTED, Outcome.FAILED)
TO_COMPLETE = {INCOMPLETE, "group-incomplete"}
"""Codes of rows that are listed whatever their outcome: their issue lacks something, or their group has an error."""


class Columns(NamedTuple):
    """What a file of the source has as its header, None of JSON, and which columns of earlier files it lacks."""

    header: Header | None
    lacked: Lacked = ()

    @classmethod
    def of(cls, headers: Iterable[Sequence[str] | None], absent: ColumnsRead) -> list[Columns]:
        """Put together the headers of files, in their order, with `Absence.columns`, which is empty of a first run."""
        lacked = (tuple(map(tuple, columns[1])) for columns in absent.values())
        return [
            cls(None if header is None else tuple(header), its)
            for header, its in zip_longest(headers, lacked, fillvalue=())
        ]


@contextmanager
def open_errors(folder: ReportFolder, files: Sequence[Columns], form: tuple[str, str] = PLAIN) -> Iterator[ErrorFiles]:
    """Open the errors files; those that are tables get the encoding of the source at the end."""
    with ExitStack() as open_files:
        errors = ErrorFiles(folder, files, form, open_files)
        yield errors
    for place in range(len(errors.tables)):
        folder.recode(ERRORS, place, form[1])


class ErrorFiles:
    """Writes rejected and failed rows in the format they came in: tables to errors.csv, JSON to errors.jsonl.

    A file is made with its first row. `form` is delimiter and encoding of the first table: errors.csv has these, too,
    if the encoding can hold all of it. Rows of files that lack other columns go to files of their own, so that what
    is absent stays absent. Where headers differ all the same, a file has the columns of all: those of the first, then
    those that the others add. Columns that repeat are matched by number: the second `Comment` of one file is in the
    column of the second `Comment` of the other.
    """

    def __init__(
        self, folder: ReportFolder, files: Sequence[Columns], form: tuple[str, str], open_files: ExitStack
    ) -> None:
        self._folder, self._files, (self._delimiter, _) = folder, files, form
        self._open_files = open_files
        self.tables: dict[Lacked, Any] = {}
        self._lines: dict[Lacked, IO[str]] = {}

    def write(self, rows: Iterable[Row]) -> None:
        for row in rows:
            is_mendable = row.outcome in MENDABLE or not TO_COMPLETE.isdisjoint(row.codes)
            if row.raw is None or not is_mendable:
                continue
            if isinstance(row.raw, str):
                self._write_json(row, row.raw)
            else:
                self._write_cells(row, row.raw)

    @cached_property
    def _columns(self) -> dict[Lacked, list[_Column]]:
        columns: dict[Lacked, dict[_Column, None]] = defaultdict(dict)
        for header, lacked in self._files:
            columns[lacked].update(dict.fromkeys(_numbered(header or ())))
        return {lacked: list(each) for lacked, each in columns.items()}

    @cached_property
    def _places(self) -> list[list[int]]:
        return [_places(header or (), self._columns[lacked]) for header, lacked in self._files]

    def _write_cells(self, row: Row, cells: Sequence[str]) -> None:
        lacked = self._files[row.file].lacked
        columns, writer = self._columns[lacked], self.tables.get(lacked)
        if writer is None:
            file = self._open_files.enter_context(self._folder.open(ERRORS, len(self.tables)))
            # Line ends of CR LF: before 3.13 Python quotes a lone CR in a cell only then.
            writer = csv.writer(file, delimiter=self._delimiter if self._delimiter in DELIMITERS else ",")
            writer.writerow([*(escape_cell(name) for name, _ in columns), *IMPORT_COLUMNS])
            self.tables[lacked] = writer
        placed = [""] * len(columns)
        places = self._places[row.file]
        for place, cell in zip(places, cells, strict=False):
            placed[place] = escape_cell(cell)
        surplus = cells[len(places) :]  # beyond the header here, too, so that the row is as ragged as it was
        writer.writerow([*placed, *map(escape_cell, (*_import_cells(row), *surplus))])

    def _write_json(self, row: Row, raw: str) -> None:
        lacked = self._files[row.file].lacked
        if lacked not in self._lines:
            self._lines[lacked] = self._open_files.enter_context(self._folder.open(ERRORS_JSON, len(self._lines)))
        added = json.dumps(dict(zip(IMPORT_COLUMNS, _import_cells(row), strict=True)), ensure_ascii=False)
        # A line end within a string would be no JSON: they only stand between tokens. Numbers stay as they are written.
        record = re.sub(r"[\r\n]", "", raw) if _is_object(raw) else json.dumps({IMPORT_RAW: raw}, ensure_ascii=False)
        body = record.strip()[1:-1].strip()
        self._lines[lacked].write(f"{{{body}, {added[1:]}\n" if body else f"{added}\n")


def _import_cells(row: Row) -> tuple[str, ...]:
    """Return the cells of IMPORT_COLUMNS: where the row is from, codes, fields, messages, hints."""
    return (row.place, *("\n".join(lines) for lines in (row.codes, row.fields, row.messages, row.hints)))


def _is_object(raw: str) -> bool:
    """Whether a record's text is a whole JSON object, to which keys can be added."""
    try:
        return isinstance(json.loads(raw, parse_int=str), dict)  # without it Python refuses numbers of 5,000 digits
    except (ValueError, RecursionError):
        return False


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
