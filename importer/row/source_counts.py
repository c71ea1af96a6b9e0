"""Reads what the source itself counts of its issues."""

from __future__ import annotations

import re

from importer.mapping.issue_parts import Counted
from importer.row.compiler import Compiler, ReadText
from importer.row.source_row import SourceRow

_NUMBER = re.compile(r"\s*([0-9]{1,9})(?:\.0+)?\s*")  # a spreadsheet makes 7.0 of 7


class SourceCounter:
    """Reads the counters of a file's rows, as far as the mapping names any."""

    def __init__(self, counted: Counted, compiler: Compiler) -> None:
        self._counters: list[tuple[str, ReadText, int]] = []
        for name in type(counted).model_fields:
            counter = getattr(counted, name)
            if counter is not None:
                self._counters.append((name, compiler.text(counter), counter.less))

    def read(self, row: SourceRow) -> dict[str, int]:
        """What is counted → how many; a cell that is no whole number counts nothing."""
        counts: dict[str, int] = {}
        for name, reader, less in self._counters:
            match = _NUMBER.fullmatch(reader(row))
            if match is None:
                continue
            number = int(match[1]) - less
            if number > 0:
                counts[name] = number
        return counts
