"""One record, several rows: `each` of a mapping makes a row of each answer, before anything else sees the record.

A table of answers becomes a longer one, with the columns `_name`, `_answer` and `_note` in place of the criteria's. An
object of an array becomes a record of its own, with what stands around the array as `_record`. Whatever has these
already is an answer: a row of errors.csv or errors.jsonl that is given back.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

from importer.codes import NO_ANSWERS
from importer.errors import SourceError
from importer.mapping.patterns import compile_pattern, is_pattern
from importer.mapping.scorecards import ANSWER, NAME, NEXT, NOTE, RECORD, ColumnRange, Each
from importer.phrases import listed, plain_name
from importer.records import Finding
from importer.sources.csv import TableRow
from importer.sources.errors_file import is_errors_record, own_keys
from importer.sources.json import NumberedRecord
from importer.sources.json_values import write
from importer.sources.source_rows import CHARACTERS_TOGETHER
from importer.sources.wrappers import open_envelope
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW

NEAREST_SHOWN, HEADERS_SHOWN = 3, 12


class Criterion(NamedTuple):
    """A criterion of a table: its name, and the places of its columns; not every one has one of notes."""

    name: str
    answer: int
    note: int | None


@dataclass(frozen=True, slots=True)
class Unfolding:
    """How the rows of a table are made: `header` is the file's own, `kept` the places of columns that all rows have."""

    header: tuple[str, ...]
    criteria: tuple[Criterion, ...]
    kept: tuple[int, ...]
    has_notes: bool

    @property
    def long_header(self) -> tuple[str, ...]:
        """The header of the rows that are made."""
        return (*(self.header[place] for place in self.kept), NAME, ANSWER, *([NOTE] if self.has_notes else []))


def unfold_header(name: str, header: tuple[str, ...], each: Each) -> Unfolding | None:
    """Find the criteria in a table's header; None where its rows are answers already.

    With `note: next`, a column that `each` names as a criterion is no note of the one before it. Raises SourceError,
    naming the header, if one that `each` names isn't there or is there twice, if a pattern fits none, or if a column
    would be both a criterion and a note.
    """
    names = list(map(plain_name, header))
    if {NAME, ANSWER} <= {*names}:
        return None
    named, wanted = _find_wanted(name, names, each)
    criteria, notes = list[Criterion](), dict[int, str]()
    for place in wanted:
        if place not in notes:
            note = _find_note(names, place, each.note)
            note = None if note in named and each.note == NEXT else note
            criteria.append(Criterion(names[place], place, note))
            notes |= {} if note is None else {note: names[place]}
        elif place in named:
            raise SourceError(
                f"{name}: {names[place]!r} is a criterion under `each`, and its column the note of {notes[place]!r}.",
                hint="Correct `columns` or `note` under `each`.",
            )
    repeated = [header for header, times in Counter(one.name for one in criteria).items() if times > 1]
    if repeated:
        raise _twice(name, repeated[0])
    if each.note is not None and not notes:
        raise SourceError(f"{name}: no criterion has a note {each.note!r}.", hint="Correct `note` under `each`.")
    used = {place for one in criteria for place in (one.answer, one.note)}
    kept = tuple(place for place in range(len(names)) if place not in used)
    return Unfolding(header, tuple(criteria), kept, bool(notes))


def _find_wanted(name: str, names: Sequence[str], each: Each) -> tuple[set[int], list[int]]:
    """The places of columns that `each` names, and of all that may be criteria; those without a header are none."""
    if each.columns is None:
        raise SourceError(
            f"{name} is a table, and `each: {{path: {each.path}}}` is for JSON.",
            hint="Name the criteria's columns instead: `each: {columns: {from: FIRST, to: LAST}}`.",
        )
    if isinstance(each.columns, ColumnRange):
        first, end = _place_of(name, names, each.columns.from_), len(names)
        named, last = {first}, each.columns.to or each.columns.before
        if last is not None:
            at = _place_of(name, names, last)
            named, end = ({first, at}, at + 1) if each.columns.to else ({first}, at)
        if first >= end:
            raise SourceError(
                f"{name}: {last!r}, with which the columns under `each` end, comes before {each.columns.from_!r}.",
                hint="Exchange them.",
            )
        return named, [place for place in range(first, end) if names[place]]
    named = {_place_of(name, names, header) for header in each.columns if not is_pattern(header)}
    found = {*named}
    for pattern in filter(is_pattern, each.columns):
        search = compile_pattern(pattern[1:-1]).search
        fitting = {place for place, header in enumerate(names) if header and search(header)}
        if not fitting:
            shown = listed([repr(header) for header in names if header], HEADERS_SHOWN)
            raise SourceError(f"{name}: no header fits {pattern}, a pattern under `each`.", hint=f"It has {shown}.")
        found |= fitting
    return named, sorted(found)


def _place_of(name: str, names: Sequence[str], header: str) -> int:
    places = [place for place, each in enumerate(names) if each == plain_name(header)]
    if len(places) > 1:
        raise _twice(name, header)
    if places:
        return places[0]
    near = [repr(each) for each in difflib.get_close_matches(header, [*filter(None, names)], NEAREST_SHOWN)]
    raise SourceError(
        f"{name} has no column {header!r}, which `each` names.",
        hint=f"The nearest: {', '.join(near)}." if near else "Correct `each` in the mapping.",
    )


def _twice(name: str, header: str) -> SourceError:
    return SourceError(
        f"{name}: {header!r}, a criterion under `each`, is the header of more than one column.",
        hint="Rename one of them in the file: the answers of one criterion could not be told from the other's.",
    )


def _find_note(names: Sequence[str], place: int, note: str | None) -> int | None:
    if note is None:
        return None
    if "{name}" not in note:
        behind = place + 1
        return behind if behind < len(names) and (note == NEXT or plain_name(note) == names[behind]) else None
    wanted = plain_name(note.replace("{name}", names[place]))
    return next((at for at, header in enumerate(names) if header == wanted and at != place), None)


def unfold_runs(runs: Iterable[Sequence[TableRow]], table: Unfolding, size: int) -> Iterator[list[TableRow]]:
    """Yield a row for each answer, up to `size` at a time, and of CHARACTERS_TOGETHER.

    A row that can't be used, or is empty, stays one. Each has the line of its record. What all answers of a record have
    counts for each, as whatever follows makes copies of it.
    """
    together, characters = list[TableRow](), 0
    for row in _unfold_rows(runs, table):
        together.append(row)
        characters += sum(map(len, row.cells))
        if len(together) >= size or characters >= CHARACTERS_TOGETHER:
            yield together
            together, characters = [], 0
    if together:
        yield together


def _unfold_rows(runs: Iterable[Sequence[TableRow]], table: Unfolding) -> Iterator[TableRow]:
    blank = [""] * len(table.long_header)
    hint = "Correct it in the source: the errors file has a row for each answer."
    for row in chain.from_iterable(runs):
        if row.defect is not None or not any(map(str.strip, row.cells)):
            defect = row.defect and replace(row.defect, hint=hint)
            yield TableRow(row.line, row.raw, blank, defect, row.origin)
            continue
        kept = [row.cells[place] for place in table.kept]
        for criterion in table.criteria:
            cells = [*kept, criterion.name, row.cells[criterion.answer]]
            if table.has_notes:
                cells.append("" if criterion.note is None else row.cells[criterion.note])
            yield TableRow(row.line, cells, cells, None, row.origin)


def unfold_records(records: Iterable[NumberedRecord], path: Sequence[str], envelope: str) -> Iterator[NumberedRecord]:
    """Yield a record for each object of the array at `path`, with the line of the record that it is in.

    It has the object's own keys and, as `_record`, what stands around the array. A record without such an array, or
    with an empty one, is left out by name; one with anything but objects in it is rejected as a whole.
    """
    for line, raw, record in records:
        if isinstance(record, Finding) or RECORD in record or IMPORT_RAW in record:
            yield line, raw, record
            continue
        imported = {key: record[key] for key in IMPORT_COLUMNS} if is_errors_record(record) else {}
        own = open_envelope(envelope, own_keys(record) if imported else record)
        answers, around = _take_out(own, path)
        if not answers and not isinstance(answers, str | int | float):
            yield line, raw, Finding(NO_ANSWERS, "", f"the record has nothing at {'.'.join(path)}", rejects=False)
            continue
        if not isinstance(answers, list) or not all(isinstance(answer, dict) for answer in answers):
            yield line, raw, _no_objects(line, path)
            continue
        rest = write({RECORD: around, **imported})[1:]
        for answer in answers:
            text = write({key: value for key, value in answer.items() if key != RECORD})
            made = {**answer, RECORD: around, **imported}
            yield line, f"{text[:-1]}{',' if len(text) > len('{}') else ''}{rest}", made


def _take_out(record: dict[str, Any], path: Sequence[str]) -> tuple[Any, dict[str, Any]]:
    """What is at a path of keys in a record, and the record without it."""
    key, *further = path
    value = record.get(key)
    around = {name: each for name, each in record.items() if name != key}
    if not further or not isinstance(value, dict):
        return (None if further else value), around
    found, within = _take_out(value, further)
    return found, ({**around, key: within} if within else around)


def _no_objects(line: int, path: Sequence[str]) -> Finding:
    message = f"Line {line} has something else than objects at {'.'.join(path)}, where `each` looks for answers"
    hint = "Correct the record in the source, or `path` under `each` in the mapping."
    return Finding("row-malformed", "", message, hint)
