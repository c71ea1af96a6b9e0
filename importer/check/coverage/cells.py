"""Losses of tables: which filled cells of a chunk no text of the mapping takes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from operator import itemgetter
from typing import TYPE_CHECKING

from importer.check.coverage.attachments import Attachment, holds_attachments, read_cell
from importer.check.coverage.lines import KEYS_KEPT, CoverageLine, CoverageLines
from importer.check.coverage.uses import Taken, Use, settle
from importer.mapping.vocabulary import words_for_nothing
from importer.sources.header import take_columns
from importer.transform.plain_text import is_filled

if TYPE_CHECKING:
    from importer.check.examine import RowRun
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
        chunk = run.chunk
        used = [Taken(use, run) for use in self._uses if not run.columns.present.isdisjoint(use.text.refs)]
        keys = [row.key for row in run.rows]
        left_out = {number for number, row in enumerate(run.rows) if row.is_left_out}
        for line, columns in self._columns_by_line(run):
            if line.is_open:
                self._show(line, [cells for _, cells, _ in columns], left_out)
            lost: list[tuple[int, str]] = []
            for position, cells, texts in columns:
                takers = [taken for taken in used if position in taken.positions]
                if names := settle(takers, [taken.use.name for taken in takers if position in taken.whole]):
                    line.filled += texts  # as of nearly all columns that are read
                    line.uses.update(names)
                    continue
                filled = [row for row, cell in enumerate(cells) if is_filled(cell)]
                line.filled += len(filled)
                left = [row for row in filled if row not in left_out and cells[row] not in self._nothing]
                lost += ((row, cells[row]) for row in _take_away(left, position, takers, line))
            line.lost += len(lost)
            if len(line.keys) < KEYS_KEPT:
                for row, text in sorted(lost, key=itemgetter(0)):
                    line.name_row(keys[row], text)
        places = self._attachment_places[chunk.file]
        for row, cells in enumerate(chunk.raw if places else ()):
            for place in places:
                if row not in left_out and place < len(cells) and is_filled(cells[place]):
                    yield from read_cell(keys[row], cells[place])

    def _columns_by_line(self, run: RowRun) -> Iterator[tuple[CoverageLine, list[Column]]]:
        """Yield each line with its columns that have any text: those with one header together."""
        names, found = self._names[run.chunk.file], defaultdict[CoverageLine, list[Column]](list)
        for column in _columns_as_they_came(run):
            position, _, texts = column
            if texts:
                name = names[position] if position < len(names) else _name_column("", position)
                found[self._lines.line(name)].append(column)
        yield from found.items()

    @staticmethod
    def _show(line: CoverageLine, columns: Sequence[Sequence[str]], left_out: Collection[int]) -> None:
        """Offer the texts of a line's columns as samples, row by row."""
        for row, cells in enumerate(zip(*columns, strict=True)):
            for text in filter(is_filled, cells if row not in left_out else ()):
                line.show(text)
                if not line.is_open:
                    return


Column = tuple[int, Sequence[str], int]
"""Place of a column in the file, its cells, and how many of them have any text."""


def _take_away(rows: list[int], position: int, takers: Sequence[Taken], line: CoverageLine) -> list[int]:
    """Return the rows whose cell in a column nothing takes; the line gets the names of what takes others."""
    for taken in takers:
        mine = rows if position in taken.whole else taken.rows.get(position, ())
        left = sorted(set(rows).difference(mine))
        if len(left) < len(rows):
            line.uses.add(taken.use.name)
        rows = left
    return rows


def _columns_as_they_came(run: RowRun) -> Iterator[Column]:
    """Yield the columns of the file, by position."""
    chunk, columns = run.chunk, run.columns
    width, *other_widths = set(map(len, chunk.raw))
    if chunk.defects or other_widths or any(row.fixes for row in run.rows):
        for position, cells in enumerate(zip_longest(*chunk.raw, fillvalue="")):
            yield position, cells, len(cells) - cells.count("")
        return
    # The mapping has read most columns: only the others are taken out of the rows.
    others = [position for position in range(width) if position not in chunk.cells]
    unread = take_columns(chunk.raw, width, others) if others else {}
    for position in range(width):
        if position in unread:
            yield position, unread[position], len(chunk) - unread[position].count("")
        else:
            yield position, chunk.cells[position], columns.count_texts(position)


def _name_column(header: str, position: int) -> str:
    """Name a column by its header, or by its position where it has none."""
    return header.strip() or f"(column {position + 1})"
