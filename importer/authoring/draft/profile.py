"""Profiling the columns of a source: cells by header, or values in JSON records by path. Memory is flat."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from importer.mapping.header_names import may_discuss
from importer.progress import Progress
from importer.records import Ref
from importer.transform.dates import read_date
from importer.transform.plain_text import is_filled

if TYPE_CHECKING:
    from importer.sources.source import Source
from importer.sources.source_rows import SourceRows

LEAVES = ("name", "displayName", "display_name", "login", "username")
"""Keys of a person's name."""
ROWS_AT_ONCE = 256
"""Few, as a cell may have hundreds of thousands of characters."""
DEEPEST = 5
ITEMS_READ = 50
"""The most items of a list that are read."""

_WHOLE = Ref("path", "@")
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@dataclass(frozen=True, slots=True)
class ColumnPlace:
    """The place of a column in the source.

    ref    how a mapping refers to it
    parts  the header, or the keys that lead to a value in a JSON record; `[]` follows a key whose value is a list
    """

    ref: Ref
    parts: tuple[str, ...]

    @property
    def name(self) -> str:
        """Its name for display."""
        return ".".join(self.parts)


Cell = tuple[ColumnPlace, str, int]
"""The place of a text, the text, and the number of texts of its record in that place."""


class Cells:
    """The filled cells of one column in rows that are read together; `several` of them hold more than one text."""

    __slots__ = ("several", "texts")

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.several = 0


def read_columns(source: Source) -> Iterator[tuple[Sequence[str], Mapping[ColumnPlace, Cells]]]:
    """Yield, of rows that are read together, a digest of each that is not empty, and their columns."""
    headers = [file.header for file in source.files]
    names = dict.fromkeys(name.strip() for header in headers for name in header or () if name.strip())
    places = [ColumnPlace(Ref("column", name), (name,)) for name in names]
    for rows in source.read([_WHOLE, *(place.ref for place in places)], ROWS_AT_ONCE):
        whole = rows.layout.places.get(_WHOLE)
        if whole:
            yield _of_records(rows.column(whole[0]))
        else:
            yield _of_table(rows, places)


def _of_table(rows: SourceRows, places: Iterable[ColumnPlace]) -> tuple[Sequence[str], Mapping[ColumnPlace, Cells]]:
    """Read the columns of a table; of repeated headers the first filled cell counts."""
    columns: dict[ColumnPlace, Cells] = {}
    used = [False] * len(rows)
    for place in places:
        cells = columns[place] = Cells()
        physical = [rows.column(column) for column in rows.layout.places.get(place.ref, ())]
        if len(physical) == 1:
            cells.texts = list(filter(is_filled, physical[0]))
        for number, texts in enumerate(zip(*physical, strict=True)):
            filled = list(filter(is_filled, texts))
            if not filled:
                continue
            used[number] = True
            if len(texts) > 1:
                cells.texts.append(filled[0])
                cells.several += len(filled) > 1
    digests = [str(hash(tuple(row.raw))) for row, is_used in zip(rows.rows, used, strict=True) if is_used]
    return digests, columns


def _of_records(texts: Iterable[str]) -> tuple[Sequence[str], Mapping[ColumnPlace, Cells]]:
    columns: defaultdict[ColumnPlace, Cells] = defaultdict(Cells)
    rows = []
    for record in texts:
        used = False
        for place, text, count in _record_cells(record):
            cells = columns[place]
            if is_filled(text):
                cells.texts.append(text)
                cells.several += count > 1
                used = True
        if used:
            rows.append(str(hash(record)))
    return rows, columns


def _record_cells(text: str) -> Iterator[Cell]:
    if not text:
        return
    # Numbers stay as written, which is how a mapping reads them.
    record = json.loads(text, parse_int=str, parse_float=str, parse_constant=str, strict=False)
    if not isinstance(record, dict):
        return
    for key, value in record.items():
        if isinstance(value, dict | list):
            yield from _nested_cells(value, (key,))
        else:
            yield _top_place(key), _to_text(value), 1


def _nested_cells(value: Any, parts: tuple[str, ...]) -> Iterator[Cell]:
    if isinstance(value, dict):
        if len(parts) < DEEPEST:
            for key, child in value.items():
                yield from _nested_cells(child, (*parts, key))
    elif isinstance(value, list):
        yield from _list_cells(value[:ITEMS_READ], (*parts[:-1], f"{parts[-1]}[]"))
    else:
        yield make_place(parts), _to_text(value), 1


def _list_cells(items: Sequence[Any], parts: tuple[str, ...]) -> Iterator[Cell]:
    """Yield a list of scalars as one cell, and of a list of objects each scalar key as one cell."""
    scalars = [_to_text(item) for item in items if not isinstance(item, dict | list)]
    if scalars:
        yield make_place(parts), ", ".join(scalars), len(scalars)
        return
    keys = dict.fromkeys(key for item in items if isinstance(item, dict) for key in item)
    for key in keys:
        values = [item.get(key) for item in items if isinstance(item, dict)]
        texts = [_to_text(value) for value in values if value is not None and not isinstance(value, dict | list)]
        if texts:
            yield make_place((*parts, key)), ", ".join(texts), len(texts)
        elif may_discuss(parts[-1][:-2]):
            yield from _people_cells(values, (*parts, key))


def _people_cells(values: Sequence[Any], parts: tuple[str, ...]) -> Iterator[Cell]:
    """Yield the names of the people who wrote comments, where these are objects."""
    for leaf in LEAVES:
        texts = [
            _to_text(value[leaf]) for value in values if isinstance(value, dict) and isinstance(value.get(leaf), str)
        ]
        if texts:
            yield make_place((*parts, leaf)), ", ".join(texts), len(texts)


@lru_cache(maxsize=4096)
def _top_place(key: str) -> ColumnPlace:
    return ColumnPlace(Ref("column", key), (key,))


@lru_cache(maxsize=4096)
def make_place(parts: tuple[str, ...]) -> ColumnPlace:
    """Return the place that these keys lead to, with its JMESPath."""
    return ColumnPlace(Ref("path", ".".join(map(_step, parts))), parts)


def _step(part: str) -> str:
    name, brackets = (part[:-2], "[]") if part.endswith("[]") else (part, "")
    return (name if _PLAIN_NAME.fullmatch(name) else json.dumps(name)) + brackets


def _to_text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else {True: "true", False: "false"}.get(value, "")


DISTINCT_KEPT = 1_000
"""A column with more distinct texts is free text, whose texts are no longer counted one by one."""
SAMPLES_KEPT = 200
TEXT_KEPT = 200
"""Characters of a text that is kept; of a longer text its digest is kept."""
COLUMNS_KEPT = 1_000
BITS = 1 << 23
KEY_LENGTH = 255

_URL = re.compile(r"https?://\S+")
_PYTHON_LIST = re.compile(r"[\[{(][\[{(]?'[^']*'(?::.*|,.*|)[\]})]", re.DOTALL)
"""A list or a dictionary as Python prints it, which isn't JSON: `['bug']`, `{'name': 'Ann'}`."""
_NUMBER = re.compile(r"[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:[.,]\d+)?%?")
_DATE = re.compile(r"(?=.*\d)(?=.*(?:\d[-/.:年月日 ]|[A-Za-z]{3}))[\w ,.:/+()年月日-]{6,80}")

DATE_FORMATS = (
    "%Y-%m-%d %H:%M:%S UTC", "%Y/%m/%d", "%Y/%m/%d %H:%M", "%Y/%m/%d %H:%M:%S", "%Y年%m月%d日",
    "%d/%b/%y %I:%M %p", "%d/%b/%y %H:%M", "%d/%b/%y", "%d/%b/%Y %I:%M %p", "%d/%b/%Y %H:%M", "%d/%b/%Y",
    "%d.%m.%Y", "%d.%m.%Y %H:%M", "%d.%m.%Y %H:%M:%S", "%d.%m.%y", "%d.%m.%y %H:%M",
    "%m/%d/%Y", "%m/%d/%Y %H:%M", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y %I:%M %p", "%m/%d/%y", "%m/%d/%y %H:%M",
    "%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%Y %H:%M:%S", "%d/%m/%y", "%d/%m/%y %H:%M", "%d-%m-%Y", "%d-%m-%Y %H:%M",
    "%d-%b-%Y", "%d %b %Y", "%d %b %Y %H:%M", "%d %B %Y", "%b %d, %Y", "%B %d, %Y", "%B %d, %Y %I:%M %p",
    "%b %d, %Y %I:%M %p", "%a %b %d %Y %H:%M:%S GMT%z (%Z)", "%a, %d %b %Y %H:%M:%S UTC%z",
    "%a, %d %b %Y %H:%M:%S %z", "%a %b %d %H:%M:%S %Y", "%a %b %d %H:%M:%S %z %Y", "%Y-%m-%d %H:%M:%S %Z",
)  # fmt: skip
"""Date formats of trackers besides ISO 8601; if several fit all dates, the first is taken."""


class Bits:
    """Estimates the number of distinct texts in one megabyte, by linear counting."""

    def __init__(self) -> None:
        self._bits = bytearray(BITS // 8)
        self._set = 0

    def add(self, digest: bytes) -> None:
        """Count a text by its digest."""
        place, bit = divmod(int.from_bytes(digest, "big") % BITS, 8)
        if not self._bits[place] >> bit & 1:
            self._bits[place] |= 1 << bit
            self._set += 1

    @property
    def estimate(self) -> float:
        """The number of distinct texts, within 1 % up to five million."""
        return -BITS * math.log(max(1, BITS - self._set) / BITS)


class Column:
    """The profile of one column, from its filled cells alone."""

    def __init__(self, place: ColumnPlace, number: int) -> None:
        self.place = place
        self.number = number
        self.filled = 0
        self.longest = 0
        self.characters = 0
        self.several = 0
        self.multiline = 0
        self.samples: dict[str, None] = {}
        self.counts: Counter[str | bytes] | None = Counter()
        self._bits: Bits | None = None
        self._distinct = 0

    def add(self, texts: Sequence[str], several: int = 0) -> None:
        """Count filled cells; `several` of them hold more than one text."""
        self.filled += len(texts)
        self.several += several
        self.longest = max(self.longest, *map(len, texts)) if texts else self.longest
        self.characters += sum(map(len, texts))
        self.multiline += sum("\n" in text for text in texts)
        if self.is_free and self._bits is None:
            return  # of free text only lengths are counted
        for text, count in Counter(map(str.strip, texts)).items():
            self._count(text, count)

    def _count(self, text: str, count: int) -> None:
        if len(self.samples) < SAMPLES_KEPT and (len(text) <= TEXT_KEPT or not self.samples):
            self.samples[text[:TEXT_KEPT]] = None
        if self.counts is not None:
            self.counts[text if len(text) <= TEXT_KEPT else _digest(text)] += count
            if len(self.counts) > DISTINCT_KEPT:
                self._overflow(self.counts)
                self.counts = None
        elif self._bits is not None:
            self._bits.add(_digest(text))

    def _overflow(self, counts: Counter[str | bytes]) -> None:
        self._distinct = len(counts)
        if len(counts) >= 0.9 * counts.total() and self.longest <= KEY_LENGTH:  # it may be a key, unique in all rows
            self._bits = Bits()
            for text in counts:
                self._bits.add(text if isinstance(text, bytes) else _digest(text))

    @property
    def distinct(self) -> int:
        """The number of distinct texts; above `DISTINCT_KEPT` a lower bound, or an estimate for what may be a key."""
        if self.counts is not None:
            return len(self.counts)
        return min(self.filled, round(self._bits.estimate)) if self._bits else self._distinct

    @property
    def is_free(self) -> bool:
        """Whether there are too many distinct texts to list them."""
        return self.counts is None

    @property
    def is_unique(self) -> bool:
        """Whether no text is repeated, as far as can be known in flat memory."""
        exact = self.counts is not None
        return self.distinct >= (self.filled if exact else 0.995 * self.filled) if self._bits or exact else False

    @property
    def average(self) -> float:
        """The average number of characters in a filled cell."""
        return self.characters / self.filled if self.filled else 0.0

    @property
    def is_list(self) -> bool:
        """Whether a cell may hold several texts; in Python's form nobody reads them apart."""
        return self.several > 0 or self.share(_PYTHON_LIST) >= 0.5

    def share(self, pattern: re.Pattern[str]) -> float:
        """Return the share of samples that match a pattern."""
        return sum(pattern.fullmatch(text) is not None for text in self.samples) / max(1, len(self.samples))

    @property
    def is_link(self) -> bool:
        """Whether it holds web addresses."""
        return self.share(_URL) >= 0.9

    @property
    def is_number(self) -> bool:
        """Whether it holds numbers."""
        return self.share(_NUMBER) >= 0.9

    @property
    def is_boolean(self) -> bool:
        """Whether it holds yes and no, in lists, too."""
        said = {text.casefold() for texts in self.samples for text in (texts.split(", ") if self.is_list else [texts])}
        return said <= {"true", "false", "yes", "no", "0", "1"}

    def date_format(self) -> str | None:
        """Return the format of its dates, "" for ISO 8601, None if it holds no dates."""
        texts = [text for text in self.samples if _DATE.fullmatch(text)]
        if len(texts) < 0.9 * len(self.samples) or not texts or self.is_number:
            return None
        return next((form for form in ("", *DATE_FORMATS) if _are_dates(texts, form)), None)

    def other_date_format(self) -> str:
        """The format with day and month exchanged, if its dates don't show which comes first; else ""."""
        form = self.date_format() or ""
        other = form.replace("%m/%d", "%d/%m") if form.startswith("%m") else form
        return other if other != form and _are_dates(list(filter(_DATE.fullmatch, self.samples)), other) else ""


def _are_dates(texts: Sequence[str], form: str) -> bool:
    formats = (form,) if form else ()
    return sum(read_date(text, formats) is not None for text in texts) >= 0.95 * len(texts)


def _digest(text: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()


@dataclass(frozen=True, slots=True)
class Profile:
    """The columns of a source in order; `left` is the number of columns beyond COLUMNS_KEPT.

    `whole` counts the rows as if each were a cell: how many differ.
    """

    columns: tuple[Column, ...]
    whole: Column
    left: int

    @property
    def rows(self) -> int:
        """The number of rows that are not empty."""
        return self.whole.filled


def profile_source(source: Source, progress: Progress, most: int | None = None) -> Profile:
    """Read a source once, or its first rows, at least `most`, and profile its columns."""
    columns: dict[ColumnPlace, Column] = {}
    left: set[bytes] = set()
    whole = Column(ColumnPlace(Ref("path", "@"), ("@",)), 0)
    progress.start("reading", source.total_bytes, "B")
    for rows, found in read_columns(source):
        whole.add(rows)
        for place, cells in found.items():
            column = columns.get(place)
            if column is None and len(columns) < COLUMNS_KEPT:
                column = columns[place] = Column(place, len(columns))
            if column is not None:
                column.add(cells.texts, cells.several)
            elif len(left) < COLUMNS_KEPT:
                left.add(_digest(place.name))
        progress.reach(source.bytes_read)
        if most is not None and whole.filled >= most:
            break
    progress.finish()
    return Profile(tuple(columns.values()), whole, len(left))
