"""JSON in a cell: the objects in it, and the texts that expressions find in an object."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel

from importer.mapping.json_paths import compile_path

# Fractions are kept as they are written; an integer is written back as it was.
_decode = json.JSONDecoder(parse_float=str, parse_constant=str, strict=False).decode
write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

PartPaths = Mapping[str, Callable[[Any], Any]]
"""Part of an object → the function that finds it."""


def compile_parts(each: BaseModel) -> PartPaths:
    """The functions of a model's expressions, by the model's fields; those that are not set are absent."""
    named = {name: getattr(each, name) for name in type(each).model_fields}
    return {name: compile_path(path) for name, path in named.items() if path is not None}


def read_items(cell: str) -> list[Any] | None:
    """The values of a JSON array, or the one value of anything else; None of what is no JSON."""
    try:
        value = _decode(cell)
    except (ValueError, RecursionError):  # an integer of thousands of digits is a ValueError too
        return None
    return value if isinstance(value, list) else [value]


def find_parts(item: Mapping[str, Any], paths: PartPaths) -> dict[str, str]:
    """The text of each part of an object. Raises JMESPathError where an expression can't be applied to it."""
    return {name: to_text(search(item)) for name, search in paths.items()}


def to_text(value: Any) -> str:
    """A value as text: "" where there is none, JSON where it is no text."""
    if value is None:
        return ""
    return value if isinstance(value, str) else write_json(value)
