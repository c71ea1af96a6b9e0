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
Positions = Mapping[Ref, tuple[int, ...]]
"""Where the columns of each reference are."""


def regroup(chunks: Iterable[Chunk], group_keys_of: GroupKeys) -> Iterator[Chunk]:
    """Give the same rows in chunks that end where a group ends; the rows of a group that may go on are held back.

    Raises SourceError where a group is longer than GROUP_ROWS.
    """
    pending: Chunk | None = None  # rows at the end of the chunk before, and their keys
    pending_keys: list[str | None] = []
    for chunk, keys in _with_keys(chunks, group_keys_of):
        if pending is not None and pending.file == chunk.file:
            chunk = join_chunks(pending, chunk)
            keys = pending_keys + keys
        elif pending is not None:
            yield pending  # another file: no group goes on across files
        end = _find_opening(keys)
        if end:
            yield take_rows(chunk, 0, end)
        pending = take_rows(chunk, end, len(chunk)) if end < len(chunk) else None
        pending_keys = keys[end:]
    if pending is not None:
        yield pending


def _find_opening(keys: Sequence[str | None]) -> int:
    """Find where the last group begins that the next chunk may go on with.

    A row without a key may belong to the group before it or to the one behind it, so it is kept together with both as
    long as these are at most GROUP_ROWS rows.
    """
    groups = find_groups(keys)
    apart = 0  # the last place between two groups that both have a key, or both have none
    for before, behind in pairwise(groups):
        has_key = bool(keys[before[0]])
        has_next_key = bool(keys[behind[0]])
        if has_key == has_next_key:
            apart = behind[0]
    last = groups[-1][0] if groups else 0
    for opening in (apart, last):
        if len(keys) - opening <= GROUP_ROWS:
            return opening
    return len(keys)


def _with_keys(chunks: Iterable[Chunk], group_keys_of: GroupKeys) -> Iterator[tuple[Chunk, list[str | None]]]:
    """Yield each chunk with the keys of its rows; raises SourceError where a group is longer than GROUP_ROWS."""
    group = (-1, "")
    first = first_line = 0
    for chunk in chunks:
        keys = list(group_keys_of(chunk))
        for record, line, key in zip(chunk.records, chunk.lines, keys, strict=True):
            if key is None:
                continue
            if key == "" or (chunk.file, key) != group:
                group = (chunk.file, key)
                first = record
                first_line = line
            elif record - first >= GROUP_ROWS:
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
    last = begun[-1]
    if keys[last[0]] and len(begun) < len(groups):
        behind = groups[len(begun)]
        if not keys[behind[0]]:
            last = behind
    return max(rows, last[-1] + 1)


def take_rows(chunk: Chunk, start: int, end: int) -> Chunk:
    """The rows of a chunk from place `start` to before `end`."""
    cells = {place: texts[start:end] for place, texts in chunk.cells.items()}
    defects = _shift(chunk.defects, start, end)
    origins = _shift(chunk.origins, start, end)
    return replace(
        chunk,
        records=chunk.records[start:end],
        lines=chunk.lines[start:end],
        raw=chunk.raw[start:end],
        cells=cells,
        defects=defects,
        origins=origins,
    )


def join_chunks(first: Chunk, second: Chunk) -> Chunk:
    cells, positions = _join_cells(first, second)
    defects = dict(first.defects)
    defects |= _shift(second.defects, -len(first), len(second))
    origins = dict(first.origins)
    origins |= _shift(second.origins, -len(first), len(second))
    return replace(
        second,
        records=[*first.records, *second.records],
        lines=[*first.lines, *second.lines],
        raw=[*first.raw, *second.raw],
        cells=cells,
        positions=positions,
        defects=defects,
        origins=origins,
    )


def _shift(rows: Mapping[int, Value], start: int, end: int) -> dict[int, Value]:
    shifted = dict[int, Value]()
    for row, value in rows.items():
        if start <= row < end:
            shifted[row - start] = value
    return shifted


def _join_cells(first: Chunk, second: Chunk) -> tuple[dict[int, list[str]], Positions]:
    """Join columns of JSON references that may differ in width: each is as wide as the longest list in its chunk."""
    columns: dict[int, list[str]] = {}
    if first.positions == second.positions:
        for place, texts in first.cells.items():
            columns[place] = [*texts, *second.cells[place]]
        return columns, second.positions
    positions: dict[Ref, tuple[int, ...]] = {}
    for ref in second.positions:
        start = len(columns)
        width = max(len(first.positions[ref]), len(second.positions[ref]))
        positions[ref] = tuple(range(start, start + width))
        for place in range(width):
            texts = [*_column(first, ref, place)]
            texts += _column(second, ref, place)
            columns[start + place] = texts
    return columns, positions


def _column(chunk: Chunk, ref: Ref, place: int) -> list[str]:
    positions = chunk.positions[ref]
    if place < len(positions):
        return chunk.cells[positions[place]]
    return [""] * len(chunk)
