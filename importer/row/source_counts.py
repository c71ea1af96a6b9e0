"""Reads what the source itself counts of its issues."""

from __future__ import annotations

from importer.mapping.issue_parts import Counted
from importer.row.compiler import Compiler, ReadText
from importer.row.source_row import SourceRow
from importer.transform.plain_text import read_integer


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
            number = read_integer(reader(row))
            if number is not None and number > less:
                counts[name] = number - less
        return counts
