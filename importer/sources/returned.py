"""An errors file that is given back: its import columns lead to the first file's rows and are no part of a record."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from importer.spreadsheet import IMPORT_COLUMNS, unescape_cell


def is_errors_header(header: Sequence[str]) -> bool:
    """Whether a CSV header ends in the import columns."""
    return tuple(header[-len(IMPORT_COLUMNS) :]) == IMPORT_COLUMNS


def is_errors_record(record: object) -> bool:
    """Whether a JSON record has all import keys."""
    return isinstance(record, dict) and record.keys() >= set(IMPORT_COLUMNS)


def own_cells(row: Sequence[str], width: int) -> list[str]:
    """Return a row of errors.csv without the import columns, unescaped. `width` counts the source's own columns."""
    return [unescape_cell(cell) for cell in (*row[:width], *row[width + len(IMPORT_COLUMNS) :])]


def own_keys(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of errors.jsonl without the import keys."""
    return {key: value for key, value in record.items() if key not in IMPORT_COLUMNS}
