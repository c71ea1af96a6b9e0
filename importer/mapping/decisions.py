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
    """The decisions in a table, and everything that is wrong with it; lines with a problem are left out.

    A value that two lines decide differently is a problem.
    """
    table = read_table(path, NEEDED)
    decisions, problems = list[DecidedValue](), list(table.problems)
    firsts: dict[tuple[str, str], DecidedValue] = {}
    for line, cells in table.rows:
        place, field, value = Place(str(path), line), fold(cells["field"]), cells["value"]
        if field not in TARGETS:
            hint = nearest(field, TARGETS) or f"the fields are {', '.join(TARGETS)}"
            problems.append(Problem(f"{field!r} is not a field", place.file, line, "field", hint))
            continue
        target, message, hint = _target(field, cells["decision"])
        decision = DecidedValue(field, value, target, place)
        first = firsts.setdefault((field, fold(value)), decision)
        if target not in ("", UNDECIDED, first.target):
            if first.target not in ("", UNDECIDED):
                message = f"{value!r} becomes {target!r} here and {first.target!r} on line {first.place.line}"
                hint = "delete one of the two lines"
            else:
                firsts[field, fold(value)] = first = decision
        if first is decision:
            decisions.append(decision)
        if message:
            problems.append(Problem(message, place.file, line, "decision", hint))
    return decisions, problems


def _target(field: str, word: str) -> tuple[str, str, str]:
    """What a word decides, else "", what is wrong with it, and a hint."""
    names = TARGETS[field]
    if names and word not in ("", UNDECIDED):
        name = re.sub(r"[\s-]+", "_", fold(word))
        hint = nearest(word, names) or "leave the cell empty, or write ?, to decide later"
        return (name, "", "") if name in names else ("", f"{word!r} is not one of {', '.join(names)}", hint)
    if count_units(word) > CATEGORY_LIMIT:
        message = f"{word[:20]!r}… has {count_units(word)} characters"
        return "", message, f"a category has at most {CATEGORY_LIMIT}"
    return word, "", ""
