"""The cells that reject rows, collected for fixes.csv."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from importer.check.fixes import FixCount
from importer.check.rows import Examined
from importer.mapping.fixes_table import Fix, Fixes
from importer.mapping.model import Duplicates
from importer.mapping.model import Mapping as MappingModel
from importer.mapping.texts import Text
from importer.records import Finding, Outcome, Row
from importer.transform.columns import Columns, is_filled
from importer.transform.value_maps import VALUE_FIELDS

CODES = {
    **{f"{name}-unknown": name for name in VALUE_FIELDS},
    "category-too-long": "category",
    "source-invalid": "source",
    "date-unreadable": "date",
}
"""Findings that are about a value of a cell, and the field of the mapping that the value is for."""


LIMIT = 10_000
"""Distinct values that are listed; a column with more of them is not one of values."""


Cell = tuple[str, str]
"""A column's header, or a path, and the text of a cell in it without outer white space."""


@dataclass(slots=True)
class BadValue:
    """A text in a column that rejects rows; why, by code, with what settles it."""

    rows: int = 0
    hints: dict[str, str] = field(default_factory=dict)


class BadValues:
    """Collects the values that reject rows, each with the column that it came from."""

    def __init__(self, mapping: MappingModel) -> None:
        self._texts = {name: [getattr(mapping, name)] for name in (*VALUE_FIELDS, "source")}
        self._texts["date"] = list(_date_texts(mapping))
        self._found: dict[Cell, BadValue] = {}

    def add(self, examined: Examined, rows: Sequence[Row]) -> None:
        """Take note of a chunk. Costs nothing where no value rejects a row."""
        wrong: dict[str, dict[int, Finding]] = defaultdict(dict)
        for row, findings in examined.findings.by_row.items():
            for finding in findings:
                if finding.code in CODES and finding.rejects and rows[row].outcome is Outcome.REJECTED:
                    wrong[CODES[finding.code]][row] = finding
        seen: dict[Cell, set[int]] = defaultdict(set)
        for name, found in wrong.items():
            wanted = examined.records.unreadable if name == "date" else None
            for row, read in self._cells(examined.records.columns, name, found, wanted):
                cell = _as_it_came(read, examined.fixed.get(row, ()))
                if cell in self._found or len(self._found) < LIMIT:
                    self._found.setdefault(cell, BadValue()).hints.setdefault(found[row].code, found[row].hint)
                    seen[cell].add(row)
        for cell, places in seen.items():
            self._found[cell].rows += len(places)

    def _cells(
        self, columns: Columns, name: str, rows: Collection[int], wanted: Mapping[int, str] | None
    ) -> Iterator[tuple[int, Cell]]:
        left = set(rows)
        for text in self._texts[name]:
            cells = find_cells(columns, text, left, wanted)
            yield from cells.items()
            left -= cells.keys()

    def items(self) -> list[tuple[Cell, BadValue]]:
        """What was found, most rows first within each column."""
        return sorted(self._found.items(), key=lambda item: (item[0][0], -item[1].rows, item[0][1]))


def _as_it_came(cell: Cell, fixed: Iterable[Fix]) -> Cell:
    """The cell of the source: a correction that is wrong itself is mended where it stands."""
    column, text = cell
    return next(((column, fix.bad) for fix in fixed if (fix.column, fix.new) == cell), (column, text))


class Corrections:
    """Values of a check: those that reject rows, and what `--fixes` has corrected."""

    def __init__(self, mapping: MappingModel, fixes: Fixes) -> None:
        self._bad = BadValues(mapping)
        self._count = FixCount(fixes)
        self._fixes = fixes

    def add(self, examined: Examined, rows: Sequence[Row]) -> None:
        """Take note of a chunk and of what became of its rows."""
        self._bad.add(examined, rows)
        self._count.add(examined.fixed)

    def lines(self) -> list[tuple[str, ...]]:
        """The lines of fixes.csv: what is to be corrected, then what is already, so that one file has all of it."""
        given = {(fix.column, fix.bad): fix for fix in self._fixes}
        lines = []
        for (column, text), bad in self._bad.items():
            fix = given.pop((column, text), None)
            hint = "; ".join(filter(None, bad.hints.values()))
            lines.append((column, text, str(bad.rows), fix.new if fix else "", " ".join(bad.hints), hint))
        done = [(fix.column, fix.bad, str(self._count.rows_of(fix)), fix.new, "", "") for fix in given.values()]
        return [*lines, *done] if lines else []

    @property
    def sentence(self) -> str:
        """What was corrected, in one line; nothing without `--fixes`."""
        return self._count.sentence()


def find_cells(
    columns: Columns, text: Text, rows: Iterable[int], wanted: Mapping[int, str] | None = None
) -> dict[int, Cell]:
    """Row → the cell that a text comes from, of its first filled choice; a template of several columns has none.

    With `wanted`, it is the cell that gives this text, of a column that repeats.
    """
    left, found = set(rows), dict[int, Cell]()
    for choice in text.first or ():
        texts = columns.text(choice)
        filled = {row for row in left if is_filled(texts[row])}
        found |= find_cells(columns, choice, filled, wanted)
        left -= filled
    if len(text.refs) != 1 or text.first is not None:
        return found
    (ref,) = text.refs
    cells = columns.cells(ref)
    read = cells if text.template is not None else columns.every_cell(text)
    for row in left:
        for cell, made in zip(cells, read, strict=True):
            if is_filled(made[row]) and (wanted is None or text.template is not None or made[row] == wanted[row]):
                found[row] = (ref.name.strip(), cell[row].strip())
                break
    return found


def _date_texts(mapping: MappingModel) -> Iterator[Text]:
    """The texts that are read as dates where a date that can't be read rejects its row."""
    rules = [*mapping.skip, *(rule for name in VALUE_FIELDS for rule in getattr(mapping, name).rules)]
    for rule in rules:
        yield from (condition for condition in rule.when if condition.before or condition.after)
    if isinstance(mapping.duplicates, Duplicates):
        yield mapping.duplicates.newest
