"""Chunks that split no group: rows of one issue follow each other, and are judged together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TypeVar

import pandas as pd

from importer.errors import SourceError
from importer.records import Chunk, Ref
from importer.sources.frames import frame_columns
from importer.transform.groups import find_groups

GROUP_ROWS = 1000
"""The rows from a group's first to its last, those between them included: of a file no more than that is held back."""

Value = TypeVar("Value")
FindKeys = Callable[[Chunk], Sequence[str | None]]
"""Gives the key of each row's group, as `transform.groups.join_keys` does."""


def regroup(chunks: Iterable[Chunk], find_keys: FindKeys) -> Iterator[Chunk]:
    """Give the same rows in chunks that end where a group does: what may go on is held back for the next chunk.

    Raises SourceError where a group is longer than GROUP_ROWS.
    """
    held: Chunk | None = None
    waiting: list[str | None] = []
    length = _Length()
    for chunk in chunks:
        keys = list(find_keys(chunk))
        length.check(chunk, keys)
        if held is not None and held.file == chunk.file:
            chunk, keys = join_chunks(held, chunk), waiting + keys
        elif held is not None:
            yield held
        end = _find_opening(keys)
        if end:
            yield take_rows(chunk, 0, end)
        held, waiting = (take_rows(chunk, end, len(chunk)), keys[end:]) if end < len(chunk) else (None, [])
    if held is not None:
        yield held


def _find_opening(keys: Sequence[str | None]) -> int:
    """Where the part begins to which rows of the next chunk may belong.

    A row without a key stays with the groups on both its sides, one of which it may belong to, while there is room.
    """
    groups = find_groups(keys)
    apart = [behind[0] for before, behind in pairwise(groups) if bool(keys[before[0]]) == bool(keys[behind[0]])]
    last = groups[-1][0] if groups else 0
    openings = (apart[-1] if apart else 0, last)
    return next((opening for opening in openings if len(keys) - opening <= GROUP_ROWS), len(keys))


class _Length:
    """How long the present group is. It sees the rows as they are read: chunks make no difference."""

    def __init__(self) -> None:
        self._group = (-1, "")
        self._record, self._line = 0, 0

    def check(self, chunk: Chunk, keys: Sequence[str | None]) -> None:
        """Raise SourceError where a group goes on for too long."""
        for record, line, key in zip(chunk.records, chunk.lines, keys, strict=True):
            if key == "" or (key is not None and (chunk.file, key) != self._group):
                self._group, self._record, self._line = (chunk.file, key), record, line
            elif key is not None and record - self._record >= GROUP_ROWS:
                raise SourceError(
                    f"{chunk.file_name}:{self._line}: {key!r} would be one issue of more than {GROUP_ROWS:,} rows.",
                    hint="Name other columns under `group`, or leave these rows out with a rule under `skip`.",
                )


def take_rows(chunk: Chunk, start: int, end: int) -> Chunk:
    """The rows of a chunk from place `start` to before `end`."""
    return replace(
        chunk,
        records=chunk.records[start:end],
        lines=chunk.lines[start:end],
        raw=chunk.raw[start:end],
        frame=chunk.frame.iloc[start:end],
        defects=_shift(chunk.defects, start, end),
        origins=_shift(chunk.origins, start, end),
    )


def join_chunks(first: Chunk, second: Chunk) -> Chunk:
    """Two chunks of one file that follow each other, as one."""
    length = len(first)
    frame, positions = _join_frames(first, second)
    return replace(
        second,
        records=[*first.records, *second.records],
        lines=[*first.lines, *second.lines],
        raw=[*first.raw, *second.raw],
        frame=frame,
        positions=positions,
        defects={**first.defects, **_shift(second.defects, -length, len(second))},
        origins={**first.origins, **_shift(second.origins, -length, len(second))},
    )


def _shift(rows: Mapping[int, Value], start: int, end: int) -> dict[int, Value]:
    return {row - start: value for row, value in rows.items() if start <= row < end}


def _join_frames(first: Chunk, second: Chunk) -> tuple[pd.DataFrame, Mapping[Ref, tuple[int, ...]]]:
    """The rows of both: a JSON reference has as many columns as the longest list in its chunk."""
    if first.positions == second.positions:
        return pd.concat([first.frame, second.frame], ignore_index=True), second.positions
    columns: dict[int, list[str]] = {}
    positions: dict[Ref, tuple[int, ...]] = {}
    for ref in second.positions:
        width = max(len(first.positions[ref]), len(second.positions[ref]))
        positions[ref] = tuple(range(len(columns), len(columns) + width))
        for place in range(width):
            columns[len(columns)] = [*_column(first, ref, place), *_column(second, ref, place)]
    return frame_columns(columns, len(first) + len(second)), positions


def _column(chunk: Chunk, ref: Ref, place: int) -> list[str]:
    own = chunk.positions[ref]
    cells: list[str] = chunk.frame[own[place]].tolist() if place < len(own) else [""] * len(chunk)
    return cells
