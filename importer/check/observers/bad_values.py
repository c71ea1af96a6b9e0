"""Values that reject rows: with their columns for fixes.csv, and what the mapping lacks for the suggested mapping."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from importer.api import VALUE_FIELDS, FieldName
from importer.check.examine import Examined
from importer.check.plan import DISTINCT_LIMIT, SAMPLES, Plan
from importer.codes import ANSWER_UNKNOWN, CATEGORY_TOO_LONG, DATE_UNREADABLE, SOURCE_INVALID, VALUE_REFUSED
from importer.mapping.edited_tables import Fix, Fixes
from importer.mapping.model import EvidenceTexts, MappingModel
from importer.mapping.reads import collect_date_texts
from importer.mapping.scorecards import Answer
from importer.mapping.texts import Text
from importer.phrases import counted, plain_name
from importer.records import Evidence, Finding, Outcome, Unknown
from importer.row.columns import Columns
from importer.row.compiler import ReadText
from importer.row.issue import Issue
from importer.transform.plain_text import is_filled
from importer.transform.shown_people import ShownPeople, person_refs

FIELDS_OF_CODES = {
    **{f"{name}-unknown": name for name in VALUE_FIELDS},
    CATEGORY_TOO_LONG: "category",
    SOURCE_INVALID: "source",
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
        self._texts = {name: [getattr(mapping, name)] for name in (*VALUE_FIELDS, "source")}
        self._texts["skip"] = [rule.when[0] for rule in mapping.skip if rule.reject]
        self._texts["answer"] = [] if mapping.answer is None else [mapping.answer]
        self._texts["date"] = collect_date_texts(mapping)
        self._bad = dict[Cell, BadValue]()
        self._fixes, self._rows, self._rows_of = fixes, 0, Counter[Fix]()
        self._shown, self._persons = shown, {plain_name(ref.name) for ref in person_refs(mapping)}

    def add(self, examined: Examined, plan: Plan) -> None:
        """Collect the bad values of a chunk, at no cost where none rejects a row, and count its corrections."""
        columns, outcomes = examined.batch.columns, plan.rows.columns["outcome"]
        self._rows += len(examined.fixed)
        self._rows_of.update(fix for row in examined.fixed.values() for fix in row)
        wrong: dict[str, dict[int, Finding]] = defaultdict(dict)
        for row, findings in examined.findings.by_row.items():
            for finding in findings:
                if finding.code in FIELDS_OF_CODES and finding.rejects and outcomes[row] is Outcome.REJECTED:
                    wrong[FIELDS_OF_CODES[finding.code]][row] = finding
        places: dict[Cell, set[int]] = defaultdict(set)  # a set: two findings of a row may be about one cell
        for name, found in wrong.items():
            left = set(found)
            for text in self._texts[name]:
                cells = find_cells(columns, text, left, columns.unreadable if name == "date" else None)
                left -= cells.keys()
                for row, (column, made) in cells.items():
                    # A bad correction is listed under the value that it was to correct.
                    fixes = (fix.bad for fix in examined.fixed.get(row, ()) if (fix.column, fix.new) == (column, made))
                    cell = (column, next(fixes, made))
                    if cell in self._bad or len(self._bad) < DISTINCT_LIMIT:
                        self._bad.setdefault(cell, BadValue()).hints.setdefault(found[row].code, found[row].hint)
                        places[cell].add(row)
        for cell, rejected in places.items():
            self._bad[cell].rows += len(rejected)

    def lines(self) -> list[tuple[str, ...]]:
        """Return the lines of fixes.csv: values to be corrected, then those corrected already; [] if none is to be."""
        given = {(fix.column, fix.bad): fix for fix in self._fixes}
        hidden, lines = self.hidden(), []
        for cell, bad in sorted(self._bad.items(), key=lambda item: (item[0][0], -item[1].rows, item[0][1])):
            if cell not in hidden:
                fix = given.pop(cell, None)
                hint = "; ".join(filter(None, bad.hints.values()))
                lines.append((*cell, str(bad.rows), fix.new if fix else "", " ".join(bad.hints), hint))
        done = [(fix.column, fix.bad, str(self._rows_of[fix]), fix.new, "", "") for fix in given.values()]
        return [*lines, *done] if lines else []

    def hidden(self) -> set[Cell]:
        """The values that are not listed, since they name people who are not shown by name."""
        given = {(fix.column, fix.bad) for fix in self._fixes}  # written by a person, and shown as it is
        return {
            (column, text)
            for column, text in self._bad.keys() - given
            if (column in self._persons and not self._shown.are_named) or self._shown.clean([text]) != [text]
        }

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


def find_cells(
    columns: Columns, text: Text, rows: Iterable[int], wanted: Mapping[int, str] | None = None
) -> dict[int, Cell]:
    """Find the cell that a text of the mapping is read from: row → cell, of the first choice that is filled there.

    A template of several columns has no such cell. With `wanted` (row → text), of a column that repeats it is the cell
    that gives this text.
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
                found[row] = (plain_name(ref.name), cell[row].strip())
                break
    return found


class UnknownAnswers:
    """Counts the answers that nobody knows, for suggested-mapping.yaml."""

    def __init__(self, spec: Answer | None) -> None:
        self._spec = spec
        self.counts = Counter[str]()

    def add(self, examined: Examined, _: Plan) -> None:
        """Count those of a chunk, at no cost where all are known."""
        rows = [
            row
            for row, findings in examined.findings.by_row.items()
            if any(finding.code == ANSWER_UNKNOWN for finding in findings)
        ]
        if self._spec is not None and rows:
            read = examined.batch.columns.compiler.written.text(self._spec)
            for text in (read(examined.batch.issues[row].row).strip() for row in rows):
                if text in self.counts or len(self.counts) < DISTINCT_LIMIT:
                    self.counts[text] += 1


_OPEN_HOWS = ("unknown", "missing")


class Unknowns:
    """Collects the values that reject their rows, with counts, samples and evidence."""

    def __init__(self, texts: EvidenceTexts, status_category: Text | None) -> None:
        self._texts = (status_category, texts.resolution, texts.closed)
        self._found: dict[tuple[FieldName, str], tuple[int, tuple[str, ...], Evidence]] = {}

    def add(self, examined: Examined, _: Plan | None = None) -> None:
        """Collect the unknown values of a chunk. Costs nothing where the mapping covers all of them."""
        readers = [examined.batch.columns.compiler.text(text) for text in self._texts]
        for row in examined.counted_rows():
            issue = examined.batch.issues[row]
            for name, step in zip(VALUE_FIELDS, issue.steps, strict=True):
                if step.target is None and step.how in _OPEN_HOWS and not step.hidden:
                    self._add(name, step.source, issue, readers)

    def _add(self, name: FieldName, source: str, issue: Issue, readers: Sequence[ReadText]) -> None:
        """Count a value of a field; `readers` give what else the row says of its status."""
        if len(self._found) >= DISTINCT_LIMIT and (name, source) not in self._found:
            return
        count, samples, evidence = self._found.get((name, source), (0, (), Evidence()))
        category, resolution, closed = (read(issue.row) for read in readers)
        evidence.status_category[category.strip()] += 1
        evidence.resolution[resolution.strip()] += 1
        evidence.closed[is_filled(closed)] += 1
        if len(samples) < SAMPLES:
            samples = (*samples, issue.key.full)
        self._found[name, source] = (count + 1, samples, evidence)

    def as_list(self) -> list[Unknown]:
        found = sorted(self._found.items(), key=lambda item: (VALUE_FIELDS.index(item[0][0]), -item[1][0], item[0][1]))
        return [Unknown(name, value, count, samples, evidence) for (name, value), (count, samples, evidence) in found]
