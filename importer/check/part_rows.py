"""Rows as one process passes them to another: each column is one text, taken apart once somebody asks for it.

Hardly anybody does, and texts by themselves take many times as long to be written and read as one of the same length.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import cached_property
from itertools import zip_longest
from typing import IO, Any, overload

from importer.records import Chunk

SEPARATOR = "\x1f"


def dump_joined(thing: object, file: IO[bytes]) -> None:
    """Pickle something, with the rows of the chunks in it joined."""
    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, Chunk: _reduce}
    pickler.dump(thing)


def _reduce(chunk: Chunk) -> tuple[Callable[..., Chunk], tuple[Any, ...]]:
    columns = list(zip_longest(*chunk.raw, fillvalue=""))
    as_they_came = dict(enumerate(map(list, columns)))
    own = {place: None if cells == as_they_came.get(place) else cells for place, cells in chunk.cells.items()}
    others = {each.name: getattr(chunk, each.name) for each in fields(chunk) if each.name not in ("raw", "cells")}
    joined = JoinedColumns(list(map(_join, columns)), list(map(len, chunk.raw)))
    return _restore, (others, joined, own)


def _join(column: Sequence[str]) -> str | Sequence[str]:
    joined = SEPARATOR.join(column)
    return joined if joined.count(SEPARATOR) == len(column) - 1 else column


def _restore(others: Mapping[str, Any], columns: JoinedColumns, own: Mapping[int, list[str] | None]) -> Chunk:
    return Chunk(**others, raw=_Rows(columns), cells=_Cells(columns, own))


class JoinedColumns:
    """The columns of a chunk's rows; one that has the separator in a cell is not joined."""

    def __init__(self, columns: Sequence[str | Sequence[str]], widths: Sequence[int]) -> None:
        self._columns, self.widths = columns, widths

    def column(self, place: int) -> list[str]:
        """A column, with empty cells for rows that end before it."""
        column = self._columns[place]
        return column.split(SEPARATOR) if isinstance(column, str) else list(column)

    @cached_property
    def rows(self) -> Sequence[Sequence[str]]:
        """The rows, each as wide as it came."""
        rows = zip(*map(self.column, range(len(self._columns))), strict=True)
        return [row[:width] for row, width in zip(rows, self.widths, strict=True)]


class _Rows(Sequence[Sequence[str]]):
    """The raw rows of a chunk."""

    def __init__(self, columns: JoinedColumns) -> None:
        self._columns = columns

    def __len__(self) -> int:
        return len(self._columns.widths)

    @overload
    def __getitem__(self, row: int) -> Sequence[str]: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Sequence[str]]: ...
    def __getitem__(self, row: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        return self._columns.rows[row]

    def __iter__(self) -> Iterator[Sequence[str]]:
        return iter(self._columns.rows)


class _Cells(Mapping[int, list[str]]):
    """The columns of a chunk that the mapping uses; `own` has None for those that are as they came."""

    def __init__(self, columns: JoinedColumns, own: Mapping[int, list[str] | None]) -> None:
        self._columns, self._own = columns, dict(own)

    def __len__(self) -> int:
        return len(self._own)

    def __iter__(self) -> Iterator[int]:
        return iter(self._own)

    def __getitem__(self, place: int) -> list[str]:
        cells = self._own[place]
        if cells is None:
            cells = self._own[place] = self._columns.column(place)
        return cells
