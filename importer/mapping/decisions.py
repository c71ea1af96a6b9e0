"""values.csv, read: what a source value becomes, decided in a table beside the mapping."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from importer.api import CATEGORY_LIMIT, count_units
from importer.errors import Problem
from importer.mapping.model import TARGETS, UNDECIDED, fold
from importer.mapping.problems import nearest
from importer.mapping.yaml_tree import Place
from importer.spreadsheet import unescape_cell

if TYPE_CHECKING:
    pass

COLUMNS = ("field", "value", "rows", "open_rows", "sample", "proposal", "decision")
NEEDED = ("field", "value", "decision")

_DELIMITERS = (",", ";", "\t")
_SPREADSHEET_HINT = "save it as `CSV UTF-8` (or as `Unicode text`) and run the command again"


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of the table: what a value of a field becomes; `target` is empty where the mapping's word stays.

    A target of `?` is one that nobody has decided yet. The value `""` is the empty cell.
    """

    field: str
    value: str
    target: str
    place: Place


@dataclass(frozen=True, slots=True)
class Layout:
    """How a table is written: what must be kept when lines are added to it."""

    encoding: str
    delimiter: str
    header: tuple[str, ...]


def read_decisions(path: Path, shown: str) -> tuple[list[Decision], list[Problem]]:
    """The lines of a table as people and their spreadsheets save it, and everything that is wrong with it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return [], [Problem(f"can't be read: {error.strerror}", shown, hint="or delete the line `decisions`")]
    encoding = find_encoding(data)
    if encoding is None:
        line = _first_bad_line(data)
        return [], [Problem("is neither UTF-8 nor UTF-16", shown, line, hint=_SPREADSHEET_HINT)]
    reader = _Reader(shown)
    try:
        lines = _lines(data.decode(encoding))
        delimiter, header = _find_header(lines)
        if delimiter is None:
            hint = f"its first line names the columns: {', '.join(COLUMNS)}"
            return [], [Problem(f"has no columns {', '.join(NEEDED)}", shown, 1, hint=hint)]
        reader.read(lines, delimiter, header)
    except csv.Error as error:
        reader.complain(f"can't be read as a table: {error}", reader.line, "", _SPREADSHEET_HINT)
    return reader.decisions, reader.problems


def read_layout(path: Path) -> Layout | None:
    """How an existing table is written; None if it can't be read as one."""
    data = path.read_bytes()
    encoding = find_encoding(data)
    if encoding is None:
        return None
    delimiter, header = _find_header(_lines(data.decode(encoding)))
    return Layout(encoding, delimiter, header) if delimiter else None


def find_encoding(data: bytes) -> str | None:
    """UTF-16 by its byte order mark, UTF-8 with or without one; nothing else is guessed."""
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return None if "\0" in text else encoding


def _first_bad_line(data: bytes) -> int:
    try:
        data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return data.count(b"\n", 0, error.start) + 1
    return 1


def _lines(text: str) -> list[str]:
    lines = io.StringIO(text, newline="").readlines()
    if lines and lines[0].strip().startswith("sep="):  # which spreadsheets write and read for themselves
        lines[0] = lines[0][len(lines[0].rstrip("\r\n")) :]
    return lines


def _find_header(lines: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    first = next((line for line in lines if line.strip()), "")
    for delimiter in _DELIMITERS:
        header = tuple(fold(cell) for cell in next(csv.reader([first], delimiter=delimiter), []))
        if set(NEEDED) <= set(header):
            return delimiter, header
    return None, ()


class _Reader:
    """Collects decisions and problems; a value that two lines decide differently is a problem."""

    def __init__(self, shown: str) -> None:
        self.decisions: list[Decision] = []
        self.problems: list[Problem] = []
        self.line = 1
        self._shown = shown
        self._first: dict[tuple[str, str], Decision] = {}

    def read(self, lines: Sequence[str], delimiter: str, header: Sequence[str]) -> None:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
        places = {name: header.index(name) for name in NEEDED}
        begun = False
        for cells in reader:
            first, self.line = self.line, reader.line_num + 1
            if begun and any(map(str.strip, cells)):
                field, value, decision = (_cell(cells, places[name]) for name in NEEDED)
                self._add(fold(field), value, decision, Place(self._shown, first))
            begun = begun or any(map(str.strip, cells))

    def _add(self, field: str, value: str, written: str, place: Place) -> None:
        if field not in TARGETS:
            hint = nearest(field, TARGETS) or f"the fields are {', '.join(TARGETS)}"
            self.complain(f"{field!r} is no field", place.line, "field", hint)
            return
        target = self._target(field, written, place.line)
        decision = Decision(field, value, target, place)
        first = self._first.setdefault((field, fold(value)), decision)
        if (
            first is not decision
            and first.target not in ("", UNDECIDED)
            and target not in ("", UNDECIDED, first.target)
        ):
            message = f"{value!r} becomes {target!r} here and {first.target!r} on line {first.place.line}"
            self.complain(message, place.line, "decision", "delete one of the two lines")
        elif first is decision or (target not in ("", UNDECIDED) and target != first.target):
            self._first[field, fold(value)] = decision
            self.decisions.append(decision)

    def _target(self, field: str, written: str, line: int) -> str:
        word = written.strip()
        names = TARGETS[field]
        if word in ("", UNDECIDED):
            return word
        if names:
            name = re.sub(r"[\s-]+", "_", fold(word))
            if name in names:
                return name
            hint = nearest(word, names) or "an empty cell or ? leaves it open"
            self.complain(f"{word!r} is not one of {', '.join(names)}", line, "decision", hint)
        elif count_units(word) > CATEGORY_LIMIT:
            self.complain(f"{word[:20]!r}… has {count_units(word)} characters", line, "decision",
                          f"a category has at most {CATEGORY_LIMIT}")  # fmt: skip
        else:
            return word
        return ""

    def complain(self, message: str, line: int, column: str, hint: str) -> None:
        self.problems.append(Problem(message, self._shown, line, column, hint))


def _cell(cells: Sequence[str], place: int) -> str:
    return unescape_cell(cells[place]) if place < len(cells) else ""
