"""The core of a regular expression: literal text that everything that it matches has, which is found far faster.

Without it, a check of ordinary rows takes a tenth longer, and one of rows with comments a twelfth.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import accumulate
from re import _constants, _parser  # type: ignore[attr-defined] # the only parser of Python's patterns there is
from typing import Any

_NOTHING = re.compile("")
_REPEATS = (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT)


@lru_cache
def find_core(pattern: str) -> re.Pattern[str]:
    """The longest literal text that each match of a pattern has, with the digit behind it; it may be empty."""
    parsed = _parser.parse(pattern)
    runs = _Runs()
    runs.read(parsed)
    core = max(runs.found, key=len, default=[])
    return re.compile("".join(core), parsed.state.flags & re.IGNORECASE) if core else _NOTHING


def find_texts(cores: Iterable[re.Pattern[str]], texts: Sequence[str]) -> set[int]:
    """The places of the texts that have any of the cores; all are searched as one."""
    whole, found, ends = "\n".join(texts), set[int](), list[int]()
    for core in cores:
        match = core.search(whole) if whole and _beginning_of(core) in whole else None
        while match is not None:
            ends = ends or [*accumulate(len(text) + 1 for text in texts)]
            place = bisect_right(ends, match.start())
            found.add(place)
            match = core.search(whole, ends[place]) if ends[place] < len(whole) else None
    return found


@lru_cache
def _beginning_of(core: re.Pattern[str]) -> str:
    """The sign that a core begins with, which alone is found far faster still; "" where it may be in any case."""
    kind, code = next(iter(_parser.parse(core.pattern)), (None, 0))
    return chr(code) if kind is _constants.LITERAL and not core.flags & re.IGNORECASE else ""


class _Runs:
    """Collects runs of literals in a parsed pattern, each a list of pieces of a pattern."""

    def __init__(self) -> None:
        self.found: list[list[str]] = [[]]

    def read(self, items: Iterable[tuple[Any, Any]]) -> None:
        """Add the runs of a sequence; what need not be there ends one."""
        for kind, value in items:
            if kind is _constants.LITERAL:
                self.found[-1].append(re.escape(chr(value)))
            elif kind is _constants.IN and _are_digits(value):
                self._end_with_digit()
            elif kind is _constants.SUBPATTERN and not (value[1] or value[2]):  # without flags of its own
                self.read(value[3])
            elif kind is _constants.BRANCH and (words := [_as_word(branch) for branch in value[1]]) and all(words):
                self.found[-1].append(f"(?:{'|'.join(words)})")
            elif kind in _REPEATS and value[0] > 0:
                self.read(value[2])
                self.found.append([])
            elif kind not in (_constants.AT, _constants.ASSERT, _constants.ASSERT_NOT):  # these have no width
                self.found.append([])

    def _end_with_digit(self) -> None:
        if self.found[-1]:
            self.found[-1].append(r"\d")
        self.found.append([])


def _as_word(branch: Iterable[tuple[Any, Any]]) -> str:
    """A branch that is nothing but literals, as a pattern; "" for any other."""
    items = list(branch)
    plain = all(kind is _constants.LITERAL for kind, _ in items)
    return "".join(re.escape(chr(value)) for _, value in items) if plain else ""


def _are_digits(members: Iterable[tuple[Any, Any]]) -> bool:
    return all(
        (kind is _constants.CATEGORY and value is _constants.CATEGORY_DIGIT)
        or (kind is _constants.RANGE and chr(value[0]).isdigit() and chr(value[1]).isdigit() and value[1] < 0x80)
        for kind, value in members
    )
