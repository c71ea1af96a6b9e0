"""Rows whose cells name their column by its id, as Smartsheet's API returns a sheet: its columns stand beside them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from importer.sources.json import NumberedValue
from importer.sources.json_outline import Outline
from importer.sources.json_values import to_text, write

COLUMNS, ROWS = "columns", "rows"


def is_sheet(outline: Outline) -> bool:
    """Whether a document has columns with a title each, and rows of cells."""
    names = {path: set().union(*sampler.names.values()) for path, sampler in outline.arrays.items()}
    return {"id", "title"} <= names.get((COLUMNS,), set()) and "cells" in names.get((ROWS,), set())


def open_cells(values: Iterable[NumberedValue], titles: Mapping[str, str]) -> Iterator[NumberedValue]:
    """Yield each row with its cells under the titles of their columns; its text has them, too.

    What a cell shows counts before its value, which of a person is a mail address.
    """
    for line, raw, row in values:
        if not isinstance(row, dict) or not isinstance(row.get("cells"), list):
            yield line, raw, row
            continue
        record = {key: value for key, value in row.items() if key != "cells"}
        for cell in row["cells"]:
            if isinstance(cell, dict) and (title := titles.get(to_text(cell.get("columnId")))):
                record[title] = cell.get("displayValue", cell.get("value"))
        yield line, write(record), record
