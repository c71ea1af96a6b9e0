"""Reading all columns of a source: cells by header, or values in JSON records by path."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from importer.mapping.header_names import may_discuss
from importer.records import Chunk, Ref
from importer.transform.columns import is_filled

if TYPE_CHECKING:
    from importer.sources.source import Source

LEAVES = ("name", "displayName", "display_name", "login", "username")
"""Keys of a person's name."""
ROWS_AT_ONCE = 256
"""Few, as a cell may have hundreds of thousands of characters."""
DEEPEST = 5
ITEMS_READ = 50
"""The most items of a list that are read."""

_WHOLE = Ref("path", "@")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """The place of a column in the source.

    ref    how a mapping refers to it
    parts  the header, or the keys that lead to a value in a JSON record; `[]` follows a key whose value is a list
    """

    ref: Ref
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name for display."""
        return ".".join(self.parts)


Cell = tuple[ColumnPlace, str, int]
"""The place of a text, the text, and the number of texts of its record in that place."""


class Cells:
    """The filled cells of one column in one chunk; `several` of them hold more than one text."""

    __slots__ = ("several", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.several = 0


def read_columns(source: Source) -> Iterator[tuple[Sequence[str], Mapping[ColumnPlace, Cells]]]:
    """Yield for each chunk a number for each row that is not empty, the same for equal ones, and its columns."""
    headers = [file.header for file in source.files]
    names = dict.fromkeys(name.strip() for header in headers for name in header or () if name.strip())
    places = [ColumnPlace(Ref("column", name), (name,)) for name in names]
    for chunk in source.chunks([_WHOLE, *(place.ref for place in places)], ROWS_AT_ONCE):
        if chunk.positions.get(_WHOLE):
            [position] = chunk.positions[_WHOLE]
            yield _of_records(chunk.cells[position])
        else:
            yield _of_table(chunk, places)


def _of_table(chunk: Chunk, places: Iterable[ColumnPlace]) -> tuple[Sequence[str], Mapping[ColumnPlace, Cells]]:
    """Read the columns of a table; of repeated headers the first filled cell counts."""
    columns: dict[ColumnPlace, Cells] = {}
    used = [False] * len(chunk)
    for place in places:
        cells = columns[place] = Cells()
        physical = [chunk.cells[position] for position in chunk.positions.get(place.ref, ())]
        if len(physical) == 1:
            cells.texts = list(filter(is_filled, physical[0]))
        for row, texts in enumerate(zip(*physical, strict=True)):
            filled = list(filter(is_filled, texts))
            if not filled:
                continue
            used[row] = True
            if len(texts) > 1:
                cells.texts.append(filled[0])
                cells.several += len(filled) > 1
    return [str(hash(tuple(row))) for row, is_used in zip(chunk.raw, used, strict=True) if is_used], columns


def _of_records(texts: Iterable[str]) -> tuple[Sequence[str], Mapping[ColumnPlace, Cells]]:
    columns: defaultdict[ColumnPlace, Cells] = defaultdict(Cells)
    rows = []
    for record in texts:
        used = False
        for place, text, count in _record_cells(record):
            cells = columns[place]
            if is_filled(text):
                cells.texts.append(text)
                cells.several += count > 1
                used = True
        if used:
            rows.append(str(hash(record)))
    return rows, columns


def _record_cells(text: str) -> Iterator[Cell]:
    if not text:
        return
    # Numbers stay as written, which is how a mapping reads them.
    record = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, strict=False)
    if not isinstance(record, dict):
        return
    for key, value in record.items():
        if isinstance(value, dict | list):
            yield from _nested_cells(value, (key,))
        else:
            yield _top_place(key), _to_text(value), 1


def _nested_cells(value: Any, parts: tuple[str, ...]) -> Iterator[Cell]:
    if isinstance(value, dict):
        if len(parts) < DEEPEST:
            for key, child in value.items():
                yield from _nested_cells(child, (*parts, key))
    elif isinstance(value, list):
        yield from _list_cells(value[:ITEMS_READ], (*parts[:-1], f"{parts[-1]}[]"))
    else:
        yield make_place(parts), _to_text(value), 1


def _list_cells(items: Sequence[Any], parts: tuple[str, ...]) -> Iterator[Cell]:
    """Yield a list of scalars as one cell, and of a list of objects each scalar key as one cell."""
    scalars = [_to_text(item) for item in items if not isinstance(item, dict | list)]
    if scalars:
        yield make_place(parts), ", ".join(scalars), len(scalars)
        return
    keys = dict.fromkeys(key for item in items if isinstance(item, dict) for key in item)
    for key in keys:
        values = [item.get(key) for item in items if isinstance(item, dict)]
        texts = [_to_text(value) for value in values if value is not None and not isinstance(value, dict | list)]
        if texts:
            yield make_place((*parts, key)), ", ".join(texts), len(texts)
        elif may_discuss(parts[-1][:-2]):
            yield from _people_cells(values, (*parts, key))


def _people_cells(values: Sequence[Any], parts: tuple[str, ...]) -> Iterator[Cell]:
    """Yield the names of the people who wrote comments, where these are objects."""
    for leaf in LEAVES:
        texts = [
            _to_text(value[leaf]) for value in values if isinstance(value, dict) and isinstance(value.get(leaf), str)
        ]
        if texts:
            yield make_place((*parts, leaf)), ", ".join(texts), len(texts)


@lru_cache(maxsize=4096)
def _top_place(key: str) -> ColumnPlace:
    return ColumnPlace(Ref("column", key), (key,))


@lru_cache(maxsize=4096)
def make_place(parts: tuple[str, ...]) -> ColumnPlace:
    """Return the place that these keys lead to, with its JMESPath."""
    return ColumnPlace(Ref("path", ".".join(map(_step, parts))), parts)


def _step(part: str) -> str:
    name, brackets = (part[:-2], "[]") if part.endswith("[]") else (part, "")
    return (name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)) + brackets


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else {True: "true", False: "false"}.get(value, "")
