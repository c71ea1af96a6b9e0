"""The lines of losses.csv: a count and samples of the filled cells, for each column and class."""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from operator import itemgetter

from importer.check.plan import DISTINCT_LIMIT, SAMPLE_CHARACTERS, SAMPLES
from importer.mapping.header_names import has, names_of
from importer.phrases import tokens_of
from importer.transform.columns import is_filled
from importer.transform.masks import Mask

DROPPED = "dropped"
DROP = "drop"
"""Dropped on purpose: the mapping names the column under `drop`."""
NOTHING = "nothing"
"""A program's word for nothing, `nan`, which is read as an empty cell."""
NOT_SENT = "not sent"
"""In rows that are skipped or rejected."""
NOWHERE = (DROPPED, DROP, NOT_SENT)
"""Classes whose cells arrive nowhere: what is lost before what would be sent if its row were."""

OTHERS = "(others)"
CELLS_SHOWN = 64
"""Filled cells that are searched for samples: a column with one and the same value has no second one."""


@dataclass(slots=True)
class CoverageLine:
    """The filled cells of one class in a column; `column` is a header, or a path into a JSON record."""

    column: str
    label: str
    cells: int = 0
    looked_at: int = CELLS_SHOWN
    samples: list[str] = field(default_factory=list)
    is_open: bool = True
    _shown: int = 0

    def show(self, text: str) -> None:
        """Offer a text as a sample: it is kept if it differs; `is_open` says whether more are wanted."""
        sample = " ".join(text[: SAMPLE_CHARACTERS * 4].split())
        if len(sample) > SAMPLE_CHARACTERS:
            sample = f"{sample[:SAMPLE_CHARACTERS]}…"
        if sample not in self.samples:
            self.samples.append(sample)
        self._shown += 1
        self.is_open = len(self.samples) < SAMPLES and self._shown < self.looked_at


class CoverageLines:
    """The lines of all columns and classes; `drop` names the columns that may be lost, with `*` for any text.

    `hide` takes names of people out of texts, where no report has them: a key of JSON may be one. Where JSON has data
    as keys, ids above all, these must not fill the memory: DISTINCT_LIMIT columns are kept apart.
    """

    def __init__(self, drop: Sequence[str], hide: Callable[[Sequence[str]], Sequence[str]] | None = None) -> None:
        self._drop, self._hide = drop, hide
        self._lines: dict[tuple[str, str], CoverageLine] = {}
        self._offered = defaultdict[tuple[str, str], list[tuple[int, str]]](list)
        self._columns: set[str] = set()

    @cached_property
    def _may_drop(self) -> re.Pattern[str]:
        return re.compile("|".join(map(_drop_pattern, self._drop)) or r"(?!)", re.DOTALL)

    def __iter__(self) -> Iterator[CoverageLine]:
        return iter(self._lines.values())

    def line(self, column: str, label: str) -> CoverageLine:
        """Return the line of a column and class, a new one if there is none yet."""
        if label == DROPPED and self._may_drop.fullmatch(column):
            label = DROP
        if column not in self._columns and len(self._columns) >= DISTINCT_LIMIT:
            column = OTHERS
        if self._hide is not None:
            column, label = self._hide([column, label])
        self._columns.add(column)
        if (column, label) not in self._lines:
            # Where all but a few rows say `false`, these few are what is looked for.
            looked_at = sys.maxsize if is_mark(column) else CELLS_SHOWN
            self._lines[column, label] = CoverageLine(column, label, looked_at=looked_at)
        return self._lines[column, label]

    def add_filled(self, column: str, label: str, cells: Sequence[str], count: int) -> None:
        """Count `count` filled cells of a chunk's column; `cells` are all of it."""
        line = self.line(column, label)
        line.cells += count
        if line.is_open:
            self._offered[line.column, line.label] += islice(_find_filled(cells), line.looked_at)

    def add_rows(self, column: str, label: str, cells: Sequence[str], rows: Mask) -> None:
        """Count the cells of the rows of a mask, all of which are filled."""
        if places := rows.rows:
            line = self.line(column, label)
            line.cells += len(places)
            if line.is_open:
                offered = ((row, cells[row]) for row in places[: line.looked_at])
                self._offered[line.column, line.label] += offered

    def end_chunk(self) -> None:
        """Take samples of a chunk's cells row by row, as several columns may have one header, however long it is."""
        for key, cells in self._offered.items():
            line = self._lines[key]
            for _, text in sorted(cells, key=itemgetter(0)):
                if line.is_open:
                    line.show(text)
        self._offered.clear()


def is_mark(column: str) -> bool:
    """Whether a column is called like one that says that a row is no issue: `deleted_at`, `fields.spam`."""
    *around, last = column.split(".")
    words = tokens_of(last)
    return has((" ".join(words), " ".join(words[-2:])), "marked") and names_of("wrappers").issuperset(around)


def _find_filled(cells: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Yield the rows with a filled cell, however many empty ones are between them."""
    row = -1
    for text in filter(is_filled, filter(None, cells)):
        row = cells.index(text, row + 1)
        yield row, text


def _drop_pattern(name: str) -> str:
    """Make the pattern of a name of `drop`, which stands for all paths below it, too."""
    return f"(?:{re.escape(name.strip()).replace(re.escape('*'), '.*')})(?:[.\\[].*)?"
