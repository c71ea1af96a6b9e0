"""Column coverage of tables: counts the filled cells of each column by class, whole columns at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest
from operator import itemgetter

from importer.check.coverage.consumed_cells import Consumed, find_filled
from importer.check.coverage.lines import DROPPED, NOT_SENT, Lines
from importer.check.rows import Examined
from importer.transform.columns import Mask

Share = tuple[str, Mask | None]
"""A class, and the rows whose cell belongs to it unless an earlier class has consumed it; None: all rows."""


def count_cells(
    lines: Lines,
    names: Sequence[str],
    examined: Examined,
    sent: Mask | None,
    takes: Iterable[tuple[str, Consumed]],
) -> None:
    """Count the filled cells of a chunk into `lines`.

    names     of the columns
    examined  the chunk, of a table
    sent      the rows that are sent; None: all
    takes     each class with the cells that it consumes, in order: a cell belongs to the first class
    """
    shares: dict[int, tuple[Share, ...]] = {}
    for label, consumed in takes:
        whole = ((label, None),)  # one for all columns that it takes: there may be 100,000
        for position, rows in consumed.items():
            shares[position] = shares.get(position, ()) + (whole if rows is None else ((label, rows),))
    for position, cells in _columns_as_they_came(examined):
        if count := _count_filled(cells):
            name = names[position] if position < len(names) else name_column("", position)
            _count_column(lines, name, cells, count, sent, shares.get(position, ()))


def _columns_as_they_came(examined: Examined) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield the columns of the file by position; some of those without text are left out."""
    chunk, columns = examined.records.chunk, examined.records.columns
    widths = set(map(len, chunk.raw))
    if chunk.defects or examined.fixed or len(widths) > 1:
        yield from enumerate(zip_longest(*chunk.raw, fillvalue=""))
        return
    # The mapping has read most columns: only the others are taken out of the rows.
    others = [position for position in range(*widths) if position not in chunk.cells]
    unread = dict(zip(others, zip(*map(itemgetter(*others, 0), chunk.raw), strict=True), strict=False))
    for position in range(*widths):
        if position in unread:
            yield position, unread[position]
        elif columns.has_text(position):
            yield position, chunk.cells[position]


def name_column(header: str, position: int) -> str:
    """Name a column by its header, or by its position where it has none."""
    return header.strip() or f"(column {position + 1})"


def _count_filled(cells: Sequence[str]) -> int:
    empty = cells.count("")
    return 0 if empty == len(cells) else len(cells) - empty - sum(map(str.isspace, cells))


def _count_column(
    lines: Lines, name: str, cells: Sequence[str], count: int, sent: Mask | None, shares: Sequence[Share]
) -> None:
    label, rows = shares[0] if shares else (DROPPED, None)
    if sent is None and rows is None:  # nearly all columns of nearly all files: no cell is tested by itself
        lines.add_filled(name, label, cells, count)
        return
    unclaimed = find_filled(cells)
    if sent is not None:
        lines.add_rows(name, NOT_SENT, cells, unclaimed & ~sent)
        unclaimed &= sent
    for label, rows in (*shares, (DROPPED, None)):
        consumed = unclaimed if rows is None else unclaimed & rows
        lines.add_rows(name, label, cells, consumed)
        unclaimed = unclaimed & ~consumed
