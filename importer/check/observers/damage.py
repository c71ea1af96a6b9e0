"""Signs of a damaged export: cut at a row or cell limit, changed by a spreadsheet, decoded with a wrong encoding."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import filterfalse
from pathlib import PurePath
from typing import TYPE_CHECKING, NamedTuple

from importer.api import count_units
from importer.check.observers.damaged_ids import WHAT_BECAME, contain, find_damaged_ids, matching
from importer.check.observers.date_order import DateColumn
from importer.check.observers.garbled_texts import find_garbled
from importer.check.observers.observer import SAMPLE_CHARACTERS
from importer.check.plan import Plan
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_date_texts, collect_value_refs
from importer.mapping.texts import Text
from importer.mapping.vocabulary import words_for_nothing
from importer.phrases import clip, counted
from importer.records import Chunk, Ref
from importer.sources.source import SourceFile

if TYPE_CHECKING:
    from importer.check.examine import Examined

CELL_LIMIT = 32_767
"""Characters that a cell of Excel and of LibreOffice takes."""

FULL_FILES = {
    500: "where several trackers cut an export",
    1_000: "where Jira and others cut an export",
    10_000: "where several trackers cut an export",
    65_535: "the most that an old spreadsheet holds below a header",
    65_536: "the most that an old spreadsheet holds",
    1_048_575: "the most that a spreadsheet holds below a header",
}
"""Numbers of rows at which exports are cut without a word, each with who cuts there."""

CELLS_JOINED = 128
"""Cells that are looked at as one text, as most columns show no sign."""
COLUMNS_SHOWN = 3
PAGES = "Export the rest in parts (by key or date), and give all files to one command."
NO_SPREADSHEET = "Export it again, and don't open the file in a spreadsheet."

ERROR_CELL = re.compile(
    r"#[¡¿]?(?:(?![a-z])[^\W\d_]|[/_0]){2,20}[!?]|#(?:N/A|N/D|N/B|NV|I/T|Н/Д|YOK|HIÁNYZIK)|#{4,}|Err:5\d\d"
)
"""Spreadsheets say most of their errors in the language of their country: `#REF!`, `#BEZUG!`, `#¡REF!`, `#ССЫЛКА!`."""
PYTHON_CELL = re.compile(r"[\[{(][\[{(]?'[^']*'(?::.*|,.*|)[\]})]", re.DOTALL)
"""A list or a dictionary as Python prints it, which isn't JSON: `['bug']`, `{'name': 'Ann'}`."""
SERIAL_DATE = re.compile(r"[34]\d{4}(?:[.,]\d{1,11})?")
"""A day from 1982 to 2036 as spreadsheets count them, since 1900."""


@dataclass(slots=True)
class _Hits:
    """The rows that show one sign, a sample of them, and the columns with their places in the mapping."""

    rows: int = 0
    sample: str = ""
    columns: dict[str, int] = field(default_factory=dict)

    def merge(self, later: _Hits) -> None:
        """Add those of later rows."""
        self.rows += later.rows
        self.sample = self.sample or later.sample
        for name, place in later.columns.items():
            self.columns.setdefault(name, place)

    def where(self) -> str:
        """Name the columns, COLUMNS_SHOWN of them."""
        more = " …" if len(self.columns) > COLUMNS_SHOWN else ""
        return ", ".join(sorted(self.columns, key=self.columns.__getitem__)[:COLUMNS_SHOWN]) + more


class SignsFound(NamedTuple):
    """The signs that a chunk has shown, and its columns of dates."""

    hits: dict[tuple[str, ...], _Hits]
    dates: dict[Ref, DateColumn]


class DamageSigns:
    """Searches each chunk for signs of damage, whole columns at a time; memory doesn't grow with the rows."""

    def __init__(self, mapping: MappingModel, files: Sequence[SourceFile], *, whole: bool = True) -> None:
        """`whole`: the files are read to their ends, so that their rows can be counted."""
        self._files, self._whole = files, whole
        self._formats = tuple(mapping.input.dates)
        self._rows = [0] * len(files)
        self._hits: dict[tuple[str, ...], _Hits] = {}
        self._values = collect_value_refs(mapping)
        self._texts = self._values | _refs(mapping.title, mapping.description)
        keys = _refs(mapping.input.key, mapping.input.local_key)
        self._ids = keys | _refs(mapping.owner_id, mapping.assignee_id, *mapping.resource_links)
        self._cells = keys | _refs(mapping.title, mapping.description, mapping.created, *mapping.footer.values())
        read = dict.fromkeys(ref for text in collect_date_texts(mapping) for ref in text.refs)
        self._times = _refs(mapping.created) | frozenset(read)
        self._dates = {ref: DateColumn(ref in read) for ref in (*read, *sorted(_refs(*mapping.footer.values())))}

    def add(self, examined: Examined, _: Plan) -> None:
        """Search a chunk, unless that was done where it was examined."""
        chunk, counts = examined.records.chunk, examined.counts
        if len(chunk):
            self._rows[chunk.file] = chunk.records[-1]
        signs = self.search(examined) if counts is None else counts.signs
        for sign, hits in signs.hits.items():
            self._hits.setdefault(sign, _Hits()).merge(hits)
        for ref, dates in signs.dates.items():
            self._dates[ref].merge(dates)

    def search(self, examined: Examined) -> SignsFound:
        """Search a chunk by itself; a column of dates only as long as none before has decided how they are read."""
        records, chunk = examined.records, examined.records.chunk
        signs = SignsFound({}, {})
        found: dict[tuple[str, ...], dict[int, str]] = {}
        for place, (ref, positions) in enumerate(chunk.positions.items()):
            for position in positions:  # none of most references that a preset has
                if not records.columns.has_text(position):
                    continue
                column = chunk.cells[position]
                for sign, rows in self._find_signs(ref, column, chunk.file):
                    signs.hits.setdefault(sign, _Hits()).columns.setdefault(ref.name, place)
                    found.setdefault(sign, {}).update(rows)
                if ref in self._dates and not self._dates[ref].decided:
                    dates = signs.dates.setdefault(ref, DateColumn(self._dates[ref].read))
                    dates.search(column, chunk, self._formats)
        for sign, rows in found.items():
            row = min(rows)
            signs.hits[sign].rows = len(rows)
            signs.hits[sign].sample = _sample(rows[row], chunk, row, records.keys.full[row])
        return signs

    def _find_signs(self, ref: Ref, column: list[str], file: int) -> Iterator[tuple[tuple[str, ...], dict[int, str]]]:
        """Find the signs in a column, each with row → the text to show; `file` is the number of the file."""
        blocks = ["".join(column[first : first + CELLS_JOINED]) for first in range(0, len(column), CELLS_JOINED)]
        # Nearly all columns have less text in many cells together than half a cell may have.
        if any(len(block) > CELL_LIMIT // 2 for block in blocks) and (full := _full_cells(column)):
            yield ("cell-limit",), full
        others = "" if all(map(str.isascii, blocks)) else "\n".join(filterfalse(str.isascii, column))
        if others and (ref in self._ids or ref in self._cells):
            # Apart, since a sign beyond U+FFFF takes four bytes for each sign of the text that it is in.
            blocks = ["\n".join(filter(str.isascii, column)), others]
        if ref in self._ids:
            yield from (((became,), rows) for became, rows in find_damaged_ids(column, blocks))
        if ref in self._cells and contain(blocks, "#", "Err:") and (broken := matching(column, ERROR_CELL)):
            yield ("error-cell",), broken
        if contain(blocks, "['", "{'", "('") and (printed := matching(column, PYTHON_CELL)):
            yield ("python-cell",), printed
        if ref not in self._values and not words_for_nothing().isdisjoint(column):
            yield ("nothing-cell",), {row: text for row, text in enumerate(column) if text in words_for_nothing()}
        if ref in self._times and (numbers := _find_serial_dates(column)):
            yield ("serial-date",), numbers
        if others and ref in self._texts:
            for was, read_as, rows in find_garbled(column, others):
                yield ("garbled", was, read_as, self._files[file].encoding), rows

    def warnings(self) -> list[str]:
        """Return a sentence for each sign: what was found, where, and what to do."""
        said = [_say(sign, hits) for sign, hits in sorted(self._hits.items()) if hits.rows]
        dates = (column.warning(ref.name) for ref, column in self._dates.items())
        return [*self._full_files(), *said, *filter(None, dates)]

    def _full_files(self) -> Iterator[str]:
        """Warn where the last file of a set has exactly as many rows as a limit; the others may, since more follows."""
        if not self._whole or any(file.errors_file for file in self._files):
            return
        last = max(range(len(self._files)), key=lambda number: (_natural(self._files[number].name), number))
        rows = self._rows[last]
        if rows in FULL_FILES and rows == max(self._rows):
            name = self._files[last].name
            which = f"{name}, the last of {len(self._files)} files," if len(self._files) > 1 else name
            yield f"{which} has exactly {rows:,} rows, {FULL_FILES[rows]}: others may be missing. {PAGES}"


def _refs(*texts: Text | None) -> frozenset[Ref]:
    return frozenset(ref for text in texts if text is not None for ref in text.refs)


def _full_cells(column: Sequence[str]) -> dict[int, str]:
    """Cells of exactly the limit, as a spreadsheet counts: UTF-16 units, a line end being one of them."""
    long = ((row, text) for row, text in enumerate(column) if CELL_LIMIT // 2 < len(text) < CELL_LIMIT * 2)
    return {row: f"… {text[-SAMPLE_CHARACTERS:]}" for row, text in long if _is_full(text)}


def _is_full(text: str) -> bool:
    # Spreadsheets differ in what they count: a line end may be one character or two, and so may one beyond U+FFFF.
    lines = text.replace("\r\n", "\n")
    return CELL_LIMIT in (len(text), len(lines), count_units(lines))


def _find_serial_dates(column: Sequence[str]) -> dict[int, str]:
    bare = ((row, text.strip()) for row, text in enumerate(column) if "-" not in text and "/" not in text)
    return {row: text for row, text in bare if SERIAL_DATE.fullmatch(text)}


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key by which page 9 comes before page 10, and `Jira` before `Jira (1)`."""
    parts = re.findall(r"\d+|\D+", PurePath(name).stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _sample(text: str, chunk: Chunk, row: int, key: str) -> str:
    place = f"{chunk.file_name}:{chunk.lines[row]}"
    return f"{clip(text, SAMPLE_CHARACTERS)!r} in {f'{key}, ' if key else ''}{place}"


_SAID = {
    "cell-limit": f"a text of exactly {CELL_LIMIT:,} characters in {{}}: a spreadsheet cuts cells there, and the rest "
    f"is lost. {NO_SPREADSHEET}",
    "serial-date": f"a spreadsheet's number instead of a date in {{}}: it is sent as is. {NO_SPREADSHEET}",
    "python-cell": "a list or dictionary as Python prints it, in {}: it isn't read; where its column is sent, "
    "it is sent as it is. Export JSON, in pandas with to_json(PATH, orient='records', lines=True).",
    "nothing-cell": "a program's word for nothing in {}: it is read as an empty cell.",
    "error-cell": f"a spreadsheet error instead of a text in {{}}: the text is lost. {NO_SPREADSHEET}",
    **{became: f"{said} {NO_SPREADSHEET}" for became, said in WHAT_BECAME.items()},
}


def _say(sign: tuple[str, ...], hits: _Hits) -> str:
    rows, where = counted(hits.rows, "row has", "rows have"), f"{hits.where()} ({hits.sample})"
    if sign[0] in _SAID:
        return f"{rows} {_SAID[sign[0]].format(where)}"
    _, was, read_as, encoding = sign
    what = f"letters that look garbled in {where}: {was} read as {read_as}."
    if not was:
        what = f"the character � for letters that are lost, in {where}: an earlier program couldn't read them."
    return f"{rows} {what} {_how_to_read(encoding)}"


def _how_to_read(encoding: str) -> str:
    if encoding.lower().startswith(("utf-8", "utf-16")):
        return (
            "Export it again, and don't save the file with another program. Otherwise the texts are sent as they are."
        )
    return f"The file is read as {encoding}: leave out --encoding (or input.encoding), as it is probably UTF-8."
