"""Losses of tables: which filled cells no text of the mapping takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from importer.check.checked_row import CheckedRow
from importer.check.coverage.attachments import Attachment, holds_attachments, read_cell
from importer.check.coverage.lines import KEYS_KEPT, CoverageLine, CoverageLines
from importer.check.coverage.uses import Taken, Use, settle
from importer.check.examine import RowRun
from importer.mapping.vocabulary import words_for_nothing
from importer.transform.plain_text import is_filled

if TYPE_CHECKING:
    from importer.sources.source import SourceFile


class CellCounter:
    """Counts the filled and lost cells of tables."""

    def __init__(self, lines: CoverageLines, uses: Sequence[Use], files: Sequence[SourceFile]) -> None:
        self._lines, self._uses, self._nothing = lines, uses, words_for_nothing()
        self._names = [[_name_column(cell, place) for place, cell in enumerate(file.header or ())] for file in files]
        self._attachment_places = [
            [place for place, name in enumerate(names) if holds_attachments(name)] for names in self._names
        ]

    def count(self, run: RowRun) -> Iterator[Attachment]:
        """Count the cells of a run of rows, and yield the attachments of those that are sent."""
        present = run.source.layout.present
        uses = [Taken(use, run) for use in self._uses if not present.isdisjoint(use.text.refs)]
        for line, columns in self._columns_by_line(run):
            if line.is_open:
                _show(line, run.rows, columns)
            untaken = list[tuple[int, CheckedRow, str]]()
            for column in columns:
                untaken += self._count_column(line, run.rows, column, uses)
            line.lost += len(untaken)
            if len(line.keys) < KEYS_KEPT:
                for _, row, text in sorted(untaken, key=itemgetter(0)):
                    line.name_row(row.key, text)
        yield from self._read_attachments(run)

    def _columns_by_line(self, run: RowRun) -> Iterator[tuple[CoverageLine, list[_Column]]]:
        """Yield each line with its columns that have any text: those with one header together."""
        names, columns_of = self._names[run.source.file], defaultdict[CoverageLine, list[_Column]](list)
        used = set(run.source.layout.used_places)
        raw_rows = [row.issue.row.raw for row in run.rows]
        for position, cells in enumerate(zip_longest(*raw_rows, fillvalue="")):
            texts = len(cells) - cells.count("")
            if texts:
                name = names[position] if position < len(names) else _name_column("", position)
                columns_of[self._lines.line(name)].append(_Column(position if position in used else None, cells, texts))
        yield from columns_of.items()

    def _count_column(
        self, line: CoverageLine, rows: Sequence[CheckedRow], column: _Column, uses: Sequence[Taken]
    ) -> Iterator[tuple[int, CheckedRow, str]]:
        """Count the filled cells of a column, and yield those that nothing takes: place, row and text."""
        takers = [use for use in uses if column.place in use.places]
        names = settle(takers, [taker.use.name for taker in takers if column.place in taker.whole])
        if names:  # as of nearly all columns that are read
            line.filled += column.texts
            line.uses.update(names)
            return
        for row, cell in zip(rows, column.cells, strict=True):
            if not is_filled(cell):
                continue
            line.filled += 1
            if row.is_left_out or cell in self._nothing:
                continue
            taker = next((use for use in takers if column.place in use.take(row)), None)
            if taker is None:
                yield row.place, row, cell
            else:
                line.uses.add(taker.use.name)

    def _read_attachments(self, run: RowRun) -> Iterator[Attachment]:
        """Yield the attachments that the rows that are sent have in columns of their own."""
        positions = self._attachment_places[run.source.file]
        if not positions:
            return
        for row in run.rows:
            if row.is_left_out:
                continue
            cells = row.issue.row.raw
            for position in positions:
                if position < len(cells) and is_filled(cells[position]):
                    yield from read_cell(row.key, cells[position])


class _Column(NamedTuple):
    """A column of a file.

    place  the same by `Layout.places`; None where the mapping doesn't read it
    cells  its cells, one for each row
    texts  how many of these have any text
    """

    place: int | None
    cells: Sequence[str]
    texts: int


def _show(line: CoverageLine, rows: Sequence[CheckedRow], columns: Sequence[_Column]) -> None:
    """Offer the texts of a line's columns as samples, row by row."""
    every_cells = zip(*(column.cells for column in columns), strict=True)
    for row, cells in zip(rows, every_cells, strict=True):
        if row.is_left_out:
            continue
        for text in filter(is_filled, cells):
            line.show(text)
            if not line.is_open:
                return


def _name_column(header: str, position: int) -> str:
    """Name a column by its header, or by its position where it has none."""
    return header.strip() or f"(column {position + 1})"
