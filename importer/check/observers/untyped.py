"""Issues without a type, whose category is a default: how many there are, and which columns or titles may say more."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from importer.check.coverage.lines import DROP, CoverageLine
from importer.check.examine import Examined
from importer.check.observers.value_flow import ValueFlow
from importer.check.plan import Plan
from importer.mapping.header_names import has
from importer.mapping.model import Category, MappingModel
from importer.mapping.texts import walk_texts
from importer.mapping.title_words import TitleCount
from importer.mapping.yaml_text import quote
from importer.phrases import counted, listed, tokens_of

COLUMNS_SHOWN = 4
ENOUGH = 0.5
"""The share of rows without a type from which on it is said."""


class Untyped:
    """Counts, of the issues whose category is a default, those that have a word in the title that may say more."""

    def __init__(self, spec: Category) -> None:
        self.titles = TitleCount()
        self._is_asked = spec.titles is None

    def add(self, examined: Examined, plan: Plan) -> None:
        """Count the titles of a chunk."""
        mapped = examined.records.values["category"]
        defaults = {code for code, step in enumerate(mapped.steps) if step.how == "default"}
        if not defaults or not self._is_asked or self.titles.is_full:
            return
        titles = examined.records.texts.titles
        for row in plan.counted_rows(examined):
            if mapped.codes[row] in defaults and not self.titles.is_full:
                self.titles.add(titles[row])


def propose_category(
    mapping: MappingModel, flow: ValueFlow, lines: Iterable[CoverageLine], titles: TitleCount
) -> Iterator[str]:
    """Say how many issues have a default in place of a category, and what may say more, with what to write."""
    streams = flow.streams("category")
    every = sum(stream.rows for stream in streams)
    defaults = [stream for stream in streams if stream.step.how == "default"]
    rows = sum(stream.rows for stream in defaults)
    if not rows or rows < ENOUGH * every:
        return
    read = {ref.name for _, text in walk_texts(mapping.category, choices=True) for ref in text.refs}
    ordered = sorted(lines, key=lambda line: -line.cells)
    found = Counter[str]()  # a column has a line for its rows that are sent, and one for the others
    for line in ordered:
        if line.label != DROP and not _is_read(line.column, read) and category_source(line.column):
            found[line.column] += line.cells
    has, becomes = ("has", "becomes") if rows == 1 else ("have", "become")
    said = f"category: {rows:,} of {counted(every, 'issue')} {has} no type and {becomes} {defaults[0].target}; "
    if found:
        names = listed([f"{column} ({cells:,})" for column, cells in found.most_common()], COLUMNS_SHOWN)
        own = dict.fromkeys(line.column for line in ordered if line.column in read and line.label == "category")
        wording = category_source(found.most_common(1)[0][0], own)
        yield f"{said}to take it from a column, write `category: {{{wording}}}`; there are {names}"
    if titles.found:
        title = next((line.column for line in ordered if line.label == "title"), "title")
        yield f"{said}{titles}; to use them, write `category: {{titles: {{{text_of(title)}}}}}`"


def _is_read(column: str, read: set[str]) -> bool:
    return column in read or any(
        column.partition("[")[0].partition(".")[0] == re.split(r"\W", name)[0] for name in read
    )


def category_source(column: str, own: Iterable[str] = ()) -> str:
    """What a mapping says to take the category from a column, too, "" for one that says no kind."""
    words = tokens_of(re.sub(r"(?:\[\])?(?:[. ](?:name|value|title))?$|/s$", "", column, flags=re.IGNORECASE))
    ends = (*words[-1:], " ".join(words[-2:]))
    if has(ends, "labels"):
        return f"labels: {{{text_of(column)}}}"
    texts = ", ".join(f"{{{text_of(name)}}}" for name in (*own, column))
    return f"first: [{texts}]" if has(ends, "kinds") else ""


def text_of(column: str) -> str:
    """What a mapping says to read a column, by its header or its path."""
    return f"path: {quote(column)}" if "[" in column or "." in column else f"column: {quote(column)}"
