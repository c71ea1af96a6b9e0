"""Signs of a damaged export: cut at a row or cell limit, changed by a spreadsheet, decoded with a wrong encoding."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import filterfalse
from pathlib import PurePath
from typing import NamedTuple

from importer.api import count_units
from importer.check.examine import Examined, raw_text
from importer.check.observers.observer import SAMPLE_CHARACTERS
from importer.check.plan import Plan
from importer.mapping.model import MappingModel
from importer.mapping.patterns import compiled
from importer.mapping.reads import collect_date_texts, collect_value_refs
from importer.mapping.texts import Text, TextFormat, walk_texts
from importer.mapping.vocabulary import words_for_nothing
from importer.phrases import clip, counted
from importer.records import Chunk, Ref
from importer.sources.source import SourceFile
from importer.transform.columns import is_filled

_EXPONENT = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2,3}")
DIGITS = 15
"""What a spreadsheet keeps of a number."""
_LONG, _EMPTIED = re.compile(rf"\d{{{DIGITS}}}\d+"), re.compile(rf"\d{{{DIGITS}}}0+")
"""A number with more digits, and one that has nothing in those behind them."""
LONG_AT_LEAST = 3
"""So many long numbers that all end so are no chance."""
_DECIMAL = re.compile(r"\d+\.0")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_DAY = re.compile(rf"(?:\d\d?(?:-|\. )(?:{_MONTH})|(?:{_MONTH})[- ]\d\d)")
"""`12-Mar`, in German `12. Sep`; as no day of a month `Mar-45`. Ids of trackers have capitals."""

WHAT_BECAME = {
    "approximate": "a rounded number instead of an id in {}: spreadsheets round long ids, and different ones become "
    "equal.",
    "decimal": "a decimal instead of an id in {}: some programs write whole numbers this way. In an export without the "
    "`.0`, they would be different issues.",
    "date": "a date instead of an id in {}: spreadsheets turn ids like MAR-12 and SEP-3 into dates.",
}
"""What became of ids; `{}` is where, with a sample."""


def find_damaged_ids(column: Sequence[str], blocks: Sequence[str]) -> Iterator[tuple[str, dict[int, str]]]:
    """Find what became of ids, a key of WHAT_BECAME, and row → id; `blocks` are the column, many cells in each."""
    exponents = matching(column, _EXPONENT) if contain(blocks, "E+", "e+") else {}
    if rounded := exponents | (_find_emptied(column) if max(map(len, column)) > DIGITS else {}):
        yield "approximate", rounded
    if contain(blocks, ".0") and (decimals := matching(column, _DECIMAL)):
        yield "decimal", decimals
    # Names of people have months in them, too, but no day behind these.
    if contain(blocks, *_MONTHS) and any(map(_DAY.search, blocks)) and (dates := matching(column, _DAY)):
        yield "date", dates


def _find_emptied(column: Sequence[str]) -> dict[int, str]:
    """The long numbers, if nothing is in the digits of any that a spreadsheet doesn't keep."""
    long = matching(column, _LONG)
    return long if len(long) >= LONG_AT_LEAST and all(map(_EMPTIED.fullmatch, long.values())) else {}


def contain(texts: Iterable[str], *needles: str) -> bool:
    """Whether any of the texts has one of the needles."""
    return any(needle in text for text in texts for needle in needles)


def matching(column: Sequence[str], pattern: re.Pattern[str]) -> dict[int, str]:
    """The rows of a column whose text has this form, each with its text."""
    return {row: text.strip() for row, text in enumerate(column) if pattern.fullmatch(text.strip())}


_DATE_OF_NUMBERS = re.compile(r"\s*(\d{1,2})([/-])(\d{1,2})\2\d{2}(?:\d{2})?(?:[ ,T].*)?", re.DOTALL)
_MONTHS_OF_A_YEAR = 12


@dataclass(slots=True)
class DateColumn:
    """A column of dates, and whether day and month can be told apart.

    read     whether the mapping reads them as dates; else they are copied as text
    rows     dates that read both ways, 01/02 as well as 02/01
    decided  whether one value shows the order, or that the column has no such dates: then nothing is said
    """

    read: bool
    rows: int = 0
    sample: str = ""
    decided: bool = False

    def merge(self, later: DateColumn) -> None:
        """Add what later rows have shown."""
        self.rows += later.rows
        self.sample = self.sample or later.sample
        self.decided = self.decided or later.decided

    def search(self, column: Sequence[str], chunk: Chunk, formats: tuple[str, ...]) -> None:
        """Look at a column of a chunk, until a value decides; `formats` are those of the mapping."""
        for row, text in enumerate(column):
            if not is_filled(text):
                continue
            numbers = _DATE_OF_NUMBERS.fullmatch(text)
            if numbers is not None and _reads_both_ways(text, formats, self.read):
                if int(numbers[1]) != int(numbers[3]):  # 02/02 is the same day either way
                    self.rows += 1
                    place = f"{chunk.file_name}:{chunk.lines[row]}"
                    self.sample = self.sample or f"{clip(text.strip(), SAMPLE_CHARACTERS)} in {place}"
            elif numbers is not None or not self.read:
                self.decided = True  # this value says which it is, or the column holds other things
                return

    def warning(self, name: str) -> str:
        """Say what nobody can tell of the column of this name; "" where it is decided."""
        if self.decided or not self.rows:
            return ""
        what = f"{counted(self.rows, 'date reads', 'dates read')} both ways in {name} ({self.sample})"
        if self.read:
            return f"{what}: day first or month first? Keep only the right format in input.dates."
        return f"{what}: day first or month first? Export with dates like 2023-02-01; they are sent as they are."


@lru_cache(maxsize=4096)
def _reads_both_ways(text: str, formats: tuple[str, ...], read: bool) -> bool:
    """Whether day and month of a numeric date can be swapped; not where the formats read it in one way only."""
    numbers = _DATE_OF_NUMBERS.fullmatch(text)
    day, month = (int(numbers[1]), int(numbers[3])) if numbers else (0, 0)
    readings = {date for form in formats if (date := _read(text.strip(), form)) is not None}
    if day != month and (len(readings) == 1 or (read and not readings)):
        return False
    return 0 < day <= _MONTHS_OF_A_YEAR and 0 < month <= _MONTHS_OF_A_YEAR


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


class _Garble(NamedTuple):
    """A pattern of text that was decoded with a wrong encoding.

    lead     the character that the pattern begins with: `in` finds it faster than the pattern
    pattern  finds the first garbled place
    was      the encoding that the text had
    read_as  the encoding that it was decoded with
    """

    lead: str
    pattern: str
    was: str
    read_as: str


def _tails(encoding: str) -> str:
    """A character class of what the bytes 0x80 to 0xBF, continuation bytes in UTF-8, are decoded to."""
    tails = bytes(range(0x80, 0xC0)).decode(encoding, "ignore")
    return "[" + re.escape(tails + "".join(map(chr, range(0x80, 0xA0)))) + "]"


def _garbles() -> Iterator[_Garble]:
    """Patterns that no language writes. What French or German quotes end with (`CAFÉ»`, `„Ü“`) is not among them."""
    tail = _tails("cp1252")
    single = {
        "Ã": f"Ã(?:[”’»…—](?=\\w)|(?![”’»…—]){tail})",  # é, ü, ß; IRMÃ” is Portuguese
        "Â": "Â[\xa0-\xba\xbc-\xbf]",  # a space that does not break, ©, °
        "Ð": "Ð[\xb0-\xbf]",  # Cyrillic
        "â": f"â(?:[€\x80]{tail}|‚¬|„¢|†’|ˆ’|œ“)",  # ’ “ – … € ™ → − ✓
        "ï": "ï»¿",  # a byte order mark
        "ð": f"ð[Ÿ\x9f]{tail}{{2}}",  # emoji
    }
    for lead, pattern in single.items():
        yield _Garble(lead, pattern, "UTF-8", "cp1252")
    for lead in "ÄÅ":  # Polish, Czech, Turkish: a capital in the middle of a word
        yield _Garble(lead, f"{lead}(?<=[a-z]{lead}){tail}", "UTF-8", "cp1252")
    for lead in "ÐÑÎÏ":  # Cyrillic and Greek: one letter after another
        yield _Garble(lead, f"{lead}{tail}[ÐÑÎÏ]{tail}", "UTF-8", "cp1252")
    for lead in "ãäåæçèéëìí":  # Chinese, Japanese, Korean
        yield _Garble(lead, f"{lead}{tail}{{2}}[ã-í]{tail}{{2}}", "UTF-8", "cp1252")
    for lead in "РС":
        yield _Garble(lead, f"{lead}{_tails('cp1251')}[РС]{_tails('cp1251')}", "UTF-8", "cp1251")
    yield _Garble("√", "√[©®¨†º∂ß°]", "UTF-8", "Mac Roman")
    yield _Garble("‚", "‚Ä[ôúùìîò¶]", "UTF-8", "Mac Roman")
    yield _Garble("縺", r"縺[^\x00-\x7f]", "UTF-8", "Shift JIS")


GARBLES = tuple(_garbles())
REPLACED = "\ufffd"


def find_garbled(column: Sequence[str], others: str) -> Iterator[tuple[str, str, dict[int, str]]]:
    """Find garbled texts: the encoding that they had, the one they were decoded with, and row → the place.

    `others` has the texts of the column that aren't ASCII: no other is garbled.
    """
    causes: dict[tuple[str, str], dict[int, str]] = {}
    for garble in GARBLES:
        if garble.lead in others and (pattern := compiled(garble.pattern)).search(others):
            rows = causes.setdefault((garble.was, garble.read_as), {})
            for row, text in enumerate(column):
                if garble.lead in text and (match := pattern.search(text)):
                    rows.setdefault(row, _around(text, match.start()))
    if REPLACED in others:
        causes["", ""] = {
            row: _around(text, text.find(REPLACED)) for row, text in enumerate(column) if REPLACED in text
        }
    for (was, read_as), rows in causes.items():
        yield was, read_as, rows


def _around(text: str, place: int) -> str:
    start = max(0, place - SAMPLE_CHARACTERS // 2)
    return " ".join(text[start : start + SAMPLE_CHARACTERS].split())


SHARE = 0.2
"""The least share of the descriptions: in Markdown a few may begin with a tag."""
_BEGINS: dict[TextFormat, re.Pattern[str]] = {
    "html": re.compile(r"(?i)\s*<(?:!doctype html|/?(?:html|body|div|p|span|br|table|[uo]l|h[1-6]|b|strong|font)\b)"),
    "jira": re.compile(r"\s*(?:h[1-6]\. |\{(?:code|noformat|quote|panel|color)\b[^{}]*\}|\[~\w)"),
}
"""How a description begins that is in a format."""
_MARKDOWN = re.compile(r"```|\]\(https?://")
"""What Jira's markup doesn't have: looked for in a row as it came, because what is read as Jira's becomes Markdown."""


class MarkupFound(NamedTuple):
    """How many descriptions of a chunk there are, and how many begin with the signs of a format."""

    filled: int
    begun: Counter[TextFormat]


class RawMarkup:
    """Counts descriptions that begin with the signs of a format."""

    def __init__(self, mapping: MappingModel) -> None:
        texts = [] if mapping.description is None else list(walk_texts(mapping.description, choices=True))
        said = {text.format for _, text in texts} - {None}
        self._is_jira = "jira" in said
        self._is_asked = bool(texts) and (self._is_jira or not said)
        self._found, self._filled = Counter[TextFormat](), 0

    def add(self, examined: Examined, _: Plan) -> None:
        """Look at the descriptions of a chunk, unless that was done where it was examined."""
        counts = examined.counts
        filled, begun = self.search(examined) if counts is None else counts.markup
        self._filled += filled
        self._found.update(begun)

    def search(self, examined: Examined) -> MarkupFound:
        """Look at the descriptions of a chunk by itself."""
        if not self._is_asked:
            return MarkupFound(0, Counter())
        prose = examined.records.texts
        rows = [row for row in examined.bodies if prose.descriptions[row] != prose.footers[row]]
        texts = [prose.descriptions[row] for row in rows]
        begun = Counter[TextFormat]({name: sum(map(bool, map(its.match, texts))) for name, its in _BEGINS.items()})
        if self._is_jira:
            raw, keys = examined.records.chunk.raw, examined.records.keys
            came = (raw_text(raw[keys.members(row)[0]]) for row in rows)
            begun["jira"], begun["markdown"] = 0, sum(map(bool, map(_MARKDOWN.search, came)))
        return MarkupFound(len(rows), begun)

    def warnings(self) -> Iterator[str]:
        """Say which format the descriptions seem to be in."""
        for name, rows in self._found.items():
            if rows and rows >= SHARE * self._filled:
                looks, sent = ("looks", "is sent as it is") if rows == 1 else ("look", "are sent as they are")
                end = "to convert them to Markdown"
                if self._is_jira:
                    sent, end = f"{sent.split()[0]} read as jira", "to read them so"
                yield (
                    f"description: {rows:,} of {counted(self._filled, 'text')} {looks} like {name} and {sent}; "
                    f"{end}, write `description: {{format: {name}}}`"
                )


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
