"""CSV files whose records are JSON objects in one column, as data pipelines write them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from json import JSONDecodeError
from typing import Any

from importer.records import Finding, Ref
from importer.sources.csv import Batch
from importer.sources.found_rows import FoundRow
from importer.sources.json import check_value, refuse_ambiguous
from importer.sources.json_values import decoder, find_values, make_getter

COLUMNS_AT_MOST = 12
"""A wider table has its data in its columns."""

OBJECT_SHARE = 0.5
"""The least share of the column's cells that are objects; the others need to be corrected."""

TEXT_SHARE = 0.5
"""The least share of the rows' text that is in the column: a small object is a field of the record, not the record."""

HINT = "Correct the JSON in that cell."


def find_json_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the column whose cells are JSON objects with most of the rows' text, None without one."""
    if len(header) > COLUMNS_AT_MOST:
        return None
    cells = {column: [row[column] for row in rows if column < len(row)] for column in range(len(header))}
    least = TEXT_SHARE * sum(len(cell) for row in rows for cell in row)
    for column, texts in cells.items():
        if sum(map(len, texts)) >= least and any(texts) and _are_objects(texts):
            return column
    return None


def _are_objects(cells: Sequence[str]) -> bool:
    """Whether at least half of the cells are JSON objects."""
    objects = sum(cell.lstrip().startswith("{") and isinstance(_parse(cell), dict) for cell in cells)
    return objects >= OBJECT_SHARE * len(cells)


def _parse(cell: str) -> Any:
    try:
        return decoder.decode(cell.strip())
    except (JSONDecodeError, RecursionError):
        return None


def embedded_record(header: Sequence[str], cells: Sequence[str], column: int, line: int) -> dict[str, Any] | Finding:
    """Return the object in a row's cell, together with the other cells by header; the object's own keys win."""
    where = f"Line {line}, column {header[column].strip()!r}"
    cell = cells[column].strip()
    if not cell:
        return Finding("row-malformed", "", f"{where} is empty instead of a JSON object", hint=HINT)
    try:
        record = check_value(line, cell, refuse_ambiguous(line, decoder.decode(cell)))
    except JSONDecodeError as error:
        message = f"{where} is not valid JSON at character {error.pos + 1:,}: {error.msg}"
        return Finding("row-malformed", "", message, hint=HINT)
    except RecursionError:
        return Finding("row-malformed", "", f"{where} is nested too deeply", hint=HINT)
    if isinstance(record, Finding):
        return record
    beside = {name.strip(): text for name, text in zip(header, cells, strict=True) if name.strip() not in record}
    return {**beside, **record}


def find_embedded(
    batches: Iterable[Batch], header: Sequence[str], column: int, refs: Sequence[Ref]
) -> Iterator[FoundRow]:
    """Yield each row's line, raw cells, origin, and the values of the references in its record."""
    getters = {ref: make_getter(ref) for ref in refs}
    for batch in batches:
        for index, (line, raw, cells) in enumerate(zip(batch.lines, batch.raw, batch.cells, strict=True)):
            record = batch.defects.get(index) or embedded_record(header, cells, column, line)
            found = record if isinstance(record, Finding) else find_values(getters, record)
            yield FoundRow(line, raw, batch.origins.get(index, ""), found)
