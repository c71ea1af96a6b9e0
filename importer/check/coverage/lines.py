"""Lines of losses: of each column the filled cells that are lost, and the keys of the first rows that lose one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from importer.check.plan import DISTINCT_LIMIT, SAMPLE_CHARACTERS, SAMPLES
from importer.mapping.header_names import has, names_of
from importer.phrases import tokens_of

OTHERS = "(others)"
KEYS_KEPT = 3


@dataclass(eq=False, slots=True)
class CoverageLine:
    """A column: a header of a table, or a path into JSON records.

    may_drop  whether the mapping names it under `drop`
    filled    filled cells
    lost      those that arrive nowhere though their row is sent
    keys      of the first rows that lose one
    example   what the first of these loses
    samples   of what is sent or lost: the first text, or two where the column says that a row is no issue
    uses      names of those that take all of its cells, or one of a row that is sent
    is_mark   whether it is called like one that says that a row is no issue
    is_open   whether more samples are wanted
    """

    column: str
    may_drop: bool
    filled: int = 0
    lost: int = 0
    keys: list[str] = field(default_factory=list)
    example: str = ""
    samples: list[str] = field(default_factory=list)
    uses: set[str] = field(default_factory=set)
    is_mark: bool = False
    is_open: bool = True

    def show(self, text: str) -> None:
        """Offer a text as a sample, which is kept if it is another one."""
        if text not in self.samples:
            sample = _shorten(text)
            if sample not in self.samples:
                self.samples.append(sample)
        # Where all but a few rows say `false`, these few are what is looked for.
        self.is_open = len(self.samples) < (SAMPLES if self.is_mark else 1)

    def name_row(self, key: str, text: str) -> None:
        """Keep the key of a row that loses a cell, if it is one of the first, and of the very first what that is."""
        self.example = self.example or _shorten(text)
        if len(self.keys) < KEYS_KEPT and key not in self.keys:
            self.keys.append(key)


class CoverageLines:
    """The lines of all columns; `drop` names those that may be lost, with `*` for any text.

    `hide` takes names of people out of a column's name: a key of JSON may be one. Where JSON has data as keys, ids
    above all, these must not fill the memory: what comes after the first columns has one line.
    """

    def __init__(self, drop: Sequence[str], hide: Callable[[Sequence[str]], Sequence[str]] | None = None) -> None:
        self._drop, self._hide = drop, hide
        self._lines: dict[str, CoverageLine] = {}
        self._shown: dict[tuple[str, bool], CoverageLine] = {}

    @cached_property
    def _may_drop(self) -> re.Pattern[str]:
        patterns = "|".join(map(_drop_pattern, self._drop))
        return re.compile(patterns or r"(?!)", re.DOTALL)

    def __iter__(self) -> Iterator[CoverageLine]:
        return iter(self._shown.values())

    def line(self, column: str) -> CoverageLine:
        """Return the line of a column, a new one if there is none yet."""
        if column in self._lines:
            return self._lines[column]
        is_new = len(self._lines) < DISTINCT_LIMIT
        name = column if is_new else OTHERS
        if self._hide is not None:
            [name] = self._hide([name])
        may_drop = self._may_drop.fullmatch(column) is not None
        line = CoverageLine(name, may_drop, is_mark=is_mark(column))
        line = self._shown.setdefault((name, may_drop), line)
        if is_new:
            self._lines[column] = line
        return line


def is_mark(column: str) -> bool:
    """Whether a column is called like one that says that a row is no issue: `deleted_at`, `fields.spam`."""
    *around, last = column.split(".")
    words = tokens_of(last)
    endings = (" ".join(words), " ".join(words[-2:]))
    return has(endings, "marked") and names_of("wrappers").issuperset(around)


def _shorten(text: str) -> str:
    sample = " ".join(text[: SAMPLE_CHARACTERS * 4].split())
    return f"{sample[:SAMPLE_CHARACTERS]}…" if len(sample) > SAMPLE_CHARACTERS else sample


def _drop_pattern(name: str) -> str:
    """Make the pattern of a name of `drop`, which stands for all paths below it, too."""
    pattern = re.escape(name.strip()).replace(re.escape("*"), ".*")
    return f"(?:{pattern})(?:[.\\[].*)?"
