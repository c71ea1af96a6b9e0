"""Values that reject rows: with their columns for fixes.csv, and what the mapping lacks for the suggested mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from importer.api import VALUE_FIELDS, FieldName
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.check.plan import DISTINCT_LIMIT, SAMPLES
from importer.codes import (
    ANSWER_UNKNOWN,
    CATEGORY_TOO_LONG,
    DATE_UNREADABLE,
    INVALID_TEXTS,
    VALUE_REFUSED,
    VALUE_UNKNOWN,
)
from importer.mapping.edited_tables import Fix, Fixes
from importer.mapping.model import EvidenceTexts, MappingModel
from importer.mapping.reads import collect_date_texts
from importer.mapping.scorecards import Answer
from importer.mapping.texts import Text
from importer.phrases import counted, plain_name
from importer.records import Evidence, Outcome, Unknown
from importer.row.compiler import Compiler, ReadText
from importer.row.issue import Issue
from importer.sources.source_rows import SourceRow
from importer.transform.plain_text import is_filled
from importer.transform.shown_people import ShownPeople, person_refs

FIELDS_OF_CODES = {
    **{code: name for name, code in VALUE_UNKNOWN.items()},
    CATEGORY_TOO_LONG: "category",
    **{code: name for name, code in INVALID_TEXTS.items()},
    DATE_UNREADABLE: "date",
    VALUE_REFUSED: "skip",
    ANSWER_UNKNOWN: "answer",
}
"""Codes of findings about the value of one cell → the field of the mapping that reads it."""


Cell = tuple[str, str]
"""A column's header, or a path, and the text of a cell in it without outer white space."""


@dataclass(slots=True)
class BadValue:
    """A value that rejects rows: how many, and code of the finding → its hint."""

    rows: int = 0
    hints: dict[str, str] = field(default_factory=dict)


class Corrections:
    """Collects what fixes.csv lists: values that reject rows, with their columns, and those that `--fixes` corrects."""

    def __init__(self, mapping: MappingModel, fixes: Fixes, shown: ShownPeople) -> None:
        self._texts = {name: [getattr(mapping, name)] for name in (*VALUE_FIELDS, *INVALID_TEXTS)}
        self._texts["skip"] = [rule.when[0] for rule in mapping.skip if rule.reject]
        self._texts["answer"] = [] if mapping.answer is None else [mapping.answer]
        self._texts["date"] = collect_date_texts(mapping)
        self._bad = dict[Cell, BadValue]()
        self._fixes, self._rows, self._rows_of = fixes, 0, Counter[Fix]()
        self._shown, self._persons = shown, {plain_name(ref.name) for ref in person_refs(mapping)}

    def add(self, run: RowRun) -> None:
        """Count the corrections of a run of rows, and collect the values that reject rows."""
        for row in run.rows:
            if row.issue.row.fixes:
                self._rows += 1
                self._rows_of.update(row.issue.row.fixes)
            if row.outcome is Outcome.REJECTED:
                self._collect(row, run.compiler)

    def _collect(self, row: CheckedRow, compiler: Compiler) -> None:
        """Collect the values of a row that reject it, each once: two findings may be about one cell."""
        counted_cells = set[Cell]()
        for finding in row.findings:
            name = FIELDS_OF_CODES.get(finding.code)
            if name is None or not finding.rejects:
                continue
            cell = self._find_cell(row, name, compiler)
            if cell is None or (cell not in self._bad and len(self._bad) >= DISTINCT_LIMIT):
                continue
            value = self._bad.setdefault(cell, BadValue())
            value.hints.setdefault(finding.code, finding.hint)
            value.rows += cell not in counted_cells
            counted_cells.add(cell)

    def _find_cell(self, row: CheckedRow, name: str, compiler: Compiler) -> Cell | None:
        """Find the cell that a field is read from; of a bad correction, it has the value that was to be corrected."""
        unreadable = row.issue.row.unreadable if name == "date" else None
        cells = (find_cell(row.issue.row, compiler, text, unreadable) for text in self._texts[name])
        cell = next(filter(None, cells), None)
        for fix in row.issue.row.fixes:
            if (fix.column, fix.new) == cell:
                return fix.column, fix.bad
        return cell

    def lines(self) -> list[tuple[str, ...]]:
        """Return the lines of fixes.csv: values to be corrected, then those corrected already; [] if none is to be."""
        fix_of = {(fix.column, fix.bad): fix for fix in self._fixes}
        hidden = self.hidden()
        lines = list[tuple[str, ...]]()
        for cell, bad in sorted(self._bad.items(), key=_by_column_and_rows):
            if cell in hidden:
                continue
            fix = fix_of.pop(cell, None)
            hint = "; ".join(filter(None, bad.hints.values()))
            lines.append((*cell, str(bad.rows), fix.new if fix else "", " ".join(bad.hints), hint))
        if not lines:
            return []
        for fix in fix_of.values():
            lines.append((fix.column, fix.bad, str(self._rows_of[fix]), fix.new, "", ""))
        return lines

    def hidden(self) -> set[Cell]:
        """The values that are not listed, since they name people who are not shown by name."""
        # Those that a person has written are shown as they are.
        written = {(fix.column, fix.bad) for fix in self._fixes}
        return {cell for cell in self._bad.keys() - written if self._names_people(*cell)}

    def _names_people(self, column: str, text: str) -> bool:
        if column in self._persons and not self._shown.are_named:
            return True
        return self._shown.clean([text]) != [text]

    @property
    def sentence(self) -> str:
        """What was corrected, in a line like `fixes: 3 values, 41 rows`; "" without `--fixes`."""
        if self._fixes.path is None:
            return ""
        parts = [f"fixes: {counted(len(self._rows_of), 'value')}, {counted(self._rows, 'row')}"]
        if self._fixes.left:
            parts.append(f"{counted(self._fixes.left, 'line')} without a new value")
        idle = [fix for fix in self._fixes if fix not in self._rows_of]
        if idle:
            first = min(idle, key=lambda fix: fix.line)
            parts.append(f"{counted(len(idle), 'value')} in no row, the first on line {first.line}: {first.bad!r}")
        return "; ".join(parts)


def _by_column_and_rows(item: tuple[Cell, BadValue]) -> tuple[str, int, str]:
    """Sort the values of a column by their rows, most first."""
    (column, text), bad = item
    return column, -bad.rows, text


def find_cell(row: SourceRow, compiler: Compiler, text: Text, unreadable: str | None = None) -> Cell | None:
    """Find the cell that a text of the mapping is read from: that of the first choice that is filled in a row.

    A template of several columns has no such cell. With `unreadable`, of a column that repeats it is the cell that
    gives this text.
    """
    for choice in text.first or ():
        if is_filled(compiler.text(choice)(row)):
            return find_cell(row, compiler, choice, unreadable)
    if len(text.refs) != 1 or text.first is not None:
        return None
    (ref,) = text.refs
    cells = compiler.cells_of(ref)(row)
    texts = cells if text.template is not None else compiler.cells(text)(row)
    is_any = unreadable is None or text.template is not None
    for cell, cell_text in zip(cells, texts, strict=True):
        if is_filled(cell_text) and (is_any or cell_text == unreadable):
            return plain_name(ref.name), cell.strip()
    return None


class UnknownAnswers:
    """Counts the answers that nobody knows, for suggested-mapping.yaml."""

    def __init__(self, spec: Answer | None) -> None:
        self._spec = spec
        self.counts = Counter[str]()

    def add(self, run: RowRun) -> None:
        """Count those of a run of rows."""
        if self._spec is None:
            return
        read_text = run.compiler.written.text(self._spec)
        for row in run.rows:
            if all(finding.code != ANSWER_UNKNOWN for finding in row.findings):
                continue
            text = read_text(row.issue.row).strip()
            if text in self.counts or len(self.counts) < DISTINCT_LIMIT:
                self.counts[text] += 1


_OPEN_HOWS = ("unknown", "missing")


class Unknowns:
    """Collects the values that reject their rows, with counts, samples and evidence."""

    def __init__(self, texts: EvidenceTexts, status_category: Text | None) -> None:
        self._texts = (status_category, texts.resolution, texts.closed)
        self._unknown: dict[tuple[FieldName, str], tuple[int, tuple[str, ...], Evidence]] = {}

    def add(self, run: RowRun) -> None:
        """Collect the unknown values of a run of rows."""
        readers = [run.compiler.text(text) for text in self._texts]
        for row in run.rows:
            if not row.is_counted:
                continue
            for name, step in zip(VALUE_FIELDS, row.issue.steps, strict=True):
                if step.target is None and step.how in _OPEN_HOWS and not step.hidden:
                    self._add(name, step.source, row.issue, readers)

    def _add(self, name: FieldName, source: str, issue: Issue, readers: Sequence[ReadText]) -> None:
        """Count a value of a field; `readers` give what else the row says of its status."""
        if len(self._unknown) >= DISTINCT_LIMIT and (name, source) not in self._unknown:
            return
        count, samples, evidence = self._unknown.get((name, source), (0, (), Evidence()))
        category, resolution, closed = (read(issue.row) for read in readers)
        evidence.status_category[category.strip()] += 1
        evidence.resolution[resolution.strip()] += 1
        evidence.closed[is_filled(closed)] += 1
        if len(samples) < SAMPLES:
            samples = (*samples, issue.key.full)
        self._unknown[name, source] = (count + 1, samples, evidence)

    def as_list(self) -> list[Unknown]:
        unknown = [
            Unknown(name, value, count, samples, evidence)
            for (name, value), (count, samples, evidence) in self._unknown.items()
        ]
        return sorted(unknown, key=lambda value: (VALUE_FIELDS.index(value.field), -value.count, value.value))
