"""The corrections of `--fixes`: put into the cells of a chunk, and counted."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from importer.mapping.fixes_table import Fix, Fixed, Fixes
from importer.phrases import counted, plain_name
from importer.records import Chunk


def apply_fixes(fixes: Fixes, chunk: Chunk) -> tuple[Chunk, Fixed]:
    """The chunk with its cells corrected, and what was. Its raw rows stay as they came: they make keys."""
    if not fixes.columns:
        return chunk, {}
    touched = {
        position: fixes.columns[plain_name(ref.name)]
        for ref, positions in chunk.positions.items()
        if plain_name(ref.name) in fixes.columns
        for position in positions
    }
    cells: dict[int, list[str]] = {}
    fixed: dict[int, tuple[Fix, ...]] = {}
    for position, by_value in touched.items():
        texts = chunk.cells[position]
        hits = {text: by_value[text.strip()] for text in set(texts) if text.strip() in by_value}
        if hits:
            cells[position] = [hits[text].new if text in hits else text for text in texts]
            for row, text in enumerate(texts):
                if text in hits and hits[text] not in fixed.get(row, ()):
                    fixed[row] = (*fixed.get(row, ()), hits[text])
    if not fixed:
        return chunk, {}
    return replace(chunk, cells={**chunk.cells, **cells}), fixed


class FixCount:
    """Counts the rows that were corrected, by correction, and the corrections that no row needed."""

    def __init__(self, fixes: Fixes) -> None:
        self._fixes = fixes
        self._rows_of = Counter[Fix]()
        self._rows = 0

    def add(self, fixed: Fixed) -> None:
        """Count a chunk."""
        self._rows += len(fixed)
        self._rows_of.update(fix for row in fixed.values() for fix in row)

    def rows_of(self, fix: Fix) -> int:
        """Return how many rows a correction was applied to."""
        return self._rows_of[fix]

    def sentence(self) -> str:
        """Sum up in a line like `fixes: 3 values, 41 rows`; "" without `--fixes`."""
        if self._fixes.path is None:
            return ""
        parts = [f"fixes: {counted(len(self._rows_of), 'value')}, {counted(self._rows, 'row')}"]
        if self._fixes.left:
            parts.append(f"{counted(self._fixes.left, 'line')} without a new value")
        idle = [fix for fix in self._fixes if fix not in self._rows_of]
        if idle:
            first = min(idle, key=lambda fix: fix.line)
            parts.append(f"{counted(len(idle), 'value')} in no row, the first on line {first.line}: {first.bad!r}")
        return "; ".join(parts)
