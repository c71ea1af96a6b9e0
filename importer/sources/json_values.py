"""JSON values → text, numbers as they are written; JMESPath finds them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jmespath
from jmespath.exceptions import JMESPathError

from importer.records import Finding, Ref

# Python converts no longer ones (sys.get_int_max_str_digits).
INTEGER_DIGITS = 4300


class WrittenNumber(float):
    """A number that keeps how it was written: `1e5`, `1.10`, `-0`. It counts and compares as a float."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        """Make the number that `text` says."""
        number = super().__new__(cls, text)
        number.text = text
        return number


WrittenNumber.__name__ = "float"  # JMESPath's functions know numbers by the name of their type.


def _integer(text: str) -> int | WrittenNumber:
    # An int is written back as it was; what isn't, is kept as text.
    return WrittenNumber(text) if text == "-0" or len(text) >= INTEGER_DIGITS else int(text)


decoder = json.JSONDecoder(parse_int=_integer, parse_float=WrittenNumber, parse_constant=WrittenNumber)
"""Reads JSON so that `write` gives each number back as it was written."""

lenient_decoder = json.JSONDecoder(
    parse_int=_integer, parse_float=WrittenNumber, parse_constant=WrittenNumber, strict=False
)
"""Reads texts with control characters in them too."""

_encode = json.JSONEncoder(ensure_ascii=False).encode


def write(value: Any) -> str:
    """Write a value as compact JSON, numbers as they were written."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{write(key)}:{write(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(write, value)) + "]"
    return value.text if isinstance(value, WrittenNumber) else _encode(value)


def to_text(value: Any) -> str:
    """Turn a value into one cell: text as it is, null empty, an object or list as compact JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else write(value)


def to_cells(value: Any) -> list[str]:
    """Turn a value into cells: a list of scalars has one for each, anything else has one."""
    if isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value):
        return [to_text(item) for item in value]
    return [to_text(value)]


def to_columns(values: Sequence[Any]) -> list[list[str]]:
    """Turn one value a row into columns: as many as the longest list of scalars has items, at least one."""
    if not any(isinstance(value, list) for value in values):
        return [[to_text(value) for value in values]]
    rows = [to_cells(value) for value in values]
    width = max(1, *map(len, rows))
    return [[row[index] if index < len(row) else "" for row in rows] for index in range(width)]


Getter = Callable[[Mapping[str, Any]], Any]


def make_getter(ref: Ref) -> Getter:
    """Make the function that finds a reference in a record: a top-level key by its exact name, or a JMESPath."""
    if ref.kind == "column":
        return lambda record: record.get(ref.name)
    search: Getter = jmespath.compile(ref.name).search
    return search


def find_values(getters: Mapping[Ref, Getter], record: Mapping[str, Any]) -> list[Any] | Finding:
    """Find every reference in a record, or say which JMESPath does not fit it."""
    values: list[Any] = []
    for ref, getter in getters.items():
        try:
            values.append(getter(record))
        except JMESPathError as error:
            return _path_failed(ref, error)
    return values


def _path_failed(ref: Ref, error: JMESPathError) -> Finding:
    return Finding(
        "row-path-failed",
        "",
        f"The {ref} can't be applied to this record: {error}",
        hint="Give it a value where the record has none, for example labels || `[]`.",
        value=ref.name,
    )
