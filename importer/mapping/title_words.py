"""Words in titles that mean one of Triage's own categories: `category: {titles: …}`, and proposals of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from functools import cache

from importer.mapping.vocabulary import UNSPACED, words_of
from importer.phrases import clip, listed

BY_TITLE = "a word of the title"
LOOKED_AT = 10_000
"""Titles that are counted, so that a proposal takes no longer however many rows there are."""
NAMES_SHOWN, SAMPLE_LENGTH = 8, 40
_LAST = "Bug"
"""The category whose words say the least: only where a title has no other's."""


def category_of(title: str) -> str:
    """The category that a title has a word of, "" if it has none."""
    for pattern, targets in _patterns():
        if found := pattern.search(title):
            return targets[(found.lastindex or 0) - 1]
    return ""


@cache
def _patterns() -> list[tuple[re.Pattern[str], list[str]]]:
    words = {target: _pattern(languages.values()) for target, languages in words_of("title").items()}
    groups = [[target for target in words if target != _LAST], [_LAST]]
    return [
        (re.compile("|".join(f"({words[target]})" for target in targets), re.IGNORECASE), targets) for targets in groups
    ]


def _pattern(listed: Iterable[str]) -> str:
    """A pattern of words, of which those of scripts without spaces may stand within others."""
    words = [word for each in listed for word in each.split(", ")]
    spaced = "|".join(word.replace("*", r"\w*") for word in words if not UNSPACED.search(word))
    return "|".join([rf"\b(?:{spaced})\b", *filter(UNSPACED.search, words)])


class TitleCount:
    """How many titles have a word of each category, with one of them as a sample; of the first `LOOKED_AT` alone."""

    def __init__(self) -> None:
        self.titles = 0
        self._counts: Counter[str] = Counter()
        self._samples: dict[str, str] = {}

    @property
    def is_full(self) -> bool:
        """Whether no more titles are counted."""
        return self.titles >= LOOKED_AT

    @property
    def found(self) -> int:
        """How many titles have such a word."""
        return self._counts.total()

    def add(self, title: str) -> None:
        """Count a title."""
        self.titles += 1
        if category := category_of(title):
            self._counts[category] += 1
            self._samples.setdefault(category, " ".join(title[: 4 * SAMPLE_LENGTH].split()))

    def __str__(self) -> str:
        share = f"{self.found:,} of {'the first ' if self.is_full else ''}{self.titles:,}"
        shown = [
            f"{name} {count:,} ({clip(self._samples[name], SAMPLE_LENGTH)})"
            for name, count in self._counts.most_common()
        ]
        return f"{share} titles contain a word for a category of Triage's own: {listed(shown, NAMES_SHOWN)}"
