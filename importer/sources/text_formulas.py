"""Cells of a CSV file that are written as formulas of a text, `="0012"`: no spreadsheet makes a number of that."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from importer.phrases import plain_name

if TYPE_CHECKING:
    from importer.sources.csv import Batch

NOTICE = 'cells like ="0012" or =HYPERLINK("…","0012") are read as the text that a spreadsheet shows: 0012'

_TEXT = r'"((?:[^"]|"")*+)"'
_FORMULA = re.compile(rf"\s*=\s*(?:{_TEXT}|HYPERLINK\(\s*{_TEXT}(?:\s*[,;]\s*{_TEXT})?\s*\))\s*", re.IGNORECASE)


def open_formula(cell: str) -> str:
    """The text that a spreadsheet shows for such a cell; any other cell as it is."""
    match = _FORMULA.fullmatch(cell) if cell.lstrip().startswith("=") else None
    return cell if match is None else (match[1] or match[3] or match[2] or "").replace('""', '"')


def has_formulas(rows: Iterable[Iterable[str]]) -> bool:
    """Whether any cell of these rows is such a formula."""
    return any(open_formula(cell) is not cell for row in rows for cell in row)


def column_name(cell: str) -> str:
    """The name of a column, by its cell in the header."""
    return plain_name(open_formula(cell))


def open_formulas(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The batches of a file with such cells, each cell as its text; what is written back of a row has it, too."""
    for batch in batches:
        raw = [list(map(open_formula, row)) for row in batch.raw]
        yield batch._replace(raw=raw, cells=[list(map(open_formula, row)) for row in batch.cells])
        del batch, raw  # as in `chunk_batches`
