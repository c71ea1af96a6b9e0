"""The delimiter of a CSV file: as an option says it, or found by the structure of the file's beginning."""

from __future__ import annotations

import csv
import io
import re
from contextlib import suppress
from itertools import islice
from pathlib import Path

from importer.errors import SourceError, UsageError
from importer.phrases import clip, shell_join
from importer.sources.csv import CELL_CHARACTERS, LINE_ENDS
from importer.sources.errors_file import is_errors_header
from importer.sources.header import HEAD_ROWS, HEADER_CELLS, count_above, fits, least_width

DELIMITERS = (",", ";", "\t", "|")
SHOWN = 60
"""Characters of a line that an error shows."""
_WHOLE = re.compile(r'"(?:[^"]|"")*"\s*')
_SAID = re.compile(r'\s*"?sep=([^"\r\n\w])"?[ \t]*[\r\n]')


def check_delimiter(option: str) -> str:
    """Return the delimiter that `--delimiter` means. Raises UsageError if it is not one character."""
    delimiter = "\t" if option in ("tab", "\\t") else option
    if len(delimiter) != 1 or delimiter in '"\r\n':
        raise UsageError(f"{option!r} is not a delimiter.", hint="Give one character, or the word tab: --delimiter ';'")
    return delimiter


def find_delimiter(sample: str) -> str:
    """Return the delimiter with which most rows fit the header, and the header is wider than one cell.

    A first line `sep=^` says which it is, as Excel reads it. Where there is none, it is one that gives the header and
    most rows several cells: they end early, which each says. `sample` is the file's beginning; its last row may be cut.
    A file of one column may get any delimiter.
    """
    if said := _SAID.match(sample):
        return said[1]
    tables = {delimiter: _parse_sample(sample, delimiter) for delimiter in DELIMITERS}

    def fitness(delimiter: str) -> tuple[bool, bool, bool, float, int]:
        rows = tables[delimiter]
        first = count_above(rows)
        above = any(rows[:first])
        header, *below = [row for row in rows[first:] if row] or [[]]
        if below and len(below[-1]) < len(header) and not sample.endswith(LINE_ENDS):
            below.pop()
        width, least = len(header), least_width(header)
        fitting = sum(least <= len(row) <= width or fits(row, header) for row in below)
        share = fitting / len(below) if below else float(width > 1)
        is_fit = width > 1 and share >= 0.5
        is_wide = width >= HEADER_CELLS and 2 * sum(len(row) >= HEADER_CELLS for row in below) > len(below)
        return (is_fit, is_wide and not is_fit, not above, share, width)

    return max(DELIMITERS, key=fitness)


def check_quotes(name: str, sample: str) -> None:
    """Raise SourceError if the first row is a line that is in quotes as a whole; the header may be one, too."""
    lines = [line for line in sample.splitlines()[:HEAD_ROWS] if line.strip()][:2]
    if len(lines) < 2 or not _WHOLE.fullmatch(lines[1]):
        return
    inner = [line[1:].rstrip()[:-1].replace('""', '"') if _WHOLE.fullmatch(line) else line for line in lines]
    rows = [[(_parse_sample(line, delimiter) or [[]])[0] for line in inner] for delimiter in DELIMITERS]
    if any(HEADER_CELLS <= len(names) <= len(cells) for names, cells in rows):
        unquote = shell_join(["sed", "-E", '/^"/{s///; s/"[[:space:]]*$//; s/""/"/g;}', name])
        raise SourceError(
            f"{name}: whole lines are in quotes, so that each is a single cell: {clip(lines[1], SHOWN)}",
            hint="Export it again, with quotes around cells alone; or take them off: "
            f"{unquote} > {shell_join([f'{Path(name).stem}-unquoted.csv'])}",
        )


def find_errors_delimiter(sample: str) -> str | None:
    """Return the delimiter with which a file's first row is the header of an errors file, as all others may be ragged.

    A spreadsheet may have saved it with another delimiter than ours. None if it is no errors file.
    """
    first = {delimiter: _parse_sample(sample, delimiter, rows=1) for delimiter in DELIMITERS}
    return next((delimiter for delimiter, rows in first.items() if rows and is_errors_header(rows[0])), None)


def _parse_sample(sample: str, delimiter: str, rows: int | None = None) -> list[list[str]]:
    """Return the rows of a sample; a blank line is one without cells."""
    csv.field_size_limit(CELL_CHARACTERS)
    parsed: list[list[str]] = []
    with suppress(csv.Error):  # the rows read so far show the structure
        reader = csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter, strict=True)
        parsed.extend(islice(reader, rows))
    return parsed
