"""Unwrapping records: Perceval envelopes, pairs and tuples, connector messages, GraphQL edges, Elastic hits."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from importer.sources.paging import paging_keys

PAIRS = "[stream, record] pairs"
TUPLES = "[id, created, changed, fields] tuples"
PERCEVAL = "Perceval envelope"
EDGES = "GraphQL edges"
MESSAGES = "connector messages"
HITS = "Elasticsearch hits"
ANSWER = "response with one record"

IDENTITY_KEYS = {"id", "key", "iid", "gid", "number", "_id", "sys_id"}
TITLE_KEYS = {"title", "summary", "subject"}

EACH = "*"
"""In the path of records: each value of an object whose keys are ids."""

STREAM_KEY = "_stream"
"""Added to a record: the stream that its pair or message named."""

LINE_KEY = "_line"
"""Added to a record: what an answer has around it, or a JSON line around its array, under keys that it has, too."""

CATEGORY_KEY = "_category"
"""Added to a record: the category that its Perceval envelope named."""

ANSWER_DEPTH = 4
KEYS_OF_A_RECORD = 3

_EDGE_KEYS = {"node", "cursor", "__typename"}
_MESSAGE_TYPES = {
    *("RECORD", "SCHEMA", "STATE", "ACTIVATE_VERSION", "BATCH"),  # Singer
    *("LOG", "SPEC", "CATALOG", "CONNECTION_STATUS", "TRACE", "CONTROL"),  # Airbyte
}


def is_pair(value: Any) -> bool:
    """Whether a value is a list of a stream name and a record."""
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], dict)


def is_tuple(value: Any) -> bool:
    """Whether a value is a ticket as Trac's remote calls answer it: its number, two times, and its fields."""
    is_long = isinstance(value, list) and len(value) == 4 and isinstance(value[3], dict)
    return is_long and not isinstance(value[0], list | dict) and not TITLE_KEYS.isdisjoint(value[3])


def _is_perceval(value: Any) -> bool:
    return isinstance(value, dict) and "backend_name" in value and isinstance(value.get("data"), dict)


def is_wrapped(keys: Collection[str], *, has_arrays: bool) -> bool:
    """Whether an object with these keys is an envelope around one record; an answer that has arrays is none."""
    forms = ({"backend_name", "data"}, {"_index", "_source"}, *([] if has_arrays else [{"result", "error"}]))
    return any(form <= {*keys} for form in forms)


def _is_hit(value: Any) -> bool:
    return isinstance(value, dict) and "_index" in value and isinstance(value.get("_source"), dict)


def _is_edge(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("node"), dict) and value.keys() <= _EDGE_KEYS


def find_answered(value: Any) -> list[str]:
    """Return the keys that lead to the one record that an API's answer holds; [] if it is none.

    Beside the record an answer has nothing but scalars and empty values: `{"data": {"id": …}, "errors": null}`.
    """
    path: list[str] = []
    while isinstance(value, dict) and len(path) < ANSWER_DEPTH:
        if not IDENTITY_KEYS.isdisjoint(value):
            return path if len(value) >= KEYS_OF_A_RECORD else []
        filled = [key for key, item in value.items() if isinstance(item, dict | list) and item]
        if len(filled) != 1 or filled[0].startswith("_") or not TITLE_KEYS.isdisjoint(value):
            return []  # `_issues` is what stands around a comment's array
        path.append(filled[0])
        value = value[filled[0]]
    return []


def is_message(value: Any) -> bool:
    """Whether a value is a message of a Singer tap or an Airbyte source."""
    kind = value.get("type") if isinstance(value, dict) else None
    return (
        isinstance(kind, str)  # GitHub's issues have an object there
        and kind in _MESSAGE_TYPES
        and (kind != "RECORD" or isinstance(value.get("record"), dict))
    )


_FORMS: dict[str, Callable[[Any], bool]] = {
    PAIRS: is_pair,
    TUPLES: lambda value: is_tuple(value.get("result") if isinstance(value, dict) else value),
    PERCEVAL: _is_perceval,
    EDGES: _is_edge,
    HITS: _is_hit,
    ANSWER: lambda value: bool(find_answered(value)),
}


def line_keys(value: Any, path: Sequence[str]) -> dict[str, Any]:
    """What an object says around the array at a path, without what only says which page of an answer it is."""
    around: dict[str, Any] = {}
    for key in path:
        if not isinstance(value, dict) or key not in value:
            break
        around |= {name: item for name, item in value.items() if name != key and name not in paging_keys()}
        value = value[key]
    return around


def in_line(own: Mapping[str, Any], record: Any) -> Mapping[str, Any]:
    """What a JSON line says around a record; what the record says, too, under `_line`."""
    if not isinstance(record, dict) or find_envelope([record]):  # what an API wraps stays as it is
        return {}
    twice = {name: item for name, item in own.items() if name in record}
    return {**own, **({LINE_KEY: twice} if twice else {})}


def find_envelope(values: Sequence[Any]) -> str:
    """Return the envelope that all of these values are in, in words; "" if there is none. Scalars are ignored."""
    values = [value for value in values if isinstance(value, list | dict)]
    if not values:
        return ""
    if all(map(is_message, values)) and any({"record", "schema", "catalog"} & value.keys() for value in values):
        return MESSAGES
    return next((name for name, fits in _FORMS.items() if all(map(fits, values))), "")


def open_pair(pair: Sequence[Any]) -> dict[str, Any]:
    """Return the record of a pair, with the stream as its first key."""
    stream = {STREAM_KEY: pair[0]}
    return {**stream, **pair[1], **stream}


def open_tuple(ticket: Sequence[Any]) -> dict[str, Any]:
    """Return the record of a ticket; its fields may have the two times as well."""
    number, created, changed, fields = ticket
    record = {"id": number, "time": created, "changetime": changed, **fields}
    return {key: _read_hint(value) for key, value in record.items()}


def _read_hint(value: Any) -> Any:
    """Return the text of a value with a class hint: `{"__jsonclass__": ["datetime", "2026-01-02T10:00:00"]}`."""
    hint = value.get("__jsonclass__") if isinstance(value, dict) else None
    return hint[1] if isinstance(hint, list) and len(hint) == 2 else value


def open_array(value: Any) -> dict[str, Any] | None:
    """Return the record that an array is: a pair or a tuple; None if it is none."""
    if is_pair(value):
        return open_pair(value)
    return open_tuple(value) if is_tuple(value) else None


def _open_message(message: dict[str, Any]) -> dict[str, Any]:
    """Return the record of a message, with the stream as its first key; without a record, its type as the stream."""
    record = message.get("record")
    if message["type"] != "RECORD" or not isinstance(record, dict):
        return {STREAM_KEY: message["type"]}
    if isinstance(record.get("data"), dict) and isinstance(record.get("stream"), str):  # Airbyte nests once more
        return open_pair((record["stream"], record["data"]))
    return open_pair((str(message.get("stream", "")), record))


def open_envelope(envelope: str, record: dict[str, Any]) -> dict[str, Any]:
    """Return the record in an envelope; one that isn't wrapped, among others that are, is returned as it is."""
    if envelope == PERCEVAL and _is_perceval(record):
        data: dict[str, Any] = record["data"]
        category = record.get("category")
        return data if category is None else {CATEGORY_KEY: category, **data}
    if envelope == EDGES and _is_edge(record):
        node: dict[str, Any] = record["node"]
        return node
    if envelope == HITS and _is_hit(record):
        source: dict[str, Any] = record["_source"]
        return open_envelope(PERCEVAL, source)  # GrimoireLab stores Perceval envelopes in Elasticsearch
    if envelope == TUPLES and is_tuple(record.get("result")):
        return open_tuple(record["result"])
    if envelope == ANSWER:
        path = find_answered(record)
        around = {key: value for key, value in line_keys(record, path).items() if value not in (None, "", [], {})}
        for key in path:
            record = record[key]
        return {**record, LINE_KEY: around} if around else record  # apart: its `status` is that of the answer
    if envelope == MESSAGES and is_message(record):
        return _open_message(record)
    return record


def stream_of(record: dict[str, Any]) -> str:
    """Return the stream that a record or a message names, "" if none."""
    stream = _open_message(record)[STREAM_KEY] if is_message(record) else record.get(STREAM_KEY)
    return stream if isinstance(stream, str) else ""
