"""Making chunks of values found in JSON records: a reference gets as many columns as its longest list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from importer.records import CHUNK_CHARACTERS, Chunk, Finding, Ref, Table
from importer.sources.json_values import to_columns


class FoundRow(NamedTuple):
    """A row with the values of its references.

    line    physical line where it begins
    raw     its raw text, or its cells
    origin  its place in the original source, of an errors file; else ""
    found   one value for each reference, or why the row can't be used
    """

    line: int
    raw: str | Sequence[str]
    origin: str
    found: Sequence[Any] | Finding


def chunk_rows(
    rows: Iterable[FoundRow],
    number: int,
    name: str,
    refs: Sequence[Ref],
    size: int,
    tables: Mapping[Table, Mapping[str, str]],
) -> Iterator[Chunk]:
    """Yield chunks of up to `size` rows, and of CHUNK_CHARACTERS.

    `number` is the file's place in the source, `name` as the user typed it, `tables` the look-up tables beside its
    records. Every reference gets a column: a key that is absent in this chunk may be in the next one.
    """
    nothing = [None] * len(refs)
    first = 1
    for batch in _take_batches(rows, size):
        lines, raw, origins, found = (list(part) for part in zip(*batch, strict=True))
        defects = {index: values for index, values in enumerate(found) if isinstance(values, Finding)}
        values = zip(*(nothing if index in defects else row for index, row in enumerate(found)), strict=True)
        columns, positions = _place_columns(dict(zip(refs, values, strict=True)))
        numbers = range(first, first + len(batch))
        known = {index: origin for index, origin in enumerate(origins) if origin}
        yield Chunk(number, name, numbers, lines, raw, columns, positions, defects, known, tables)
        first = numbers.stop


def _take_batches(rows: Iterable[FoundRow], size: int) -> Iterator[list[FoundRow]]:
    batch: list[FoundRow] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row.raw) if isinstance(row.raw, str) else sum(map(len, row.raw))
        if len(batch) >= size or characters >= CHUNK_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


def _place_columns(
    values: Mapping[Ref, Sequence[Any]],
) -> tuple[dict[int, list[str]], dict[Ref, tuple[int, ...]]]:
    """Return the columns of all references, labelled from 0, and the labels of each reference."""
    columns: dict[int, list[str]] = {}
    positions: dict[Ref, tuple[int, ...]] = {}
    for ref, own_values in values.items():
        own = dict(enumerate(to_columns(own_values), start=len(columns)))
        positions[ref] = tuple(own)
        columns |= own
    return columns, positions
