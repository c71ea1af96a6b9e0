"""The forms of export that the presets are for, read without loading the presets themselves."""

from __future__ import annotations

import re

from importer.mapping.model import Shape
from importer.mapping.presets import preset_names, preset_path
from importer.mapping.reader import plain
from importer.mapping.yaml_tree import parse

# Thirty presets take seconds to load and check; of most of them only this block is ever wanted.
_BLOCK = re.compile(r"^recognise:\n(?:(?:[ #-].*)?\n)*", re.MULTILINE)


def preset_shapes() -> dict[str, list[Shape]]:
    """Preset → its forms; presets without any are absent."""
    return {name: shapes for name in preset_names() if (shapes := _read_shapes(name))}


def _read_shapes(name: str) -> list[Shape]:
    path = preset_path(name)
    block = _BLOCK.search(path.read_text(encoding="utf-8")) if path else None
    tree = parse(block[0], path.name)[0].child("recognise") if block and path else None  # type: ignore[union-attr]
    return [Shape.model_validate(shape) for shape in plain(tree)] if tree else []
