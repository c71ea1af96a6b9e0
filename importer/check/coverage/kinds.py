"""Columns that may say what kind an issue is, where the source has no type and its category is a default."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from importer.check.coverage.lines import DROP, Line
from importer.check.value_flow import ValueFlow
from importer.mapping.model import Mapping
from importer.mapping.texts import walk_texts
from importer.mapping.yaml_text import quote
from importer.phrases import listed

COLUMNS_SHOWN = 4
ENOUGH = 0.5
"""The share of rows without a type from which on it is said."""

_PLACES = (
    r"components?|komponente|composants?|componentes?|modules?|modul|areas?|bereich|subsystem|topics?|products?|produkt|"
    r"services?|queue|teams?|project(?: name)?|projekt"
)
_LABELS = r"labels?|tags?|keywords?|étiquettes?|etiquetas?|stichwörter|ラベル|标签|라벨|метки"
_IS_PLACE = re.compile(rf"(?i)(?:^|[^a-z])(?:{_PLACES})(?:/s)?(?:\.(?:name|value|title))?$")
_IS_LABEL = re.compile(rf"(?i)(?:^|[^a-z])(?:{_LABELS})(?:\[\])?(?:\.(?:name|value|title))?$")


def propose_category(mapping: Mapping, flow: ValueFlow, lines: Iterable[Line]) -> Iterator[str]:
    """Say how many issues have a default in place of a category, and which columns may say more, with what to write."""
    streams = flow.streams("category")
    every = sum(stream.rows for stream in streams)
    defaults = [stream for stream in streams if stream.step.how == "default"]
    rows = sum(stream.rows for stream in defaults)
    if not rows or rows < ENOUGH * every:
        return
    read = {ref.name for _, text in walk_texts(mapping.category, choices=True) for ref in text.refs}
    found = [
        line
        for line in sorted(lines, key=lambda line: -line.cells)
        if line.label != DROP and not _is_read(line.column, read) and _wording(line.column)
    ]
    if found:
        names = listed([f"{line.column} ({line.cells:,})" for line in found], COLUMNS_SHOWN)
        yield (
            f"category: {rows:,} of {every:,} issues have no type and become {defaults[0].target}; "
            f"`category: {{{_wording(found[0].column)}}}` takes it from a column, as there are {names}"
        )


def _is_read(column: str, read: set[str]) -> bool:
    return column in read or any(
        column.partition("[")[0].partition(".")[0] == re.split(r"\W", name)[0] for name in read
    )


def _wording(column: str) -> str:
    """What a mapping says to take the category from a column, "" for one that says no kind."""
    ref = f"path: {quote(column)}" if "[" in column or "." in column else f"column: {quote(column)}"
    if _IS_LABEL.search(column):
        return f"labels: {{{ref}}}"
    return f"first: [{{{ref}}}]" if _IS_PLACE.search(column) else ""
