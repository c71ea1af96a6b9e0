"""Consumed cells: which cells of a chunk a text of the mapping is made of, as `transform.columns` makes it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from importer.check.coverage.uses import Use, find_of
from importer.mapping.patterns import compile_pattern
from importer.mapping.texts import Text
from importer.records import Ref
from importer.transform.chunk_records import Records
from importer.transform.columns import Columns, Mask, split_template

Consumed = dict[int, Mask | None]
"""Physical column → the rows whose cell is consumed; None: all rows in which it is filled."""


def consume_cells(use: Use, records: Records) -> Consumed:
    """Find the cells that a use consumes in a chunk; a cell of which a pattern takes only a part is consumed, too."""
    consumed: Consumed = {}
    wanted = None if use.wanted is None else use.wanted(records)
    if wanted is not None and not wanted.any():
        return consumed
    for position, rows in _consume(records.columns, use.text, use.every, wanted):
        before = consumed.get(position, rows)
        consumed[position] = None if rows is None or before is None else rows | before
    return consumed


Columnwise = Iterator[tuple[int, Mask | None]]


def find_filled(cells: Sequence[str]) -> Mask:
    """Return a mask of the cells that have more than white space."""
    filled = np.fromiter(map(len, cells), dtype=np.intp, count=len(cells)) > 0
    if any(map(str.isspace, cells)):
        filled &= ~np.fromiter(map(str.isspace, cells), dtype=np.bool_, count=len(cells))
    return filled


def _consume(columns: Columns, text: Text, every: bool, wanted: Mask | None) -> Columnwise:
    """Yield the columns that a text is made of, each with its rows among `wanted`; a column may come twice."""
    if text.column is not None or text.path is not None:
        ref = Ref("column", text.column) if text.column is not None else Ref("path", text.path or "")
        yield from _consume_column(columns, ref, text, every, wanted)
        return
    if text.pattern is not None or text.lookup is not None:  # searched in what choices or placeholders make
        made = columns.every_cell(text) if every else [columns.text(text)]
        wanted = _both(wanted, _filled_in_any(made, len(columns)))
    if text.first is not None:
        yield from _consume_choice(columns, text.first, every, wanted)
    for ref in split_template(text.template)[1] if text.template is not None else ():
        yield from _consume_first(columns, ref, columns.cells(ref), wanted)


def _consume_column(columns: Columns, ref: Ref, text: Text, every: bool, wanted: Mask | None) -> Columnwise:
    find = find_of(text)
    positions = columns.chunk.positions.get(ref, ())
    if text.is_plain and find is None and (every or len(positions) == 1):  # as nearly all texts
        yield from ((position, wanted) for position in positions if columns.has_text(position))
        return
    cells = columns.every_cell(text)
    if find is not None:
        search = compile_pattern(find).search
        cells = [[cell if search(cell) else "" for cell in column] for column in cells]
    if not every:
        whole = text.pattern is None and text.lookup is None
        yield from _consume_first(columns, ref, cells, wanted, whole=whole)
        return
    changed = text.pattern is not None or text.lookup is not None or find is not None
    for position, column in _present(columns, ref, cells):
        yield position, _both(wanted, find_filled(column)) if changed else wanted


def _consume_first(
    columns: Columns, ref: Ref, cells: Sequence[list[str]], wanted: Mask | None, *, whole: bool = True
) -> Columnwise:
    """Yield the first filled cell of each row; `whole`: `cells` are those of the source, not what a pattern left."""
    present = list(_present(columns, ref, cells))
    if whole and len(present) == 1:
        yield present[0][0], wanted
        return
    left = wanted
    for position, column in present:
        filled = find_filled(column)
        yield position, _both(left, filled)
        left = _both(left, ~filled)


def _consume_choice(columns: Columns, choices: Sequence[Text], every: bool, wanted: Mask | None) -> Columnwise:
    """Yield each choice in the rows where no earlier one has a text; what comes after a constant is never read."""
    constant = next((place for place, choice in enumerate(choices) if choice.value is not None), len(choices))
    present = [choice for choice in choices[:constant] if _is_present(columns, choice)]
    left = wanted
    for number, choice in enumerate(present, start=1):
        yield from _consume(columns, choice, every, left)
        if number < len(present):
            made = columns.every_cell(choice) if every else [columns.text(choice)]
            left = _both(left, ~_filled_in_any(made, len(columns)))


def _is_present(columns: Columns, text: Text) -> bool:
    positions = columns.chunk.positions
    return any(columns.has_text(position) for ref in text.refs for position in positions.get(ref, ()))


def _present(columns: Columns, ref: Ref, cells: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the columns of a reference that have any text, by position."""
    pairs = zip(columns.chunk.positions.get(ref, ()), cells, strict=True)
    return ((position, column) for position, column in pairs if any(column))


def _filled_in_any(columns: Iterable[list[str]], length: int) -> Mask:
    filled = _nowhere(length)
    for column in columns:
        filled |= find_filled(column)
    return filled


def _both(first: Mask | None, second: Mask) -> Mask:
    return second if first is None else first & second


def _nowhere(length: int) -> Mask:
    return np.zeros(length, dtype=np.bool_)
