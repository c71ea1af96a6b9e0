"""Reads values.csv, the table beside a mapping in which people decide what each source value becomes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from importer.api import CATEGORY_LIMIT, count_units
from importer.errors import Problem
from importer.mapping.edited_tables import read_table
from importer.mapping.model import TARGETS, UNDECIDED, fold
from importer.mapping.problems import nearest
from importer.mapping.yaml_tree import Place

COLUMNS = ("field", "value", "rows", "open_rows", "sample", "proposal", "decision")
NEEDED = ("field", "value", "decision")


@dataclass(frozen=True, slots=True)
class DecidedValue:
    """A line of the table: the target of one source value of a field. The value `""` is the empty cell.

    An empty `target` leaves the value as the mapping has it; `?` marks a value that nobody has decided yet.
    """

    field: str
    value: str
    target: str
    place: Place


def read_decisions(path: Path) -> tuple[list[DecidedValue], Sequence[Problem]]:
    """The decisions in a table, and everything that is wrong with it; lines with a problem are left out."""
    table = read_table(path, NEEDED)
    reader = _Reader(str(path), list(table.problems))
    for line, cells in table.rows:
        reader.add(fold(cells["field"]), cells["value"], cells["decision"], line)
    return reader.decisions, reader.problems


class _Reader:
    """Collects decisions and problems; a value that two lines decide differently is a problem."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.decisions: list[DecidedValue] = []
        self.problems = problems
        self._file = file
        self._first: dict[tuple[str, str], DecidedValue] = {}

    def add(self, field: str, value: str, word: str, line: int) -> None:
        """Take what a line decides."""
        if field not in TARGETS:
            hint = nearest(field, TARGETS) or f"the fields are {', '.join(TARGETS)}"
            self._complain(f"{field!r} is not a field", line, "field", hint)
            return
        target = self._target(field, word, line)
        decision = DecidedValue(field, value, target, Place(self._file, line))
        first = self._first.setdefault((field, fold(value)), decision)
        if (
            first is not decision
            and first.target not in ("", UNDECIDED)
            and target not in ("", UNDECIDED, first.target)
        ):
            message = f"{value!r} becomes {target!r} here and {first.target!r} on line {first.place.line}"
            self._complain(message, line, "decision", "delete one of the two lines")
        elif first is decision or (target not in ("", UNDECIDED) and target != first.target):
            self._first[field, fold(value)] = decision
            self.decisions.append(decision)

    def _target(self, field: str, word: str, line: int) -> str:
        names = TARGETS[field]
        if word in ("", UNDECIDED):
            return word
        if names:
            name = re.sub(r"[\s-]+", "_", fold(word))
            if name in names:
                return name
            hint = nearest(word, names) or "leave the cell empty, or write ?, to decide later"
            self._complain(f"{word!r} is not one of {', '.join(names)}", line, "decision", hint)
        elif count_units(word) > CATEGORY_LIMIT:
            self._complain(f"{word[:20]!r}… has {count_units(word)} characters", line, "decision",
                          f"a category has at most {CATEGORY_LIMIT}")  # fmt: skip
        else:
            return word
        return ""

    def _complain(self, message: str, line: int, column: str, hint: str) -> None:
        self.problems.append(Problem(message, self._file, line, column, hint))
