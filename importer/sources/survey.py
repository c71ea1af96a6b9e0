"""Surveying a source before it is read: the format, encoding, and columns or keys of each file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, NamedTuple

from importer.errors import SourceError, SourceNotReady, UsageError
from importer.phrases import counted
from importer.records import Finding, Format
from importer.sources import csv, json
from importer.sources.annexes import read_arrays
from importer.sources.detect import (
    NAME_FORMAT,
    check_delimiter,
    check_quotes,
    choose_format,
    find_delimiter,
    find_errors_delimiter,
    refuse_foreign,
)
from importer.sources.document import Document
from importer.sources.encodings import check_encoding, choose_encoding, open_text
from importer.sources.errors_file import is_errors_header, own_cells
from importer.sources.files import Stamp, StoredFile, find_files, open_file, take_stamp
from importer.sources.formats import FORMATS
from importer.sources.header import (
    FURTHER_DOWN,
    HEAD_ROWS,
    NOTICE,
    check_header,
    count_above,
    open_formula,
)
from importer.sources.json import embedded_record, find_json_column
from importer.sources.json_outline import (
    AS_RECORDS,
    COLUMNS,
    ROWS,
    Outline,
    Sampler,
    choose_records,
    dotted_names,
    is_gathered_page,
    is_page,
    is_sheet,
    outline_document,
)
from importer.sources.json_values import to_text
from importer.sources.source import (
    HEAD_BYTES,
    SAMPLE_CHARACTERS,
    SEQUENCES,
    JsonFile,
    Source,
    SourceFile,
    SourceOptions,
    TableFile,
    open_lines,
    read_values,
)
from importer.sources.wrappers import ANSWER, is_wrapped
from importer.spreadsheet import IMPORT_COLUMNS

SHOWN = 40
"""Characters of a beginning that an error shows."""


class Sample(NamedTuple):
    """The columns of a file, or of one array or stream in it.

    records   of a JSON object: the dotted path of the array; "" for anything else
    envelope  what each record is wrapped in, in words: `Perceval envelope`, `JSON in column data`; "" if it isn't
    stream    the stream that the records came in; "" if none is named
    names     CSV: the header's cells; JSON: keys of the first records, those of nested objects dotted: `fields.summary`
    rows      number of rows sampled
    within    whether the array lies in the records of another one
    """

    file_name: str
    format: Format
    records: str
    envelope: str
    stream: str
    names: frozenset[str]
    rows: int
    within: bool = False


@dataclass(frozen=True, slots=True)
class Surveyed:
    """A surveyed file: its samples, and the ways to read it.

    places  dotted path of an array of records → how the file is read then; "" is the document itself
    choice  how it is read if the user names no path, or the error if that is not clear
    unreadable  the error where none of its records can be read: a mapping rejects each, but none can be found for them
    """

    samples: tuple[Sample, ...]
    places: Mapping[str, SourceFile]
    choice: SourceFile | SourceError | SourceNotReady
    unreadable: SourceError | None = None


class Survey:
    """The surveyed files of a source, and their spooled copies until `open` hands these over; call it once."""

    def __init__(self, files: tuple[Surveyed, ...], stamps: tuple[Stamp, ...], resources: ExitStack) -> None:
        self.samples = tuple(sample for file in files for sample in file.samples)
        self._files = files
        self._stamps = stamps
        self._resources = resources

    def refuse_unreadable(self) -> None:
        """Raise SourceError for the first file of which no record can be read: nothing says what it is."""
        for file in self._files:
            if file.unreadable is not None:
                raise file.unreadable

    def open(self, records: str | None = None, comments: Source | None = None) -> Source:
        """Open the files. Close the source, or use it as a context manager.

        records   a sample's path; it is used for the files that have records there
        comments  the files of `--comments`

        Raises SourceError if a file has several arrays of records and none is chosen.
        """
        chosen = []
        for file in self._files:
            choice = file.choice if records is None else file.places.get(records, file.choice)
            if not isinstance(choice, SourceFile):
                raise choice
            chosen.append(choice)
        return Source(tuple(chosen), self._stamps, self._resources.pop_all(), comments)


@contextmanager
def survey_files(paths: Sequence[str], options: SourceOptions) -> Iterator[Survey]:
    """Survey the files: read the beginning of each, or the whole of a JSON object.

    Raises UsageError (a bad option), SourceNotReady (a file is missing, empty, without rows or still being written) and
    SourceError (a file can't be read as what it seems to be).
    """
    if options.encoding is not None:
        check_encoding(options.encoding)
    delimiter = check_delimiter(options.delimiter) if options.delimiter is not None else None
    with ExitStack() as stack:
        found = find_files(paths, stack)
        stamps = tuple(take_stamp(file) for file in found)
        files = tuple(_survey_file(file, options, delimiter) for file in found)
        yield Survey(files, stamps, stack)


def open_source(paths: Sequence[str], options: SourceOptions) -> Source:
    """Survey the files and open them. Close the source, or use it as a context manager.

    Raises whatever `survey_files` raises, and SourceError if a file has several arrays of records and `options` doesn't
    say which.
    """
    with survey_files(paths, options) as survey:
        return survey.open()


def _survey_file(stored: StoredFile, options: SourceOptions, delimiter: str | None) -> Surveyed:
    if stored.workbook is not None:  # what is read of it is CSV of our own
        options, delimiter = replace(options, format="csv", encoding="utf-8"), ","
    with open_file(stored) as opened:
        head = opened.data.read(HEAD_BYTES)
    refuse_foreign(stored.name, head, options.encoding)
    encoding = choose_encoding(head, options.encoding)
    # By its name alone, as nothing is read yet: a file of nothing but records may have none, and is blank then.
    is_sequence = choose_format(stored.name, "", options.format) in SEQUENCES
    sample = _read_sample(stored, encoding, may_be_blank=options.may_be_empty and is_sequence)
    # The table of an errors file begins in its first line, with its own delimiter, whatever the file it came from had.
    returned = find_errors_delimiter(sample)
    skip = 0 if returned is not None else options.skip_lines or 0
    if skip:
        sample = _read_sample(stored, encoding, skip)
    format_ = choose_format(stored.name, sample, options.format)
    if format_ == "csv":
        check_quotes(stored.name, sample)
        delimiter = returned or delimiter or find_delimiter(sample)
        return _survey_csv(stored, encoding, delimiter, skip, options)
    if skip:
        raise UsageError(
            f"{stored.name} is {FORMATS[format_].language}, which has no lines above a header to skip.",
            hint="Remove --skip-lines, or `skip_lines` from the mapping.",
        )
    file = JsonFile(stored=stored, encoding=encoding, format=format_)
    first = _first_value(file) if format_ == "jsonl" else None
    is_named = isinstance(first, dict) and options.records and options.records.partition(".")[0] in first
    # Each line may be a page of an API's answers, with the records in an array of it.
    if is_named or (options.format is None and options.answers is None and is_page(first)):
        file = replace(file, format="json", are_lines=True)
    surveyed = _survey_json(file, options)
    is_record = isinstance(surveyed.choice, JsonFile) and surveyed.choice.array == options.answers
    return _survey_records(file) if options.answers and is_record else surveyed  # a document that is one record


def _read_sample(stored: StoredFile, encoding: str, skip: int = 0, *, may_be_blank: bool = False) -> str:
    """Read the beginning of a file, below `skip` lines. Raises SourceNotReady if nothing is there."""
    with open_text(stored, encoding) as (_, text):
        lines = open_lines(stored, text, skip)
        sample = text.read(SAMPLE_CHARACTERS)
    if not sample.strip() and skip:
        raise SourceNotReady(
            f"{stored.name} has nothing below its first {counted(lines.skipped, 'line')}.",
            hint="Set --skip-lines N to the number of lines above its header, or export it again.",
        )
    if not (sample if may_be_blank else sample.strip()):
        raise SourceNotReady(f"{stored.name} is empty.", hint="Export it again, or wait until it is written.")
    return sample


def _survey_csv(stored: StoredFile, encoding: str, delimiter: str, skip: int, options: SourceOptions) -> Surveyed:
    with open_text(stored, encoding) as (_, text):
        lines = open_lines(stored, text, skip)
        # Read twice from its beginning: which row is the header is only known once rows below it were read.
        above = _read_above(csv.read_rows(lines, stored.name, delimiter, blank=True))
    with open_text(stored, encoding) as (_, text):
        lines = open_lines(stored, text, skip)
        rows = islice(csv.read_rows(lines, stored.name, delimiter, len(above)), len(above), None)
        first = next(rows)
        header = first.raw
        if first.defect is not None:
            raise SourceError(
                f"{stored.name}:{first.line}: the header can't be used. {first.defect.message}.",
                hint=f"{first.defect.hint} {FURTHER_DOWN}",
            )
        check_header(stored.name, first.line, header)
        sampled = [*islice(rows, 1)]
        if not sampled and not options.may_be_empty:
            raise SourceNotReady(
                f"{stored.name} has a header and no rows.", hint="Export it again, or wait until it is written."
            )
        with suppress(SourceError, SourceNotReady):  # reported when it is read on
            sampled += islice(rows, HEAD_ROWS - 1)
    titles = tuple(title for row in above if (title := " ".join(" ".join(row).split())))
    cells = [row.raw for row in sampled if row.defect is None]
    # A workbook's cells come with what their formulas show.
    every_cell = chain(header, *cells) if stored.workbook is None else ()
    formulas = any(open_formula(cell) is not cell for cell in every_cell)
    if formulas:
        stored = stored._replace(notices=(*stored.notices, NOTICE))
        cells = [list(map(open_formula, row)) for row in cells]
    file = TableFile(
        stored=stored,
        encoding=encoding,
        errors_file=is_errors_header(header),
        header=csv.own_header(header),
        delimiter=delimiter,
        skip_lines=skip,
        above=titles,
        rows_above=len(above),
        formulas=formulas,
    )
    own, envelope = file.header, ""
    names = {name.strip() for name in own}
    if file.errors_file:
        cells = [own_cells(row, len(header) - len(IMPORT_COLUMNS)) for row in cells]
    column = find_json_column(own, cells)
    if column is not None:  # each row wraps a record, whose keys a mapping may name, too
        file, envelope = replace(file, json_column=column), f"JSON in column {own[column].strip()}"
        records = (embedded_record(own, [*row, *[""] * len(own)][: len(own)], column, 0) for row in cells)
        names.update(name for record in records if isinstance(record, dict) for name in dotted_names(record))
    sample = Sample(file.name, "csv", "", envelope, "", frozenset(names - {""}), len(cells))
    return Surveyed((sample,), {"": file}, file)


def _read_above(rows: Iterator[csv.TableRow]) -> list[list[str]]:
    head: list[list[str]] = []
    with suppress(SourceError, SourceNotReady):  # they are read again later
        for row in islice(rows, HEAD_ROWS):
            if row.defect is not None:
                break
            head.append(row.raw)
    return list(filter(None, head[: count_above(head)]))


def _first_value(file: JsonFile) -> Any:
    with open_text(file.stored, file.encoding) as (_, text), suppress(SourceError, SourceNotReady):  # reported later
        return next((value for _, _, value in read_values(file, text)), None)
    return None


def _survey_json(file: JsonFile, options: SourceOptions) -> Surveyed:
    records = options.records
    if file.format in SEQUENCES:
        return _survey_records(file, may_be_empty=options.may_be_empty)
    with open_text(file.stored, file.encoding) as (_, text):
        document = Document(text, file.name)
        first = document.peek()
        if first not in ("[", "{"):
            shown = " ".join(_read_sample(file.stored, file.encoding)[:SHOWN].split())
            raise SourceError(
                f"{file.name} is not a JSON array or object: it begins with “{shown}”.",
                hint="Remove what surrounds the JSON, or name the file's format: --format csv or jsonl",
            )
        # Pages that somebody has put into one array: the first shows where the records are.
        if first == "[" and is_gathered_page(_first_value(file)):
            pages = document.elements()
            first = next(pages)
        outline = outline_document(document) if first == "{" and records is None else None
    if outline is not None:
        if options.may_be_empty and outline.empty and isinstance(choose_records(file.name, outline), SourceNotReady):
            return _survey_records(replace(file, records=outline.empty), may_be_empty=True)
        return _survey_object(file, outline)
    file = replace(file, records=tuple(records.split("."))) if first == "{" and records else file
    return _survey_records(file, may_be_empty=options.may_be_empty)


def _survey_records(file: JsonFile, *, may_be_empty: bool = False) -> Surveyed:
    """Survey the first records in a known place; the array is not read to its end."""
    sampler = Sampler()
    with open_text(file.stored, file.encoding) as (_, text):
        values = read_values(file, text)
        any_value, unreadable = False, None
        for _, _, value in values:
            any_value = True
            if not isinstance(value, Finding):
                sampler.add(value)
                break
            unreadable = unreadable or value
        with suppress(SourceError, SourceNotReady):  # reported when it is read on
            while not sampler.full and (numbered := next(values, None)) is not None:
                if not isinstance(numbered[2], Finding):
                    sampler.add(numbered[2])
    if not any_value and not may_be_empty:
        raise json.no_records(file.name)
    file = _with_sample(file, sampler)
    if sampler.rows and not (file.errors_file or any(sampler.names.values())):
        raise SourceError(f"{file.name} contains lists or single values instead of objects with keys.", hint=AS_RECORDS)
    error = None
    if unreadable and not sampler.rows:
        error = SourceError(
            f"{file.name} has nothing that can be read as a record. {unreadable.message}.",
            hint=f"Correct the file. {NAME_FORMAT}",
        )
    return Surveyed(_samples(file, sampler), {file.array: file}, file, error)


def _survey_object(file: JsonFile, outline: Outline) -> Surveyed:
    if is_sheet(outline):
        columns = (column for _, _, column in read_arrays(file.stored, file.encoding, {COLUMNS}))
        titles = {to_text(column.get("id")): to_text(column.get("title")) for column in columns}
        return _survey_records(replace(file, records=(ROWS,), titles=tuple(titles.items())))
    if outline.is_columns:
        raise SourceError(f"{file.name} has a list of values for each column instead of records.", hint=AS_RECORDS)
    places: dict[str, SourceFile] = {}
    samples: list[Sample] = []
    for path, sampler in outline.arrays.items():
        found = _with_sample(replace(file, records=path), sampler)
        places[found.array] = found
        samples += _samples(found, sampler)
    if is_wrapped(outline.keys, has_arrays=bool(outline.arrays)):
        return _survey_records(file)
    for path, sampler in (*outline.inner.items(), *outline.keyed.items()):
        found = _with_sample(replace(file, records=path), sampler)
        places[found.array] = found
        within = path in outline.inner or bool(outline.arrays)
        samples += (sample._replace(within=within) for sample in _samples(found, sampler))
    if outline.is_answer:
        answer = _survey_records(file)
        if isinstance(answer.choice, JsonFile) and answer.choice.envelope == ANSWER:
            return Surveyed((*answer.samples, *samples), {**places, **answer.places}, answer.choice)
    if outline.is_record:
        places[""] = file
        samples.append(Sample(file.name, file.format, "", "", "", frozenset(outline.names), 1))
    chosen = choose_records(file.name, outline)
    if not isinstance(chosen, tuple):
        if not samples:
            raise chosen
        return Surveyed(tuple(samples), places, chosen)
    return Surveyed(tuple(samples), places, places[".".join(chosen)])


def _with_sample(file: JsonFile, sampler: Sampler) -> JsonFile:
    return replace(file, envelope=sampler.envelope, errors_file=sampler.errors_file)


def _samples(file: JsonFile, sampler: Sampler) -> tuple[Sample, ...]:
    """Return one sample for each stream."""
    names = sampler.names
    return tuple(
        Sample(file.name, file.format, file.array, file.envelope, stream, frozenset(names.get(stream, ())), rows)
        for stream, rows in sampler.rows.items()
    )
