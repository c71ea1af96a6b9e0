"""`values.csv`: the target of each value, as a table for people who don't write YAML."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterable, Sequence

from importer.authoring.draft.values import Value
from importer.mapping.edited_tables import VALUE_COLUMNS, EditedTable
from importer.mapping.model import UNDECIDED, fold
from importer.spreadsheet import escape_cell

FILE_NAME = "values.csv"


def new_table(values: Iterable[Value]) -> bytes:
    """Return the table of a new draft: undecided values first, with `?`; decided ones have an empty cell."""
    ordered = sorted(values, key=lambda value: value.decided)
    lines = [_cells(value, UNDECIDED if not value.decided else "") for value in ordered]
    return codecs.BOM_UTF8 + _csv([VALUE_COLUMNS, *lines], ",").encode()


def added_lines(values: Iterable[Value], layout: EditedTable, before: bytes) -> bytes:
    """Return lines to append to an existing table in its own layout, for values that are nowhere else."""
    rows = []
    for value in values:
        cells = dict(zip(VALUE_COLUMNS, _cells(value, value.proposal if value.decided else UNDECIDED), strict=True))
        rows.append([cells.get(name, "") for name in map(fold, layout.header)])
    text = _csv(rows, layout.delimiter)
    if layout.encoding == "utf-16":
        little = before.startswith(codecs.BOM_UTF16_LE)
        encoding, end = ("utf-16-le", b"\n\0") if little else ("utf-16-be", b"\0\n")
        return ("" if before.endswith(end) else "\r\n").encode(encoding) + text.encode(encoding)
    return (b"" if before.endswith((b"\n", b"\r")) else b"\r\n") + text.encode()


def _cells(value: Value, decision: str) -> list[str]:
    return [
        value.field,
        escape_cell(value.value),
        str(value.rows),
        str(value.open_rows),
        escape_cell(value.sample),
        escape_cell(value.proposal),
        escape_cell(decision),
    ]


def _csv(rows: Iterable[Sequence[str]], delimiter: str) -> str:
    buffer = io.StringIO()
    csv.writer(buffer, delimiter=delimiter).writerows(rows)
    return buffer.getvalue()
