"""Tables that people have edited in a spreadsheet."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from importer.errors import Problem
from importer.spreadsheet import unescape_cell

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_DELIMITERS = (",", ";", "\t")
DOUBLED_QUOTE = "a quote within quotes is doubled"
"""What to tell a person whose table is not CSV."""


class NotText(Exception):
    """A table is not in the encoding that its mark says, or UTF-8 without one; `line` is the first that isn't."""

    def __init__(self, encoding: str, line: int) -> None:
        super().__init__(f"is not {encoding}")
        self.encoding = encoding
        self.line = line


class NotCsv(Exception):
    """A table's quotes don't match; `line` is where its row begins."""

    def __init__(self, reason: str, line: int) -> None:
        super().__init__(reason)
        self.line = line


@dataclass(frozen=True, slots=True)
class EditedTable:
    """A table as a person's spreadsheet has saved it.

    header  the cells of the first line that isn't blank, without outer white space
    """

    text: str
    encoding: str
    delimiter: str
    header: tuple[str, ...]

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """The rows that have a filled cell, the header first, each with the line on which it begins. Raises NotCsv."""
        reader = csv.reader(io.StringIO(self.text, newline=""), delimiter=self.delimiter, strict=True)
        line = 1
        try:
            for row in reader:
                if any(map(str.strip, row)):
                    yield line, row
                line = reader.line_num + 1
        except csv.Error as error:
            raise NotCsv(str(error), line) from error


def read_table(stored: bytes, needed: Collection[str], *, has_nul: bool = False) -> EditedTable:
    """Read a table: UTF-8, or UTF-16 by its mark; comma, semicolon or tab.

    The delimiter is the one that makes a header with all of the `needed` names, in any case, else the one that the
    header has most of. A text with a NUL is taken for UTF-16 without its mark, unless the table's cells may have one.

    Raises NotText.
    """
    encoding = next((name for mark, name in _MARKS.items() if stored.startswith(mark)), "utf-8")
    try:
        text = stored.decode(encoding)
    except UnicodeDecodeError as error:
        raise NotText(encoding, error.object.count(b"\n", 0, error.start) + 1) from error
    if "\0" in text and not has_nul:
        raise NotText(encoding, 1)
    text = _without_separator(text)
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    headers = {delimiter: _split(first, delimiter) for delimiter in _DELIMITERS}
    wanted = {name.casefold() for name in needed}
    fitting = (name for name, header in headers.items() if wanted <= set(map(str.casefold, header)))
    delimiter = next(fitting, max(_DELIMITERS, key=first.count))
    return EditedTable(text, encoding, delimiter, headers[delimiter])


def find_misfits(table: EditedTable, needed: Collection[str], file: str) -> list[Problem]:
    """Rows that have more cells than the header, and needed columns that are there twice.

    Cells behind a comma that was typed without quotes stand under the names of others. Raises NotCsv.
    """
    rows = table.rows()
    line, header = next(rows, (1, []))
    names = [name.strip().casefold() for name in header]
    twice = [name for name in needed if names.count(name.casefold()) > 1]
    problems = [Problem("stands in the header twice", file, line, name, "leave one of the columns") for name in twice]
    hint = f"a text with {'a tab' if table.delimiter == chr(9) else repr(table.delimiter)} in it stands in quotes"
    longer = (number for number, row in rows if len(row) > len(header))  # spreadsheets pad the header as they do rows
    return problems + [Problem("has more cells than the header", file, number, hint=hint) for number in longer]


def read_cell(row: Sequence[str], place: int) -> str:
    """A cell as it was before it was escaped, without outer white space; "" where a short row has none."""
    return unescape_cell(row[place].strip()).strip() if place < len(row) else ""


def _split(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(cell.strip() for cell in next(csv.reader([line], delimiter=delimiter), []))
    except csv.Error:  # the line is longer than any header; `rows` says so
        return ()


def _without_separator(text: str) -> str:
    """The text without `sep=;` in its first line, which spreadsheets write and read for themselves; the line stays."""
    first = next(io.StringIO(text, newline=""), "")
    return text[len(first.rstrip("\r\n")) :] if first.strip().startswith("sep=") else text
