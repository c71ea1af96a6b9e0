"""Compiles the texts and conditions of a mapping, once for each file, to functions of a row."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime

from importer.mapping.model import fold
from importer.mapping.patterns import compile_pattern
from importer.mapping.reads import table_of
from importer.mapping.texts import Condition, Text
from importer.records import Ref
from importer.row.remembered import Remembered
from importer.sources.source_rows import Layout, SourceRow, pick_cells
from importer.transform.dates import read_time
from importer.transform.formats.convert import Converted, convert, is_marked
from importer.transform.plain_text import is_filled, split_template

_LINES = re.compile(r"\n(?![^{}]*\})")
"""Between the lines of a template: a column's name in braces may have line ends, too."""

ReadText = Callable[[SourceRow], str]
ReadCells = Callable[[SourceRow], tuple[str, ...]]
Holds = Callable[[SourceRow], bool]
"""Whether all conditions hold for a row; a date that is in the way, as it can't be read, is noted in the row."""

_Test = Callable[[SourceRow], bool | str]
"""One condition: whether it holds; the text of a date that can't be read, where the condition hangs on it."""
_ChangeCell = Callable[[SourceRow, str], str]


def read_nothing(row: SourceRow) -> str:
    """The text of a row where the mapping names none, or the file has none."""
    return ""


def no_cells(row: SourceRow) -> tuple[str, ...]:
    """The cells of a row where the file has none."""
    return ()


def first_filled(texts: Sequence[str]) -> str:
    """The first text that is filled; the first of all where none is."""
    for text in texts:
        if text and not text.isspace():
            return text
    return texts[0] if texts else ""


class Compiler:
    """Compiles what a mapping reads for one layout. With `as_written`, a program's words for nothing are texts.

    present  the columns and paths that the file has, of those that the mapping reads
    """

    def __init__(self, layout: Layout, *, as_written: bool = False) -> None:
        self._layout, self._as_written = layout, as_written
        self.present = layout.present

    @property
    def written(self) -> Compiler:
        """What compiles the same texts with words for nothing: a value map may know one, as the severity `None`."""
        return Compiler(self._layout, as_written=True)

    def text(self, spec: Text | None) -> ReadText:
        """One text of each row, `""` where there is none. If a column repeats, it is the first filled cell.

        A pattern is applied to each of its cells first, so that it can pick one label out of many.
        """
        if spec is None:
            return read_nothing
        if spec.value is not None:
            return self._constant(spec, spec.value)
        if spec.column is not None or spec.path is not None:
            return self._first_of(spec)
        if spec.first is not None:
            return self._changed_text(self._choose([self.text(choice) for choice in self._choices(spec)]), spec)
        if spec.template is not None:
            return self._changed_text(self._fill(spec.template), spec)
        return read_nothing

    def column(self, ref: Ref) -> ReadText:
        """The text of a column or path as it is: if it repeats, its first filled cell."""
        places = self._layout.places.get(ref, ())
        if not places:
            return read_nothing
        if len(places) > 1:
            cells = self._cells_at(places)
            return lambda row: first_filled(cells(row))
        place = places[0]
        return (lambda row: row.written[place]) if self._as_written else (lambda row: row.cells[place])

    def cells_of(self, ref: Ref) -> ReadCells:
        """The texts of all columns of the file that a reference names, as they are; none where it has none."""
        return self._cells_at(self._layout.places.get(ref, ()))

    def single_place(self, spec: Text) -> int | None:
        """The place of the one cell that a text is, as it is; None of any other text."""
        if not spec.is_unchanged:
            return None
        if spec.first is not None:
            choices = self._choices(spec)
            return self.single_place(choices[0]) if len(choices) == 1 else None
        if spec.column is None and spec.path is None:
            return None
        places = self._layout.places.get(spec.refs[0], ())
        return places[0] if len(places) == 1 else None

    def stripped(self, spec: Text | None) -> ReadText:
        """Like `text`, without white space around it."""
        reader = self.text(spec)
        if reader is read_nothing:
            return reader
        return lambda row: reader(row).strip()

    def cells(self, spec: Text) -> ReadCells:
        """Like `text`, but with all the cells of a column that repeats; none where the file has no such column."""
        if spec.column is not None or spec.path is not None:
            reader = self.cells_of(spec.refs[0])
        elif spec.first is not None:
            reader = self._first_with_cells([self.cells(choice) for choice in self._choices(spec)])
        else:
            text = self.text(spec)
            return lambda row: (text(row),)
        if reader is no_cells:
            return reader
        return self._changed_cells(reader, spec)

    def holds(self, conditions: Iterable[Condition]) -> Holds:
        """Whether all conditions hold. Where only a date that can't be read is in the way, they don't."""
        tests = [self._test(condition) for condition in conditions]
        if len(tests) == 1:
            return lambda row: decide(row, tests[0](row))

        def hold_all(row: SourceRow) -> bool:
            unreadable = ""
            for test in tests:
                verdict = test(row)
                # Patterns and dates take their time: none is looked at once one condition doesn't hold.
                if verdict is False:
                    return False
                if isinstance(verdict, str):
                    unreadable = verdict
            return decide(row, unreadable or True)

        return hold_all

    def _choices(self, spec: Text) -> list[Text]:
        return spec.choices_in(self.present)

    def _constant(self, spec: Text, value: str) -> ReadText:
        return self._changed_text(lambda row: value, spec)

    def _cells_at(self, places: Sequence[int]) -> ReadCells:
        if not places:
            return no_cells
        pick = pick_cells(places)
        return (lambda row: pick(row.written)) if self._as_written else (lambda row: pick(row.cells))

    def _first_of(self, spec: Text) -> ReadText:
        """The first filled cell of a column that may repeat, each cell changed as the text says."""
        ref = spec.refs[0]
        if spec.is_unchanged or len(self._layout.places.get(ref, ())) <= 1:
            return self._changed_text(self.column(ref), spec)
        cells = self.cells(spec)
        return lambda row: first_filled(cells(row))

    @staticmethod
    def _choose(choices: Sequence[ReadText]) -> ReadText:
        if not choices:
            return read_nothing
        if len(choices) == 1:
            return choices[0]
        first = choices[0]

        def choose(row: SourceRow) -> str:
            for reader in choices:
                text = reader(row)
                if text and not text.isspace():
                    return text
            return first(row)

        return choose

    @staticmethod
    def _first_with_cells(choices: Sequence[ReadCells]) -> ReadCells:
        """The cells of the first choice that has any that is filled; of none the first one's that the file has."""
        present = [reader for reader in choices if reader is not no_cells]
        if not present:
            return no_cells
        if len(present) == 1:
            return present[0]
        first = present[0]

        def choose(row: SourceRow) -> tuple[str, ...]:
            for reader in present:
                cells = reader(row)
                if any(map(is_filled, cells)):
                    return cells
            return first(row)

        return choose

    def _changed_text(self, reader: ReadText, spec: Text) -> ReadText:
        change = self._change(spec)
        if change is None or reader is read_nothing:
            return reader
        return lambda row: change(row, reader(row))

    def _changed_cells(self, reader: ReadCells, spec: Text) -> ReadCells:
        change = self._change(spec)
        if change is None:
            return reader
        return lambda row: tuple([change(row, cell) for cell in reader(row)])

    def _change(self, spec: Text) -> _ChangeCell | None:
        """What a text's pattern, then its lookup, then its conversion of markup make of a cell; None if it has none."""
        changes = list[_ChangeCell]()
        if spec.pattern is not None:
            changes.append(_matcher(spec.pattern, spec.to))
        if spec.lookup is not None:
            table = self._layout.tables.get(table_of(spec.lookup), {})
            changes.append(lambda row, text: table.get(text, ""))
        if spec.format is not None:
            changes.append(_converter(spec))
        if len(changes) <= 1:
            return changes[0] if changes else None

        def change_all(row: SourceRow, text: str) -> str:
            for change in changes:
                text = change(row, text)
            return text

        return change_all

    def _fill(self, template: str) -> ReadText:
        """Fill in a template; the text is "" where all placeholders are empty, since `https://…/` alone is useless.

        So is a label: of several lines one that has more than placeholders is left out where they are all empty.
        """
        parts, refs = split_template(template)
        if not refs:
            return lambda row: parts[0]
        # As of most templates of a preset: a file has columns of one tracker, in one language.
        if self.present.isdisjoint(refs):
            return read_nothing
        lines = _LINES.split(template)
        if len(lines) > 1:
            return self._fill_lines(lines)
        reads = [self.column(ref) for ref in refs]
        opening, endings = parts[0], parts[1:]

        def fill(row: SourceRow) -> str:
            values = [reader(row) for reader in reads]
            if not any(map(str.strip, values)):
                return ""
            return opening + "".join([value + ending for value, ending in zip(values, endings, strict=True)])

        return fill

    def _fill_lines(self, lines: Sequence[str]) -> ReadText:
        """The lines of a template, each filled in by itself."""
        split = [split_template(line) for line in lines]
        has_placeholder = [bool(refs) for _, refs in split]
        has_label = [bool(refs) and any(map(str.strip, parts)) for parts, refs in split]
        reads = [self._fill(line) for line in lines]

        def fill(row: SourceRow) -> str:
            texts = [reader(row) for reader in reads]
            if not any(text for text, is_made in zip(texts, has_placeholder, strict=True) if is_made):
                return ""
            return "\n".join([text for text, is_label in zip(texts, has_label, strict=True) if text or not is_label])

        return fill

    def _test(self, condition: Condition) -> _Test:
        # A rule may ask for just such a word: `is: None`.
        compiler = self.written if condition.is_ or condition.matches else self
        reader = compiler.cells(condition)
        if condition.before is not None or condition.after is not None:
            return _date_test(condition, reader, self._layout.dates)
        test = _text_test(condition)
        if condition.filled is False:
            return lambda row: not any(map(test, reader(row)))
        if reader is no_cells:
            is_met_by_nothing = test("")
            return lambda row: is_met_by_nothing
        return lambda row: any(map(test, reader(row)))


def decide(row: SourceRow, verdict: bool | str) -> bool:
    """Whether a row fulfils conditions; the date that these hang on is noted."""
    if isinstance(verdict, str):
        row.unreadable = verdict
        return False
    return verdict


def _matcher(expression: str, to: str | None) -> _ChangeCell:
    """What finds the match of a pattern in a text, expanded to `to`; each short text is searched once."""
    pattern = compile_pattern(expression)

    def find(text: str) -> str:
        match = pattern.search(text)
        if match is None:
            return ""
        return str(match[0]) if to is None else match.expand(to)

    matches = Remembered[str, str](find)
    return lambda row, text: matches[text]


def _converter(spec: Text) -> _ChangeCell:
    """What converts a text's markup, and notes in the row what could not be kept of it."""
    form, as_ = spec.format, spec.as_
    assert form is not None

    def convert_one(text: str) -> Converted:
        return convert(text, form, as_)

    conversions = Remembered[str, Converted](convert_one)

    def change(row: SourceRow, text: str) -> str:
        if not is_marked(text, form):
            return text
        converted = conversions[text]
        if converted.dropped:
            row.note_dropped(Counter(converted.dropped))
        return converted.text

    return change


def _text_test(condition: Condition) -> Callable[[str], bool]:
    if condition.is_ is not None:
        wanted = {fold(text) for text in condition.is_}
        return Remembered[str, bool](lambda text: fold(text) in wanted).__getitem__
    if condition.matches is not None:
        search = compile_pattern(condition.matches).search
        return Remembered[str, bool](lambda text: search(text) is not None).__getitem__
    return is_filled


def _date_test(condition: Condition, reader: ReadCells, formats: tuple[str, ...]) -> _Test:
    """Whether a row has a date in a range; else the text of one that can't be read, and might be."""
    bound = datetime.fromisoformat(condition.before or condition.after or "").replace(tzinfo=UTC)
    is_before = condition.before is not None

    def test(row: SourceRow) -> bool | str:
        unreadable = ""
        for text in reader(row):
            date = read_time(text, formats)
            if date is None:
                unreadable = text if is_filled(text) else unreadable
            elif (date < bound) is is_before:
                return True
        return unreadable or False

    return test
