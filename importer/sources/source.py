"""The source of an import: its files, whose rows are read as often as needed."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Literal, Self, TextIO

from importer.errors import SourceError
from importer.phrases import plain_name
from importer.records import Finding, Format, RecordFormat, Ref, Table
from importer.sources import csv, json
from importer.sources.annexes import ANY_FILE, AnnexObject, AnnexSpool, read_arrays, read_tables
from importer.sources.document import Document
from importer.sources.each import Unfolding, unfold_header, unfold_records, unfold_runs
from importer.sources.encodings import open_text
from importer.sources.errors_file import is_errors_record, own_keys
from importer.sources.files import Stamp, StoredFile, count_bytes, digest_files, read_lines, still_written, take_stamp
from importer.sources.formats import FORMATS
from importer.sources.header import find_columns, open_formulas
from importer.sources.json import embedded_record, find_embedded, rows_of_records
from importer.sources.json_outline import dotted_names, open_cells
from importer.sources.json_values import decoder
from importer.sources.paging import Pages
from importer.sources.source_rows import ROWS_TOGETHER, Layout, SourceRows
from importer.sources.wrappers import open_envelope

if TYPE_CHECKING:
    from importer.mapping.reads import Annex
    from importer.mapping.scorecards import Each


HEAD_BYTES = 4096
SAMPLE_CHARACTERS = 256 * 1024


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the user or the mapping says about the files; None is detected.

    encoding    name of a Python codec; a byte order mark overrides it
    delimiter   one character or `tab`
    skip_lines  the physical lines above the table of a CSV file
    records     dotted path to the array of records in a JSON object
    may_be_empty  whether a file may have no records
    answers     dotted path to an array in each record that is no array of records
    """

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    skip_lines: int | None = None
    records: str | None = None
    may_be_empty: bool = False
    answers: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """What tables and JSON files have in common; `errors_file` says whether it is one of an earlier run."""

    stored: StoredFile
    encoding: str
    errors_file: bool = False

    @property
    def name(self) -> str:
        """As the user typed it; `-` is standard input."""
        return self.stored.name


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFile(_File):
    """A CSV file, or a sheet of a workbook.

    header       the header's cells as they look, without the import columns; of unfolded rows, theirs
    skip_lines   the physical lines above the table that the user leaves out
    above        the titles above the header
    rows_above   the number of rows above the header, including empty ones
    formulas     whether cells are written as formulas of a text
    json_column  the index of the column whose cells are the records; None if its rows are
    unfolding    how a row is made of each answer of its rows; None if they stay as they are
    """

    format: ClassVar[Literal["csv"]] = "csv"
    array: ClassVar[str] = ""
    header: tuple[str, ...]
    delimiter: str
    skip_lines: int = 0
    above: tuple[str, ...] = ()
    rows_above: int = 0
    formulas: bool = False
    json_column: int | None = None
    unfolding: Unfolding | None = None

    @property
    def is_table(self) -> bool:
        """Whether its header names everything that a mapping can read."""
        return self.json_column is None

    @property
    def own_header(self) -> tuple[str, ...]:
        """The header as it is in the file."""
        return self.header if self.unfolding is None else self.unfolding.header


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFile(_File):
    """A JSON document, or another file of records.

    records   the keys that lead to the array of records; () is the document itself
    envelope  what each record is wrapped in, in words; "" if it isn't
    titles    id and title of each column, where the cells of the records name theirs by its id
    are_lines whether each line has an array of its own
    answers   the keys that lead to an array in each record whose objects are the rows; () if the records are
    """

    header: ClassVar[None] = None
    is_table: ClassVar[bool] = False
    format: RecordFormat
    records: tuple[str, ...] = ()
    envelope: str = ""
    titles: tuple[tuple[str, str], ...] = ()
    are_lines: bool = False
    answers: tuple[str, ...] = ()

    @property
    def row_envelope(self) -> str:
        """What each row is wrapped in; an answer has left the envelope of its record."""
        return "" if self.answers else self.envelope

    @property
    def array(self) -> str:
        """The dotted path of the array of records; "" is the document itself."""
        return ".".join(self.records)


SourceFile = TableFile | JsonFile
"""One file of a source and how it is read; its `format` tells which."""


def open_lines(stored: StoredFile, text: TextIO, skip: int) -> csv.Lines:
    """Open the lines of a table, below those that are left out; of a workbook its rows."""
    return csv.Lines(csv.join_lines(text) if stored.workbook else read_lines(text), skip)


def open_table(file: TableFile, text: TextIO) -> csv.OpenTable:
    """Open a table, and read up to its header."""
    return csv.open_rows(open_lines(file.stored, text, file.skip_lines), file.name, file.delimiter, file.rows_above)


def open_runs(file: TableFile, table: csv.OpenTable, size: int) -> Iterator[list[csv.TableRow]]:
    """Open the rows below a table's header, up to `size` at a time."""
    runs = csv.read_runs(table, size)
    runs = open_formulas(runs) if file.formulas else runs
    return runs if file.unfolding is None else unfold_runs(runs, file.unfolding, size)


def _read_json_lines(text: TextIO, name: str) -> Iterator[json.NumberedValue]:
    return json.parse_lines(read_lines(text), name)


SEQUENCES: Mapping[Format, Callable[[TextIO, str], Iterator[json.NumberedValue]]] = {"jsonl": _read_json_lines}
"""Formats whose files are records and nothing else → the reader of a text, which says of which file it tells."""


def read_values(file: JsonFile, text: TextIO, pages: Pages | None = None) -> Iterator[json.NumberedValue]:
    """Yield the values in the place of a file's records, still wrapped; `pages` learns what stands beside them."""
    if read := SEQUENCES.get(file.format):
        return read(text, file.name)
    values = json.parse_documents(Document(text, file.name, pages=pages), file.records, lines=file.are_lines)
    return open_cells(values, dict(file.titles)) if file.titles else values


def _read_records(file: JsonFile, text: TextIO, pages: Pages | None = None) -> Iterator[json.NumberedRecord]:
    """Yield a JSON file's records, still wrapped, or their answers."""
    records = json.check_records(read_values(file, text, pages), file.envelope)
    return unfold_records(records, file.answers, file.envelope) if file.answers else records


def _read_file(
    file: SourceFile, number: int, text: TextIO, refs: Sequence[Ref], size: int, base: Layout, pages: Pages
) -> Iterator[SourceRows]:
    """Yield the rows of a file; `base` is its layout without places."""
    if file.format != "csv":
        records = _read_records(file, text, pages)
        found = json.find_rows(records, refs, file.row_envelope, is_errors_file=file.errors_file)
        return rows_of_records(found, number, file.name, refs, size, base)
    table = open_table(file, text)
    runs = open_runs(file, table, size)
    if file.json_column is not None:
        found = find_embedded(runs, file.header, file.json_column, refs)
        return rows_of_records(found, number, file.name, refs, size, base)
    header = file.header if file.unfolding is not None else csv.own_header(table.header)
    return csv.rows_of_table(runs, number, file.name, replace(base, places=find_columns(header, refs)))


def _read_objects(file: SourceFile, text: TextIO) -> Iterator[tuple[int, dict[str, Any] | Finding]]:
    """Yield each row's line and object; of CSV header → cell, the first filled one where headers repeat."""
    if file.format != "csv":
        for line, _, record in _read_records(file, text):
            yield line, record if isinstance(record, Finding) else open_envelope(file.row_envelope, record)
        return
    table = open_table(file, text)
    for row in chain.from_iterable(open_runs(file, table, ROWS_TOGETHER)):
        if row.defect is not None and row.defect.rejects:
            yield row.line, row.defect
        elif any(row.cells) and file.json_column is not None:
            yield row.line, embedded_record(file.header, row.cells, file.json_column, row.line)
        elif any(row.cells):
            named: dict[str, Any] = {}
            for name, cell in zip(map(str.strip, file.header), row.cells, strict=True):
                named[name] = named.get(name) or cell
            yield row.line, named


def read_record(file: SourceFile, raw: Sequence[str] | str) -> dict[str, Any]:
    """Read the record of a row that could be used from its raw text or cells: to see which keys it has."""
    if isinstance(raw, str):
        value = decoder.decode(raw)
        return open_envelope(file.row_envelope, value) if isinstance(file, JsonFile) else value
    assert isinstance(file, TableFile)
    assert file.json_column is not None
    record = embedded_record(file.header, raw, file.json_column, 0)
    return {} if isinstance(record, Finding) else record


class Source:
    """The files of one import; `SourceRows.file` is an index into `files`.

    `comments` are the files of `--comments`; whoever opened them closes them. `pages` is what the last reading found.
    """

    def __init__(
        self,
        files: tuple[SourceFile, ...],
        opened: tuple[Stamp, ...],
        resources: ExitStack,
        comments: Source | None = None,
    ) -> None:
        self.files = files
        self.comments = comments
        self._opened = opened
        self._resources = resources
        self._spools: dict[Annex, AnnexSpool] = {}
        self.pages = Pages()
        self._bytes_before = 0
        self._reading: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def form(self) -> tuple[str, str]:
        """The delimiter and the encoding of its first table."""
        tables = (file for file in self.files if isinstance(file, TableFile))
        return next(((table.delimiter, table.encoding) for table in tables), (",", "utf-8"))

    def again(self) -> Source:
        """The same source, to be read while this one is being read."""
        return Source(self.files, self._opened, ExitStack(), self.comments)

    def unfold(self, each: Each) -> None:
        """Make a row of each answer from now on. Raises SourceError if a file doesn't have what `each` names."""
        self.files = tuple(_unfold_file(file, each) for file in self.files)

    def close(self) -> None:
        """Close the file that is read, where an error ended the reading, and remove spooled files."""
        if self._reading is not None:
            self._reading.close()
        self._resources.close()

    def read(
        self,
        refs: Sequence[Ref],
        size: int = ROWS_TOGETHER,
        tables: Sequence[Table] = (),
        annexes: Mapping[int, Annex] | None = None,
        dates: Sequence[str] = (),
    ) -> Iterator[SourceRows]:
        """Yield the rows of all files with what `refs` name, so many together. Every call reads anew.

        size     most rows together; text of CHARACTERS_TOGETHER ends them earlier
        tables   look-up tables beside the records of a JSON document; each layout has those of its file
        annexes  objects beside the records, such as comments; read once for all calls, and found by `Layout.beside`
                 under the same numbers
        dates    formats of dates, for the layouts

        Raises SourceNotReady if a file changes meanwhile or ends too early, SourceError if it can't be read on, and
        whatever `AnnexSpool` raises.
        """
        self._bytes_before, self.pages = 0, Pages()
        for annex in (annexes or {}).values():
            if annex not in self._spools:
                self._spools[annex] = AnnexSpool(annex, self._objects(annex))
                self._resources.callback(self._spools[annex].close)
        for number, file in enumerate(self.files):
            stamp = take_stamp(file.stored)
            found = read_tables(file.stored, file.encoding, tables) if file.format == "json" else {}
            beside = {place: self._spools[annex].finder(number) for place, annex in (annexes or {}).items()}
            base = Layout({}, found, beside, tuple(dates))
            with open_text(file.stored, file.encoding) as opened:
                self._reading = opened.stored
                for rows in _read_file(file, number, opened.text, refs, size, base, self.pages):
                    _check_unchanged(file, stamp)
                    yield rows
                    del rows  # what is yielded isn't kept: its memory is free before the next rows are read
                _check_unchanged(file, stamp)
            self._reading = None
            self._bytes_before += count_bytes(file.stored)

    def records(self, number: int) -> Iterator[dict[str, Any]]:
        """Yield the records of a file that can be read, whole. Raises as `read` does."""
        file = self.files[number]
        with open_text(file.stored, file.encoding) as (_, text):
            for _, record in _read_objects(file, text):
                if not isinstance(record, Finding):
                    yield own_keys(record) if file.errors_file and is_errors_record(record) else record

    def _objects(self, annex: Annex) -> Iterator[AnnexObject]:
        """Yield an annex's objects; its array may be in a `--comments` file too, as an errors file has only records."""
        places = [(ANY_FILE, file) for file in self.every_file[len(self.files) :]]
        if annex.array:
            for place, file in [*enumerate(self.files), *places]:
                if file.format == "json":
                    for _, line, value in read_arrays(file.stored, file.encoding, {annex.array}):
                        yield AnnexObject(place, file.name, line, value)
            return
        for place, file in places:
            with open_text(file.stored, file.encoding) as (_, text):
                for line, found in _read_objects(file, text):
                    yield AnnexObject(place, file.name, line, found)

    def warnings(self) -> list[str]:
        """Return sentences about comments that belong to no record; call it after all records have been read."""
        return [warning for spool in self._spools.values() for warning in spool.warnings()]

    @property
    def every_file(self) -> tuple[SourceFile, ...]:
        """All files that the import reads: those with records, then those of `--comments`."""
        return self.files if self.comments is None else (*self.files, *self.comments.files)

    def digest(self) -> str:
        """Return the SHA-256 of all files' stored bytes, in order, in hex; reads the files."""
        return digest_files([file.stored for file in self.every_file])

    def may_have(self, *choices: Iterable[Ref]) -> bool:
        """Whether a file may have a column of each of the choices; JSON may have any."""
        headers = [file.header for file in self.files if file.is_table]
        names = {name.strip() for header in headers for name in header or ()}
        return len(headers) < len(self.files) or all(
            any(ref.kind == "column" and plain_name(ref.name) in names for ref in refs) for refs in choices
        )

    def check_unchanged(self) -> None:
        """Raise SourceNotReady if a file has changed since the source was opened: something is still writing it."""
        for file, opened in zip(self.files, self._opened, strict=True):
            _check_unchanged(file, opened)
        if self.comments is not None:
            self.comments.check_unchanged()

    def age_seconds(self, now: float) -> float:
        """Return how many seconds before `now` (seconds since 1970) the newest file was changed; infinite if piped.

        It is negative if that time is in the future, as the clocks of this machine and of the file system differ.
        """
        changes = [take_stamp(file.stored).mtime_ns for file in self.every_file if not file.stored.spooled]
        return now - max(changes) / 1e9 if changes else math.inf

    @property
    def total_bytes(self) -> int:
        """Stored bytes of all files."""
        return sum(count_bytes(file.stored) for file in self.files)

    @property
    def bytes_read(self) -> int:
        """Stored bytes that the current or last reading has read."""
        return self._bytes_before + (self._reading.tell() if self._reading and not self._reading.closed else 0)


def _unfold_file(file: SourceFile, each: Each) -> SourceFile:
    if file.is_table and isinstance(file, TableFile):
        unfolding = unfold_header(file.name, file.header, each)
        return file if unfolding is None else replace(file, header=unfolding.long_header, unfolding=unfolding)
    if file.format == "csv":
        message = f"{file.name} has its records as JSON in a column, where `each` can't look for answers."
        raise SourceError(message, hint="Write them to a file of JSON lines.")
    if each.path is None:
        message = f"{file.name} is {FORMATS[file.format].language}, and `each: {{columns: …}}` is for tables."
        raise SourceError(message, hint="Name the array of answers in each record: `each: {path: …}`.")
    if file.array == each.path:  # the answers seemed to be the records
        file = replace(file, format="jsonl" if file.are_lines else file.format, records=(), are_lines=False)
    return replace(file, answers=tuple(each.path.split(".")))


def _check_unchanged(file: SourceFile, before: Stamp) -> None:
    if take_stamp(file.stored) != before:
        raise still_written(file.name)


KEYS_LIMIT = 500
"""Later keys that are given: where JSON has data as keys, ids above all, there is no end to them."""


def find_later_keys(source: Source, files: Collection[int], known: Collection[str]) -> list[str]:
    """List the keys of all records of some files beside those that are known, those within objects dotted.

    Raises SourceNotReady or SourceError if a file can't be read to its end.
    """
    names = dict[str, None]()
    for number in files:
        for record in source.records(number):
            names |= dict.fromkeys(name for name in dotted_names(record) if name not in known)
            if len(names) > KEYS_LIMIT:
                return list(names)[:KEYS_LIMIT]
    return list(names)
