"""The columns of a chunk, for those who look at many rows at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import cached_property
from itertools import zip_longest

from importer.mapping.texts import Text
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Chunk, Ref
from importer.row.compiler import Compiler
from importer.row.source_row import SourceRow, layout_of, rows_of


class Columns:
    """The columns of one chunk, as lists of text with one entry a row; a program's word for nothing, `nan`, is "".

    rows      the rows of the chunk
    compiler  compiles texts and conditions for them
    """

    def __init__(self, chunk: Chunk, date_formats: Sequence[str] = ()) -> None:
        self.chunk = chunk
        self.date_formats = tuple(date_formats)
        self.layout = layout_of(chunk, date_formats)
        self.compiler = Compiler(self.layout)
        self._texts: dict[int, int] = {}
        self._nothing = words_for_nothing()

    @cached_property
    def rows(self) -> list[SourceRow]:
        """The rows, made once: readers leave notes in them."""
        return list(rows_of(self.chunk))

    @cached_property
    def present(self) -> frozenset[Ref]:
        """The columns and paths that the chunk's file has, of those that are read."""
        return self.layout.present

    @property
    def unreadable(self) -> dict[int, str]:
        """Row → the text of a date that a condition could not read; the condition is false there."""
        return {number: row.unreadable for number, row in enumerate(self.rows) if row.unreadable}

    @property
    def as_written(self) -> Columns:
        """The same columns with words for nothing: a value map may know one, as the severity `None`."""
        written = copy(self)
        written.rows, written.compiler, written._nothing = self.rows, self.compiler.written, frozenset()
        return written

    def __len__(self) -> int:
        return len(self.chunk)

    def cells(self, ref: Ref) -> list[list[str]]:
        """The columns of the file that a reference names, in order; empty if the file has none."""
        return list(map(self.cells_at, self.chunk.positions.get(ref, ())))

    def cells_at(self, position: int) -> list[str]:
        """One column of the file."""
        cells = self.chunk.cells[position]
        if self._nothing.isdisjoint(cells):
            return cells
        return ["" if cell in self._nothing else cell for cell in cells]

    def has_text(self, position: int) -> bool:
        """Whether a column of the file has any text."""
        return self.count_texts(position) > 0

    def filled(self) -> frozenset[Ref]:
        """The columns and paths that have any text."""
        with_text = {position for position, cells in self.chunk.cells.items() if any(cells)}
        positions = self.chunk.positions.items()
        return frozenset(ref for ref, places in positions if not with_text.isdisjoint(places))

    def count_texts(self, position: int) -> int:
        """How many cells of a column of the file have any text."""
        if position not in self._texts:
            cells = self.chunk.cells[position]
            self._texts[position] = len(cells) - cells.count("")
        return self._texts[position]

    def text(self, spec: Text) -> list[str]:
        """One text for each row, see `Compiler.text`."""
        return list(map(self.compiler.text(spec), self.rows))

    def stripped(self, spec: Text | None) -> list[str]:
        """Like `text`, without white space around each; where a mapping has no such text, all are empty."""
        return list(map(self.compiler.stripped(spec), self.rows))

    def every_cell(self, spec: Text) -> list[list[str]]:
        """All the cells of a column that repeats, see `Compiler.cells`: one list for each column of the file."""
        if spec.is_plain:
            return self.cells(spec.refs[0])
        columns = zip_longest(*map(self.compiler.cells(spec), self.rows), fillvalue="")
        return list(map(list, columns))
