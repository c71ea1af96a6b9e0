"""Reads CSV strictly. Keeps lines and rows' own widths."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import NamedTuple

from importer.codes import ROW_RAGGED
from importer.errors import SourceError, SourceNotReady
from importer.phrases import counted
from importer.records import CHUNK_CELLS, CHUNK_CHARACTERS, Chunk, Finding, Ref
from importer.sources.errors_file import is_errors_header, own_cells
from importer.sources.files import LONGEST, cut_off, too_long
from importer.sources.header import (
    NOTE_ROWS,
    column_name,
    count_filled,
    find_columns,
    find_notes,
    find_repeated_headers,
    fits,
    least_width,
    may_be_note,
    take_columns,
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

NumberedRow = tuple[int, list[str], Finding | None]
"""Physical line where the row begins, its cells, and why it can't be used, or None."""
NumberedRows = Generator[NumberedRow, None, list[str] | None]


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
) -> Iterator[NumberedRow]:
    """Yield all rows, including the header and the `above` rows before it; blank lines are skipped, but for `blank`.

    A row with a stray quote becomes one cell with its raw text and the finding `row-malformed`; reading continues at
    the next line. Raises SourceNotReady if the file ends inside a quoted cell or in the middle of a row, SourceError if
    a cell is too long.
    """
    csv.field_size_limit(CELL_CHARACTERS)
    rows = _split(lines, name, delimiter, blank=blank)
    header: Sequence[str] = ()
    for numbered in rows:
        yield numbered
        if numbered[1] and not above:
            header = numbered[1]
            break
        above -= bool(numbered[1])
    last = yield from rows
    # One that ends early, at the end of a file and without a line end, is most likely half written.
    if last and len(last) < len(header) and not lines.last.endswith(LINE_ENDS) and not fits(last, header):
        where = f"in the middle of a row (line {lines.number:,})"
        otherwise = "If it is complete, add a line break at its end: then only that row is rejected."
        raise cut_off(name, where, otherwise)


def _split(lines: Lines, name: str, delimiter: str, *, blank: bool) -> NumberedRows:
    """Yield rows; return the cells of the last one if it is sound."""
    row: list[str] | None = None
    # After a malformed row another reader goes on at the next line: this one is still within a quote.
    while not lines.ended:
        line = lines.number + 1
        try:
            for row in csv.reader(lines, delimiter=delimiter, strict=True):
                lines.end_record()
                if row or blank:
                    yield line, row, None
                line = lines.number + 1
        except csv.Error as error:
            if lines.is_too_long:
                raise too_long(name, lines.number + len(lines.record) + 1) from error
            text = "".join(lines.record)
            # An open quote has swallowed all that follows, so that there is no line to go on at.
            if lines.ended or len(text) > CELL_CHARACTERS:
                raise _never_closed(name, lines, delimiter) from error
            lines.end_record()
            yield line, [text.rstrip("\r\n")], _malformed(line, lines.number, error)
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


class Batch(NamedTuple):
    """The rows of one chunk.

    records  record numbers, from 1
    lines    physical lines where the rows begin
    raw      the cells as read; of an errors file as the original source had them
    cells    the cells, as many as the header has; blank for rows with a defect
    defects  row → finding that makes it unusable
    origins  row → place in the original source, of an errors file
    """

    records: range
    lines: list[int]
    raw: list[list[str]]
    cells: list[list[str]]
    defects: dict[int, Finding]
    origins: dict[int, str]


class OpenTable(NamedTuple):
    """A table that is read up to its header: the header's cells as read, the rows below it, and the lines of both."""

    header: list[str]
    rows: Iterator[NumberedRow]
    lines: Lines


def open_rows(lines: Lines, name: str, delimiter: str, above: int) -> OpenTable:
    """Read up to the header, which follows `above` rows."""
    rows = read_rows(lines, name, delimiter, above)
    header = next(islice(rows, above, None), (1, [""], None))  # a file can be emptied after it was surveyed
    return OpenTable(list(map(sys.intern, header[1])), rows, lines)


def read_batches(table: OpenTable, size: int) -> Iterator[Batch]:
    """Yield the rows below the header in batches of up to `size` rows, of CHUNK_CHARACTERS and of CHUNK_CELLS.

    Raises SourceNotReady if the file ends inside a quoted cell or in the middle of a row, SourceError if a cell is too
    long.
    """
    header = table.header
    own = own_header(header)
    least = least_width(own)
    first = 1
    size = max(1, min(size, CHUNK_CELLS // len(header)))
    ahead: list[NumberedRow] = []
    notes: dict[int, Finding] | None = None  # by record number, once the file's last rows are known
    while batch := _take_rows(table, ahead, size):
        # Only the next rows show what the last one is: a title, if the header is repeated behind it, or perhaps a note,
        # if the file ends with such rows.
        last = batch[-1][1]
        most = NOTE_ROWS if may_be_note(last) else count_filled(last) == 1
        is_end = _read_notes(table.rows, ahead, most)
        lines, raw, findings = map(list, zip(*batch, strict=True))
        following = [row for _, row, _ in ahead]
        if is_end and notes is None:
            notes = {first + index: note for index, note in find_notes([*raw, *following], own).items()}
        # With the row behind them: if it is the header, the last one of these is its title.
        repeated = find_repeated_headers([*raw, *following[:1]], header)
        defects = {index: finding for index, finding in enumerate(findings) if finding}
        defects |= {index: finding for index, finding in repeated.items() if index < len(raw)}
        # What is wrong with a row itself says more than that it may be a note.
        if notes:
            defects = {index: notes[first + index] for index in range(len(raw)) if first + index in notes} | defects
        origins: dict[int, str] = {}
        if len(own) < len(header):
            raw, origins = _take_back(raw, header, defects)
        cells = _fit_rows(raw, own, least, defects)
        read = Batch(range(first, first + len(raw)), lines, raw, cells, defects, origins)
        first = read.records.stop
        del batch, lines, raw, cells  # as in `chunk_batches`
        yield read
        del read


def _take_rows(table: OpenTable, ahead: list[NumberedRow], size: int) -> list[NumberedRow]:
    """Take rows that were read ahead, and read the next ones, until they are enough."""
    batch, lines, enough = list[NumberedRow](), table.lines, table.lines.characters + CHUNK_CHARACTERS
    while ahead and len(batch) < size and lines.characters < enough:
        batch.append(ahead.pop(0))
        # Its text was counted when it was read ahead, with the batch before.
        enough -= sum(map(len, batch[-1][1]))
    if len(batch) < size and lines.characters < enough:
        for row in table.rows:
            batch.append(row)
            if len(batch) == size or lines.characters >= enough:
                break
    return batch


def _read_notes(rows: Iterator[NumberedRow], read: list[NumberedRow], most: int) -> bool:
    """Add rows to those read before until one is no note, or they are enough; return whether the rows ended first."""
    while len(read) < most and (not read or may_be_note(read[-1][1])):
        numbered = next(rows, None)
        if numbered is None:
            return True
        read.append(numbered)
    return False


def chunk_batches(
    batches: Iterable[Batch], header: Sequence[str], number: int, name: str, refs: Sequence[Ref]
) -> Iterator[Chunk]:
    """Make a chunk of each batch, with the columns that `refs` name.

    `header` is the file's as `open_rows` gives it, `number` its place in the source, `name` as the user typed it.
    """
    own = own_header(header)
    positions = find_columns(own, refs)
    used = sorted({column for columns in positions.values() for column in columns})
    for records, lines, raw, cells, defects, origins in batches:
        columns = take_columns(cells, len(own), used)
        yield Chunk(number, name, records, lines, raw, columns, positions, defects, origins)
        del lines, raw, cells, columns  # what is yielded isn't kept: its memory is free before more is read


def _take_back(
    raw: Sequence[list[str]], header: Sequence[str], defects: dict[int, Finding]
) -> tuple[list[list[str]], dict[int, str]]:
    """Return the rows of an errors file as the original source had them, and their places there."""
    width = len(header) - len(IMPORT_COLUMNS)
    rows, origins = list(raw), {}
    for index, row in enumerate(raw):
        if index in defects:  # malformed: one cell with the raw text
            continue
        rows[index] = own_cells(row, width)
        ragged = _ragged(row, header) if len(row) < len(header) else None
        if ragged is not None:
            defects[index] = ragged
            continue
        # A person, or a spreadsheet, may have left out the last of these cells.
        origin, codes = (*row[width : width + 2], "", "")[:2]
        if origin:
            origins[index] = unescape_cell(origin)
        if ROW_RAGGED in codes.split() and not count_filled(rows[index][-1:]):
            defects[index] = STILL_CUT
    return rows, origins


def _fit_rows(
    raw: Sequence[list[str]], header: Sequence[str], least: int, defects: dict[int, Finding]
) -> list[list[str]]:
    """Return rows as wide as the header, blank ones for defects; ragged rows are added to `defects`."""
    width = len(header)
    blank = [""] * width
    cells = list(raw)
    # Only these few: nearly all rows are as wide as the header.
    for index in {*defects, *(index for index, row in enumerate(raw) if len(row) != width)}:
        row = raw[index]
        ragged = None if index in defects or least <= len(row) <= width else _ragged(row, header)
        if ragged:
            defects[index] = ragged
        cells[index] = blank if index in defects else [*row, *blank][:width]
    return cells


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
