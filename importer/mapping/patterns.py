"""A mapping's patterns, with an end to how long one may search one text.

Nearly every pattern with two repetitions can be given a text on which `re` takes minutes: `x.*y.*z` takes the cube of
its length. Such patterns are useful, and no look at them tells which will meet such a text. So they are searched for by
`regex`, which finds the same, takes most such texts in no time, and gives up after a while. Of the presets' patterns
188 are searched so: on cells of real exports that takes 5.7 µs a text, where `re` takes 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import cache, lru_cache, partial
from typing import Any, TypeVar

from importer.errors import MappingError
from importer.phrases import clip

LIMIT_SECONDS = 4.0
"""An ordinary search of a megabyte takes a hundredth of a second."""
PATTERN_SHOWN = 80

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
        import regex  # loaded where a pattern needs it

        try:
            self._pattern: Any = regex.compile(pattern, flags)
        except regex.error as error:
            raise re.error(str(error), pattern) from error
        self.pattern, self.groups, self.groupindex = pattern, self._pattern.groups, self._pattern.groupindex

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in a text."""
        found: re.Match[str] | None = self._within_limit(self._pattern.search, text)
        return found

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The match of a whole text."""
        found: re.Match[str] | None = self._within_limit(self._pattern.fullmatch, text)
        return found

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All matches in a text."""
        return iter(self._within_limit(lambda text, timeout: [*self._pattern.finditer(text, timeout=timeout)], text))

    def sub(self, change: Callable[[re.Match[str]], str], text: str) -> str:
        """A text with each match changed."""
        changed: str = self._within_limit(partial(self._pattern.sub, change), text)
        return changed

    def _within_limit(self, search: Callable[..., _Found], text: str) -> _Found:
        try:
            return search(text, timeout=LIMIT_SECONDS)
        except TimeoutError:
            raise SlowPattern(self.pattern, len(text)) from None


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
