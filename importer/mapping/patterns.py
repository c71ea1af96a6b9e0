"""A mapping's patterns, with an end to how long one may search one text.

Nearly every pattern with two repetitions can be given a text on which `re` takes minutes: `x.*y.*z` takes the cube of
its length. Such patterns are useful, and no look at them tells which will meet such a text. So they are searched for by
`regex`, which finds the same, takes most such texts in no time, and gives up after a while. To look at the clock takes
it 4 to 13 µs a text, more than most searches, and so no text is timed that is too short for a search to take long. Of
these `re` searches the shortest, in half the time; in a text of 2,000 characters it takes twice the time of `regex`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache, cached_property, lru_cache, partial
from math import log
from re import _constants, _parser  # type: ignore[attr-defined] # the only parser of Python's patterns there is
from typing import Any, TypeVar

from importer.errors import MappingError
from importer.phrases import clip

LIMIT_SECONDS = 4.0
"""An ordinary search of a megabyte takes a hundredth of a second."""
FEW_STEPS = 1e7
"""So many take a tenth of a second."""
LENGTHS = (8_192, 2_048, 1_024, 512, 256, 128, 64, 32)
"""Lengths of texts of which a pattern may need no more than these steps."""
SHORT = 512
"""The most characters of a text that `re` searches."""
PATTERN_SHOWN = 80
_START = (_constants.AT, _constants.AT_BEGINNING)

_REPETITION = re.compile(r"(?<!\\)(?:[*+]|\{[\d,])")
_REPEATED_GROUP = re.compile(r"\)[*+{]")
_Found = TypeVar("_Found")


def is_pattern(value: str) -> bool:
    """Whether a text of a mapping is a regular expression between slashes."""
    return len(value) > 2 and value.startswith("/") and value.endswith("/")


class SlowPattern(MappingError):
    """A pattern took too long on a text of the source."""

    def __init__(self, pattern: str, length: int) -> None:
        super().__init__(
            f"The pattern {clip(pattern, PATTERN_SHOWN)!r} searched a text of {length:,} characters for over "
            f"{LIMIT_SECONDS:.0f} seconds.",
            hint="Make it say what can't come between its parts: for example `[^,]*,` instead of `.*,`.",
        )
        self.pattern = pattern


class TimedPattern:
    """A pattern that may take long: the methods of `re.Pattern` that a mapping's patterns are used with.

    Raises SlowPattern where one takes too long. Matches are those of `regex`, which have the methods of `re.Match`.
    """

    def __init__(self, pattern: str, flags: int) -> None:
        self.pattern, self._flags = pattern, flags
        try:
            self._plain: re.Pattern[str] = re.compile(pattern, flags)
        except re.error:  # `regex` knows more: `\p{Lu}`
            self._plain = self._regex
        self.groups, self.groupindex = self._plain.groups, self._plain.groupindex

    @cached_property
    def _regex(self) -> Any:
        import regex  # loaded where a long text needs it

        try:
            return regex.compile(self.pattern, self._flags)
        except regex.error as error:
            raise re.error(str(error), self.pattern) from error

    @cached_property
    def _untimed(self) -> int:
        return find_untimed(self.pattern, self._flags) if isinstance(self._plain, re.Pattern) else 0

    @cached_property
    def _short(self) -> int:
        return min(self._untimed, SHORT)

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in a text."""
        if len(text) <= self._short:
            return self._plain.search(text)
        found: re.Match[str] | None = self._within_limit(self._regex.search, text)
        return found

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The match of a whole text."""
        if len(text) <= self._short:
            return self._plain.fullmatch(text)
        found: re.Match[str] | None = self._within_limit(self._regex.fullmatch, text)
        return found

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All matches in a text."""
        if len(text) <= self._short:
            return self._plain.finditer(text)
        return iter(self._within_limit(lambda text, timeout: [*self._regex.finditer(text, timeout=timeout)], text))

    def sub(self, change: Callable[[re.Match[str]], str], text: str) -> str:
        """A text with each match changed."""
        if len(text) <= self._short:
            return self._plain.sub(change, text)
        changed: str = self._within_limit(partial(self._regex.sub, change), text)
        return changed

    def _within_limit(self, search: Callable[..., _Found], text: str) -> _Found:
        try:
            return search(text, timeout=None if len(text) <= self._untimed else LIMIT_SECONDS)
        except TimeoutError:
            raise SlowPattern(self.pattern, len(text)) from None


def find_untimed(pattern: str, flags: int = 0) -> int:
    """The length of the longest texts in which a search takes few steps, whatever they are; 0 if there is none."""
    parsed = _parser.parse(pattern, flags)
    starts_once = len(parsed) > 0 and parsed[0] == _START and not parsed.state.flags & re.MULTILINE
    for length in LENGTHS:
        starts = 1 if starts_once else length
        if _log_ways(parsed, length) + log(starts) <= log(FEW_STEPS):
            return length
    return 0


def _log_ways(items: Iterable[tuple[Any, Any]], length: int) -> float:
    """The logarithm of how many ways there are at most to match some items of a pattern from one place on."""
    ways = 0.0
    for kind, value in items:
        if kind in (_constants.MAX_REPEAT, _constants.MIN_REPEAT, _constants.POSSESSIVE_REPEAT):
            least, most, repeated = value[0], min(value[1], length), value[2]
            ways += log(max(1, most - least + 1)) + most * _log_ways(repeated, length)
        elif kind is _constants.BRANCH:
            ways += log(len(value[1])) + max(_log_ways(branch, length) for branch in value[1])
        elif kind is _constants.GROUPREF_EXISTS:
            ways += sum(_log_ways(branch or (), length) for branch in value[1:])
        elif kind is _constants.ATOMIC_GROUP:
            ways += _log_ways(value, length)
        elif kind in (_constants.SUBPATTERN, _constants.ASSERT, _constants.ASSERT_NOT):
            ways += _log_ways(value[-1], length)
    return ways


Searcher = re.Pattern[str] | TimedPattern


@lru_cache(maxsize=1_024)
def compile_pattern(pattern: str, flags: int = 0) -> Searcher:
    """Compile a mapping's pattern; one with several repetitions, or a group that is repeated, has a limit."""
    is_simple = len(_REPETITION.findall(pattern)) <= 1 and _REPEATED_GROUP.search(pattern) is None
    return re.compile(pattern, flags) if is_simple else TimedPattern(pattern, flags)


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile one of our own patterns; `re` itself would forget it among those of a mapping."""
    return re.compile(pattern)
