"""JSON and JSON lines: each record with its line and its own text; a big array passes through a small buffer."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from json import JSONDecodeError
from typing import Any, TextIO

from importer.errors import SourceError, SourceNotReady
from importer.records import Chunk, Finding, Ref
from importer.sources.document import Document, ends_inside
from importer.sources.files import cut_off
from importer.sources.returned import STILL_RAW, is_errors_record, own_keys, own_text
from importer.sources.values import Getter, decoder, find_values, make_getter, to_columns, to_text, write
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW

NumberedRecord = tuple[int, str, dict[str, Any] | Finding]
"""Physical line where the record begins, its text, and the record or why it can't be used."""

HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def read_lines(text: Iterable[str], name: str) -> Iterator[NumberedRecord]:
    """Read JSON lines; blank lines are none. A line that is no JSON object has the finding `row-malformed`.

    Raises SourceNotReady where the file ends in the middle of a record.
    """
    for line, content in enumerate(text, start=1):
        if raw := content.strip():
            yield line, raw, _read_line(name, line, content)


def _read_line(name: str, line: int, content: str) -> dict[str, Any] | Finding:
    record = content.rstrip()
    try:
        return _check_record(line, record, decoder.decode(record))
    except JSONDecodeError as error:
        if not content.endswith(("\n", "\r")) and ends_inside(record, error.pos, error.msg):
            where = f"in the middle of a record (line {line:,})"
            otherwise = "If it is complete, put a line end behind it: then that record alone is rejected."
            raise cut_off(name, where, otherwise) from error
        return _malformed(f"Line {line}, column {error.colno} is not valid JSON: {error.msg}")
    except RecursionError:
        return _malformed(f"Line {line} is nested too deeply")


def _check_record(line: int, raw: str, value: Any) -> dict[str, Any] | Finding:
    if not isinstance(value, dict):
        return _malformed(f"Line {line} holds {_name_type(value)} instead of a JSON object")
    if HALF_CHARACTER.search(raw):
        try:
            write(value).encode()
        except UnicodeEncodeError:
            return _malformed(f"Line {line} has half a character (a lone \\ud8… to \\udf… escape)")
    return value


def _malformed(message: str) -> Finding:
    return Finding("row-malformed", "", message, hint="Mend the record in the source, or export it again.")


def _name_type(value: Any) -> str:
    names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def find_records(text: TextIO, name: str, option: str | None) -> tuple[str, ...]:
    """Find the array of records: where the document begins (the empty path), else the option, else the only one.

    `option` is a path of keys, dotted. Reads the whole document where it has to choose.
    Raises SourceError where there is none or more than one, naming `input.records`; SourceNotReady for an empty one.
    """
    document = Document(text, name)
    if document.peek() == "[":
        return ()
    if document.peek() != "{":
        raise SourceError(f"{name} is not a JSON array or object.", hint="Say what it is with --format csv or jsonl.")
    if option is not None:
        return tuple(option.split("."))
    keys, arrays, empty = _survey(document)
    if len(arrays) == 1:
        return (arrays[0],)
    if arrays:
        raise SourceError(
            f"{name} has several arrays of records: {', '.join(arrays)}.",
            hint="Set input.records in the mapping to one of them.",
        )
    if empty:
        raise no_records(name)
    raise SourceError(
        f"{name} has no array of records at its top; its keys are {', '.join(keys)}.",
        hint="Set input.records in the mapping to where it is, for example data.items",
    )


def _survey(document: Document) -> tuple[list[str], list[str], bool]:
    """Read an object: its keys, those that hold arrays of objects, and whether one holds an empty array."""
    keys: list[str] = []
    arrays: list[str] = []
    empty = False
    for key in document.members():
        keys.append(key)
        if document.peek() != "[":
            document.skip()
            continue
        count = 0
        for count, first in enumerate(document.elements(), start=1):
            if count == 1 and first == "{":
                arrays.append(key)
            document.skip()
        empty = empty or not count
    document.end()
    return keys, arrays, empty


def no_records(name: str) -> SourceNotReady:
    """Say that a file has no records."""
    return SourceNotReady(f"{name} has no records.", hint="Export again, or wait until it is written.")


def read_array(text: TextIO, name: str, path: Sequence[str]) -> Iterator[NumberedRecord]:
    """Read the records of the array at `path`. An element that is no object has the finding `row-malformed`.

    Raises SourceError where there is no array or the document is damaged, SourceNotReady where it is cut off.
    """
    document = Document(text, name)
    for depth, key in enumerate(path, start=1):
        if not _enter(document, key):
            raise _wrong_path(name, f"has no {'.'.join(path[:depth])}")
    if document.peek() != "[":
        raise _wrong_path(name, f"has no array at {'.'.join(path)}")
    for _ in document.elements():
        line = document.line
        value, raw = document.value()
        yield line, raw, _check_record(line, raw, value)
    if not path:
        document.end()


def _enter(document: Document, key: str) -> bool:
    """Stop before the value of a key, if the document is before an object that has it."""
    if document.peek() == "{":
        for found in document.members():
            if found == key:
                return True
            document.skip()
    return False


def _wrong_path(name: str, what: str) -> SourceError:
    return SourceError(f"{name} {what}.", hint="Set input.records in the mapping to where the records are.")


def read_chunks(
    records: Iterable[NumberedRecord], number: int, name: str, returned: bool, refs: Sequence[Ref], size: int
) -> Iterator[Chunk]:
    """Chunk the records of a JSON file, up to `size` each; `number` and `name` are the file's.

    `returned`: it is an errors file given back. A reference always has a column: a key that this chunk doesn't have
    may be in the next one.
    """
    from importer.sources.frames import frame_columns

    getters = {ref: make_getter(ref) for ref in refs}
    rows = _find_rows(records, getters, returned)
    nothing = [None] * len(getters)
    first = 1
    while batch := list(islice(rows, size)):
        lines, raw, origins, found = (list(part) for part in zip(*batch, strict=True))
        defects = {index: values for index, values in enumerate(found) if isinstance(values, Finding)}
        values = zip(*(nothing if index in defects else row for index, row in enumerate(found)), strict=True)
        columns, positions = _place_columns(dict(zip(getters, values, strict=True)))
        numbers = range(first, first + len(batch))
        frame = frame_columns(columns, len(batch))
        known = {index: origin for index, origin in enumerate(origins) if origin}
        yield Chunk(number, name, numbers, lines, raw, frame, positions, defects, known)
        first = numbers.stop


def _place_columns(
    values: Mapping[Ref, Sequence[Any]],
) -> tuple[dict[int, list[str]], dict[Ref, tuple[int, ...]]]:
    """Give each reference as many columns as its longest list needs, labelled from 0; return columns and positions."""
    columns: dict[int, list[str]] = {}
    positions: dict[Ref, tuple[int, ...]] = {}
    for ref, own_values in values.items():
        own = dict(enumerate(to_columns(own_values), start=len(columns)))
        positions[ref] = tuple(own)
        columns |= own
    return columns, positions


def _find_rows(
    records: Iterable[NumberedRecord], getters: Mapping[Ref, Getter], returned: bool
) -> Iterator[tuple[int, str, str, list[Any] | Finding]]:
    """Give each record's line, text, origin and values; lazily, so that a chunk doesn't hold whole records."""
    for line, raw, record in records:
        if isinstance(record, Finding):
            yield line, raw, "", record
        elif returned and is_errors_record(record):
            own = own_keys(record)
            found = STILL_RAW if IMPORT_RAW in own else find_values(getters, own)
            yield line, own_text(own), to_text(record[IMPORT_COLUMNS[0]]), found
        else:
            yield line, raw, "", find_values(getters, record)
