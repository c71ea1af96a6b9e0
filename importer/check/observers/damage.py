"""Signs of a damaged export: cut at a row or cell limit, changed by a spreadsheet, decoded with a wrong encoding.

Each sign of a cell is a line of RULES: which cells it is looked for in, what finds it, and the sentence about it.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import filterfalse
from pathlib import PurePath
from typing import Literal, NamedTuple

from importer.api import count_units
from importer.check.examine import Examined, raw_text
from importer.check.plan import SAMPLE_CHARACTERS, Plan
from importer.mapping.model import MappingModel
from importer.mapping.patterns import compiled
from importer.mapping.reads import collect_date_texts, collect_value_refs
from importer.mapping.texts import Text, TextFormat, walk_texts
from importer.mapping.vocabulary import words_for_nothing
from importer.phrases import clip, counted
from importer.records import Chunk, Ref
from importer.sources.source import SourceFile
from importer.transform.columns import is_filled

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

Found = dict[int, str]
"""Row → the text to show."""
Find = Callable[[Sequence[str], Sequence[str]], Found]
"""Finds a sign in a column; it also gets the column as a few long texts, to see fast that there is none."""


def _matching(column: Iterable[str], pattern: re.Pattern[str]) -> Found:
    return {row: text.strip() for row, text in enumerate(column) if pattern.fullmatch(text.strip())}


def _contain(blocks: Iterable[str], needles: Iterable[str]) -> bool:
    return any(needle in block for block in blocks for needle in needles)


def _cells_of(pattern: re.Pattern[str], *needles: str) -> Find:
    """What finds the cells of a form, all of which have one of the needles."""
    return lambda column, blocks: _matching(column, pattern) if _contain(blocks, needles) else {}


DIGITS = 15
"""What a spreadsheet keeps of a number."""
_LONG, _EMPTIED = re.compile(rf"\d{{{DIGITS}}}\d+"), re.compile(rf"\d{{{DIGITS}}}0+")
LONG_AT_LEAST = 3
"""So many long numbers that have nothing in the digits behind these are no chance."""
_find_exponents = _cells_of(re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2,3}"), "E+", "e+")


def _find_rounded(column: Sequence[str], blocks: Sequence[str]) -> Found:
    long = _matching(column, _LONG) if max(map(len, column)) > DIGITS else {}
    are_emptied = len(long) >= LONG_AT_LEAST and all(map(_EMPTIED.fullmatch, long.values()))
    return _find_exponents(column, blocks) | (long if are_emptied else {})


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
# `12-Mar`, in German `12. Sep`; as no day of a month `Mar-45`. Ids of trackers have capitals.
_DAY = re.compile(rf"(?:\d\d?(?:-|\. )(?:{_MONTH})|(?:{_MONTH})[- ]\d\d)")


def _find_days(column: Sequence[str], blocks: Sequence[str]) -> Found:
    # Names of people have months in them, too, but no day behind these.
    return _matching(column, _DAY) if _contain(blocks, _MONTHS) and any(map(_DAY.search, blocks)) else {}


def _find_full(column: Sequence[str], blocks: Sequence[str]) -> Found:
    # Nearly all columns have less text in many cells together than half a cell may have.
    if all(len(block) <= CELL_LIMIT // 2 for block in blocks):
        return {}
    long = ((row, text) for row, text in enumerate(column) if CELL_LIMIT // 2 < len(text) < CELL_LIMIT * 2)
    return {row: f"… {text[-SAMPLE_CHARACTERS:]}" for row, text in long if _is_full(text)}


def _is_full(text: str) -> bool:
    # Spreadsheets differ in what they count: a line end may be one character or two, and so may one beyond U+FFFF.
    lines = text.replace("\r\n", "\n")
    return CELL_LIMIT in (len(text), len(lines), count_units(lines))


def _find_words_for_nothing(column: Sequence[str], _: Sequence[str]) -> Found:
    words = words_for_nothing()
    return {} if words.isdisjoint(column) else {row: text for row, text in enumerate(column) if text in words}


_SERIAL_DATE = re.compile(r"[34]\d{4}(?:[.,]\d{1,11})?")
"""A day from 1982 to 2036 as spreadsheets count them, since 1900."""


def _find_serial_dates(column: Sequence[str], _: Sequence[str]) -> Found:
    return _matching(("" if "-" in text or "/" in text else text for text in column), _SERIAL_DATE)


ERROR_CELL = re.compile(
    r"#[¡¿]?(?:(?![a-z])[^\W\d_]|[/_0]){2,20}[!?]|#(?:N/A|N/D|N/B|NV|I/T|Н/Д|YOK|HIÁNYZIK)|#{4,}|Err:5\d\d"
)
"""Spreadsheets say most of their errors in the language of their country: `#REF!`, `#BEZUG!`, `#¡REF!`, `#ССЫЛКА!`."""
PYTHON_CELL = re.compile(r"[\[{(][\[{(]?'[^']*'(?::.*|,.*|)[\]})]", re.DOTALL)
"""A list or a dictionary as Python prints it, which isn't JSON: `['bug']`, `{'name': 'Ann'}`."""


class Rule(NamedTuple):
    """A sign in cells: of which columns, by what the mapping reads from them, and the warning; `{}` is where."""

    about: Literal["ids", "cells", "times", "no values", "all"]
    find: Find
    said: str


RULES: Mapping[str, Rule] = {
    "approximate": Rule(
        "ids",
        _find_rounded,
        "a rounded number instead of an id in {}: spreadsheets round long ids, and different ones become equal. "
        + NO_SPREADSHEET,
    ),
    "cell-limit": Rule(
        "all",
        _find_full,
        f"a text of exactly {CELL_LIMIT:,} characters in {{}}: a spreadsheet cuts cells there, and the rest is lost. "
        + NO_SPREADSHEET,
    ),
    "date": Rule(
        "ids",
        _find_days,
        "a date instead of an id in {}: spreadsheets turn ids like MAR-12 and SEP-3 into dates. " + NO_SPREADSHEET,
    ),
    "decimal": Rule(
        "ids",
        _cells_of(re.compile(r"\d+\.0"), ".0"),
        "a decimal instead of an id in {}: some programs write whole numbers this way. In an export without the `.0`, "
        "they would be different issues. " + NO_SPREADSHEET,
    ),
    "error-cell": Rule(
        "cells",
        _cells_of(ERROR_CELL, "#", "Err:"),
        "a spreadsheet error instead of a text in {}: the text is lost. " + NO_SPREADSHEET,
    ),
    "nothing-cell": Rule(
        "no values", _find_words_for_nothing, "a program's word for nothing in {}: it is read as an empty cell."
    ),
    "python-cell": Rule(
        "all",
        _cells_of(PYTHON_CELL, "['", "{'", "('"),
        "a list or dictionary as Python prints it, in {}: it isn't read; where its column is sent, it is sent as it "
        "is. Export JSON, in pandas with to_json(PATH, orient='records', lines=True).",
    ),
    "serial-date": Rule(
        "times",
        _find_serial_dates,
        "a spreadsheet's number instead of a date in {}: it is sent as is. " + NO_SPREADSHEET,
    ),
}


def _tails(encoding: str) -> str:
    """A character class of what the bytes 0x80 to 0xBF, continuation bytes in UTF-8, are decoded to."""
    tails = bytes(range(0x80, 0xC0)).decode(encoding, "ignore")
    return "[" + re.escape(tails + "".join(map(chr, range(0x80, 0xA0)))) + "]"


_TAIL, _TAIL_1251 = _tails("cp1252"), _tails("cp1251")
_SINGLE = {
    "Ã": f"Ã(?:[”’»…—](?=\\w)|(?![”’»…—]){_TAIL})",  # é, ü, ß; IRMÃ” is Portuguese
    "Â": "Â[\xa0-\xba\xbc-\xbf]",  # a space that does not break, ©, °
    "Ð": "Ð[\xb0-\xbf]",  # Cyrillic
    "â": f"â(?:[€\x80]{_TAIL}|‚¬|„¢|†’|ˆ’|œ“)",  # ’ “ – … € ™ → − ✓
    "ï": "ï»¿",  # a byte order mark
    "ð": f"ð[Ÿ\x9f]{_TAIL}{{2}}",  # emoji
}
GARBLES = (
    *((lead, pattern, "UTF-8", "cp1252") for lead, pattern in _SINGLE.items()),
    # Polish, Czech, Turkish: a capital in the middle of a word
    *((lead, f"{lead}(?<=[a-z]{lead}){_TAIL}", "UTF-8", "cp1252") for lead in "ÄÅ"),
    # Cyrillic and Greek: one letter after another
    *((lead, f"{lead}{_TAIL}[ÐÑÎÏ]{_TAIL}", "UTF-8", "cp1252") for lead in "ÐÑÎÏ"),
    # Chinese, Japanese, Korean
    *((lead, f"{lead}{_TAIL}{{2}}[ã-í]{_TAIL}{{2}}", "UTF-8", "cp1252") for lead in "ãäåæçèéëìí"),
    *((lead, f"{lead}{_TAIL_1251}[РС]{_TAIL_1251}", "UTF-8", "cp1251") for lead in "РС"),
    ("√", "√[©®¨†º∂ß°]", "UTF-8", "Mac Roman"),
    ("‚", "‚Ä[ôúùìîò¶]", "UTF-8", "Mac Roman"),
    ("縺", r"縺[^\x00-\x7f]", "UTF-8", "Shift JIS"),
)
"""Text that no language writes: its first character, which `in` finds faster than the pattern behind it, the encoding
that it had, and the one that it was read as. What French or German quotes end with (`CAFÉ»`, `„Ü“`) isn't here."""
REPLACED = "\ufffd"


def _find_garbled(column: Sequence[str], others: str) -> Mapping[tuple[str, str], Found]:
    """Find garbled texts: (encoding, read as) → row → the place; `others` has the texts that aren't ASCII."""
    found = defaultdict[tuple[str, str], Found](dict)
    for lead, pattern, was, read_as in GARBLES:
        if lead in others and (garbled := compiled(pattern)).search(others):
            for row, text in enumerate(column):
                if lead in text and (match := garbled.search(text)):
                    found[was, read_as].setdefault(row, _around(text, match.start()))
    if REPLACED in others:
        found["", ""] = {row: _around(text, text.find(REPLACED)) for row, text in enumerate(column) if REPLACED in text}
    return found


def _around(text: str, place: int) -> str:
    start = max(0, place - SAMPLE_CHARACTERS // 2)
    return " ".join(text[start : start + SAMPLE_CHARACTERS].split())


_DATE_OF_NUMBERS = re.compile(r"\s*(\d{1,2})([/-])(\d{1,2})\2\d{2}(?:\d{2})?(?:[ ,T].*)?", re.DOTALL)


@lru_cache(maxsize=4096)
def _reads_both_ways(text: str, formats: tuple[str, ...], is_read: bool) -> bool:
    """Whether day and month of a numeric date can be swapped; not where the formats read it in one way only."""
    numbers = _DATE_OF_NUMBERS.fullmatch(text)
    day, month = (int(numbers[1]), int(numbers[3])) if numbers else (0, 0)
    readings = {date for form in formats if (date := _read(text.strip(), form)) is not None}
    if day != month and (len(readings) == 1 or (is_read and not readings)):
        return False
    return 0 < day <= 12 and 0 < month <= 12


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


SHARE = 0.2
"""The least share of the descriptions that are in another markup: in Markdown a few may begin with a tag."""
_BEGINS: Mapping[TextFormat, re.Pattern[str]] = {
    "html": re.compile(r"(?i)\s*<(?:!doctype html|/?(?:html|body|div|p|span|br|table|[uo]l|h[1-6]|b|strong|font)\b)"),
    "jira": re.compile(r"\s*(?:h[1-6]\. |\{(?:code|noformat|quote|panel|color)\b[^{}]*\}|\[~\w)"),
}
"""How a description begins that is in a format."""
_MARKDOWN = re.compile(r"```|\]\(https?://")
"""What Jira's markup doesn't have: looked for in a row as it came, because what is read as Jira's becomes Markdown."""


@dataclass(slots=True)
class _Hits:
    """The rows that show one sign, a sample of them, and the columns with their places in the mapping.

    `decided` is of dates that may read both ways: whether one shows the order, or that the column has other things.
    """

    rows: int = 0
    sample: str = ""
    columns: dict[str, int] = field(default_factory=dict)
    decided: bool = False

    def where(self) -> str:
        """Name the columns, COLUMNS_SHOWN of them, with the sample."""
        more = " …" if len(self.columns) > COLUMNS_SHOWN else ""
        names = ", ".join(sorted(self.columns, key=self.columns.__getitem__)[:COLUMNS_SHOWN])
        return f"{names}{more} ({self.sample})"


class DamageSigns:
    """Searches each chunk for signs of damage, whole columns at a time; memory doesn't grow with the rows.

    `whole`: the files are read to their ends, so that their rows can be counted.

    _signs   a name of RULES, or `garbled` with both encodings and that of the file → the rows
    _markup  how many descriptions begin as each markup does; None: all of them
    """

    def __init__(self, mapping: MappingModel, files: Sequence[SourceFile], *, whole: bool = True) -> None:
        self._files, self._whole = files, whole
        self._formats = tuple(mapping.input.dates)
        self._rows = [0] * len(files)
        self._signs = defaultdict[tuple[str, ...], _Hits](_Hits)
        self._markup = Counter[TextFormat | None]()
        self._values = collect_value_refs(mapping)
        self._texts = self._values | _refs(mapping.title, mapping.description)
        self._read = dict.fromkeys(ref for text in collect_date_texts(mapping) for ref in text.refs)
        self._dates = {ref: _Hits() for ref in (*self._read, *sorted(_refs(*mapping.footer.values())))}
        keys = _refs(mapping.input.key, mapping.input.local_key)
        self._about = {
            "ids": keys | _refs(mapping.owner_id, mapping.assignee_id, *mapping.resource_links),
            "cells": keys | _refs(mapping.title, mapping.description, mapping.created, *mapping.footer.values()),
            "times": _refs(mapping.created) | frozenset(self._read),
        }
        self._finders = dict[Ref, list[tuple[str, Find]]]()
        texts = [] if mapping.description is None else list(walk_texts(mapping.description, choices=True))
        formats = {text.format for _, text in texts} - {None}
        self._is_jira = "jira" in formats
        self._has_markup = bool(texts) and (self._is_jira or not formats)

    def add(self, examined: Examined, _: Plan) -> None:
        """Search a chunk; a column of dates only until one has decided how they are read."""
        records, chunk = examined.records, examined.records.chunk
        if len(chunk):
            self._rows[chunk.file] = chunk.records[-1]
        found: dict[tuple[str, ...], Found] = {}
        for place, (ref, positions) in enumerate(chunk.positions.items()):
            for position in positions:  # none of most references that a preset has
                if not records.columns.has_text(position):
                    continue
                column = chunk.cells[position]
                for sign, rows in self._find_signs(ref, column, chunk.file):
                    self._signs[sign].columns.setdefault(ref.name, place)
                    found.setdefault(sign, {}).update(rows)
                if ref in self._dates and not self._dates[ref].decided:
                    self._search_dates(ref, column, chunk)
        for sign, rows in found.items():
            hits, row = self._signs[sign], min(rows)
            hits.rows += len(rows)
            key = records.keys.full[row]
            where = f"{f'{key}, ' if key else ''}{_place(chunk, row)}"
            hits.sample = hits.sample or f"{clip(rows[row], SAMPLE_CHARACTERS)!r} in {where}"
        self._search_markup(examined)

    def _find_signs(self, ref: Ref, column: list[str], file: int) -> Iterator[tuple[tuple[str, ...], Found]]:
        if ref not in self._finders:
            kinds = {"all"} | {kind for kind, refs in self._about.items() if ref in refs}
            kinds |= set() if ref in self._values else {"no values"}
            self._finders[ref] = [(name, rule.find) for name, rule in RULES.items() if rule.about in kinds]
        blocks = ["".join(column[first : first + CELLS_JOINED]) for first in range(0, len(column), CELLS_JOINED)]
        others = "" if all(map(str.isascii, blocks)) else "\n".join(filterfalse(str.isascii, column))
        if others and (ref in self._about["ids"] or ref in self._about["cells"]):
            # Apart, since a sign beyond U+FFFF takes four bytes for each sign of the text that it is in.
            blocks = ["\n".join(filter(str.isascii, column)), others]
        for name, find in self._finders[ref]:
            if rows := find(column, blocks):
                yield (name,), rows
        if others and ref in self._texts:
            for encodings, rows in _find_garbled(column, others).items():
                yield ("garbled", *encodings, self._files[file].encoding), rows

    def _search_dates(self, ref: Ref, column: Sequence[str], chunk: Chunk) -> None:
        """Look for dates that read both ways, 01/02 as well as 02/01, until one shows the order."""
        hits, is_read = self._dates[ref], ref in self._read
        for row, text in enumerate(column):
            if not is_filled(text):
                continue
            numbers = _DATE_OF_NUMBERS.fullmatch(text)
            if numbers is not None and _reads_both_ways(text, self._formats, is_read):
                if int(numbers[1]) != int(numbers[3]):  # 02/02 is the same day either way
                    hits.rows += 1
                    hits.sample = hits.sample or f"{clip(text.strip(), SAMPLE_CHARACTERS)} in {_place(chunk, row)}"
            elif numbers is not None or not is_read:
                hits.decided = True
                return

    def _search_markup(self, examined: Examined) -> None:
        """Count the descriptions, and those in another markup than the mapping says, or where it says none."""
        if not self._has_markup:
            return
        prose = examined.records.texts
        rows = [row for row in examined.bodies if prose.descriptions[row] != prose.footers[row]]
        texts = [prose.descriptions[row] for row in rows]
        begun = Counter[TextFormat | None]({None: len(rows)})
        begun.update({name: sum(map(bool, map(its.match, texts))) for name, its in _BEGINS.items()})
        if self._is_jira:
            raw, keys = examined.records.chunk.raw, examined.records.keys
            came = (raw_text(raw[keys.members(row)[0]]) for row in rows)
            begun["jira"], begun["markdown"] = 0, sum(map(bool, map(_MARKDOWN.search, came)))
        self._markup.update(begun)

    def warnings(self) -> Iterator[str]:
        yield from self._full_files()
        yield from (_say(sign, hits) for sign, hits in sorted(self._signs.items()))
        for ref, hits in self._dates.items():
            if hits.rows and not hits.decided:
                what = f"{counted(hits.rows, 'date reads', 'dates read')} both ways in {ref.name} ({hits.sample})"
                as_they_are = "Export with dates like 2023-02-01; they are sent as they are."
                help_ = "Keep only the right format in input.dates." if ref in self._read else as_they_are
                yield f"{what}: day first or month first? {help_}"

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

    def of_markup(self) -> Iterator[str]:
        """Say which markup the descriptions seem to be in."""
        filled = self._markup[None]
        for name, rows in self._markup.items():
            if name and rows and rows >= SHARE * filled:
                looks, sent = ("looks", "is sent as it is") if rows == 1 else ("look", "are sent as they are")
                end = "to convert them to Markdown"
                if self._is_jira:
                    sent, end = f"{sent.split()[0]} read as jira", "to read them so"
                yield (
                    f"description: {rows:,} of {counted(filled, 'text')} {looks} like {name} and {sent}; "
                    f"{end}, write `description: {{format: {name}}}`"
                )


def _refs(*texts: Text | None) -> frozenset[Ref]:
    return frozenset(ref for text in texts if text is not None for ref in text.refs)


def _place(chunk: Chunk, row: int) -> str:
    return f"{chunk.file_name}:{chunk.lines[row]}"


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key by which page 9 comes before page 10, and `Jira` before `Jira (1)`."""
    parts = re.findall(r"\d+|\D+", PurePath(name).stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _say(sign: tuple[str, ...], hits: _Hits) -> str:
    rows = counted(hits.rows, "row has", "rows have")
    if sign[0] in RULES:
        return f"{rows} {RULES[sign[0]].said.format(hits.where())}"
    _, was, read_as, encoding = sign
    what = f"letters that look garbled in {hits.where()}: {was} read as {read_as}."
    if not was:
        what = f"the character � for letters that are lost, in {hits.where()}: an earlier program couldn't read them."
    if encoding.lower().startswith(("utf-8", "utf-16")):
        again = "Export it again, and don't save the file with another program."
        return f"{rows} {what} {again} Otherwise the texts are sent as they are."
    leave_out = "leave out --encoding (or input.encoding), as it is probably UTF-8."
    return f"{rows} {what} The file is read as {encoding}: {leave_out}"
