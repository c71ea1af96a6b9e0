"""Evaluates texts and conditions of a mapping on the whole columns of a chunk."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from copy import copy
from datetime import UTC, datetime
from functools import cached_property
from typing import TypeVar

from importer.mapping.model import fold
from importer.mapping.patterns import Searcher, compile_pattern
from importer.mapping.reads import table_of
from importer.mapping.texts import Condition, Text
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Chunk, Ref
from importer.transform.dates import read_time
from importer.transform.formats.convert import convert_all
from importer.transform.masks import Mask
from importer.transform.plain_text import is_filled, split_template

_LINES = re.compile(r"\n(?![^{}]*\})")
"""Between the lines of a template: a column's name in braces may have line ends, too."""


Item = TypeVar("Item", bound=Hashable)
Made = TypeVar("Made")


class Columns:
    """The columns of one chunk, as lists of text with one entry a row; a program's word for nothing, `nan`, is "".

    present     the columns and paths that the chunk's file has, of those that are read
    unreadable  collects row → the text of a date that a condition could not read; the condition is false there
    dropped     collects row → the parts of its markup that a conversion could not keep, and how often
    """

    def __init__(self, chunk: Chunk, date_formats: Sequence[str] = ()) -> None:
        self.chunk = chunk
        self.date_formats = tuple(date_formats)
        self.unreadable: dict[int, str] = {}
        self.dropped: dict[int, Counter[str]] = {}
        self.present = frozenset(ref for ref, positions in chunk.positions.items() if positions)
        self._texts: dict[int, int] = {}
        self._read: dict[int, list[str]] = {}
        self._nothing = words_for_nothing()

    @cached_property
    def as_written(self) -> Columns:
        """The same columns with words for nothing: a value map may know one, as the severity `None`."""
        written = copy(self)
        written._read, written._nothing = {}, frozenset()
        return written

    def __len__(self) -> int:
        return len(self.chunk)

    def cells(self, ref: Ref) -> list[list[str]]:
        """The columns of the file that a reference names, in order; empty if the file has none."""
        return list(map(self.cells_at, self.chunk.positions.get(ref, ())))

    def cells_at(self, position: int) -> list[str]:
        """One column of the file."""
        if position not in self._read:
            cells, nothing = self.chunk.cells[position], self._nothing
            has_any = self.has_text(position) and not nothing.isdisjoint(cells)  # as few columns
            self._read[position] = ["" if cell in nothing else cell for cell in cells] if has_any else cells
        return self._read[position]

    def has_text(self, position: int) -> bool:
        """Whether a column of the file has any text."""
        return self.count_texts(position) > 0

    def count_texts(self, position: int) -> int:
        """How many cells of a column of the file have any text."""
        if position not in self._texts:
            cells = self.chunk.cells[position]
            self._texts[position] = len(cells) - cells.count("")
        return self._texts[position]

    def text(self, spec: Text) -> list[str]:
        """One text for each row, `""` where there is none. If a column repeats, it is the first filled cell.

        A pattern is applied to each of its cells first, so that it can pick one label out of many.
        """
        if spec.value is not None:
            columns = [[spec.value] * len(self)]
        elif spec.column is not None or spec.path is not None:
            columns = self.cells(spec.refs[0])
        elif spec.first is not None:
            columns = [self._first_filled([self.text(choice) for choice in spec.choices_in(self.present)])]
        elif spec.template is not None:
            columns = [self._fill(spec.template)]
        else:
            columns = []
        return self._first_filled(self._extract(columns, spec))

    def stripped(self, spec: Text | None) -> list[str]:
        """Like `text`, without white space around each; where a mapping has no such text, all are empty."""
        return [""] * len(self) if spec is None else [text.strip() for text in self.text(spec)]

    def every_cell(self, spec: Text) -> list[list[str]]:
        """Like `text`, but with all the cells of a column that repeats: one list for each column of the file."""
        if spec.column is not None or spec.path is not None:
            columns = self.cells(spec.refs[0])
        elif spec.first is not None:
            columns = self._first_with_cells(spec.choices_in(self.present))
        else:
            return [self.text(spec)]
        return self._extract(columns, spec)

    def cells_with_text(self, spec: Text) -> list[list[str]]:
        """Like `every_cell`, without the columns that have no text, as most that a file has for all its projects."""
        if spec.is_plain:
            positions = self.chunk.positions.get(spec.refs[0], ())
            return [self.cells_at(position) for position in positions if self.has_text(position)]
        return list(filter(any, self.every_cell(spec)))

    def _extract(self, columns: list[list[str]], spec: Text) -> list[list[str]]:
        """Apply the text's pattern, then its lookup, then its conversion of markup to each cell."""
        if spec.pattern is not None:
            columns = [_replace(column, compile_pattern(spec.pattern), spec.to) for column in columns]
        if spec.lookup is not None:
            table = self.chunk.tables.get(table_of(spec.lookup), {})
            columns = [[table.get(text, "") for text in column] for column in columns]
        if spec.format is not None:
            markup, columns = columns, list(map(list, columns))
            for column, converted in zip(markup, columns, strict=True):
                for row, (text, dropped) in convert_all(column, spec.format, spec.as_).items():
                    converted[row] = text
                    if dropped:  # one that is asked for twice dropped it once
                        self.dropped[row] = self.dropped.get(row, Counter()) | Counter(dropped)
        return columns

    def _first_with_cells(self, choices: Sequence[Text]) -> list[list[str]]:
        """The cells of the first choice that the file has; of several, those of the first filled one in each row."""
        present = [cells for choice in choices if (cells := self.every_cell(choice))]
        if len(present) > 1:
            # Without any text, one is kept all the same, so that each row has its cells.
            present = [cells for cells in present if any(map(any, cells))] or present[:1]
        if len(present) <= 1:
            return present[0] if present else []
        width = max(len(cells) for cells in present)
        blank = [""] * len(self)
        padded = [cells + [blank] * (width - len(cells)) for cells in present]
        chosen = [
            next((row for row in rows if any(map(is_filled, row))), rows[0])
            for rows in zip(*(zip(*cells, strict=True) for cells in padded), strict=True)
        ]
        return [list(column) for column in zip(*chosen, strict=True)] if chosen else padded[0]

    def _first_filled(self, columns: Sequence[list[str]]) -> list[str]:
        if not columns:
            return [""] * len(self)
        texts = columns[0]
        for column in columns[1:]:
            # Nothing is left to be filled, whatever a preset names besides.
            if all(texts) and not any(map(str.isspace, texts)):
                break
            if any(column):  # most columns that a preset names are in no export, or in none of the rows
                texts = [
                    text if is_filled(text) or not is_filled(other) else other
                    for text, other in zip(texts, column, strict=True)
                ]
        return texts

    def _fill(self, template: str) -> list[str]:
        """Fill in a template; the text is "" where all placeholders are empty, since `https://…/` alone is useless.

        So is a label: of several lines one that has more than placeholders is left out where they are all empty.
        """
        parts, refs = split_template(template)
        if not refs:
            return [parts[0]] * len(self)
        # As of most templates of a preset: a file has columns of one tracker, in one language.
        if not any(self.has_text(position) for ref in refs for position in self.chunk.positions.get(ref, ())):
            return [""] * len(self)
        lines = _LINES.split(template)
        if len(lines) > 1:
            return self._fill_lines(lines)
        columns = [self._first_filled(self.cells(ref)) for ref in refs]
        head, tails = parts[0], parts[1:]
        return [
            head + "".join([value + tail for value, tail in zip(values, tails, strict=True)])
            if any(map(str.strip, values))
            else ""
            for values in zip(*columns, strict=True)
        ]

    def _fill_lines(self, lines: Sequence[str]) -> list[str]:
        """The lines of a template, each filled in by itself."""
        found = [split_template(line) for line in lines]
        is_filled_in = [bool(refs) for _, refs in found]
        is_label = [bool(refs) and any(map(str.strip, parts)) for parts, refs in found]
        rows = []
        for texts in zip(*map(self._fill, lines), strict=True):
            kept = [text for text, label in zip(texts, is_label, strict=True) if text or not label]
            has_any = any(text for text, own in zip(texts, is_filled_in, strict=True) if own)
            rows.append("\n".join(kept) if has_any else "")
        return rows

    def holds(self, conditions: Iterable[Condition], among: Mask | None = None) -> Mask:
        """The rows where all conditions hold, of those in `among`.

        Where only a date that can't be read is in the way, the row doesn't count, and is noted in `unreadable`.
        """
        mask = Mask.full(len(self)) if among is None else among
        undecided: dict[int, str] = {}
        for condition in conditions:
            # Patterns and dates take their time: none is looked at once no row is left.
            if mask:
                mask &= self._holds(condition, undecided)
        for row in filter(mask.__getitem__, undecided):
            self.unreadable[row] = undecided[row]
        return mask & ~Mask.of(undecided, len(self)) if undecided else mask

    def _holds(self, condition: Condition, undecided: dict[int, str]) -> Mask:
        # A rule may ask for just such a word: `is: None`.
        read = self.as_written if condition.is_ or condition.matches else self
        columns = read.every_cell(condition) or [[""] * len(self)]
        if condition.before is not None or condition.after is not None:
            return self._in_time(columns, condition, undecided)
        test = _text_test(condition)
        mask = Mask(len(self))
        for column in columns:
            mask |= Mask.where(map_distinct(test, column))
        return ~mask if condition.filled is False else mask

    def _in_time(self, columns: Sequence[list[str]], condition: Condition, undecided: dict[int, str]) -> Mask:
        """Rows with a date in the range, or one that can't be read and might be: those are added to `undecided`."""
        bound = datetime.fromisoformat(condition.before or condition.after or "").replace(tzinfo=UTC)
        early = condition.before is not None
        mask = Mask(len(self))
        doubts: dict[int, str] = {}
        for column in columns:
            dates = [read_time(text, self.date_formats) for text in column]
            mask |= Mask.where([date is not None and (date < bound) is early for date in dates])
            unread = (row for row, date in enumerate(dates) if date is None and is_filled(column[row]))
            doubts.update((row, column[row]) for row in unread)
        undecided.update((row, text) for row, text in doubts.items() if not mask[row])
        # For now: where another condition excludes them, their dates don't matter.
        return mask | Mask.of(doubts, len(self))


def _replace(column: list[str], pattern: Searcher, to: str | None) -> list[str]:
    """The match of a pattern in each text, expanded to `to`; each distinct text is searched once."""

    def replace(text: str) -> str:
        match = pattern.search(text)
        return "" if match is None else match[0] if to is None else match.expand(to)

    return map_distinct(replace, column)


def map_distinct(make: Callable[[Item], Made], items: Sequence[Item]) -> list[Made]:
    """What is made of each item of a column, made once for equal ones: a check takes a fifth longer otherwise."""
    made = {item: make(item) for item in set(items)}
    return list(map(made.__getitem__, items))


def _text_test(condition: Condition) -> Callable[[str], bool]:
    if condition.is_ is not None:
        wanted = {fold(text) for text in condition.is_}
        return lambda text: fold(text) in wanted
    if condition.matches is not None:
        search = compile_pattern(condition.matches).search
        return lambda text: search(text) is not None
    return is_filled
