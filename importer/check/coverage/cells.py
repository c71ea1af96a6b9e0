"""Cells: the filled cells of a table, whole columns at a time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import zip_longest

from importer.check.coverage.consumed_cells import Consumed, find_filled
from importer.check.coverage.lines import DROPPED, NOT_SENT, Lines
from importer.transform.columns import Mask

Share = tuple[str, Mask | None]
"""A class, and the rows in which a column's cell goes there if no class before it has taken it; None: in all."""


def count_cells(
    lines: Lines,
    names: Sequence[str],
    raw: Sequence[Sequence[str]],
    sent: Mask | None,
    takes: Iterable[tuple[str, Consumed]],
) -> None:
    """Count the rows of a chunk, `sent` being those that are; None: all of them.

    `raw` are the cells as they came, `names` the columns' names and `takes` the classes in their order.
    """
    shares: dict[int, list[Share]] = defaultdict(list)
    for label, taken in takes:
        for position, rows in taken.items():
            shares[position].append((label, rows))
    for position, cells in enumerate(zip_longest(*raw, fillvalue="")):
        if count := _count_filled(cells):
            name = names[position] if position < len(names) else name_column("", position)
            _count_column(lines, name, cells, count, sent, shares.get(position, ()))


def name_column(header: str, position: int) -> str:
    """What a column is called; one without a header by its place."""
    return header.strip() or f"(column {position + 1})"


def _count_filled(cells: Sequence[str]) -> int:
    empty = cells.count("")
    return 0 if empty == len(cells) else len(cells) - empty - sum(map(str.isspace, cells))


def _count_column(
    lines: Lines, name: str, cells: Sequence[str], count: int, sent: Mask | None, shares: Sequence[Share]
) -> None:
    label, rows = shares[0] if shares else (DROPPED, None)
    if sent is None and rows is None:  # nearly all columns of nearly all files: no cell is looked at alone
        lines.add_filled(name, label, cells, count)
        return
    left = find_filled(cells)
    if sent is not None:
        lines.add_rows(name, NOT_SENT, cells, left & ~sent)
        left &= sent
    for label, rows in (*shares, (DROPPED, None)):
        taken = left if rows is None else left & rows
        lines.add_rows(name, label, cells, taken)
        left = left & ~taken
