"""Lines: the filled cells of each column, by the class that they are in."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from importer.transform.columns import Mask, is_filled

DROPPED = "dropped"
DROP = "drop"
"""Dropped as well, and the mapping's `drop` says that it may be."""
NOT_SENT = "not sent"
"""In rows that are skipped or rejected."""

COLUMN_LIMIT = 10_000
"""Columns kept apart; keys that are data, ids above all, must not fill the memory."""
OTHERS = "(others)"
SAMPLES = 2
SAMPLE_CHARACTERS = 40
CELLS_SHOWN = 64
"""Cells in which samples are looked for: in a column that always says the same there is no second one."""


@dataclass(slots=True)
class Line:
    """The filled cells of a column that are in one class. A column is a header, or a path into a JSON record."""

    column: str
    label: str
    cells: int = 0
    samples: list[str] = field(default_factory=list)
    is_open: bool = True
    _shown: int = 0

    def show(self, text: str) -> None:
        """Take a text as a sample, if it is another one; `is_open` says whether more are welcome."""
        self._shown += 1
        sample = " ".join(text[: SAMPLE_CHARACTERS * 4].split())
        if len(sample) > SAMPLE_CHARACTERS:
            sample = f"{sample[:SAMPLE_CHARACTERS]}…"
        if len(self.samples) < SAMPLES and sample not in self.samples:
            self.samples.append(sample)
        self.is_open = len(self.samples) < SAMPLES and self._shown < CELLS_SHOWN


class Lines:
    """A line for each column and class; `drop` are the columns that may be lost, `*` standing for anything."""

    def __init__(self, drop: Sequence[str]) -> None:
        self._may_drop = re.compile("|".join(map(_drop_pattern, drop)) or r"(?!)", re.DOTALL)
        self._lines: dict[tuple[str, str], Line] = {}
        self._columns: set[str] = set()

    def __iter__(self) -> Iterator[Line]:
        return iter(self._lines.values())

    def line(self, column: str, label: str) -> Line:
        """The line of a column and class, made where there is none yet."""
        if label == DROPPED and self._may_drop.fullmatch(column):
            label = DROP
        if column not in self._columns and len(self._columns) >= COLUMN_LIMIT:
            column = OTHERS
        self._columns.add(column)
        return self._lines.setdefault((column, label), Line(column, label))

    def add_filled(self, column: str, label: str, cells: Iterable[str], count: int) -> None:
        """Count cells of which `count` are filled."""
        line = self.line(column, label)
        line.cells += count
        if line.is_open:
            for text in filter(is_filled, islice(cells, CELLS_SHOWN)):
                line.show(text)

    def add_rows(self, column: str, label: str, cells: Sequence[str], rows: Mask) -> None:
        """Count the cells of these rows, all of which are filled."""
        places = rows.nonzero()[0]
        if len(places):
            self.add_filled(column, label, [cells[row] for row in places[:CELLS_SHOWN].tolist()], len(places))


def _drop_pattern(name: str) -> str:
    """A name of `drop` means all below it too."""
    return f"(?:{re.escape(name.strip()).replace(re.escape('*'), '.*')})(?:[.\\[].*)?"
