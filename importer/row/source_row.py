"""A row of a source as a mapping reads it, and where the file of a row has what the mapping names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import repeat
from operator import itemgetter

from importer.mapping.vocabulary import words_for_nothing
from importer.records import Chunk, Finder, Finding, Ref, Table


@dataclass(frozen=True)
class Layout:
    """Where a file has what a mapping reads.

    places   column or path → its places in the cells of a row, in physical order; () where this file doesn't have it
    tables   the tables beside the file's records that texts are looked up in
    beside   index in the mapping's `comments: from` → finds the objects beside the records that are read there
    dates    the formats of dates that the mapping names beside ISO 8601
    columns  of each place the column of the file, from 0; of JSON a number
    """

    places: Mapping[Ref, tuple[int, ...]]
    tables: Mapping[Table, Mapping[str, str]] = field(default_factory=dict)
    beside: Mapping[int, Finder] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    columns: tuple[int, ...] = ()

    @cached_property
    def present(self) -> frozenset[Ref]:
        """The columns and paths that the file has, of those that the mapping reads."""
        return frozenset(ref for ref, places in self.places.items() if places)

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


@dataclass(slots=True)
class SourceRow:
    """A row of a source.

    record      number of the record in its file, from 1, header not counted
    line        physical line in its file where the record begins, from 1
    raw         CSV: the cells as they came, exactly as many as in the file; JSON: the record's own text
    cells       the texts that the mapping reads, by `Layout.places`; a program's word for nothing, `nan`, is ""
    written     the same with words for nothing: a value map may know one, as the severity `None`
    defect      why it can't be used (ragged, malformed); its cells are empty then
    origin      `FILE row N` of the first file, where this file is an errors file given back
    unreadable  the text of a date that kept a condition from being decided, "" if there was none
    dropped     the parts of markup that its conversions could not keep, and how often; None if all was kept
    """

    record: int
    line: int
    raw: Sequence[str] | str
    cells: tuple[str, ...]
    written: tuple[str, ...]
    defect: Finding | None = None
    origin: str = ""
    unreadable: str = ""
    dropped: Counter[str] | None = None

    def note_dropped(self, names: Counter[str]) -> None:
        """Note parts of markup that a conversion could not keep; what is converted twice dropped them once."""
        self.dropped = names if self.dropped is None else self.dropped | names


def pick_cells(places: Sequence[int]) -> Callable[[tuple[str, ...]], tuple[str, ...]]:
    """What picks the cells at these places out of those of a row."""
    if not places:
        return lambda cells: ()
    if len(places) == 1:
        return itemgetter(slice(places[0], places[0] + 1))
    return itemgetter(*places)


def layout_of(chunk: Chunk, dates: Sequence[str] = ()) -> Layout:
    """Make the layout of a chunk's file: the columns that it has, numbered in the order of the chunk's cells."""
    numbers = {position: number for number, position in enumerate(chunk.cells)}
    places = {ref: tuple(numbers[position] for position in positions) for ref, positions in chunk.positions.items()}
    return Layout(places, chunk.tables, chunk.beside, tuple(dates), tuple(chunk.cells))


def leave_out_nothing(written: tuple[str, ...]) -> tuple[str, ...]:
    """The cells of a row with "" for each that is a program's word for nothing."""
    nothing = words_for_nothing()
    if nothing.isdisjoint(written):
        return written
    return tuple("" if cell in nothing else cell for cell in written)


def row_of_cells(written: tuple[str, ...]) -> SourceRow:
    """A row that has nothing but these cells, and stands nowhere."""
    return SourceRow(0, 0, written, leave_out_nothing(written), written)


def rows_of(chunk: Chunk) -> Iterator[SourceRow]:
    """Yield the rows of a chunk, their cells placed as `layout_of` numbers them."""
    every_cells: Iterable[tuple[str, ...]] = zip(*chunk.cells.values(), strict=True) if chunk.cells else repeat(())
    every = zip(chunk.records, chunk.lines, chunk.raw, every_cells, strict=False)
    for number, (record, line, raw, written) in enumerate(every):
        defect, origin = chunk.defects.get(number), chunk.origins.get(number, "")
        yield SourceRow(record, line, raw, leave_out_nothing(written), written, defect, origin)
