"""JSON values as cells: decoding with numbers as written, and conversion to text."""

from __future__ import annotations

import json
from typing import Any

import orjson

# Python refuses to convert longer ones (sys.get_int_max_str_digits).
INTEGER_DIGITS = 4300


class WrittenNumber(float):
    """A float that keeps its text: `1e5`, `1.10`, `-0`."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> WrittenNumber:
        """Parse a number."""
        number = super().__new__(cls, text)
        number.text = text
        return number


WrittenNumber.__name__ = "float"  # JMESPath's functions recognise numbers by the name of their type.


def _integer(text: str) -> int | WrittenNumber:
    # Integers that Python would not write back as they were are kept as text.
    return WrittenNumber(text) if text == "-0" or len(text) >= INTEGER_DIGITS else int(text)


class Ambiguous(dict[str, Any]):
    """An object that has, in itself or in what is in it, a key twice, with two values; of which the last one counts."""

    repeated: str


class _RepeatedKeyError(ValueError):
    """A key that an object has twice, with two values."""


def _as_object(members: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(members)
    if len(made) != len(members):
        for key, value in members:
            if made[key] != value:
                raise _RepeatedKeyError(key)
    return made


class _Decoder(json.JSONDecoder):
    """Decodes JSON; an object that has a key with two values is `Ambiguous`."""

    def raw_decode(self, s: str, idx: int = 0) -> tuple[Any, int]:
        try:
            return super().raw_decode(s, idx)
        except _RepeatedKeyError as error:
            value, end = lenient_decoder.raw_decode(s, idx)
            if isinstance(value, dict):
                value = Ambiguous(value)
                value.repeated = str(error)
            return value, end


decoder = _Decoder(
    object_pairs_hook=_as_object, parse_int=_integer, parse_float=WrittenNumber, parse_constant=WrittenNumber
)
"""Decodes JSON so that `write` writes each number as it was."""

lenient_decoder = json.JSONDecoder(
    parse_int=_integer, parse_float=WrittenNumber, parse_constant=WrittenNumber, strict=False
)
"""The same, but allows control characters in strings, and keys that come twice."""

_encode = json.JSONEncoder(ensure_ascii=False).encode


def write(value: Any) -> str:
    """Return a value as compact JSON, with numbers as they were written."""
    if isinstance(value, dict | list):
        try:
            return orjson.dumps(value, lambda number: orjson.Fragment(number.text)).decode()
        except orjson.JSONEncodeError:  # of half a character, or of an integer or a nesting that it doesn't take
            return _write_parts(value)
    if isinstance(value, WrittenNumber):
        return value.text
    return str(value) if type(value) is int else _encode(value)


def _write_parts(value: dict[str, Any] | list[Any]) -> str:
    if isinstance(value, dict):
        return "{" + ",".join(f"{_encode(key)}:{write(item)}" for key, item in value.items()) + "}"
    return "[" + ",".join(map(write, value)) + "]"


def to_text(value: Any) -> str:
    """Return a value as one cell: text as it is, an object or list as compact JSON, "" for null and what is empty."""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        return write(value) if _is_filled(value) else ""
    return "" if value is None else write(value)


def _is_filled(value: dict[str, Any] | list[Any]) -> bool:
    """Whether there is a filled leaf: not in GraphQL's `{"nodes":[]}`."""
    pending = [value]
    for each in pending:
        for item in each.values() if isinstance(each, dict) else each:
            if isinstance(item, dict | list):
                pending.append(item)
            elif item is not None and item != "":
                return True
    return False


def is_list_of_scalars(value: Any) -> bool:
    """Whether a value is several cells: one for each of its items."""
    return isinstance(value, list) and not any(isinstance(item, (dict, list)) for item in value)


def to_cells(value: Any) -> list[str]:
    """Return a value as cells: one for each item of a list of scalars, one for anything else."""
    if is_list_of_scalars(value):
        return [to_text(item) for item in value]
    return [to_text(value)]
