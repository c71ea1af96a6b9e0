"""Ids in cells: of resources that a row attaches, and of other issues that it names."""

from __future__ import annotations

from collections.abc import Iterator

from importer.mapping.patterns import Searcher
from importer.mapping.texts import Text
from importer.transform.columns import Columns, is_filled


def each_id(columns: Columns, text: Text, split: str | None) -> Iterator[tuple[int, str]]:
    """(row, id) of every id in the cells of a text: one in a cell, or several separated by `split`."""
    for cells in columns.cells_with_text(text):
        for row, cell in enumerate(cells):
            if is_filled(cell):
                parts = cell.split(split) if split else (cell,)
                yield from ((row, part.strip()) for part in parts if is_filled(part))


def find_ids(find: Searcher, text: str) -> Iterator[str]:
    """Every match of a pattern in a text: its group 1, or the whole match where the group is empty."""
    for match in find.finditer(text):
        name = (match[1] if find.groups else None) or match[0]
        if is_filled(name):
            yield name.strip()
