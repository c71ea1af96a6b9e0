"""Reading errors.csv and errors.jsonl as a source: their import columns are no part of the records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from importer.records import Finding
from importer.sources.json_values import to_text, write
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW, unescape_cell

STILL_RAW = Finding(
    "row-malformed",
    "",
    f"The record still has {IMPORT_RAW}: the original text, which was not a JSON object.",
    hint=f"Put the corrected record's own keys in place of {IMPORT_RAW}.",
)


def is_errors_header(header: Sequence[str]) -> bool:
    """Whether a CSV header ends in the import columns."""
    return tuple(header[-len(IMPORT_COLUMNS) :]) == IMPORT_COLUMNS


def is_errors_record(record: object) -> bool:
    """Whether a JSON record has all import keys."""
    return isinstance(record, dict) and record.keys() >= set(IMPORT_COLUMNS)


def own_cells(row: Sequence[str], width: int) -> list[str]:
    """Return a row of errors.csv unescaped, without the import columns; `width` is how many columns the source has."""
    return [unescape_cell(cell) for cell in (*row[:width], *row[width + len(IMPORT_COLUMNS) :])]


def own_keys(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record of errors.jsonl without the import keys."""
    return {key: value for key, value in record.items() if key not in IMPORT_COLUMNS}


def own_text(own: dict[str, Any]) -> str:
    """Return the text of a record without the import keys; of an uncorrected one, the raw text that it came from."""
    return to_text(own[IMPORT_RAW]) if own.keys() == {IMPORT_RAW} else write(own)
