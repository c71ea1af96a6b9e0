"""Regroups chunks so that none ends within a group: the consecutive rows that make one issue stay together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

from importer.errors import SourceError
from importer.records import Chunk, Ref
from importer.row.keys import find_groups

GROUP_ROWS = 1000
"""Most rows from the first to the last of a group, those between them included: the bound of what is held back."""

Value = TypeVar("Value")
GroupKeys = Callable[[Chunk], Sequence[str | None]]
"""Gives the key of each row's group, as `Transform.group_keys` does."""


def regroup(chunks: Iterable[Chunk], group_keys_of: GroupKeys) -> Iterator[Chunk]:
    """Give the same rows in chunks that end where a group ends; the rows of a group that may go on are held back.

    Raises SourceError where a group is longer than GROUP_ROWS.
    """
    held: Chunk | None = None  # rows at the end of the chunk before, and their keys
    waiting: list[str | None] = []
    for chunk, keys in _with_keys(chunks, group_keys_of):
        if held is not None and held.file == chunk.file:
            chunk, keys = join_chunks(held, chunk), waiting + keys
        elif held is not None:
            yield held  # another file: no group goes on across files
        end = _find_opening(keys)
        if end:
            yield take_rows(chunk, 0, end)
        held, waiting = (take_rows(chunk, end, len(chunk)), keys[end:]) if end < len(chunk) else (None, [])
    if held is not None:
        yield held


def _find_opening(keys: Sequence[str | None]) -> int:
    """Find where the last group begins that the next chunk may go on with.

    A row without a key may belong to the group before it or to the one behind it, so it is kept together with both as
    long as these are at most GROUP_ROWS rows.
    """
    groups = find_groups(keys)
    apart = [behind[0] for before, behind in pairwise(groups) if bool(keys[before[0]]) == bool(keys[behind[0]])]
    last = groups[-1][0] if groups else 0
    openings = (apart[-1] if apart else 0, last)
    return next((opening for opening in openings if len(keys) - opening <= GROUP_ROWS), len(keys))


def _with_keys(chunks: Iterable[Chunk], group_keys_of: GroupKeys) -> Iterator[tuple[Chunk, list[str | None]]]:
    """Yield each chunk with the keys of its rows; raises SourceError where a group is longer than GROUP_ROWS."""
    group, first, first_line = (-1, ""), 0, 0
    for chunk in chunks:
        keys = list(group_keys_of(chunk))
        for record, line, key in zip(chunk.records, chunk.lines, keys, strict=True):
            if key == "" or (key is not None and (chunk.file, key) != group):
                group, first, first_line = (chunk.file, key), record, line
            elif key is not None and record - first >= GROUP_ROWS:
                raise SourceError(
                    f"{chunk.file_name}:{first_line}: {key!r} would be one issue of more than {GROUP_ROWS:,} rows.",
                    hint="Name other columns under `group`, or leave these rows out with a rule under `skip`.",
                )
        yield chunk, keys


def end_of_group(keys: Sequence[str | None], rows: int) -> int:
    """How many rows to take so that at least `rows` are taken and no group is divided.

    A row without a key behind a group is taken too, since it may belong to that group.
    """
    groups = find_groups(keys)
    begun = [group for group in groups if group[0] < rows]
    if not begun:
        return rows
    last, behind = begun[-1], groups[len(begun) : len(begun) + 1]
    if keys[last[0]] and behind and not keys[behind[0][0]]:
        last = behind[0]
    return max(rows, last[-1] + 1)


def take_rows(chunk: Chunk, start: int, end: int) -> Chunk:
    """The rows of a chunk from place `start` to before `end`."""
    return replace(
        chunk,
        records=chunk.records[start:end],
        lines=chunk.lines[start:end],
        raw=chunk.raw[start:end],
        cells={place: texts[start:end] for place, texts in chunk.cells.items()},
        defects=_shift(chunk.defects, start, end),
        origins=_shift(chunk.origins, start, end),
    )


def join_chunks(first: Chunk, second: Chunk) -> Chunk:
    length = len(first)
    cells, positions = _join_cells(first, second)
    return replace(
        second,
        records=[*first.records, *second.records],
        lines=[*first.lines, *second.lines],
        raw=[*first.raw, *second.raw],
        cells=cells,
        positions=positions,
        defects={**first.defects, **_shift(second.defects, -length, len(second))},
        origins={**first.origins, **_shift(second.origins, -length, len(second))},
    )


def _shift(rows: Mapping[int, Value], start: int, end: int) -> dict[int, Value]:
    return {row - start: value for row, value in rows.items() if start <= row < end}


def _join_cells(first: Chunk, second: Chunk) -> tuple[dict[int, list[str]], Mapping[Ref, tuple[int, ...]]]:
    """Join columns of JSON references that may differ in width: each is as wide as the longest list in its chunk."""
    if first.positions == second.positions:
        return {place: [*texts, *second.cells[place]] for place, texts in first.cells.items()}, second.positions
    columns: dict[int, list[str]] = {}
    positions: dict[Ref, tuple[int, ...]] = {}
    for ref in second.positions:
        width = max(len(first.positions[ref]), len(second.positions[ref]))
        positions[ref] = tuple(range(len(columns), len(columns) + width))
        for place in range(width):
            columns[len(columns)] = [*_column(first, ref, place), *_column(second, ref, place)]
    return columns, positions


def _column(chunk: Chunk, ref: Ref, place: int) -> list[str]:
    own = chunk.positions[ref]
    return chunk.cells[own[place]] if place < len(own) else [""] * len(chunk)
