"""Notices descriptions in another markup than the mapping says, or in one of which it says nothing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from importer.check.examine import Examined, raw_text
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
_MARKDOWN = re.compile(r"```|\]\(https?://")
"""What Jira's markup doesn't have: looked for in a row as it came, because what is read as Jira's becomes Markdown."""


class MarkupFound(NamedTuple):
    """How many descriptions of a chunk there are, and how many begin with the signs of a format."""

    filled: int
    begun: Counter[TextFormat]


class RawMarkup:
    """Counts descriptions that begin with the signs of a format."""

    def __init__(self, mapping: MappingModel) -> None:
        texts = [] if mapping.description is None else list(walk_texts(mapping.description, choices=True))
        said = {text.format for _, text in texts} - {None}
        self._is_jira = "jira" in said
        self._is_asked = bool(texts) and (self._is_jira or not said)
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
        rows = [row for row in examined.bodies if prose.descriptions[row] != prose.footers[row]]
        texts = [prose.descriptions[row] for row in rows]
        begun = Counter[TextFormat]({name: sum(map(bool, map(its.match, texts))) for name, its in _BEGINS.items()})
        if self._is_jira:
            raw, keys = examined.records.chunk.raw, examined.records.keys
            came = (raw_text(raw[keys.members(row)[0]]) for row in rows)
            begun["jira"], begun["markdown"] = 0, sum(map(bool, map(_MARKDOWN.search, came)))
        return MarkupFound(len(rows), begun)

    def warnings(self) -> Iterator[str]:
        """Say which format the descriptions seem to be in."""
        for name, rows in self._found.items():
            if rows and rows >= SHARE * self._filled:
                looks, sent = ("looks", "is sent as it is") if rows == 1 else ("look", "are sent as they are")
                end = "to convert them to Markdown"
                if self._is_jira:
                    sent, end = f"{sent.split()[0]} read as jira", "to read them so"
                yield (
                    f"description: {rows:,} of {counted(self._filled, 'text')} {looks} like {name} and {sent}; "
                    f"{end}, write `description: {{format: {name}}}`"
                )
