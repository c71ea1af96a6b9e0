"""A mapping's patterns, with an end to how long one may search one text.

Nearly every pattern with two repetitions can be given a text on which it takes minutes: `x.*y.*z` takes the cube of its
length. Such patterns are useful, and no look at them tells which will meet such a text. So a search of a long text is
watched by the processor's clock, which Python's `re` heeds within a search.
"""

from __future__ import annotations

import atexit
import os
import re
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache, partial
from operator import length_hint
from types import FrameType
from typing import TypeVar

from importer.errors import MappingError
from importer.phrases import clip
from importer.transform.pattern_cores import is_anchored

LIMIT_SECONDS = 4.0
"""Of CPU. An ordinary search of a megabyte takes a hundredth of a second."""
TICK_SECONDS = 1.0
SHORT = 100
"""Characters of a text that no pattern which is let through searches for long."""
PATTERN_SHOWN = 80

_REPETITION = re.compile(r"(?<!\\)(?:[*+]|\{[\d,])")
_Found = TypeVar("_Found")


class SlowPattern(MappingError):
    """A pattern took too long on a text of the source."""

    def __init__(self, pattern: str, length: int) -> None:
        super().__init__(
            f"The pattern {clip(pattern, PATTERN_SHOWN)!r} searched a text of {length:,} characters for over "
            f"{LIMIT_SECONDS:.0f} seconds.",
            hint="Make it say what can't come between its parts: for example `[^,]*,` instead of `.*,`.",
        )
        self.pattern, self.length = pattern, length

    def __reduce__(self) -> tuple[type[SlowPattern], tuple[str, int]]:
        return SlowPattern, (self.pattern, self.length)


class WatchedPattern:
    """A pattern with several repetitions: the methods of `re.Pattern` that a mapping's patterns are used with."""

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self.pattern, self.groups, self.groupindex = pattern.pattern, pattern.groups, pattern.groupindex
        self._pattern = pattern

    @cached_property
    def _is_anchored(self) -> bool:
        return is_anchored(self._pattern)

    def search(self, text: str) -> re.Match[str] | None:
        """The first match in a text."""
        return self._pattern.search(text) if len(text) <= SHORT else self._watch(self._pattern.search, text)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """The match of a whole text."""
        return self._pattern.fullmatch(text) if len(text) <= SHORT else self._watch(self._pattern.fullmatch, text)

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All matches in a text."""
        return self._pattern.finditer(text) if len(text) <= SHORT else iter(self.find_each([text])[0])

    def find_each(self, texts: Sequence[str]) -> list[list[re.Match[str]]]:
        """All matches in each text."""
        if not self._is_anchored:
            return self._watch_each(self._find_all, texts)
        firsts = self._watch_each(self._pattern.match, texts)
        return [  # behind a match that isn't empty there is no other
            [match] if match and match.end() else [] if match is None else self._watch(self._find_all, text)
            for text, match in zip(texts, firsts, strict=True)
        ]

    def _find_all(self, text: str) -> list[re.Match[str]]:
        return [*self._pattern.finditer(text)]

    def sub(self, change: Callable[[re.Match[str]], str], text: str) -> str:
        """A text with each match changed."""
        return (
            self._pattern.sub(change, text)
            if len(text) <= SHORT
            else self._watch(partial(self._pattern.sub, change), text)
        )

    def _watch(self, search: Callable[[str], _Found], text: str) -> _Found:
        return self._watch_each(search, [text])[0]

    def _watch_each(self, search: Callable[[str], _Found], texts: Sequence[str]) -> list[_Found]:
        if threading.get_ident() != _watch.thread:  # no signal comes there
            return list(map(search, texts))
        left = iter(texts)
        try:
            _watch.begin(left)
            return list(map(search, left))
        except _TooLongError:
            raise SlowPattern(self.pattern, len(texts[-1 - length_hint(left)])) from None
        finally:
            _watch.left = None


Searcher = re.Pattern[str] | WatchedPattern


@lru_cache(maxsize=1_024)
def compile_pattern(pattern: str, flags: int = 0) -> Searcher:
    """Compile a mapping's pattern; one with several repetitions is watched."""
    compiled = re.compile(pattern, flags)
    return WatchedPattern(compiled) if len(_REPETITION.findall(pattern)) > 1 else compiled


def find_each(pattern: Searcher, texts: Sequence[str]) -> Iterable[Iterable[re.Match[str]]]:
    """All matches in each text."""
    return pattern.find_each(texts) if isinstance(pattern, WatchedPattern) else map(pattern.finditer, texts)


class _TooLongError(Exception):
    pass


class _Watch:
    """Notices a search that is still the same one after LIMIT_SECONDS of CPU.

    One clock ticks for all searches: to set an alarm for each takes longer than most of them.

    thread  the one that is watched
    left    the texts that are still to be searched after the one that is now; None while there is no search
    """

    def __init__(self) -> None:
        self.thread = threading.main_thread().ident
        self._is_ticking = False
        self.left: Iterator[str] | None = None
        self._seen, self._begun, self._ticks = (0, 0), 0, 0
        os.register_at_fork(after_in_child=self._stand_still)

    def begin(self, left: Iterator[str]) -> None:
        """Begin to search these texts, one after the other."""
        if not self._is_ticking:
            signal.signal(signal.SIGVTALRM, self._tick)
            signal.setitimer(signal.ITIMER_VIRTUAL, TICK_SECONDS, TICK_SECONDS)
            atexit.register(signal.setitimer, signal.ITIMER_VIRTUAL, 0)  # a tick without its handler ends the process
            self._is_ticking = True
        self._begun += 1
        self.left = left

    def _stand_still(self) -> None:
        """A new process has no clock yet; its only thread is the one that forked."""
        self._is_ticking, self.thread = False, threading.get_ident()

    def _tick(self, _: int, __: FrameType | None) -> None:
        if self.left is None:
            return
        searched = self._begun, length_hint(self.left)
        self._ticks = self._ticks + 1 if searched == self._seen else 0
        self._seen = searched
        if self._ticks * TICK_SECONDS >= LIMIT_SECONDS:
            raise _TooLongError


_watch = _Watch()
