"""Puts the corrections of `--fixes` into the cells of a chunk."""

from __future__ import annotations

from dataclasses import replace

from importer.mapping.edited_tables import Fix, Fixed, Fixes
from importer.phrases import plain_name
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
