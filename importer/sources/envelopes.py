"""Records that come wrapped: in Perceval's envelopes, as [stream, record] pairs, as the edges of a GraphQL answer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

PAIRS = "[stream, record] pairs"
PERCEVAL = "Perceval envelope"
EDGES = "GraphQL edges"

STREAM_KEY = "_stream"
"""The key of a record that says which stream its pair named."""
CATEGORY_KEY = "_category"
"""The key of a record that says which category its Perceval envelope named."""

_EDGE_KEYS = {"node", "cursor", "__typename"}


def is_pair(value: Any) -> bool:
    """Whether a value is a list of a stream's name and a record."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def _is_perceval(value: Any) -> bool:
    return isinstance(value, dict) and "backend_name" in value and isinstance(value.get("data"), dict)


def _is_edge(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("node"), dict) and value.keys() <= _EDGE_KEYS


_FORMS: dict[str, Callable[[Any], bool]] = {PAIRS: is_pair, PERCEVAL: _is_perceval, EDGES: _is_edge}


def find_envelope(values: Sequence[Any]) -> str:
    """Name the envelope that all of these values are in, `""` if there is none; numbers and the like don't count."""
    values = [value for value in values if isinstance(value, list | dict)]
    return next((name for name, fits in _FORMS.items() if values and all(map(fits, values))), "")


def open_pair(pair: Sequence[Any]) -> dict[str, Any]:
    """The record of a pair, its stream as its first key."""
    stream = {STREAM_KEY: pair[0]}
    return {**stream, **pair[1], **stream}


def open_envelope(envelope: str, record: dict[str, Any]) -> dict[str, Any]:
    """The record within a record. One that isn't wrapped, among others that are, is taken as it is."""
    if envelope == PERCEVAL and _is_perceval(record):
        data: dict[str, Any] = record["data"]
        category = record.get("category")
        return data if category is None else {CATEGORY_KEY: category, **data}
    if envelope == EDGES and _is_edge(record):
        node: dict[str, Any] = record["node"]
        return node
    return record


def stream_of(record: dict[str, Any]) -> str:
    """The stream that a record came in, `""` if none is named."""
    stream = record.get(STREAM_KEY)
    return stream if isinstance(stream, str) else ""
