"""The rows of a part, for the process that puts parts together: hardly anybody asks for them once they are counted.

Texts by themselves take many times as long to be passed on as one of the same length. So each column is one text, which
is taken apart when somebody asks; where nobody is likely to, the rows aren't passed on, but read again.
"""

from __future__ import annotations

import copyreg
import pickle
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import fields
from functools import cached_property
from itertools import zip_longest
from typing import IO, Any, Protocol, overload

from importer.records import Chunk
from importer.sources.csv import Severed
from importer.sources.csv_parts import Part, read_part
from importer.sources.files import still_written
from importer.sources.source import SourceFile

SEPARATOR = "\x1f"


class LazyRows(Protocol):
    """The rows of a chunk, made or read once somebody asks."""

    @property
    def rows(self) -> Sequence[Sequence[str]]:
        """The rows, each as wide as it came."""

    def column(self, place: int) -> list[str]:
        """A column, with empty cells for rows that end before it."""


def dump_joined(chunks: object, file: IO[bytes]) -> None:
    """Pickle what has chunks in it, with their rows joined."""
    _dump(chunks, file, _join_rows)


def dump_without_rows(chunks: object, file: IO[bytes], source: SourceFile, part: Part) -> None:
    """Pickle what has chunks of a part in it without their rows, of which none has a defect or a correction."""

    def leave_out(chunk: Chunk) -> tuple[LazyRows, Mapping[int, None]]:
        return _ReadAgain(source, part, chunk.records[0] - 1, len(chunk)), dict.fromkeys(chunk.cells)

    _dump(chunks, file, leave_out)


def _dump(
    chunks: object, file: IO[bytes], pack: Callable[[Chunk], tuple[LazyRows, Mapping[int, list[str] | None]]]
) -> None:
    def reduce(chunk: Chunk) -> tuple[Callable[..., Chunk], tuple[Any, ...]]:
        others = {each.name: getattr(chunk, each.name) for each in fields(chunk) if each.name not in ("raw", "cells")}
        return _restore, (others, *pack(chunk))

    pickler = pickle.Pickler(file, pickle.HIGHEST_PROTOCOL)
    pickler.dispatch_table = {**copyreg.dispatch_table, Chunk: reduce}
    pickler.dump(chunks)


def _restore(others: Mapping[str, Any], lazy_rows: LazyRows, own: Mapping[int, list[str] | None]) -> Chunk:
    return Chunk(**others, raw=_Rows(lazy_rows, len(others["records"])), cells=_Cells(lazy_rows, own))


def _join_rows(chunk: Chunk) -> tuple[LazyRows, Mapping[int, list[str] | None]]:
    columns = list(zip_longest(*chunk.raw, fillvalue=""))
    as_they_came = dict(enumerate(map(list, columns)))
    own = {place: None if cells == as_they_came.get(place) else cells for place, cells in chunk.cells.items()}
    return _Joined(list(map(_join, columns)), list(map(len, chunk.raw))), own


def _join(column: Sequence[str]) -> str | Sequence[str]:
    joined = SEPARATOR.join(column)
    return joined if joined.count(SEPARATOR) == len(column) - 1 else column


class _Joined:
    """Rows as their columns; one that has the separator in a cell is not joined."""

    def __init__(self, columns: Sequence[str | Sequence[str]], widths: Sequence[int]) -> None:
        self._columns, self._widths = columns, widths

    def column(self, place: int) -> list[str]:
        column = self._columns[place]
        return column.split(SEPARATOR) if isinstance(column, str) else list(column)

    @cached_property
    def rows(self) -> Sequence[Sequence[str]]:
        rows = zip(*map(self.column, range(len(self._columns))), strict=True)
        return [row[:width] for row, width in zip(rows, self._widths, strict=True)]


class _ReadAgain:
    """Rows of a part, from `first` on, as the source has them."""

    def __init__(self, source: SourceFile, part: Part, first: int, length: int) -> None:
        self._source, self._part, self._first, self._length = source, part, first, length

    @cached_property
    def rows(self) -> Sequence[Sequence[str]]:
        every = list[Sequence[str]]()
        with suppress(Severed):
            for chunk in read_part(self._source, self._part, ()):
                every += chunk.raw
        rows = every[self._first : self._first + self._length]
        if len(rows) < self._length:  # they were there before
            raise still_written(self._source.name)
        return rows

    @cached_property
    def _columns(self) -> Sequence[Sequence[str]]:
        return list(zip_longest(*self.rows, fillvalue=""))

    def column(self, place: int) -> list[str]:
        return list(self._columns[place]) if place < len(self._columns) else [""] * self._length


class _Rows(Sequence[Sequence[str]]):
    """The raw rows of a chunk."""

    def __init__(self, lazy_rows: LazyRows, length: int) -> None:
        self._lazy_rows, self._length = lazy_rows, length

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, row: int) -> Sequence[str]: ...
    @overload
    def __getitem__(self, row: slice) -> Sequence[Sequence[str]]: ...
    def __getitem__(self, row: int | slice) -> Sequence[str] | Sequence[Sequence[str]]:
        return self._lazy_rows.rows[row]

    def __iter__(self) -> Iterator[Sequence[str]]:
        return iter(self._lazy_rows.rows)


class _Cells(Mapping[int, list[str]]):
    """The columns of a chunk that the mapping uses; `own` has None for those that are as they came."""

    def __init__(self, lazy_rows: LazyRows, own: Mapping[int, list[str] | None]) -> None:
        self._lazy_rows, self._own = lazy_rows, dict(own)

    def __len__(self) -> int:
        return len(self._own)

    def __iter__(self) -> Iterator[int]:
        return iter(self._own)

    def __getitem__(self, place: int) -> list[str]:
        cells = self._own[place]
        if cells is None:
            cells = self._own[place] = self._lazy_rows.column(place)
        return cells
