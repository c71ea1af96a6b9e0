"""A row of a source, where the file of a row has what a mapping reads, and rows that are read together."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from importer.mapping.vocabulary import words_for_nothing
from importer.records import Finder, Finding, Ref, Table

if TYPE_CHECKING:
    from importer.mapping.edited_tables import Fix

ROWS_TOGETHER = 2048
CHARACTERS_TOGETHER = 2_000_000
CELLS_TOGETHER = 1_000_000
"""Limits of what is read together, in rows, text and cells: a check holds several copies of each.

With 512 rows at a time a check takes a fifth longer.
"""


@dataclass(frozen=True)
class Layout:
    """Where a file has what a mapping reads.

    places   column or path → its places in the cells of a row, in physical order; () where this file doesn't have it.
             Of a table they are the columns of the file, from 0
    tables   the tables beside the file's records that texts are looked up in
    beside   index in the mapping's `comments: from` → finds the objects beside the records that are read there
    dates    the formats of dates that the mapping names beside ISO 8601
    """

    places: Mapping[Ref, tuple[int, ...]]
    tables: Mapping[Table, Mapping[str, str]] = field(default_factory=dict)
    beside: Mapping[int, Finder] = field(default_factory=dict)
    dates: tuple[str, ...] = ()

    @cached_property
    def present(self) -> frozenset[Ref]:
        """The columns and paths that the file has, of those that the mapping reads."""
        return frozenset(ref for ref, places in self.places.items() if places)

    @cached_property
    def used_places(self) -> list[int]:
        """The places of all that the mapping reads."""
        return self.places_of(self.places)

    def without_empty(self, filled: Set[Ref]) -> Layout:
        """The layout without columns and paths that have no text: most that a preset names, and that a file has."""
        places = {ref: places for ref, places in self.places.items() if ref in filled}
        return replace(self, places=places)

    def narrowed(self, places: Sequence[int]) -> Layout:
        """The layout of rows that have nothing but the cells at these places."""
        numbers = {place: number for number, place in enumerate(places)}
        narrow = {}
        for ref, wide in self.places.items():
            if all(place in numbers for place in wide):
                narrow[ref] = tuple(numbers[place] for place in wide)
        return replace(self, places=narrow)

    def places_of(self, refs: Iterable[Ref]) -> list[int]:
        """The places of all these columns and paths, each once and in order."""
        return sorted({place for ref in refs for place in self.places.get(ref, ())})


@dataclass(slots=True, eq=False)
class SourceRow:
    """A row of a source.

    record      number of the record in its file, from 1, header not counted
    line        physical line in its file where the record begins, from 1
    raw         CSV: the cells as they came, exactly as many as in the file; JSON: the record's own text
    cells       its texts, by `Layout.places`; where the mapping reads a program's word for nothing, `nan`, it is ""
    written     the same with words for nothing: a value map may know one, as the severity `None`
    defect      why it can't be used (ragged, malformed); its cells are empty then
    origin      `FILE row N` of the first file, where this file is an errors file given back
    fixes       the corrections of `--fixes` in its cells; `raw` stays as it came, since it makes keys
    unreadable  the text of a date that kept a condition from being decided, "" if there was none
    dropped     the parts of markup that its conversions could not keep, and how often; None if all was kept
    """

    record: int
    line: int
    raw: Sequence[str] | str
    cells: Sequence[str]
    written: Sequence[str]
    defect: Finding | None = None
    origin: str = ""
    fixes: tuple[Fix, ...] = ()
    unreadable: str = ""
    dropped: Counter[str] | None = None

    def note_dropped(self, names: Counter[str]) -> None:
        """Note parts of markup that a conversion could not keep; what is converted twice dropped them once."""
        self.dropped = names if self.dropped is None else self.dropped | names


@dataclass(frozen=True)
class SourceRows:
    """Rows of a file that are read together, bounded in number and in text.

    file       index of the file in its source
    file_name  as the user typed it
    layout     where the file has what the mapping reads
    rows       each made once: readers leave notes in them
    """

    file: int
    file_name: str
    layout: Layout
    rows: Sequence[SourceRow]

    def __len__(self) -> int:
        return len(self.rows)

    def part(self, start: int, end: int) -> SourceRows:
        """The rows from place `start` to before `end`."""
        return replace(self, rows=self.rows[start:end])

    def column(self, place: int) -> list[str]:
        """The cells of all rows at a place: to look for what is wrong with a column as a whole."""
        return [row.written[place] for row in self.rows]

    @cached_property
    def filled_places(self) -> frozenset[int]:
        """The places at which any row has a text."""
        used = self.layout.used_places
        pick = pick_cells(used)
        columns = zip(*(pick(row.written) for row in self.rows), strict=True)
        return frozenset(place for place, column in zip(used, columns, strict=False) if any(column))

    @cached_property
    def filled(self) -> frozenset[Ref]:
        """What the mapping reads that has any text."""
        places_of = self.layout.places.items()
        return frozenset(ref for ref, places in places_of if not self.filled_places.isdisjoint(places))


def pick_cells(places: Sequence[int]) -> Callable[[Sequence[str]], tuple[str, ...]]:
    """What picks the cells at these places out of those of a row."""
    if not places:
        return lambda cells: ()
    if len(places) == 1:
        place = places[0]
        return lambda cells: (cells[place],)
    return itemgetter(*places)


def leave_out_nothing(written: Sequence[str]) -> Sequence[str]:
    """The cells of a row with "" for each that is a program's word for nothing."""
    nothing = words_for_nothing()
    return [("" if cell in nothing else cell) for cell in written]


def row_of_cells(written: Sequence[str]) -> SourceRow:
    """A row that has nothing but these cells, and stands nowhere."""
    return SourceRow(0, 0, written, leave_out_nothing(written), written)


def join_rows(first: SourceRows, second: SourceRows) -> SourceRows:
    """The rows of both, which follow each other in a file.

    Lists of JSON records differ in length: each is as wide as the longest in the rows that were read together.
    """
    if first.layout.places == second.layout.places:
        return replace(second, rows=[*first.rows, *second.rows])
    layout = _joined_layout(first.layout, second.layout)
    rows = [*_laid_out(first, layout), *_laid_out(second, layout)]
    return replace(second, layout=layout, rows=rows)


def _joined_layout(first: Layout, second: Layout) -> Layout:
    """The layout in which each column and path has as many places as in the one in which it has more."""
    places = dict[Ref, tuple[int, ...]]()
    start = 0
    for ref in second.places:
        width = max(len(first.places[ref]), len(second.places[ref]))
        places[ref] = tuple(range(start, start + width))
        start += width
    return replace(second, places=places)


def _laid_out(source: SourceRows, layout: Layout) -> Iterable[SourceRow]:
    """The rows with their cells at the places of another layout that has each of theirs."""
    old_places = list[int | None]()
    for ref, places in layout.places.items():
        own_places = source.layout.places[ref]
        missing = len(places) - len(own_places)
        old_places += [*own_places, *[None] * missing]
    for row in source.rows:
        row.cells = [("" if place is None else row.cells[place]) for place in old_places]
        row.written = [("" if place is None else row.written[place]) for place in old_places]
        yield row
