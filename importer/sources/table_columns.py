"""The columns of a table: which of them a reference names, and their cells."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from importer.records import Ref
from importer.sources.text_formulas import column_name


def find_columns(header: Sequence[str], refs: Sequence[Ref]) -> dict[Ref, tuple[int, ...]]:
    """Return for each reference all physical columns, from 0, with that header, as both look."""
    columns: dict[str, list[int]] = defaultdict(list)
    for index, cell in enumerate(header):
        columns[column_name(cell)].append(index)
    return {ref: tuple(columns.get(column_name(ref.name), ())) if ref.kind == "column" else () for ref in refs}


def take_columns(rows: Iterable[Sequence[str]], width: int, places: Iterable[int]) -> dict[int, list[str]]:
    """Place → the cells of that column, of rows that are all `width` wide."""
    cells = list[str]()
    for row in rows:
        cells += row  # one after the other: `zip` of so many rows takes half as long again
    return {place: cells[place::width] for place in places}
