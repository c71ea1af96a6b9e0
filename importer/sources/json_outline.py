"""What JSON has in it before it is read: where its arrays of records are, how records are wrapped, and their keys."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from importer.errors import SourceError, SourceNotReady
from importer.phrases import listed
from importer.sources.document import Document
from importer.sources.errors_file import is_errors_record, own_keys
from importer.sources.json import NumberedValue, no_records
from importer.sources.json_values import to_text, write
from importer.sources.paging import paging_keys
from importer.sources.wrappers import (
    ANSWER_DEPTH,
    EACH,
    IDENTITY_KEYS,
    MESSAGES,
    PAIRS,
    TITLE_KEYS,
    TUPLES,
    find_envelope,
    is_message,
    is_pair,
    is_tuple,
    open_array,
    open_envelope,
    stream_of,
)
from importer.spreadsheet import IMPORT_RAW

PATH_DEPTH = 4
INNER_DEPTH = 6
"""Of arrays within arrays: `data.boards.groups.items_page.items` is five keys down."""
NAMES_KEPT = 10_000
SCALARS_OF_A_RECORD = 2
COLUMNS_LEAST = 3
COLUMNS_BESIDE = {"columns", "index", "data"}
"""The keys of a table that pandas has split."""
AS_RECORDS = (
    "Write one object per issue, in pandas with to_json(PATH, orient='records', lines=True), or export it as CSV."
)
KEYS_SHOWN = 20
ERROR_CHARACTERS = 200

PAGE_KEYS_AT_MOST = 12

_ID = re.compile(r"\d{1,19}|[A-Z][A-Z0-9_]*-\d+|[0-9a-fA-F]{8}(?:-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")

TEXT_KEYS = {*TITLE_KEYS, "name", "description", "body", "text", "desc"}

# Keys by which API answers report an error, and those that come with them.
ERROR_KEYS = ("error", "errors", "errorMessages", "message", "messages", "detail", "error_description", "errorMessage")
_BESIDE_ERRORS = {
    *("code", "status", "statusCode", "status_code", "documentation_url", "type", "title", "timestamp", "path"),
    *("request_id", "requestId", "details", "reason", "success", "ok", "data", "url"),
}


@dataclass(slots=True)
class Outline:
    """The contents of a JSON object.

    keys    its top-level keys, in order
    names   all keys, with those of nested objects dotted
    scalars number of scalar values at the top level or one below
    arrays  path of an array of records → a sample of them
    inner   path of the arrays within such records → a sample of what is in them
    keyed   the same of records, or arrays, that are not in arrays but in an object, under their ids
    columns top-level key → how many values its array has, or its object if that names them by numbers, else 0
    empty   path of its first empty array, () if it has none
    said    key of an error message → the message
    """

    keys: list[str] = field(default_factory=list)
    names: dict[str, None] = field(default_factory=dict)
    scalars: int = 0
    arrays: dict[tuple[str, ...], Sampler] = field(default_factory=dict)
    inner: dict[tuple[str, ...], Sampler] = field(default_factory=dict)
    keyed: dict[tuple[str, ...], Sampler] = field(default_factory=dict)
    columns: dict[str, int] = field(default_factory=dict)
    empty: tuple[str, ...] = ()
    said: dict[str, str] = field(default_factory=dict)

    @property
    def has_identity(self) -> bool:
        """Whether it has a key that identifies a record."""
        return not IDENTITY_KEYS.isdisjoint(self.keys)

    @property
    def is_titled(self) -> bool:
        """Whether it has a title, and none of its arrays' records has one."""
        inner: set[str] = set().union(*(names for sampler in self.arrays.values() for names in sampler.names.values()))
        return not TITLE_KEYS.isdisjoint(self.keys) and TITLE_KEYS.isdisjoint(inner)

    @property
    def is_answer(self) -> bool:
        """Whether it may be an API's answer around one record: that has a title, and no record in its arrays has one.

        See `wrappers.find_answered`, which needs the whole object.
        """
        before = ""
        for _ in range(ANSWER_DEPTH):
            keys = {name[len(before) :].partition(".")[0] for name in self.names if name.startswith(before)}
            if not IDENTITY_KEYS.isdisjoint(keys):
                return bool(before) and (not self.arrays or not (TITLE_KEYS | {"name"}).isdisjoint(keys))
            inner = {name for name in keys if any(each.startswith(f"{before}{name}.") for each in self.names)}
            if len(inner) != 1:
                return False
            before += f"{inner.pop()}."
        return False

    @property
    def is_columns(self) -> bool:
        """Whether it has a list of values for each column, as pandas writes a table unless it is told otherwise."""
        if set(self.keys) == COLUMNS_BESIDE and ("data",) not in self.arrays:
            return True
        plain = [key for key in self.keys if (key,) not in self.arrays and (key, EACH) not in self.keyed]
        counts = set(self.columns.values())
        return len(plain) >= COLUMNS_LEAST and [*self.columns] == self.keys and len(counts) == 1 and 0 not in counts

    @property
    def is_error(self) -> bool:
        """Whether it is an error that a service answered, instead of records."""
        only = self.keys and {*self.keys} <= {*ERROR_KEYS, *_BESIDE_ERRORS}
        plain = not {"error", "errors", "errorMessages"}.isdisjoint(self.keys)
        return bool(self.said) and not self.arrays and bool(only or (plain and not self.has_identity))

    @property
    def is_record(self) -> bool:
        """Whether it can be a record itself: identified, with several scalar values and no arrays, or those of a part.

        A message has an object with a title, say, whose labels are no records.
        """
        if self.is_error:
            return False
        parts = self.arrays and all(map(self._is_of_titled, self.arrays))
        scalars = not self.arrays and not self.empty and self.scalars >= SCALARS_OF_A_RECORD
        return self.has_identity or bool(parts) or scalars

    def _is_of_titled(self, path: tuple[str, ...]) -> bool:
        beside = {f"{'.'.join(path[:-1])}.{key}" for key in TITLE_KEYS}
        inner: set[str] = set().union(*self.arrays[path].names.values())
        return not beside.isdisjoint(self.names) and TITLE_KEYS.isdisjoint(inner)


def outline_document(document: Document) -> Outline:
    """Read a whole object, once; of each array only the first records are kept."""
    outline = Outline()
    _walk(document, outline, ())
    return outline


def _walk(document: Document, outline: Outline, path: tuple[str, ...]) -> None:
    numbers = others = 0
    for key in document.members():
        numbers, others = (numbers + 1, others) if key.isdecimal() else (numbers, others + 1)
        here = (*path, key)
        if not path:
            outline.keys.append(key)
        if len(here) <= NAME_DEPTH and len(outline.names) < NAMES_KEPT:
            outline.names[".".join(here)] = None
        first = document.peek()
        if first == "{" and _ID.fullmatch(key):
            _note_keyed(document, outline, (*path, EACH))
        elif first == "{" and len(here) < PATH_DEPTH:
            _walk(document, outline, here)
        elif first == "[":
            _enter_array(document, outline, here)
        elif first == "{":
            document.skip()
        else:
            _note_scalar(outline, here, document.value()[0])
    if len(path) == 1:
        outline.columns[path[0]] = 0 if others else numbers


def _note_keyed(document: Document, outline: Outline, path: tuple[str, ...]) -> None:
    """Sample a record that stands under its id; where that has arrays alone, what is in them."""
    if path in outline.keyed and outline.keyed[path].full:
        document.skip()
        return
    value = document.abridged(SAMPLED_RECORDS)
    if any(not isinstance(item, list | dict) for item in value.values()):
        outline.keyed.setdefault(path, Sampler()).add(value)
    else:
        _note_inner(outline.keyed, path, value, {})


def _enter_array(document: Document, outline: Outline, path: tuple[str, ...]) -> None:
    sampler = Sampler()
    count = 0
    for count, first in enumerate(document.elements(), start=1):
        if count > 1 and (sampler.full or not sampler.rows):
            document.skip()
            continue
        if count == 1 and first not in "{[":
            _note_scalar(outline, path, document.value()[0])
            continue
        value = document.abridged(SAMPLED_RECORDS)
        if count == 1 and not (isinstance(value, dict) or is_pair(value) or is_tuple(value)):
            continue
        if count == 1 and _note_error(outline, path, value):
            continue
        sampler.add(value)
        if isinstance(value, dict):
            _note_inner(outline.inner, path, value)
    outline.empty = outline.empty or (() if count else path)
    if len(path) == 1:
        outline.columns[path[0]] = count if count > 1 else 0
    if sampler.rows:
        outline.arrays[path] = sampler


def _note_inner(
    found: dict[tuple[str, ...], Sampler],
    path: tuple[str, ...],
    value: dict[str, Any],
    around: Mapping[str, Any] | None = None,
) -> None:
    """Sample the arrays of objects within a record: boards have items, projects have issues."""
    if around is None:
        around = {f"_{path[-1]}": {key: item for key, item in value.items() if not isinstance(item, list | dict)}}
    for key, item in value.items():
        here = (*path, key)
        if isinstance(item, dict) and len(here) < INNER_DEPTH:
            _note_inner(found, here, item, around)
        for each in item if isinstance(item, list) else ():
            if not isinstance(each, dict):
                break
            sampler = found.setdefault(here, Sampler())
            if sampler.full:
                break
            sampler.add({**around, **each})
            if len(here) < INNER_DEPTH:
                _note_inner(found, here, each)


def _note_error(outline: Outline, path: tuple[str, ...], value: Any) -> bool:
    """Note an element of the array `errors` of an answer; return whether it is one, and so no record."""
    if path != ("errors",) or not isinstance(value, dict) or "message" not in value or "id" in value:
        return False
    outline.said.setdefault("errors", str(value["message"])[:ERROR_CHARACTERS])
    return True


def _note_scalar(outline: Outline, path: tuple[str, ...], value: Any) -> None:
    outline.scalars += value is not None and len(path) <= 2
    if path[0] in ERROR_KEYS and len(path) <= 2 and isinstance(value, str) and value.strip():
        outline.said.setdefault(path[0], value.strip()[:ERROR_CHARACTERS])


def choose_records(name: str, outline: Outline) -> tuple[str, ...] | SourceError | SourceNotReady:
    """Return the path of an object's records, () for the object itself, or the error if there is no clear choice.

    An identified object is a record if only it has a title, or if its arrays are further down: an issue with its
    labels, or with its links. Otherwise its only array is chosen.
    """
    arrays = list(outline.arrays)
    if outline.is_record and (outline.is_titled or all(len(path) > 1 for path in arrays)):
        return ()
    arrays = arrays or list(outline.keyed)
    if len(arrays) == 1:
        return arrays[0]
    if arrays:
        return SourceError(
            f"{name} has several arrays of records: {', '.join(map('.'.join, arrays))}.",
            hint=f"Set input.records in the mapping to one of them; for a draft: --records {'.'.join(arrays[0])}",
        )
    if outline.is_error:
        said = next(outline.said[key] for key in ERROR_KEYS if key in outline.said)
        return SourceError(
            f"{name} is an error response from a service, not an export: “{said}”.",
            hint="Export again, with an account that may read the issues.",
        )
    if outline.empty or not outline.keys:
        return no_records(name)
    return SourceError(
        f"{name} has no array of records; its keys are {listed(outline.keys, KEYS_SHOWN)}.",
        hint="Set input.records in the mapping to its path, for example data.items",
    )


def is_page(value: Any) -> bool:
    """Whether a value is a page of an API's answer: an object with one array of objects and no fields of a record."""
    if not isinstance(value, dict) or len(value) > PAGE_KEYS_AT_MOST or is_message(value):
        return False
    if not (IDENTITY_KEYS | TEXT_KEYS).isdisjoint(map(str.casefold, value)):
        return False
    return len(_arrays_in(value, PATH_DEPTH)) == 1


def is_gathered_page(value: Any) -> bool:
    """Whether an element of an array is a page, which somebody has put there with others (`jq -s`), and no record.

    It says nothing but which page it is, while a record without id and title may have an array, too.
    """
    return (
        is_page(value)
        and not find_envelope([value])
        and all(isinstance(item, list | dict) or key in paging_keys() for key, item in value.items())
    )


def _arrays_in(value: dict[str, Any], depth: int) -> list[list[Any]]:
    found = []
    for item in value.values():
        if isinstance(item, list) and item and isinstance(item[0], dict):
            found.append(item)
        elif isinstance(item, dict) and depth > 1:
            found += _arrays_in(item, depth - 1)
    return found


HEAD_RECORDS = 20
SAMPLED_RECORDS = 100
"""Records of one stream that are sampled for their keys."""
PAIRS_PASSED = 5_000
"""Wrapped records that are read to find all streams."""
NAME_DEPTH = 3


class Sampler:
    """Samples records, wrapped or not; only the first few are kept.

    rows         number of records seen, by stream
    names        their keys, by stream
    errors_file  whether the first record is one of an errors file
    """

    def __init__(self) -> None:
        self.rows = Counter[str]()
        self.errors_file = False
        self._names: dict[str, set[str]] = {}
        self._head: list[Any] = []
        self._envelope: str | None = None

    @property
    def full(self) -> bool:
        """Whether enough records were sampled."""
        first = self._head[0] if self._head else None
        streams = self._envelope in (PAIRS, MESSAGES) or is_pair(first) or is_message(first)
        limit = PAIRS_PASSED if streams else SAMPLED_RECORDS
        return self.rows.total() >= limit

    @property
    def envelope(self) -> str:
        """What the records are wrapped in, in words; "" if they are not."""
        self._decide()
        return self._envelope or ""

    @property
    def names(self) -> dict[str, set[str]]:
        """Stream → keys of its records, with those of nested objects dotted."""
        self._decide()
        return self._names

    def add(self, value: Any) -> None:
        """Sample the next value, whether it is a record or not."""
        record = value
        if is_errors_record(value):
            self.errors_file = self.errors_file or not self.rows
            record = own_keys(value)
        stream = stream_of(record) if isinstance(record, dict) else str(record[0]) if is_pair(record) else ""
        self.rows[stream] += 1
        if self._envelope is not None:
            self._add_names(record)
        elif not (isinstance(record, dict) and IMPORT_RAW in record):
            self._head.append(record)
            if len(self._head) == HEAD_RECORDS:
                self._decide()

    def _decide(self) -> None:
        if self._envelope is None:
            self._envelope = find_envelope(self._head)
            for record in self._head:
                self._add_names(record)
            self._head.clear()

    def _add_names(self, record: Any) -> None:
        if self._envelope in (PAIRS, TUPLES):
            record = open_array(record) or record
        if isinstance(record, dict):
            record = open_envelope(self._envelope or "", record)
            stream = stream_of(record)
            if self.rows[stream] <= SAMPLED_RECORDS:
                self._names.setdefault(stream, set()).update(dotted_names(record))


def dotted_names(record: dict[str, Any], depth: int = NAME_DEPTH, before: str = "") -> Iterator[str]:
    """Yield the keys of a record, with those of nested objects dotted: `fields.status.name`; lists are not entered."""
    for key, value in record.items():
        yield before + key
        if isinstance(value, dict) and depth > 1:
            yield from dotted_names(value, depth - 1, f"{before}{key}.")


COLUMNS, ROWS = "columns", "rows"


def is_sheet(outline: Outline) -> bool:
    """Whether a document has columns with a title each, and rows of cells."""
    names = {path: set().union(*sampler.names.values()) for path, sampler in outline.arrays.items()}
    return {"id", "title"} <= names.get((COLUMNS,), set()) and "cells" in names.get((ROWS,), set())


def open_cells(values: Iterable[NumberedValue], titles: Mapping[str, str]) -> Iterator[NumberedValue]:
    """Yield each row with its cells under the titles of their columns; its text has them, too.

    What a cell shows counts before its value, which of a person is a mail address.
    """
    for line, raw, row in values:
        if not isinstance(row, dict) or not isinstance(row.get("cells"), list):
            yield line, raw, row
            continue
        record = {key: value for key, value in row.items() if key != "cells"}
        for cell in row["cells"]:
            if isinstance(cell, dict) and (title := titles.get(to_text(cell.get("columnId")))):
                record[title] = cell.get("displayValue", cell.get("value"))
        yield line, write(record), record
