"""What is within a cell: ids of resources and of other issues, and JSON with objects that have parts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

from importer.mapping.json_paths import compile_path
from importer.mapping.patterns import Searcher
from importer.transform.plain_text import is_filled

# Fractions are kept as they are written; an integer is written back as it was.
_decode = json.JSONDecoder(parse_float=str, parse_constant=str, strict=False).decode
write_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode

PartPaths = Mapping[str, Callable[[Any], Any]]
"""Part of an object → the function that finds it."""


def compile_parts(model: BaseModel) -> PartPaths:
    """The functions of a model's expressions, by the model's fields; those that are not set are absent."""
    named = {name: getattr(model, name) for name in type(model).model_fields}
    return {name: compile_path(path) for name, path in named.items() if path is not None}


def read_items(cell: str) -> list[Any] | None:
    """The values of a JSON array, or the one value of anything else; None of what is no JSON."""
    try:
        value = _decode(cell)
    except (ValueError, RecursionError):  # an integer of thousands of digits is a ValueError too
        return None
    if isinstance(value, list):
        return value
    return [value]


def find_parts(item: Mapping[str, Any], paths: PartPaths) -> dict[str, str]:
    """The text of each part of an object. Raises JMESPathError where an expression can't be applied to it."""
    return {name: to_text(search(item)) for name, search in paths.items()}


def to_text(value: Any) -> str:
    """A value as text: "" where there is none, JSON where it is no text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return write_json(value)


def find_ids(find: Searcher, text: str) -> Iterator[str]:
    """Every match of a pattern in a text: its group 1, or the whole match where the group is empty."""
    for match in find.finditer(text):
        name = (match[1] if find.groups else None) or match[0]
        if is_filled(name):
            yield name.strip()


def read_ids(cells: Sequence[str], split: str | None) -> Iterator[str]:
    """Yield every id in cells: one in a cell, or several separated by `split`."""
    for cell in cells:
        if not is_filled(cell):
            continue
        parts = cell.split(split) if split else (cell,)
        for part in parts:
            if is_filled(part):
                yield part.strip()


def names_in(text: str, find: Searcher | None) -> Iterable[str]:
    """What a text names: all that a pattern finds in it, or itself where there is no pattern."""
    if find is None:
        return (text,)
    return find_ids(find, text)
