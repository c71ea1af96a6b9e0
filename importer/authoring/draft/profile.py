"""Profiling the columns of a source: filled cells, distinct texts, lengths, kinds of contents. Memory is flat."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from importer.authoring.draft.source_columns import ColumnPlace, read_columns
from importer.check.observers.damage import PYTHON_CELL
from importer.progress import Progress
from importer.records import Ref
from importer.transform.dates import read_date

if TYPE_CHECKING:
    from importer.sources.source import Source

DISTINCT_KEPT = 1_000
"""A column with more distinct texts is free text, whose texts are no longer counted one by one."""
SAMPLES_KEPT = 200
TEXT_KEPT = 200
"""Characters of a text that is kept; of a longer text its digest is kept."""
COLUMNS_KEPT = 1_000
BITS = 1 << 23
KEY_LENGTH = 255

_URL = re.compile(r"https?://\S+")
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
        return self.several > 0 or self.share(PYTHON_CELL) >= 0.5

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
        for form in ("", *DATE_FORMATS):
            formats = (form,) if form else ()
            if sum(read_date(text, formats) is not None for text in texts) >= 0.95 * len(texts):
                return form
        return None


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
