"""Reading JSON and JSON lines: each record with its physical line and raw text, in flat memory; and rows of these.

So are CSV files read whose records are JSON objects in one column, as data pipelines write them.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from io import StringIO
from itertools import chain
from json import JSONDecodeError
from typing import Any, NamedTuple

from importer.errors import SourceError, SourceNotReady
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Finding, Ref
from importer.sources.csv import TableRow
from importer.sources.document import Document, ends_inside, explain
from importer.sources.errors_file import STILL_RAW, is_errors_record, own_keys, own_text
from importer.sources.files import LONGEST, cut_off, too_long
from importer.sources.json_values import Ambiguous, decoder, is_list_of_scalars, to_cells, to_text, write
from importer.sources.paging import paging_keys
from importer.sources.record_values import RecordValues
from importer.sources.source_rows import CHARACTERS_TOGETHER, Layout, SourceRow, SourceRows, leave_out_nothing
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


class FoundRow(NamedTuple):
    """A row with the values of its references.

    line    physical line where it begins
    raw     its raw text, or its cells
    values  number of a reference → its value; empty where the row can't be used
    defect  why it can't be used, or None
    origin  its place in the original source, of an errors file; else ""
    """

    line: int
    raw: str | Sequence[str]
    values: Mapping[int, Any]
    defect: Finding | None = None
    origin: str = ""


def found_row(line: int, raw: str | Sequence[str], values: Mapping[int, Any] | Finding, origin: str = "") -> FoundRow:
    """A row with its values, or with the finding that there is in their place."""
    if isinstance(values, Finding):
        return FoundRow(line, raw, {}, values, origin)
    return FoundRow(line, raw, values, None, origin)


def find_rows(
    records: Iterable[NumberedRecord], refs: Sequence[Ref], envelope: str, *, is_errors_file: bool
) -> Iterator[FoundRow]:
    """Yield each record with the values of `refs`; lazily, so that whole records are never held together.

    `envelope` is what the records are wrapped in, as `find_envelope` names it.
    """
    find_values = RecordValues(refs)
    for line, raw, record in records:
        if isinstance(record, Finding):
            yield found_row(line, raw, record)
        elif is_errors_file and is_errors_record(record):
            own = own_keys(record)
            values = STILL_RAW if IMPORT_RAW in own else find_values(open_envelope(envelope, own))
            yield found_row(line, own_text(own), values, to_text(record[IMPORT_COLUMNS[0]]))
        else:
            yield found_row(line, raw, find_values(open_envelope(envelope, record)))


class _Places:
    """The places of references in the cells of a file's rows. One with a list has as many as the longest list so far.

    All that have had no value so far share the first place, whose cell is empty: a preset names hundreds.
    """

    def __init__(self, refs: Sequence[Ref], base: Layout) -> None:
        self._refs, self._base = refs, base
        self._widths = dict[int, int]()  # number of a reference → how many cells it has
        self.layout = replace(base, places=dict.fromkeys(refs, (0,)))

    def widen(self, rows: Sequence[FoundRow]) -> None:
        """Give room to the values of these rows."""
        widths = dict(self._widths)
        for row in rows:
            for number, value in row.values.items():
                width = len(value) if is_list_of_scalars(value) else 1
                if width > widths.get(number, 0):
                    widths[number] = width
        if widths == self._widths:
            return
        self._widths = {number: widths[number] for number in sorted(widths)}
        places: dict[Ref, tuple[int, ...]] = dict.fromkeys(self._refs, (0,))
        start = 1
        for number, width in self._widths.items():
            places[self._refs[number]] = tuple(range(start, start + width))
            start += width
        self.layout = replace(self._base, places=places)

    def cells_of(self, row: FoundRow) -> list[str]:
        """The cells of a row, for whose values there is room."""
        cells = [""]
        for number, width in self._widths.items():
            texts = to_cells(row.values.get(number))
            cells += texts
            if len(texts) < width:
                cells += [""] * (width - len(texts))
        return cells


def rows_of_records(
    records: Iterable[FoundRow], number: int, name: str, refs: Sequence[Ref], size: int, base: Layout
) -> Iterator[SourceRows]:
    """Yield the rows of a file, up to `size` at a time, and of CHARACTERS_TOGETHER.

    `number` is the file's place in the source, `name` as the user typed it, `base` its layout without places. Every
    reference has a place: a key that is absent in these rows may be in the next ones.
    """
    places = _Places(refs, base)
    nothing = words_for_nothing()
    first = 1
    for together in _take_together(records, size):
        places.widen(together)
        rows = list[SourceRow]()
        for record, row in enumerate(together, start=first):
            written: Sequence[str] = places.cells_of(row)
            cells = written
            if not nothing.isdisjoint(written):
                cells = leave_out_nothing(written)
            rows.append(SourceRow(record, row.line, row.raw, cells, written, row.defect, row.origin))
        first += len(rows)
        yield SourceRows(number, name, places.layout, rows)


def _take_together(records: Iterable[FoundRow], size: int) -> Iterator[list[FoundRow]]:
    together: list[FoundRow] = []
    characters = 0
    for row in records:
        together.append(row)
        characters += len(row.raw) if isinstance(row.raw, str) else sum(map(len, row.raw))
        if len(together) >= size or characters >= CHARACTERS_TOGETHER:
            yield together
            together, characters = [], 0
    if together:
        yield together


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
    runs: Iterable[Sequence[TableRow]], header: Sequence[str], column: int, refs: Sequence[Ref]
) -> Iterator[FoundRow]:
    """Yield each row with the values of the references in the record that one of its cells holds."""
    find_values = RecordValues(refs)
    for row in chain.from_iterable(runs):
        record = row.defect or embedded_record(header, row.cells, column, row.line)
        values = record if isinstance(record, Finding) else find_values(record)
        yield found_row(row.line, row.raw, values, row.origin)
