"""The documents of this repository as tests read them: tables, headings, links and shell blocks.

A ```sh block is run, in a folder that has `sample_data/`, unless the line above it says why not:

    <!-- not run: it needs a key -->
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from tests.harness.running import ROOT

SKIPPED = {"build", "dist", "node_modules"}
FENCED = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NOT_RUN = re.compile(r"<!-- not run: (.+) -->\n\Z")


class Table(NamedTuple):
    """A table: its header and its rows, cell by cell."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Block(NamedTuple):
    language: str
    text: str
    why_not_run: str


class Document:
    """A Markdown file of the repository."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.relative_to(ROOT).as_posix()
        self.text = path.read_text(encoding="utf-8")
        self.prose = FENCED.sub("", self.text)

    def __repr__(self) -> str:
        return self.name

    @cached_property
    def tables(self) -> tuple[Table, ...]:
        found = re.findall(r"(?:^\|.*\|$\n?)+", self.prose, re.MULTILINE)
        return tuple(Table(rows[0], rows[2:]) for rows in (tuple(map(_cells, text.splitlines())) for text in found))

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        found = []
        for match in FENCED.finditer(self.text):
            reason = NOT_RUN.search(self.text[: match.start()])
            found.append(Block(match[1], match[2], reason[1] if reason else ""))
        return tuple(found)

    @cached_property
    def headings(self) -> tuple[tuple[int, str], ...]:
        """Rank and anchor of each heading."""
        found = re.findall(r"^(#+) (.+)$", self.prose, re.MULTILINE)
        return tuple((len(marks), _anchor(title)) for marks, title in found)

    @property
    def links(self) -> list[str]:
        """Where its links lead."""
        return re.findall(r"\]\(([^)\s]+)\)", self.prose)

    def section(self, title: str) -> str:
        """The text below a heading, up to the next one of its rank or above."""
        level, _, _ = title.partition(" ")
        found = re.search(
            rf"^{re.escape(title)}$(.*?)(?=^#{{1,{len(level)}}} |\Z)", self.text, re.MULTILINE | re.DOTALL
        )
        assert found is not None, f"{self.name}: {title}"
        return found[1]


def _cells(line: str) -> tuple[str, ...]:
    cells = re.split(r"(?<!\\)\|", line.strip()[1:-1])
    return tuple(cell.strip().replace(r"\|", "|") for cell in cells)


def _anchor(heading: str) -> str:
    """What GitHub makes of a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def _find() -> Iterator[Path]:
    for path in sorted(ROOT.rglob("*.md")):
        folders = path.relative_to(ROOT).parts[:-1]
        if not any(folder in SKIPPED or (folder.startswith(".") and folder != ".github") for folder in folders):
            yield path


DOCUMENTS = tuple(map(Document, _find()))


def document(name: str) -> Document:
    """One document by its path from the root."""
    return next(document for document in DOCUMENTS if document.name == name)


def tables(first: str) -> Iterator[tuple[str, Table]]:
    """The tables whose first column is called so, or `first of SOMETHING`, with that something."""
    for document in DOCUMENTS:
        for table in document.tables:
            name, _, of = table.header[0].partition(" of ")
            if name == first:
                yield of, table


def code(cell: str) -> list[str]:
    """What stands in back-quotes in a cell."""
    return re.findall(r"`([^`]+)`", cell)
