"""The source of an import: its files, looked at once, then read as often as needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from itertools import islice
from types import TracebackType
from typing import BinaryIO, Self, TextIO

from importer.errors import SourceError, SourceNotReady
from importer.records import Chunk, Ref
from importer.sources import csv, json
from importer.sources.encodings import check_encoding, choose_encoding, open_text
from importer.sources.files import Stamp, StoredFile, digest_files, find_files, open_file, still_written, take_stamp
from importer.sources.formats import Format, choose_format, refuse_foreign
from importer.sources.returned import is_errors_header, is_errors_record

HEAD_BYTES = 4096
HEAD_RECORDS = 20
SAMPLE_CHARACTERS = 256 * 1024


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """What the user or the mapping says of the files; None is found out.

    encoding   a Python codec's name; a byte order mark is stronger
    delimiter  one character or `tab`
    records    dotted path to the array of records in a JSON object
    """

    format: Format | None = None
    encoding: str | None = None
    delimiter: str | None = None
    records: str | None = None


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of a source and how it is read.

    name         as typed; `-` is standard input
    header       CSV: the header's cells as they came, without the import columns; JSON: None
    errors_file  whether it is an errors file given back
    delimiter    CSV only
    records      JSON only: the keys that lead to the array of records
    """

    name: str
    format: Format
    header: tuple[str, ...] | None
    errors_file: bool
    stored: StoredFile
    encoding: str
    delimiter: str = ""
    records: tuple[str, ...] = ()


def open_source(paths: Sequence[str], options: SourceOptions) -> Source:
    """Look at the files and find out how each is read. Close the source, or use it as a context manager.

    Raises UsageError (an option), SourceNotReady (a file is missing, empty, without rows or still being written) and
    SourceError (a file is not what it claims to be).
    """
    if options.encoding is not None:
        check_encoding(options.encoding)
    delimiter = csv.check_delimiter(options.delimiter) if options.delimiter is not None else None
    with ExitStack() as stack:
        found = find_files(paths, stack)
        opened = tuple(take_stamp(file) for file in found)
        files = tuple(_look_at(file, options, delimiter) for file in found)
        return Source(files, opened, stack.pop_all())


def _look_at(stored: StoredFile, options: SourceOptions, delimiter: str | None) -> SourceFile:
    with open_file(stored) as opened:
        head = opened.data.read(HEAD_BYTES)
    refuse_foreign(stored.name, head, options.encoding)
    encoding = choose_encoding(head, options.encoding)
    with open_text(stored, encoding) as (_, text):
        sample = text.read(SAMPLE_CHARACTERS)
    if not sample.strip():
        raise SourceNotReady(f"{stored.name} is empty.", hint="Export again, or wait until it is written.")
    match choose_format(stored.name, sample, options.format):
        case "csv":
            return _look_at_csv(stored, encoding, delimiter or csv.find_delimiter(sample))
        case "jsonl":
            return _look_at_json(SourceFile(stored.name, "jsonl", None, False, stored, encoding))
        case "json":
            with open_text(stored, encoding) as (_, text):
                records = json.find_records(text, stored.name, options.records)
            return _look_at_json(SourceFile(stored.name, "json", None, False, stored, encoding, records=records))


def _look_at_csv(stored: StoredFile, encoding: str, delimiter: str) -> SourceFile:
    with open_text(stored, encoding) as (_, text):
        rows = csv.read_rows(text, stored.name, delimiter)
        line, header, malformed = next(rows)
        if malformed:
            raise SourceError(
                f"{stored.name}:{line}: the header can't be used. {malformed.message}.", hint=malformed.hint
            )
        if next(rows, None) is None:
            raise SourceNotReady(
                f"{stored.name} has a header and no rows.", hint="Export again, or wait until it is written."
            )
    own = csv.own_header(header)
    return SourceFile(stored.name, "csv", own, is_errors_header(header), stored, encoding, delimiter)


def _look_at_json(file: SourceFile) -> SourceFile:
    with open_text(file.stored, file.encoding) as (_, text):
        records = islice(_read_records(file, text), HEAD_RECORDS)
        first = None
        for _, _, first in records:
            if isinstance(first, dict):
                break
    if first is None:
        raise json.no_records(file.name)
    return replace(file, errors_file=is_errors_record(first))


def _read_records(file: SourceFile, text: TextIO) -> Iterator[json.NumberedRecord]:
    if file.format == "jsonl":
        return json.read_lines(text, file.name)
    return json.read_array(text, file.name, file.records)


def _read_file(file: SourceFile, number: int, text: TextIO, refs: Sequence[Ref], size: int) -> Iterator[Chunk]:
    if file.format == "csv":
        return csv.read_chunks(text, number, file.name, file.delimiter, refs, size)
    return json.read_chunks(_read_records(file, text), number, file.name, file.errors_file, refs, size)


class Source:
    """Files that are one import; `Chunk.file` is the index in `files`."""

    def __init__(self, files: tuple[SourceFile, ...], opened: tuple[Stamp, ...], resources: ExitStack) -> None:
        self.files = files
        self._opened = opened
        self._resources = resources
        self._bytes_before = 0
        self._reading: BinaryIO | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was spooled."""
        self._resources.close()

    def chunks(self, refs: Sequence[Ref], size: int = 4096) -> Iterator[Chunk]:
        """Read all files, `size` rows at a time, each with the columns that `refs` name. Every call reads anew.

        Raises SourceNotReady when a file changes meanwhile or ends too early, SourceError where it can't be read on.
        """
        self._bytes_before = 0
        for number, file in enumerate(self.files):
            stamp = take_stamp(file.stored)
            with open_text(file.stored, file.encoding) as opened:
                self._reading = opened.stored
                for chunk in _read_file(file, number, opened.text, refs, size):
                    _check_unchanged(file, stamp)
                    yield chunk
                _check_unchanged(file, stamp)
            self._reading = None
            self._bytes_before += stamp.size

    def digest(self) -> str:
        """Hash the bytes of all files as they are stored, in order: SHA-256 in hex. Reads the files."""
        return digest_files([file.stored for file in self.files])

    def stamp(self) -> tuple[Stamp, ...]:
        """Stamp each file, without reading it: unequal stamps mean that it may have changed."""
        return tuple(take_stamp(file.stored) for file in self.files)

    def check_unchanged(self) -> None:
        """Raise SourceNotReady where a file is not as it was when the source was opened: something still writes it."""
        for file, opened in zip(self.files, self._opened, strict=True):
            _check_unchanged(file, opened)

    def age_seconds(self, now: float) -> float:
        """How long before `now` (seconds since 1970) the youngest file was changed; infinite for what was piped in.

        Negative where that time lies ahead: the clocks of this machine and of the files' differ.
        """
        changes = [take_stamp(file.stored).mtime_ns for file in self.files if not file.stored.spooled]
        return now - max(changes) / 1e9 if changes else math.inf

    @property
    def total_bytes(self) -> int:
        """Bytes of all files as they are stored."""
        return sum(stamp.size for stamp in self.stamp())

    @property
    def bytes_read(self) -> int:
        """Stored bytes that the present or last call of `chunks` has read."""
        return self._bytes_before + (self._reading.tell() if self._reading and not self._reading.closed else 0)


def _check_unchanged(file: SourceFile, before: Stamp) -> None:
    if take_stamp(file.stored) != before:
        raise still_written(file.name)
