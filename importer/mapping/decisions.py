"""Reads values.csv, the table beside a mapping in which people decide what each source value becomes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from importer.api import CATEGORY_LIMIT, count_units
from importer.errors import Problem
from importer.mapping.edited_tables import EditedTable, NotCsv, NotText, find_misfits, read_table
from importer.mapping.model import TARGETS, UNDECIDED, fold
from importer.mapping.problems import nearest
from importer.mapping.small_files import read_small
from importer.mapping.yaml_tree import Place
from importer.spreadsheet import unescape_cell

COLUMNS = ("field", "value", "rows", "open_rows", "sample", "proposal", "decision")
NEEDED = ("field", "value", "decision")

_SPREADSHEET_HINT = "in the spreadsheet, save it as `CSV UTF-8` or `Unicode text`, then run the command again"


@dataclass(frozen=True, slots=True)
class Decision:
    """A line of the table: the target of one source value of a field. The value `""` is the empty cell.

    An empty `target` leaves the value as the mapping has it; `?` marks a value that nobody has decided yet.
    """

    field: str
    value: str
    target: str
    place: Place


def read_decisions(path: Path, shown: str) -> tuple[list[Decision], list[Problem]]:
    """The decisions in a table, and everything that is wrong with it; lines with a problem are left out."""
    try:
        table = read_table(read_small(path), NEEDED)
    except OSError as error:
        return [], [Problem(f"can't be read: {error.strerror}", shown, hint="or delete the line `decisions`")]
    except NotText as error:
        return [], [Problem("is neither UTF-8 nor UTF-16", shown, error.line, hint=_SPREADSHEET_HINT)]
    if not _is_ours(table):
        hint = f"the first line has to name the columns: {', '.join(COLUMNS)}"
        return [], [Problem(f"lacks the columns {', '.join(NEEDED)}", shown, 1, hint=hint)]
    reader = _Reader(shown)
    try:
        reader.read(table)
    except NotCsv as error:
        reader.complain(f"can't be read as a table: {error}", error.line, "", _SPREADSHEET_HINT)
    return reader.decisions, reader.problems


def read_layout(path: Path) -> EditedTable | None:
    """The existing table, so that added lines keep its encoding, delimiter and columns; None if it isn't one."""
    try:
        table = read_table(read_small(path), NEEDED)
    except NotText:
        return None
    return table if _is_ours(table) else None


def _is_ours(table: EditedTable) -> bool:
    return set(NEEDED) <= set(map(fold, table.header))


class _Reader:
    """Collects decisions and problems; a value that two lines decide differently is a problem."""

    def __init__(self, shown: str) -> None:
        self.decisions: list[Decision] = []
        self.problems: list[Problem] = []
        self._shown = shown
        self._first: dict[tuple[str, str], Decision] = {}

    def read(self, table: EditedTable) -> None:
        header = [fold(name) for name in table.header]
        places = [header.index(name) for name in NEEDED]
        self.problems += find_misfits(table, NEEDED, self._shown)
        shifted = {problem.line for problem in self.problems}
        for line, cells in islice(table.rows(), 1, None):
            if line in shifted:
                continue
            field, value, decision = (_cell(cells, place) for place in places)
            self._add(fold(field), value, decision, Place(self._shown, line))

    def _add(self, field: str, value: str, written: str, place: Place) -> None:
        if field not in TARGETS:
            hint = nearest(field, TARGETS) or f"the fields are {', '.join(TARGETS)}"
            self.complain(f"{field!r} is not a field", place.line, "field", hint)
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
            hint = nearest(word, names) or "leave the cell empty, or write ?, to decide later"
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
