"""Dates that read both ways, as 01/02 does: whether day or month comes first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from importer.check.observers.observer import SAMPLE_CHARACTERS
from importer.phrases import clip, counted
from importer.records import Chunk
from importer.transform.columns import is_filled

_DATE_OF_NUMBERS = re.compile(r"\s*(\d{1,2})([/-])(\d{1,2})\2\d{2}(?:\d{2})?(?:[ ,T].*)?", re.DOTALL)
_MONTHS = 12


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
    return 0 < day <= _MONTHS and 0 < month <= _MONTHS


def _read(text: str, form: str) -> datetime | None:
    try:
        return datetime.strptime(text, form)
    except ValueError:
        return None
