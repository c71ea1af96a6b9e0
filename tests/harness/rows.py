"""The rows of a chunk one by one, and what compiles a mapping's texts for them."""

from __future__ import annotations

from collections.abc import Sequence

from importer.records import Chunk
from importer.row.compiler import Compiler
from importer.row.source_row import SourceRow, layout_of, rows_of


def rows_and_compiler(chunk: Chunk, dates: Sequence[str] = ()) -> tuple[list[SourceRow], Compiler]:
    """The rows of a chunk, and a compiler for its file; `dates` are the formats that the mapping names."""
    return list(rows_of(chunk)), Compiler(layout_of(chunk, dates))
