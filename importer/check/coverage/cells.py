"""Column coverage of tables: counts the filled cells of each column by class, whole columns at a time."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING

from importer.check.coverage.attachments import Attachment, holds_attachments, read_cell, read_texts
from importer.check.coverage.lines import DROPPED, NOT_SENT, NOTHING, CoverageLines
from importer.check.coverage.uses import (
    RULE,
    Consumed,
    Use,
    consume_cells,
    find_filled,
    list_rule_refs,
    list_uses,
    narrow_uses,
)
from importer.mapping.model import MappingModel
from importer.mapping.reads import collect_value_refs
from importer.mapping.vocabulary import words_for_nothing
from importer.sources.header import take_columns
from importer.transform.chunk_records import Records
from importer.transform.columns import is_filled
from importer.transform.file_addresses import FileAddresses
from importer.transform.masks import Mask

if TYPE_CHECKING:
    from importer.check.examine import Examined
    from importer.sources.source import SourceFile

Share = tuple[str, Mask | None]
"""A class, and the rows whose cell belongs to it unless an earlier class has consumed it; None: all rows."""


class CellCounter:
    """Counts the filled cells of tables by column and class; `names` are those of the columns of each file."""

    def __init__(self, mapping: MappingModel, files: Sequence[SourceFile]) -> None:
        self.names = [[name_column(cell, place) for place, cell in enumerate(file.header or ())] for file in files]
        self._attachment_places = [
            [place for place, name in enumerate(names) if holds_attachments(name)] for names in self.names
        ]
        self.addresses = FileAddresses(mapping.attachments)
        self._uses = list_uses(mapping)
        self._uses_of = dict[int, list[Use]]()  # of a table, by its number: those whose columns it has
        self._rule_refs, self._value_refs = list_rule_refs(mapping), collect_value_refs(mapping)

    def count(self, lines: CoverageLines, examined: Examined, left_out: Collection[int]) -> list[Attachment]:
        """Count the cells of a chunk into `lines`; returns the attachments of the rows that aren't left out."""
        records, chunk = examined.records, examined.records.chunk
        if chunk.file not in self._uses_of:
            self._uses_of[chunk.file] = list(narrow_uses(self._uses, records.columns.present))
        shares: dict[int, tuple[Share, ...]] = {}
        for label, consumed in self._list_consumed(records, chunk.file):
            whole = ((label, None),)  # one for all columns that it consumes: there may be 100,000
            for position, rows in consumed.items():
                shares[position] = shares.get(position, ()) + (whole if rows is None else ((label, rows),))
        sent, names = None, self.names[chunk.file]
        if left_out:
            sent = ~Mask.of(left_out, len(chunk))
        for position, cells, texts in _columns_as_they_came(examined):
            # White space is text, but nothing that could be lost.
            count = texts and texts - sum(map(str.isspace, cells))
            if not count:
                continue
            name = names[position] if position < len(names) else name_column("", position)
            its = shares.get(position, ())
            label, rows = its[0] if its else (DROPPED, None)
            if sent is None and rows is None:  # nearly all columns of nearly all files: no cell is tested by itself
                lines.add_filled(name, label, cells, count)
                continue
            unclaimed = find_filled(cells)
            if sent is not None:
                lines.add_rows(name, NOT_SENT, cells, unclaimed & ~sent)
                unclaimed &= sent
            for label, rows in (*its, (DROPPED, None)):
                taken = unclaimed if rows is None else unclaimed & rows
                lines.add_rows(name, label, cells, taken)
                unclaimed = unclaimed & ~taken
        lines.end_chunk()
        places = self._attachment_places[chunk.file]
        found = [
            attachment
            for row, cells in enumerate(chunk.raw if places else ())
            for place in places
            if row not in left_out and place < len(cells) and is_filled(cells[place])
            for attachment in read_cell(records.keys.full[row], cells[place])
        ]
        return [*found, *read_texts(self.addresses, records, left_out)]

    def _list_consumed(self, records: Records, file: int) -> Iterator[tuple[str, Consumed]]:
        """Yield each class with the cells that it consumes, in order: a cell belongs to the first class."""
        positions, nothing, cells = records.chunk.positions, words_for_nothing(), records.chunk.cells
        read = (place for ref in positions.keys() - self._value_refs for place in positions[ref])
        empty = filter(records.columns.has_word_for_nothing, read)
        yield NOTHING, {place: Mask.where([text in nothing for text in cells[place]]) for place in empty}
        for use in self._uses_of[file]:
            yield use.label, consume_cells(use, records)
        # Of a column that is read once, a rule asks no more: the others with its header are another thing.
        once = {ref for use in self._uses_of[file] if not use.every for ref in use.text.refs}
        last = {ref: 1 if ref in once else None for ref in self._rule_refs}
        yield RULE, {place: None for ref in last for place in positions.get(ref, ())[: last[ref]]}


def _columns_as_they_came(examined: Examined) -> Iterator[tuple[int, Sequence[str], int]]:
    """Yield the columns of the file by position, each with how many of its cells have any text."""
    chunk, columns = examined.records.chunk, examined.records.columns
    width, *other_widths = set(map(len, chunk.raw))
    if chunk.defects or examined.fixed or other_widths:
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


def name_column(header: str, position: int) -> str:
    """Name a column by its header, or by its position where it has none."""
    return header.strip() or f"(column {position + 1})"
