"""Signs of a damaged export: cut at a row or cell limit, rounded by a spreadsheet, decoded with a wrong encoding."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import PurePath

from importer.api import PERSON_FIELDS, count_units
from importer.check.checked_row import raw_text
from importer.check.examine import RowRun
from importer.check.plan import SAMPLE_CHARACTERS
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_date_texts, collect_value_refs
from importer.mapping.texts import Text, TextFormat, walk_texts
from importer.phrases import clip, counted
from importer.records import Ref
from importer.sources.source import SourceFile
from importer.sources.source_rows import SourceRows
from importer.transform.scan import Scan

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
CELLS_JOINED = 64
COLUMNS_SHOWN = 3
PAGES = "Export the rest in parts (by key or date), and give all files to one command."
NO_SPREADSHEET = "Export it again, and don't open the file in a spreadsheet."
SENT_AS_IS = "Export it again, and don't save the file with another program. Otherwise the texts are sent as they are."

FULL_CELL, ROUNDED, GARBLED, LOST, QUESTIONED = "full cell", "rounded", "garbled", "lost", "questioned"
SENTENCES: Mapping[str, str] = {
    ROUNDED: "a rounded number instead of an id in {where}: spreadsheets round long ids, and different ones become "
    f"equal. {NO_SPREADSHEET}",
    FULL_CELL: f"a text of exactly {CELL_LIMIT:,} characters in {{where}}: a spreadsheet cuts cells there, and the "
    f"rest is lost. {NO_SPREADSHEET}",
    LOST: "the character � for letters that are lost, in {where}: an earlier program couldn't read them. {again}",
    GARBLED: "letters that look garbled in {where}: UTF-8 read as cp1252. {again}",
    QUESTIONED: "question marks within words in {where}: an earlier program couldn't write ä or ’. {again}",
}
"""The warning about each sign in cells, in the order in which they are said."""

Samples = dict[int, str]
"""Row → the text to show."""

DIGITS = 15
"""What a spreadsheet keeps of a number."""
LONG_AT_LEAST = 3
"""So many long numbers that have nothing in the digits behind these are no chance."""
_EXPONENT = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2,3}")
_LONG, _EMPTIED = re.compile(rf"\d{{{DIGITS}}}\d+"), re.compile(rf"\d{{{DIGITS}}}0+")


def find_rounded(column: Sequence[str]) -> Samples:
    """The rows of a column of ids that have a rounded number."""
    rounded: Samples = {}
    joined = "\n".join(column)
    if "E+" in joined or "e+" in joined:
        rounded = _matching(column, _EXPONENT)
    if max(map(len, column)) > DIGITS:
        long = _matching(column, _LONG)
        if len(long) >= LONG_AT_LEAST and all(map(_EMPTIED.fullmatch, long.values())):
            rounded |= long
    return rounded


def _matching(column: Iterable[str], pattern: re.Pattern[str]) -> Samples:
    return {row: text.strip() for row, text in enumerate(column) if pattern.fullmatch(text.strip())}


def _find_full(column: Sequence[str]) -> Samples:
    # Of most columns many cells together are shorter: to ask each for its length takes four times as long, 0.5 µs.
    parts = ("".join(column[first : first + CELLS_JOINED]) for first in range(0, len(column), CELLS_JOINED))
    if not any(len(part) > CELL_LIMIT // 2 for part in parts) or max(map(len, column)) <= CELL_LIMIT // 2:
        return {}
    return {row: f"… {text[-SAMPLE_CHARACTERS:]}" for row, text in enumerate(column) if _is_full(text)}


def _is_full(text: str) -> bool:
    if not CELL_LIMIT // 2 < len(text) < CELL_LIMIT * 2:
        return False
    # Spreadsheets differ in what they count: a line end may be one character or two, and so may one beyond U+FFFF.
    lines = text.replace("\r\n", "\n")
    return CELL_LIMIT in (len(text), len(lines), count_units(lines))


_TAIL_CHARACTERS = bytes(range(0x80, 0xC0)).decode("cp1252", "ignore") + "".join(map(chr, range(0x80, 0xA0)))
_TAIL = f"[{re.escape(_TAIL_CHARACTERS)}]"
"""What the bytes 0x80 to 0xBF, continuation bytes in UTF-8, are decoded to."""
_NO_QUOTE = f"[{re.escape(re.sub('[“”’«»…—]', '', _TAIL_CHARACTERS))}]"
"""The same without what a sound word may be followed by: `IRMÃ”`."""
_GARBLE = "|".join(
    (
        f"Ã{_NO_QUOTE}",  # é, ü, ß
        "Â[\xa0-\xba\xbc-\xbf]",  # a space that does not break, ©, °
        "â(?:[€\x80]|‚¬|„¢|†’|ˆ’|œ“)",  # ’ “ – … € ™ → − ✓
        "ï»¿|ð[Ÿ\x9f]",  # a byte order mark, emoji
        f"[a-z][ÄÅ]{_NO_QUOTE}",  # Polish, Czech, Turkish: a capital in the middle of a word
        f"[ÎÏÐÑ]{_TAIL}[ÎÏÐÑ]{_TAIL}",  # Greek, Cyrillic: one letter after another
        f"[ãäåæçèéëìí]{_TAIL}{{2}}[ã-í]{_TAIL}{{2}}",  # Chinese, Japanese, Korean
    )
)
_garble = re.compile(_GARBLE)
_garbled, _letters = Scan([_GARBLE]), Scan([r"[^\P{L}A-Za-z]"])
REPLACED = "\ufffd"

WORDS_AT_LEAST, SHARE_OF_ROWS = 5, 0.01
"""So many different words with question marks in them, in such a share of the rows, are no slips of the keyboard."""
_QUESTIONED = re.compile(r"(?<![^\s\"'(\[,;])[A-Za-z-]*[A-Za-z](?:\?{1,3}[a-z][A-Za-z-]*)+(?![^\s\"').,;!?\]])")
"""`gr??er`, `Stra?e`, `don?t`; an address, code, or the next sentence, as in `why?Then`, has other signs around it."""
_may_be_questioned = Scan([r"[A-Za-z]\?{1,3}[a-z]"])


def _around(text: str, place: int) -> str:
    start = max(0, place - SAMPLE_CHARACTERS // 2)
    return " ".join(text[start : start + SAMPLE_CHARACTERS].split())


@lru_cache(maxsize=4096)
def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None


def _swapped_pairs(formats: Sequence[str]) -> list[tuple[str, str]]:
    """Return each format with a later one that has day and month the other way round."""
    pairs = []
    for place, form in enumerate(formats):
        swapped = form.translate({ord("d"): "m", ord("m"): "d"})
        if swapped in formats[place:]:
            pairs.append((form, swapped))
    return pairs


@dataclass(slots=True)
class _Dates:
    """The dates of a column that two formats of the mapping read otherwise, and who reads the others: the first?"""

    rows: int = 0
    sample: str = ""
    certain: set[bool] = field(default_factory=set)


MARKUP_SAMPLE = 500
"""Descriptions whose markup is looked at."""
SHARE = 0.2
"""The least share of them that are in another markup: in Markdown a few may begin with a tag."""
_BEGINS: Mapping[TextFormat, re.Pattern[str]] = {
    "html": re.compile(r"(?i)\s*<(?:!doctype html|/?(?:html|body|div|p|span|br|table|[uo]l|h[1-6]|b|strong|font)\b)"),
    "jira": re.compile(r"\s*(?:h[1-6]\. |\{(?:code|noformat|quote|panel|color)\b[^{}]*\}|\[~\w)"),
}
"""How a description begins that is in a format."""
_MARKDOWN = re.compile(r"```|\]\(https?://")
"""What Jira's markup doesn't have: looked for in a row as it came, because what is read as Jira's becomes Markdown."""


@dataclass(slots=True)
class _Hits:
    """The rows that show one sign, a sample of them, and the columns with their places in the mapping."""

    rows: int = 0
    sample: str = ""
    columns: dict[str, int] = field(default_factory=dict)

    def where(self) -> str:
        """Name the columns, COLUMNS_SHOWN of them, with the sample."""
        columns = sorted(self.columns, key=self.columns.__getitem__)
        names = ", ".join(columns[:COLUMNS_SHOWN])
        ellipsis = " …" if len(columns) > COLUMNS_SHOWN else ""
        return f"{names}{ellipsis} ({self.sample})"


class DamageSigns:
    """Searches rows for signs of damage, whole columns at a time; memory doesn't grow with the rows.

    `is_whole`: the files are read to their ends, so that their rows can be counted.
    """

    def __init__(self, mapping: MappingModel, files: Sequence[SourceFile], *, is_whole: bool = True) -> None:
        self._files, self._is_whole = files, is_whole
        self._rows = [0] * len(files)
        self._hits = defaultdict[tuple[str, str], _Hits](_Hits)  # by sign and encoding
        self._words = set[str]()
        self._has_letters = False
        self._ids = _refs(mapping.input.key, mapping.input.local_key, *map(mapping.text_of, PERSON_FIELDS))
        self._ids |= _refs(*mapping.resource_links)
        self._texts = collect_value_refs(mapping) | _refs(mapping.title, mapping.description)
        self._ambiguous_formats = _swapped_pairs(mapping.input.dates)
        self._dates = defaultdict[Ref, _Dates](_Dates)
        self._dated = _refs(*collect_date_texts(mapping)) if self._ambiguous_formats else frozenset()
        self._markup = Counter[TextFormat | None]()
        texts = [] if mapping.description is None else list(walk_texts(mapping.description, choices=True))
        named = {text.format for _, text in texts} - {None}
        self._is_jira = "jira" in named
        self._has_markup = bool(texts) and (self._is_jira or not named)

    def add(self, run: RowRun) -> None:
        source = run.source
        if source.rows:
            self._rows[source.file] = source.rows[-1].record
        encoding = self._files[source.file].encoding
        samples_of = defaultdict[str, Samples](dict)
        for number, (ref, places) in enumerate(source.layout.places.items()):
            for place in places:
                if place not in source.filled_places:
                    continue
                column = source.column(place)
                for sign, samples in self._find_signs(ref, column):
                    samples_of[sign] |= samples
                    self._hits[sign, encoding].columns.setdefault(ref.name, number)
                if ref in self._dated:
                    self._read_dates(ref, column, source)
        for sign, samples in samples_of.items():
            hits = self._hits[sign, encoding]
            hits.rows += len(samples)
            if not hits.sample:
                hits.sample = _show_first(samples, run)
        if self._has_markup and self._markup[None] < MARKUP_SAMPLE:
            self._look_at_markup(run)

    def _find_signs(self, ref: Ref, column: Sequence[str]) -> Iterator[tuple[str, Samples]]:
        full = _find_full(column)
        if full:
            yield FULL_CELL, full
        if ref in self._ids:
            rounded = find_rounded(column)
            if rounded:
                yield ROUNDED, rounded
        if ref not in self._texts:
            return
        if not all(map(str.isascii, column)):
            yield from self._find_wrong_letters(column)
        # To join them takes a tenth of the time of another search.
        if not self._has_letters and "?" in "".join(column):
            questioned = self._find_questioned(column)
            if questioned:
                yield QUESTIONED, questioned

    def _find_wrong_letters(self, column: Sequence[str]) -> Iterator[tuple[str, Samples]]:
        not_ascii = {row: text for row, text in enumerate(column) if not text.isascii()}
        replaced = {row: _around(text, text.find(REPLACED)) for row, text in not_ascii.items() if REPLACED in text}
        if replaced:
            yield LOST, replaced
        rows, texts = list(not_ascii), list(not_ascii.values())
        self._has_letters = self._has_letters or bool(_letters.find(texts))
        if not self._has_letters:
            return
        garbled: Samples = {}
        for place in _garbled.find(texts):
            match = _garble.search(texts[place])
            if match:
                garbled[rows[place]] = _around(match.string, match.start())
        if garbled:
            yield GARBLED, garbled

    def _find_questioned(self, column: Sequence[str]) -> Samples:
        samples: Samples = {}
        for row in _may_be_questioned.find(column):
            for match in _QUESTIONED.finditer(column[row]):
                samples.setdefault(row, _around(column[row], match.start()))
                if len(self._words) < WORDS_AT_LEAST:
                    self._words.add(match[0].casefold())
        return samples

    def _read_dates(self, ref: Ref, column: Sequence[str], source: SourceRows) -> None:
        """Look for dates that decide something, and that two formats of the mapping read otherwise."""
        dates = self._dates[ref]
        for row, text in enumerate(map(str.strip, column)):
            for form, swapped in self._ambiguous_formats:
                first, second = _read(text, form), _read(text, swapped)
                if first is None and second is None:
                    continue
                if first is None or second is None:
                    dates.certain.add(first is not None)
                elif first != second:  # 02/02 is the same day either way
                    dates.rows += 1
                    dates.sample = dates.sample or f"{clip(text, SAMPLE_CHARACTERS)} in {_place(source, row)}"

    def _look_at_markup(self, run: RowRun) -> None:
        """Count the descriptions, and those in another markup than the mapping says, or where it says none."""
        sendable = (row for row in run.rows if row.body)
        described = (row for row in sendable if row.issue.description != row.issue.footer.text)
        rows = list(islice(described, MARKUP_SAMPLE - self._markup[None]))
        self._markup[None] += len(rows)
        texts = [row.issue.description for row in rows]
        self._markup["html"] += _count_matches(_BEGINS["html"].match, texts)
        if self._is_jira:
            raw_texts = (raw_text(row.issue.row.raw) for row in rows)
            self._markup["markdown"] += _count_matches(_MARKDOWN.search, raw_texts)
        else:
            self._markup["jira"] += _count_matches(_BEGINS["jira"].match, texts)

    def warnings(self) -> Iterator[str]:
        yield from self._full_files()
        for sign, sentence in SENTENCES.items():
            for (sign_of_hits, encoding), hits in self._hits.items():
                if sign_of_hits != sign:
                    continue
                if sign != QUESTIONED or self._are_words_damaged(hits):
                    yield _say(sentence, hits, encoding)
        for ref, dates in self._dates.items():
            if dates.rows and dates.certain != {True}:
                ambiguous = f"{counted(dates.rows, 'date reads', 'dates read')} both ways in {ref.name}"
                question = "day first or month first? Keep only the right format in input.dates."
                yield f"{ambiguous} ({dates.sample}): {question}"

    def _are_words_damaged(self, hits: _Hits) -> bool:
        are_many = len(self._words) >= WORDS_AT_LEAST and hits.rows >= SHARE_OF_ROWS * sum(self._rows)
        return are_many and not self._has_letters

    def _full_files(self) -> Iterator[str]:
        """Warn where the last file of a set has exactly as many rows as a limit; the others may, since more follows."""
        if not self._is_whole or any(file.errors_file for file in self._files):
            return
        last = max(range(len(self._files)), key=lambda number: (_natural(self._files[number].name), number))
        rows = self._rows[last]
        if rows in FULL_FILES and rows == max(self._rows):
            name = self._files[last].name
            if len(self._files) > 1:
                name = f"{name}, the last of {len(self._files)} files,"
            yield f"{name} has exactly {rows:,} rows, {FULL_FILES[rows]}: others may be missing. {PAGES}"

    def of_markup(self) -> Iterator[str]:
        """Say which markup the descriptions seem to be in."""
        texts = self._markup[None]
        first = "the first " if texts == MARKUP_SAMPLE else ""
        for name, rows in self._markup.items():
            if not name or not rows or rows < SHARE * texts:
                continue
            look, are = ("looks", "is") if rows == 1 else ("look", "are")
            if self._is_jira:
                treated, purpose = "read as jira", "to read them so"
            else:
                treated, purpose = "sent as it is" if rows == 1 else "sent as they are", "to convert them to Markdown"
            yield (
                f"description: {rows:,} of {first}{counted(texts, 'text')} {look} like {name} and {are} {treated}; "
                f"{purpose}, write `description: {{format: {name}}}`"
            )


def _show_first(samples: Samples, run: RowRun) -> str:
    """Show the sample of the first row, with its key and line."""
    row = min(samples)
    key = run.rows[row].key
    place = _place(run.source, row)
    where = f"{key}, {place}" if key else place
    return f"{clip(samples[row], SAMPLE_CHARACTERS)!r} in {where}"


def _count_matches(match: Callable[[str], re.Match[str] | None], texts: Iterable[str]) -> int:
    return sum(match(text) is not None for text in texts)


def _refs(*texts: Text | None) -> frozenset[Ref]:
    return frozenset(ref for text in texts if text is not None for ref in text.refs)


def _place(source: SourceRows, row: int) -> str:
    return f"{source.file_name}:{source.rows[row].line}"


def _natural(name: str) -> tuple[tuple[int, str], ...]:
    """A sort key by which page 9 comes before page 10, and `Jira` before `Jira (1)`."""
    parts = re.findall(r"\d+|\D+", PurePath(name).stem)
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts)


def _say(sentence: str, hits: _Hits, encoding: str) -> str:
    again = SENT_AS_IS
    if not encoding.lower().startswith(("utf-8", "utf-16")):
        again = f"The file is read as {encoding}: leave out --encoding (or input.encoding), as it is probably UTF-8."
    return f"{counted(hits.rows, 'row has', 'rows have')} {sentence.format(where=hits.where(), again=again)}"
