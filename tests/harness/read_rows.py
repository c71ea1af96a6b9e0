"""What rows that were read together have, one list of each: for tests that compare it with what a file says."""

from __future__ import annotations

from collections.abc import Sequence

from importer.records import Finding, Ref
from importer.row.compiler import Compiler
from importer.sources.source_rows import SourceRow, SourceRows


def rows_and_compiler(source_rows: SourceRows) -> tuple[Sequence[SourceRow], Compiler]:
    """The rows, and a compiler for their file."""
    return source_rows.rows, Compiler(source_rows.layout)


def records_of(source_rows: SourceRows) -> list[int]:
    return [row.record for row in source_rows.rows]


def lines_of(source_rows: SourceRows) -> list[int]:
    return [row.line for row in source_rows.rows]


def raws_of(source_rows: SourceRows) -> list[Sequence[str] | str]:
    return [row.raw for row in source_rows.rows]


def defects_of(source_rows: SourceRows) -> dict[int, Finding]:
    """Place of a row that can't be used → why."""
    return {place: row.defect for place, row in enumerate(source_rows.rows) if row.defect is not None}


def origins_of(source_rows: SourceRows) -> dict[int, str]:
    """Place of a row that has one → its place in the original source."""
    return {place: row.origin for place, row in enumerate(source_rows.rows) if row.origin}


def texts_of(source_rows: SourceRows, ref: Ref) -> list[str]:
    """The cells of a column or path; of one that repeats, the first ones."""
    return source_rows.column(source_rows.layout.places[ref][0])


def cells_of(source_rows: SourceRows) -> list[list[str]]:
    """The cells of each row, for one column or path after the other."""
    places = [place for ref_places in source_rows.layout.places.values() for place in ref_places]
    return [[row.written[place] for place in places] for row in source_rows.rows]
