"""Reads CSV strictly. Keeps lines and rows' own widths."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

from importer.codes import ROW_RAGGED
from importer.errors import SourceError, SourceNotReady
from importer.mapping.vocabulary import words_for_nothing
from importer.phrases import counted
from importer.records import Finding
from importer.sources.errors_file import is_errors_header, own_cells
from importer.sources.files import LONGEST, cut_off, too_long
from importer.sources.header import (
    NOTE_ROWS,
    column_name,
    count_filled,
    find_notes,
    find_repeated_headers,
    fits,
    least_width,
    may_be_note,
)
from importer.sources.source_rows import (
    CELLS_TOGETHER,
    CHARACTERS_TOGETHER,
    Layout,
    SourceRow,
    SourceRows,
    leave_out_nothing,
    pick_cells,
)
from importer.spreadsheet import IMPORT_COLUMNS, unescape_cell

LINE_ENDS = ("\n", "\r")
CELL_CHARACTERS = 8 * 1024 * 1024
"""The longest cell. A quote that is never closed stops here instead of filling memory with the rest of the file."""

STILL_CUT = Finding(
    ROW_RAGGED,
    "",
    "The row ended early, and its last cell is still empty.",
    hint="Correct its cells; if the last one is meant to be empty, clear import_code.",
)


@dataclass(slots=True)
class TableRow:
    """A row of a table.

    line    physical line where it begins
    raw     its cells as read; of an errors file as the original source had them
    cells   the same, as many as the header has; blank ones where it can't be used
    defect  why it can't be used, or None
    origin  its place in the original source, of an errors file
    """

    line: int
    raw: list[str]
    cells: list[str]
    defect: Finding | None = None
    origin: str = ""


ReadRows = Generator[TableRow, None, list[str] | None]


class Lines:
    """The physical lines of a text below `skip` of them. It keeps those of the current record, for error messages.

    skipped      how many were left out
    number       the number of the last line of the newest complete record, of those that were left out too
    record       the lines of the current record so far
    characters   of all records that have ended
    last         the last line of the newest complete record
    ended        whether the text has ended
    is_too_long  whether its next line has LONGEST characters or more
    """

    def __init__(self, text: Iterator[str], skip: int = 0) -> None:
        self.skipped = self.number = sum(1 for _ in zip(range(skip), text, strict=False))
        self.characters = 0
        self.last = ""
        self.ended = self.is_too_long = False
        # Python's reader takes the end without a word: what stands behind the last line notes it.
        self._text = chain(text, self._note_end())
        self.record: list[str] = []

    def __iter__(self) -> Iterator[str]:
        """Yield the lines not read yet; whoever takes them says with `end_record` where a record ends.

        Raises csv.Error where the next one `is_too_long`: its cells would fill the memory.
        """
        add = self.record.append
        for line in self._text:
            if len(line) >= LONGEST:
                self.is_too_long = True
                del line  # the error's traceback would keep it
                raise csv.Error
            add(line)
            yield line

    def _note_end(self) -> Iterator[str]:
        self.ended = True
        yield from ()

    def end_record(self) -> None:
        """Begin another record."""
        self.last = self.record[-1]
        self.number += len(self.record)
        self.characters += sum(map(len, self.record))
        self.record.clear()


def join_lines(text: Iterable[str]) -> Iterator[str]:
    """Yield the records of a table whose quotes are all closed, as one line each: its line numbers count rows then."""
    record = ""
    for line in text:
        record += line
        if record.count('"') % 2 == 0:
            yield record
            record = ""


def read_rows(
    lines: Lines,
    name: str,
    delimiter: str,
    above: int = 0,
    *,
    blank: bool = False,
) -> Iterator[TableRow]:
    """Yield all rows, including the header and the `above` rows before it; blank lines are skipped, but for `blank`.

    A row with a stray quote becomes one cell with its raw text and the finding `row-malformed`; reading continues at
    the next line. Raises SourceNotReady if the file ends inside a quoted cell or in the middle of a row, SourceError if
    a cell is too long.
    """
    csv.field_size_limit(CELL_CHARACTERS)
    rows = _split(lines, name, delimiter, blank=blank)
    header: Sequence[str] = ()
    for row in rows:
        yield row
        if row.raw and not above:
            header = row.raw
            break
        above -= bool(row.raw)
    last = yield from rows
    # One that ends early, at the end of a file and without a line end, is most likely half written.
    if last and len(last) < len(header) and not lines.last.endswith(LINE_ENDS) and not fits(last, header):
        where = f"in the middle of a row (line {lines.number:,})"
        otherwise = "If it is complete, add a line break at its end: then only that row is rejected."
        raise cut_off(name, where, otherwise)


def _split(lines: Lines, name: str, delimiter: str, *, blank: bool) -> ReadRows:
    """Yield rows; return the cells of the last one if it is sound."""
    row: list[str] | None = None
    # After a malformed row another reader goes on at the next line: this one is still within a quote.
    while not lines.ended:
        line = lines.number + 1
        try:
            for row in csv.reader(lines, delimiter=delimiter, strict=True):
                lines.end_record()
                if row or blank:
                    yield TableRow(line, row, row)
                line = lines.number + 1
        except csv.Error as error:
            if lines.is_too_long:
                raise too_long(name, lines.number + len(lines.record) + 1) from error
            text = "".join(lines.record)
            # An open quote has swallowed all that follows, so that there is no line to go on at.
            if lines.ended or len(text) > CELL_CHARACTERS:
                raise _never_closed(name, lines, delimiter) from error
            lines.end_record()
            malformed = [text.rstrip("\r\n")]
            yield TableRow(line, malformed, malformed, _malformed(line, lines.number, error))
            row = None
    return row


def _never_closed(name: str, lines: Lines, delimiter: str) -> SourceError | SourceNotReady:
    """Return the error for an open quote in the current record, with the line where it was opened."""
    line = lines.number + 1
    # Match quoted cells from left to right; the one that reaches the end of the text is open.
    quoted = re.finditer(rf'(?:\A|{re.escape(delimiter)})(")(?:[^"]++|"")*+("|\Z)', "".join(lines.record))
    offset = next((match.start(1) for match in quoted if not match[2]), None)
    if offset is None:
        return SourceError(f"{name}:{line}: a cell is longer than {CELL_CHARACTERS:,} characters.")
    for text in lines.record:
        if offset < len(text):
            break
        offset -= len(text)
        line += 1
    mend = "close that quote, or double it if it is part of the text."
    if lines.ended:
        return cut_off(name, f"inside a quoted cell that begins on line {line:,}", f"If it is complete, {mend}")
    return SourceError(f"{name}:{line}: a quote is opened and never closed.", hint=mend.capitalize())


def _malformed(first: int, last: int, error: csv.Error) -> Finding:
    where = f"Line {first}" if first == last else f"Lines {first} to {last}"
    return Finding(
        "row-malformed",
        "",
        f"{where} can't be read as CSV: {error}",
        hint="Inside a quoted cell, write each quote twice.",
    )


def own_header(header: Sequence[str]) -> tuple[str, ...]:
    """Return the header's cells as they look; of an errors file unescaped, without the import columns."""
    own = own_cells(header[: -len(IMPORT_COLUMNS)], len(header)) if is_errors_header(header) else header
    return tuple(map(sys.intern, map(column_name, own)))  # a header may repeat `Comment` 100,000 times


class OpenTable(NamedTuple):
    """A table that is read up to its header: the header's cells as read, the rows below it, and the lines of both."""

    header: list[str]
    rows: Iterator[TableRow]
    lines: Lines


def open_rows(lines: Lines, name: str, delimiter: str, above: int) -> OpenTable:
    """Read up to the header, which follows `above` rows."""
    rows = read_rows(lines, name, delimiter, above)
    emptied = TableRow(1, [""], [""])  # a file can be emptied after it was surveyed
    header = next(islice(rows, above, None), emptied)
    return OpenTable(list(map(sys.intern, header.raw)), rows, lines)


def read_runs(table: OpenTable, size: int) -> Iterator[list[TableRow]]:
    """Yield the rows below the header, up to `size` at a time, of CHARACTERS_TOGETHER and of CELLS_TOGETHER.

    Raises SourceNotReady if the file ends inside a quoted cell or in the middle of a row, SourceError if a cell is too
    long.
    """
    header = table.header
    own = own_header(header)
    least = least_width(own)
    blank = [""] * len(own)
    first = 1
    size = max(1, min(size, CELLS_TOGETHER // len(header)))
    ahead: list[TableRow] = []
    notes: dict[int, Finding] | None = None  # by record number, once the file's last rows are known
    while rows := _take_rows(table, ahead, size):
        # Only the next rows show what the last one is: a title, if the header is repeated behind it, or perhaps a note,
        # if the file ends with such rows.
        last = rows[-1].raw
        most = NOTE_ROWS if may_be_note(last) else count_filled(last) == 1
        is_end = _read_notes(table.rows, ahead, most)
        texts = [row.raw for row in (*rows, *ahead)]
        if is_end and notes is None:
            notes = {first + index: note for index, note in find_notes(texts, own).items()}
        # With the row behind them: if it is the header, the last one of these is its title.
        for index, finding in find_repeated_headers(texts[: len(rows) + 1], header).items():
            if index < len(rows):
                rows[index].defect = finding
        # What is wrong with a row itself says more than that it may be a note.
        for number, note in (notes or {}).items():
            if first <= number < first + len(rows):
                row = rows[number - first]
                row.defect = row.defect or note
        if len(own) < len(header):
            for row in rows:
                _take_back(row, header)
        for row in rows:
            if row.defect is not None or len(row.raw) != len(own):  # hardly any
                _fit(row, own, least, blank)
        first += len(rows)
        yield rows
        del rows, texts, row  # what is yielded isn't kept: its memory is free before more is read


def _take_rows(table: OpenTable, ahead: list[TableRow], size: int) -> list[TableRow]:
    """Take rows that were read ahead, and read the next ones, until they are enough."""
    rows, lines, enough = list[TableRow](), table.lines, table.lines.characters + CHARACTERS_TOGETHER
    while ahead and len(rows) < size and lines.characters < enough:
        rows.append(ahead.pop(0))
        # Its text was counted when it was read ahead, with the rows before.
        enough -= sum(map(len, rows[-1].raw))
    if len(rows) < size and lines.characters < enough:
        for row in table.rows:
            rows.append(row)
            if len(rows) == size or lines.characters >= enough:
                break
    return rows


def _read_notes(rows: Iterator[TableRow], ahead: list[TableRow], most: int) -> bool:
    """Add rows to those read before until one is no note, or they are enough; return whether the rows ended first."""
    while len(ahead) < most and (not ahead or may_be_note(ahead[-1].raw)):
        row = next(rows, None)
        if row is None:
            return True
        ahead.append(row)
    return False


def rows_of_table(runs: Iterable[Sequence[TableRow]], number: int, name: str, layout: Layout) -> Iterator[SourceRows]:
    """Make rows of a source of each run: `number` is the file's place in the source, `name` as the user typed it."""
    pick_used = pick_cells(layout.used_places)
    nothing = words_for_nothing()
    first = 1
    for run in runs:
        rows = list[SourceRow]()
        for record, row in enumerate(run, start=first):
            written: Sequence[str] = row.cells
            cells = written
            if not nothing.isdisjoint(pick_used(written)):
                cells = leave_out_nothing(written)
            rows.append(SourceRow(record, row.line, row.raw, cells, written, row.defect, row.origin))
        first += len(rows)
        del run, row, written, cells  # as in `read_runs`
        yield SourceRows(number, name, layout, rows)
        del rows


def _take_back(row: TableRow, header: Sequence[str]) -> None:
    """Make of a row of an errors file the one that the original source had, and note its place there."""
    if row.defect is not None:  # malformed: one cell with the raw text
        return
    width = len(header) - len(IMPORT_COLUMNS)
    read = row.raw
    row.raw = row.cells = own_cells(read, width)
    row.defect = _ragged(read, header) if len(read) < len(header) else None
    if row.defect is not None:
        return
    # A person, or a spreadsheet, may have left out the last of these cells.
    origin, codes = (*read[width : width + 2], "", "")[:2]
    row.origin = unescape_cell(origin)
    if ROW_RAGGED in codes.split() and not count_filled(row.raw[-1:]):
        row.defect = STILL_CUT


def _fit(row: TableRow, header: Sequence[str], least: int, blank: list[str]) -> None:
    """Make the cells of a row as wide as the header: blank ones where it can't be used, as when it is ragged."""
    width = len(header)
    if row.defect is None and not least <= len(row.raw) <= width:
        row.defect = _ragged(row.raw, header)
    row.cells = blank if row.defect is not None else [*row.raw, *blank][:width]


def _ragged(row: Sequence[str], header: Sequence[str]) -> Finding | None:
    """Return the finding for a row of another width, None if none of its cells is lost."""
    if fits(row, header):
        return None
    return Finding(
        ROW_RAGGED,
        "",
        f"The row has {counted(len(row), 'cell')}, the header {len(header)}.",
        hint="Look for an unquoted delimiter or line break in a cell, or for a row that is cut off.",
    )
