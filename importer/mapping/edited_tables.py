"""Reads tables that people have edited in a spreadsheet, and says what is wrong with them."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.errors import Problem
from importer.mapping.model import fold
from importer.mapping.small_files import read_small
from importer.spreadsheet import unescape_cell

_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class EditedTable:
    """A table as a person's spreadsheet has saved it.

    header    the names of its columns; those that were asked for are written as there
    rows      those that have a filled cell: the line on which each begins, and column → cell
    problems  what is wrong with it; a row with a problem isn't among `rows`, and none is where a column is missing
    """

    encoding: str = "utf-8-sig"  # spreadsheets take a file without its mark for another encoding
    delimiter: str = ","
    header: tuple[str, ...] = ()
    rows: tuple[tuple[int, Mapping[str, str]], ...] = ()
    problems: tuple[Problem, ...] = ()


def read_table(path: Path, needed: Collection[str], others: Collection[str] = ()) -> EditedTable:
    """Read a table: UTF-8, or UTF-16 by its mark; comma, semicolon or tab.

    The columns that are `needed`, and `others` that it may have, are known in any case, and none may be there twice.
    The delimiter is the one that makes a header with all of the needed ones, else the one that the header has most of.
    """
    file = str(path)
    try:
        stored = read_small(path)
    except OSError as error:
        return EditedTable(problems=(Problem(f"can't be read: {error.strerror}", file),))
    encoding = "utf-16" if stored.startswith(_UTF16) else "utf-8-sig"
    try:
        text = _without_separator(stored.decode(encoding))
    except UnicodeDecodeError as error:
        return EditedTable(problems=(_not_text(file, error.object.count(b"\n", 0, error.start) + 1),))
    first = next((line for line in io.StringIO(text, newline="") if line.strip()), "")
    if "\0" in first:  # it is UTF-16 without its mark
        return EditedTable(problems=(_not_text(file, 1),))
    delimiter = _find_delimiter(first, needed)
    lines, damage = _split_lines(text, delimiter, file)
    number, names = lines[0] if lines else (1, [])
    known = {fold(name): name for name in (*needed, *others)}
    header = tuple(known.get(fold(name), name.strip()) for name in names)
    if not set(needed) <= set(header):
        has = ", ".join(map(repr, header)) or "no columns"
        message = f"the header lacks {', '.join(repr(name) for name in needed if name not in header)}; it has {has}"
        return EditedTable(problems=(Problem(message, file, number),))
    twice = (name for name in known.values() if header.count(name) > 1)
    problems = [Problem("stands in the header twice", file, number, name, "leave one of the columns") for name in twice]
    rows = list[tuple[int, Mapping[str, str]]]()
    for number, cells in lines[1:]:
        if len(cells) > len(header):  # cells behind a comma that was typed without quotes stand under other names
            hint = f"put a text that contains {'a tab' if delimiter == chr(9) else repr(delimiter)} in quotes"
            problems.append(Problem("has more cells than the header", file, number, hint=hint))
        else:
            rows.append((number, {name: _read_cell(cells, place) for place, name in enumerate(header)}))
    return EditedTable(encoding, delimiter, header, tuple(rows), (*problems, *damage))


def _not_text(file: str, line: int) -> Problem:
    hint = "in the spreadsheet, save it as `CSV UTF-8` or `Unicode text`"
    return Problem("is neither UTF-8 nor UTF-16", file, line, hint=hint)


def _without_separator(text: str) -> str:
    """The text without `sep=;` in its first line, which spreadsheets write and read for themselves; the line stays."""
    first = next(io.StringIO(text, newline=""), "")
    return text[len(first.rstrip("\r\n")) :] if first.strip().startswith("sep=") else text


def _find_delimiter(first: str, needed: Collection[str]) -> str:
    wanted = set(map(fold, needed))
    fitting = (each for each in _DELIMITERS if wanted <= set(map(fold, _split_header(first, each))))
    return next(fitting, max(_DELIMITERS, key=first.count))


def _split_header(line: str, delimiter: str) -> Sequence[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # the line is longer than any header; it is said when all lines are read
        return ()


def _split_lines(text: str, delimiter: str, file: str) -> tuple[list[tuple[int, list[str]]], list[Problem]]:
    """Return the rows that have a filled cell, each with the line on which it begins, and what ended them too early."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines, line = list[tuple[int, list[str]]](), 1
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                lines.append((line, cells))
            line = reader.line_num + 1
    except csv.Error as error:
        hint = "a quote within quotes is doubled"
        return lines, [Problem(f"can't be read as CSV: {error}", file, line, hint=hint)]
    return lines, []


def _read_cell(cells: Sequence[str], place: int) -> str:
    """A cell as it was before it was escaped, without outer white space; "" where a short row has none."""
    return unescape_cell(cells[place].strip()).strip() if place < len(cells) else ""
