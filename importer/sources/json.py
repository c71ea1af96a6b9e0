"""Reading JSON and JSON lines: each record with its physical line and raw text, in flat memory; and chunks of these.

So are CSV files read whose records are JSON objects in one column, as data pipelines write them.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from io import StringIO
from json import JSONDecodeError
from typing import Any, NamedTuple

from importer.errors import SourceError, SourceNotReady
from importer.records import CHUNK_CHARACTERS, Chunk, Finding, Ref, Table
from importer.sources.csv import Batch
from importer.sources.document import Document, ends_inside, explain
from importer.sources.errors_file import STILL_RAW, is_errors_record, own_keys, own_text
from importer.sources.files import LONGEST, cut_off, too_long
from importer.sources.json_values import Ambiguous, decoder, to_columns, to_text, write
from importer.sources.paging import paging_keys
from importer.sources.record_values import RecordValues
from importer.sources.wrappers import EACH, IDENTITY_KEYS, PAIRS, TUPLES, in_line, line_keys, open_array, open_envelope
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW

NumberedValue = tuple[int, str, Any]
"""Physical line where a value begins, its raw text, and the value; a Finding if it can't be read."""
NumberedRecord = tuple[int, str, dict[str, Any] | Finding]
"""Physical line where a record begins, its raw text, and the record; a Finding if it can't be used."""

Around = tuple[tuple[int, dict[str, Any]], ...]
"""The objects that a record lies in: how many keys lead to the array of each, and its scalar values."""

HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")


def parse_lines(text: Iterable[str], name: str) -> Iterator[NumberedValue]:
    """Yield the values of JSON lines; blank lines are skipped. A line that is no JSON gets the finding `row-malformed`.

    Raises SourceNotReady if the file ends in the middle of a record, SourceError if a line is too long.
    """
    for line, content in enumerate(text, start=1):
        if len(content) >= LONGEST:
            raise too_long(name, line)
        if raw := content.strip():
            yield line, raw, _parse_line(name, line, content)


def _parse_line(name: str, line: int, content: str) -> Any:
    record = content.rstrip()
    try:
        return refuse_ambiguous(line, decoder.decode(record))
    except JSONDecodeError as error:
        if not content.endswith(("\n", "\r")) and ends_inside(record, error.pos, error.msg):
            where = f"in the middle of a record (line {line:,})"
            otherwise = "If it is complete, add a line break at its end: then only that record is rejected."
            raise cut_off(name, where, otherwise) from error
        reason = explain(record, error.pos, error.msg)
        return _malformed(f"Line {line}, column {error.colno} is not valid JSON: {reason}")
    except RecursionError:
        return _malformed(f"Line {line} is nested too deeply")


def parse_documents(document: Document, path: Sequence[str], *, lines: bool = False) -> Iterator[NumberedValue]:
    """Yield the elements of the array at `path` in a JSON document, and in those that follow it (pages of an API).

    The empty path is the document itself: an array of records, or one record. Of JSON lines, each record also gets what
    its line says around the array.
    Raises SourceError if there is no array or the document is damaged, SourceNotReady if it is cut off.
    """
    while first := document.peek():
        if first not in "[{":
            document.end()
        if not lines:
            yield from _elements_at(document, path, 0)
            continue
        number, (value, raw) = document.line, document.value()
        line, own = Document(StringIO(raw), document.name, pages=document.pages), line_keys(value, path)
        line.line = number
        for numbered in _elements_at(line, path, 0):
            yield _with_keys(numbered, in_line(own, numbered[2]) if own else {})


def _elements_at(
    document: Document, path: Sequence[str], depth: int, *, within: bool = False, around: Around = ()
) -> Generator[NumberedValue, None, bool]:
    """Yield the elements of the arrays at a path; return whether it is there.

    It may lead through arrays and through the values of objects, of which some may lack it: `within` these. `around`
    collects what the objects of such arrays say of themselves before they come to what is in them.
    """
    found, line = False, document.line
    if depth < len(path) and document.peek() == "[":
        is_empty = True
        for first in document.elements():
            is_empty = False
            if first == "{":
                mine = (*around, (depth, {})) if depth else ()
                found |= yield from _elements_at(document, path, depth, within=True, around=mine)
            else:
                document.skip()
        found = found or is_empty
    elif depth < len(path):
        is_element = bool(around) and around[-1][0] == depth
        said, before, count = dict[str, Any](), document.pages.records, document.pages.count
        for key in document.members() if document.peek() == "{" else ():
            is_each = path[depth] == EACH and document.peek() == "{"
            if is_each and depth + 1 == len(path):
                numbered = _numbered(document)
                is_nameless = isinstance(numbered[2], dict) and IDENTITY_KEYS.isdisjoint(numbered[2])
                yield _with_keys(numbered, {"id": key} if is_nameless else {})
            elif is_each or key == path[depth]:
                yield from _elements_at(document, path, depth + 1, within=within or is_each, around=around)
            elif key in paging_keys() or (is_element and document.peek() not in "[{"):
                said[key] = document.abridged(1)
                if is_element and not isinstance(said[key], dict | list):
                    around[-1][1][key] = said[key]
                continue
            else:
                document.skip()
                continue
            found = True
        if said:
            document.pages.add(said, document.pages.records - before, has_inner=document.pages.count > count)
    elif document.peek() == "[":
        found = True
        for numbered in _elements(document, path, around):
            document.pages.records += 1
            yield numbered
    elif within:
        document.skip()
    elif path:
        raise _wrong_path(document.name, document.line, f"has no array at {'.'.join(path)}")
    else:
        found = True
        yield _numbered(document)
    if not (found or within):
        raise _wrong_path(document.name, line, f"has no {'.'.join(path[: depth + 1])}")
    return found


def _elements(document: Document, path: Sequence[str], around: Around) -> Iterator[NumberedValue]:
    """Yield the elements of an array; of the document's own also those of the pages that somebody has put into it.

    A page is an array of objects (`gh api --paginate --slurp`, `jq -s`). Other records that are arrays begin otherwise.
    """
    for first in document.elements():
        if first == "[" and not path and document.peek_within() in ("{", "]"):
            for _ in document.elements():
                yield _numbered(document)
        else:
            within = {f"_{path[depth - 1]}": own for depth, own in around if own}  # `_boards: {name: Voice}`
            yield _with_keys(_numbered(document), within)


def _with_keys(numbered: NumberedValue, keys: Mapping[str, Any]) -> NumberedValue:
    """A record with other keys before its own."""
    line, _, value = numbered
    if not keys or not isinstance(value, dict):
        return numbered
    record = {**keys, **value}
    return line, write(record), record


def _numbered(document: Document) -> NumberedValue:
    line = document.line
    value, raw = document.value()
    return line, raw, refuse_ambiguous(line, value)


def _wrong_path(name: str, line: int, what: str) -> SourceError:
    where = f"{name}:{line}:" if line > 1 else name  # a later page, or further down
    return SourceError(f"{where} {what}.", hint="Set input.records in the mapping to the path of the records.")


def check_records(values: Iterable[NumberedValue], envelope: str) -> Iterator[NumberedRecord]:
    """Yield each value as a record, or the finding `row-malformed` if it is no object.

    A pair or a tuple becomes one object, and so does its text, for the errors file.
    """
    for line, raw, value in values:
        if envelope in (PAIRS, TUPLES) and (record := open_array(value)) is not None:
            raw, value = write(record), record
        yield line, raw, check_value(line, raw, value)


def check_value(line: int, raw: str, value: Any) -> dict[str, Any] | Finding:
    """Return a value that is an object, else the finding `row-malformed`; `raw` is its raw text."""
    if isinstance(value, Finding):
        return value
    if not isinstance(value, dict):
        names = {list: "a list", str: "a text", bool: "true or false", type(None): "null"}
        return _malformed(f"Line {line} holds {names.get(type(value), 'a number')} instead of a JSON object")
    if HALF_CHARACTER.search(raw):
        try:
            write(value).encode()
        except UnicodeEncodeError:
            return _malformed(f"Line {line} has half a character (a lone \\ud8… to \\udf… escape)")
    return value


def refuse_ambiguous(line: int, value: Any) -> Any:
    """Return a value as it is; in place of an object that has a key with two values, the finding `row-malformed`."""
    if not isinstance(value, Ambiguous):
        return value
    return _malformed(f"Line {line} has the key {value.repeated!r} twice, with different values")


def _malformed(message: str) -> Finding:
    return Finding("row-malformed", "", message, hint="Correct the record in the source, or export it again.")


def no_records(name: str) -> SourceNotReady:
    """Return the error for a file without records."""
    return SourceNotReady(f"{name} has no records.", hint="Export it again, or wait until it is written.")


def find_rows(
    records: Iterable[NumberedRecord], refs: Sequence[Ref], envelope: str, *, is_errors_file: bool
) -> Iterator[FoundRow]:
    """Yield each record's line, text, origin and the values of `refs`; lazily, so that no chunk holds whole records.

    `envelope` is what the records are wrapped in, as `find_envelope` names it.
    """
    find_values = RecordValues(refs)
    for line, raw, record in records:
        if isinstance(record, Finding):
            yield FoundRow(line, raw, "", record)
        elif is_errors_file and is_errors_record(record):
            own = own_keys(record)
            found = STILL_RAW if IMPORT_RAW in own else find_values(open_envelope(envelope, own))
            yield FoundRow(line, own_text(own), to_text(record[IMPORT_COLUMNS[0]]), found)
        else:
            yield FoundRow(line, raw, "", find_values(open_envelope(envelope, record)))


class FoundRow(NamedTuple):
    """A row with the values of its references.

    line    physical line where it begins
    raw     its raw text, or its cells
    origin  its place in the original source, of an errors file; else ""
    found   place of a reference → its value, or why the row can't be used
    """

    line: int
    raw: str | Sequence[str]
    origin: str
    found: Mapping[int, Any] | Finding


def chunk_rows(
    rows: Iterable[FoundRow],
    number: int,
    name: str,
    refs: Sequence[Ref],
    size: int,
    tables: Mapping[Table, Mapping[str, str]],
) -> Iterator[Chunk]:
    """Yield chunks of up to `size` rows, and of CHUNK_CHARACTERS.

    `number` is the file's place in the source, `name` as the user typed it, `tables` the look-up tables beside its
    records. Every reference gets a column: a key that is absent in this chunk may be in the next one.
    """
    first = 1
    for batch in _take_batches(rows, size):
        lines, raw, origins, found = (list(part) for part in zip(*batch, strict=True))
        defects = {index: values for index, values in enumerate(found) if isinstance(values, Finding)}
        given: list[Mapping[int, Any]] = [{} if isinstance(values, Finding) else values for values in found]
        filled, blank = set[int]().union(*given), [[""] * len(batch)]
        columns: dict[int, list[str]] = {}
        positions: dict[Ref, tuple[int, ...]] = {}
        for place, ref in enumerate(refs):
            texts = to_columns([values.get(place) for values in given]) if place in filled else blank
            own = dict(enumerate(texts, start=len(columns)))
            positions[ref] = tuple(own)
            columns |= own
        numbers = range(first, first + len(batch))
        known = {index: origin for index, origin in enumerate(origins) if origin}
        yield Chunk(number, name, numbers, lines, raw, columns, positions, defects, known, tables)
        first = numbers.stop


def _take_batches(rows: Iterable[FoundRow], size: int) -> Iterator[list[FoundRow]]:
    batch: list[FoundRow] = []
    characters = 0
    for row in rows:
        batch.append(row)
        characters += len(row.raw) if isinstance(row.raw, str) else sum(map(len, row.raw))
        if len(batch) >= size or characters >= CHUNK_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


COLUMNS_AT_MOST = 12
"""A wider table has its data in its columns."""

OBJECT_SHARE = 0.5
"""The least share of the column's cells that are objects; the others need to be corrected."""

TEXT_SHARE = 0.5
"""The least share of the rows' text that is in the column: a small object is a field of the record, not the record."""

HINT = "Correct the JSON in that cell."


def find_json_column(header: Sequence[str], rows: Sequence[Sequence[str]]) -> int | None:
    """Return the index of the column whose cells are JSON objects with most of the rows' text, None without one."""
    if len(header) > COLUMNS_AT_MOST:
        return None
    cells = {column: [row[column] for row in rows if column < len(row)] for column in range(len(header))}
    least = TEXT_SHARE * sum(len(cell) for row in rows for cell in row)
    for column, texts in cells.items():
        if sum(map(len, texts)) >= least and any(texts) and sum(map(_is_object, texts)) >= OBJECT_SHARE * len(texts):
            return column
    return None


def _is_object(cell: str) -> bool:
    try:
        return cell.lstrip().startswith("{") and isinstance(decoder.decode(cell.strip()), dict)
    except (JSONDecodeError, RecursionError):
        return False


def embedded_record(header: Sequence[str], cells: Sequence[str], column: int, line: int) -> dict[str, Any] | Finding:
    """Return the object in a row's cell, together with the other cells by header; the object's own keys win."""
    where = f"Line {line}, column {header[column].strip()!r}"
    cell = cells[column].strip()
    if not cell:
        return Finding("row-malformed", "", f"{where} is empty instead of a JSON object", hint=HINT)
    try:
        record = check_value(line, cell, refuse_ambiguous(line, decoder.decode(cell)))
    except JSONDecodeError as error:
        message = f"{where} is not valid JSON at character {error.pos + 1:,}: {error.msg}"
        return Finding("row-malformed", "", message, hint=HINT)
    except RecursionError:
        return Finding("row-malformed", "", f"{where} is nested too deeply", hint=HINT)
    if isinstance(record, Finding):
        return record
    beside = {name.strip(): text for name, text in zip(header, cells, strict=True) if name.strip() not in record}
    return {**beside, **record}


def find_embedded(
    batches: Iterable[Batch], header: Sequence[str], column: int, refs: Sequence[Ref]
) -> Iterator[FoundRow]:
    """Yield each row's line, raw cells, origin, and the values of the references in its record."""
    find_values = RecordValues(refs)
    for batch in batches:
        for index, (line, raw, cells) in enumerate(zip(batch.lines, batch.raw, batch.cells, strict=True)):
            record = batch.defects.get(index) or embedded_record(header, cells, column, line)
            found = record if isinstance(record, Finding) else find_values(record)
            yield FoundRow(line, raw, batch.origins.get(index, ""), found)
