"""Notices descriptions in HTML or in a wiki's markup that would be sent as they are: the mapping names no format."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from importer.check.examine import Examined
from importer.check.plan import Plan
from importer.mapping.model import MappingModel
from importer.mapping.texts import TextFormat, walk_texts
from importer.phrases import counted

SHARE = 0.2
"""The least share of the descriptions: in Markdown a few may begin with a tag."""
_BEGINS: dict[TextFormat, re.Pattern[str]] = {
    "html": re.compile(r"(?i)\s*<(?:!doctype html|/?(?:html|body|div|p|span|br|table|[uo]l|h[1-6]|b|strong|font)\b)"),
    "jira": re.compile(r"\s*(?:h[1-6]\. |\{(?:code|noformat|quote|panel|color)\b[^{}]*\}|\[~\w)"),
}
"""How a description begins that is in a format."""


class MarkupFound(NamedTuple):
    """How many descriptions of a chunk there are, and how many begin with the signs of a format."""

    filled: int
    begun: Counter[TextFormat]


class RawMarkup:
    """Counts descriptions that begin with the signs of a format."""

    def __init__(self, mapping: MappingModel) -> None:
        texts = [] if mapping.description is None else list(walk_texts(mapping.description, choices=True))
        self._is_asked = bool(texts) and not any(text.format for _, text in texts)
        self._found, self._filled = Counter[TextFormat](), 0

    def add(self, examined: Examined, _: Plan) -> None:
        """Look at the descriptions of a chunk, unless that was done where it was examined."""
        counts = examined.counts
        filled, begun = self.search(examined) if counts is None else counts.markup
        self._filled += filled
        self._found.update(begun)

    def search(self, examined: Examined) -> MarkupFound:
        """Look at the descriptions of a chunk by itself."""
        if not self._is_asked:
            return MarkupFound(0, Counter())
        prose = examined.records.texts
        texts = [text for row in examined.bodies if (text := prose.descriptions[row]) != prose.footers[row]]
        begun = {name: sum(map(bool, map(begins.match, texts))) for name, begins in _BEGINS.items()}
        return MarkupFound(len(texts), Counter(begun))

    def warnings(self) -> Iterator[str]:
        """Say which format the descriptions seem to be in."""
        for name, rows in self._found.items():
            if rows and rows >= SHARE * self._filled:
                looks = f"looks like {name} and is sent as it is"
                if rows > 1:
                    looks = f"look like {name} and are sent as they are"
                yield (
                    f"description: {rows:,} of {counted(self._filled, 'text')} {looks}; "
                    f"to convert them to Markdown, write `description: {{format: {name}}}`"
                )
