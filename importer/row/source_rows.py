"""Rows of a file that are read together, with what reads the texts of a mapping from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from importer.mapping.texts import Text
from importer.records import Chunk, Ref
from importer.row.compiler import Compiler
from importer.row.source_row import Layout, SourceRow, layout_of, rows_of


@dataclass(frozen=True)
class SourceRows:
    """Rows of a file that are read together.

    chunk   the same as they came
    layout  where the file has what the mapping names
    rows    each made once: readers leave notes in them
    """

    chunk: Chunk
    layout: Layout
    rows: Sequence[SourceRow]

    @classmethod
    def of(cls, chunk: Chunk, date_formats: Sequence[str] = ()) -> SourceRows:
        return cls(chunk, layout_of(chunk, date_formats), list(rows_of(chunk)))

    @cached_property
    def compiler(self) -> Compiler:
        """What compiles texts and conditions for the rows."""
        return Compiler(self.layout)

    def texts(self, spec: Text | None) -> list[str]:
        """A text of each row, see `Compiler.text`."""
        return list(map(self.compiler.text(spec), self.rows))

    @cached_property
    def filled_columns(self) -> frozenset[int]:
        """The columns of the file that have any text, as `Layout.columns` numbers them."""
        return frozenset(column for column, cells in self.chunk.cells.items() if any(cells))

    @cached_property
    def filled(self) -> frozenset[Ref]:
        """What the mapping names that has any text."""
        columns_of = self.chunk.positions.items()
        return frozenset(ref for ref, columns in columns_of if not self.filled_columns.isdisjoint(columns))
