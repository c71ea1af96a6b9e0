"""How many comments and attachments the source itself counts of an issue, wherever these are."""

from __future__ import annotations

import re
from collections.abc import Mapping

from importer.mapping.issue_parts import Counted
from importer.transform.columns import Columns

SourceCounts = Mapping[str, Mapping[int, int]]
"""What is counted → row → how many of it the source counts; rows without any are absent."""

_NUMBER = re.compile(r"\s*([0-9]{1,9})(?:\.0+)?\s*")  # a spreadsheet makes 7.0 of 7


def read_source_counts(counted: Counted, columns: Columns) -> SourceCounts:
    """Read the counters of a chunk; a cell that is no whole number counts nothing."""
    counts: dict[str, dict[int, int]] = {}
    for name in type(counted).model_fields:
        counter = getattr(counted, name)
        if counter is None:
            continue
        cells = [(row, cell) for row, cell in enumerate(columns.text(counter)) if cell]
        numbers = ((row, int(match[1]) - counter.less) for row, cell in cells if (match := _NUMBER.fullmatch(cell)))
        if found := {row: number for row, number in numbers if number > 0}:
            counts[name] = found
    return counts
