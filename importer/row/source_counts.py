"""Reads what the source itself counts of its issues."""

from __future__ import annotations

from importer.mapping.issue_parts import Counted
from importer.row.compiler import Compiler, ReadText, read_nothing
from importer.sources.source_rows import SourceRow
from importer.transform.plain_text import read_integer


class SourceCounter:
    """Reads the counters of a file's rows.

    reads_anything  whether the file has any that the mapping names
    """

    def __init__(self, counted: Counted, compiler: Compiler) -> None:
        self._counters: list[tuple[str, ReadText, int]] = []
        for name in type(counted).model_fields:
            counter = getattr(counted, name)
            reader = compiler.text(counter)
            if reader is not read_nothing:
                self._counters.append((name, reader, counter.less))
        self.reads_anything = bool(self._counters)

    def read(self, row: SourceRow) -> dict[str, int]:
        """What is counted → how many; a cell that is no whole number counts nothing."""
        counts: dict[str, int] = {}
        for name, reader, less in self._counters:
            number = read_integer(reader(row))
            if number is not None and number > less:
                counts[name] = number - less
        return counts
