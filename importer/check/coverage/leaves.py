"""Losses of JSON: which filled leaves of records no text of the mapping takes, by path: `comments[].author.name`."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Any

from importer.check.checked_row import CheckedRow
from importer.check.coverage.attachments import Attachment, holds_attachments, read_cell, read_object
from importer.check.coverage.lines import KEYS_KEPT, CoverageLine, CoverageLines
from importer.check.coverage.paths import Chain, KeysRead, read_ref
from importer.check.coverage.uses import RULE, Taken, Use, settle
from importer.check.examine import RowRun
from importer.check.plan import DISTINCT_LIMIT
from importer.mapping.issue_parts import CommentSource, FlagSource
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Ref
from importer.sources.json_values import to_text, write
from importer.sources.source_rows import SourceRows
from importer.transform.plain_text import is_filled

ITEM = None
"""In place of a key: the items of an array."""


@dataclass(eq=False, slots=True)
class _Consumer:
    """A reference of a use, and the cells that it takes of the present rows.

    name       what becomes of the cells
    is_whole   whether it takes every leaf that its chains lead to
    of_use     what its use takes; None if that is nothing
    places     those of its cells, by `Layout.places`
    row        the row that was asked for last
    cells      what it takes of that
    wider      of these, the ones that a leaf may be a part of
    """

    name: str
    ref: Ref
    keys_read: KeysRead
    is_whole: bool = False
    of_use: Taken | None = None
    places: Sequence[int] = ()
    row: CheckedRow | None = None
    cells: frozenset[str] = frozenset()
    wider: Sequence[str] = ()

    def turn_to(self, of_use: Taken | None, source: SourceRows, filled: Container[Ref]) -> None:
        self.places = source.layout.places.get(self.ref, ())
        self.of_use = of_use if self.ref in filled else None  # as few of what a preset reads
        self.is_whole = False
        if self.of_use is not None and self.keys_read.whole:
            self.is_whole = self.of_use.whole.issuperset(self.places)
        self.row = None

    def takes(self, value: Any, row: CheckedRow) -> bool:
        """Whether a leaf at one of the chains arrives: its text is a cell that is taken, or part of a joined one."""
        if self.is_whole or self.of_use is None:
            return self.is_whole
        if row is not self.row:  # a record may have 100,000 labels, each of which is asked for
            self._look_at(row, self.of_use)
        if not self.cells or (self.keys_read.whole and len(self.places) == 1):
            return bool(self.cells)
        text = to_text(value)
        if text in self.cells:
            return True
        return any(self._is_part(value, text, cell) for cell in self.wider)

    def _look_at(self, row: CheckedRow, of_use: Taken) -> None:
        """Find what it takes of a row."""
        cells, places = row.issue.row.cells, of_use.take(row)
        taken_cells = [cells[place] for place in places if place in self.places and cells[place]]
        self.row, self.cells = row, frozenset(taken_cells)
        self.wider = [cell for cell in taken_cells if self.keys_read.joined or cell[0] in "[{"]

    def _is_part(self, value: Any, text: str, cell: str) -> bool:
        if self.keys_read.joined and text in cell:
            return True
        return cell[0] in "[{" and write(value) in cell


class _Place:
    """A node of the tree of paths, made when a record first has it.

    consumers  those whose chain ends here or above
    further    those whose chain goes on below: consumer, chain, and how many of its keys lead here
    attached   whether attachments are listed here, by the path's name
    line       of its leaves; None before the first
    takers     the consumers that may take one, of the present rows
    is_whole   whether each of them arrives there
    """

    __slots__ = ("attached", "consumers", "further", "is_whole", "keys", "line", "name", "takers")

    def __init__(
        self,
        name: str,
        consumers: Sequence[_Consumer],
        further: Sequence[tuple[_Consumer, Chain, int]],
        *,
        attached: bool,
    ) -> None:
        self.name = name
        self.consumers = consumers
        self.further = further
        self.attached = attached
        self.keys: dict[str | None, _Place] = {}
        self.line: CoverageLine | None = None
        self.turn()

    def turn(self) -> None:
        """Look at the consumers anew, once they have turned to the next rows."""
        self.takers = [consumer for consumer in self.consumers if consumer.is_whole or consumer.of_use is not None]
        whole_names = [consumer.name for consumer in self.takers if consumer.is_whole]
        names = settle(self.takers, whole_names)
        self.is_whole = bool(names)
        if self.line is not None:
            self.line.uses.update(names)

    def below(self, key: str | None) -> _Place:
        """Make the node below: of a key of an object, or of the items of an array."""
        if key is ITEM:
            return _Place(f"{self.name}[]", self.consumers, self.further, attached=self.attached)
        consumers = list(self.consumers)
        further = list[tuple[_Consumer, Chain, int]]()
        for consumer, keys, depth in self.further:
            if keys[depth] not in (None, key):
                continue
            if depth + 1 == len(keys):
                consumers.append(consumer)
            else:
                further.append((consumer, keys, depth + 1))
        consumers.sort(key=lambda consumer: consumer.name == RULE)
        name = f"{self.name}.{key}" if self.name else key
        return _Place(name, consumers, further, attached=holds_attachments(name))


class Leaves:
    """Counts the leaves of JSON records.

    A leaf arrives where the mapping reads its path and takes its text. Whether it does is plain but for an expression
    that chooses among values (a filter, `not_null`, an index): there the leaf's text must be the cell, or part of a
    cell that joins several.
    """

    def __init__(self, lines: CoverageLines, uses: Sequence[Use]) -> None:
        self._lines = lines
        self._nothing = words_for_nothing()
        self._consumers = list[tuple[Use, list[_Consumer]]]()
        every = list[_Consumer]()
        for use in uses:
            parts = _parts_of(use)
            consumers = [_Consumer(use.name, ref, read_ref(ref, parts)) for ref in use.text.refs]
            self._consumers.append((use, consumers))
            every += consumers
        # What expressions only decide by is read, too.
        decided = dict.fromkeys(keys for consumer in every for keys in consumer.keys_read.decided)
        every.append(_Consumer(RULE, Ref("path", "@"), KeysRead(tuple(decided)), is_whole=True))
        everywhere = list[_Consumer]()
        further = list[tuple[_Consumer, Chain, int]]()
        for consumer in every:
            for keys in consumer.keys_read.taken:
                if keys:
                    further.append((consumer, keys, 0))
                else:
                    everywhere.append(consumer)
        self._root = _Place("", everywhere, further, attached=False)
        self._places = [self._root]

    def turn_to(self, run: RowRun) -> None:
        """Prepare for the next run of rows."""
        present, filled = run.source.layout.present, run.source.filled
        for use, consumers in self._consumers:
            taken = Taken(use, run) if not present.isdisjoint(use.text.refs) else None
            for consumer in consumers:
                consumer.turn_to(taken, run.source, filled)
        for place in self._places:
            place.turn()

    def add(self, record: Mapping[str, Any], row: CheckedRow) -> Iterator[Attachment]:
        """Count the leaves of a row's record, and yield its attachments if it is sent; nothing is counted before."""
        key, sent = row.key, not row.is_left_out
        stack: list[tuple[Any, _Place]] = [(record, self._root)]  # no recursion: a record may be nested deeper
        listed = set[Attachment]()
        while stack:
            value, place = stack.pop()
            if place.attached and sent and isinstance(value, dict):
                for attachment in read_object(key, value):
                    # A record's history may have it once more; two files without URL and id may have one name.
                    if attachment not in listed or not (attachment.url or value.get("id")):
                        listed.add(attachment)
                        yield attachment
            keys = place.keys
            for name, item in value.items() if isinstance(value, dict) else zip(repeat(ITEM), value):
                below = keys.get(name) or self._step(place, name)
                kind = type(item)  # the hot loop: it runs once a leaf
                if kind is dict or kind is list:
                    stack.append((item, below))
                elif is_filled(item) if kind is str else item is not None:
                    line = below.line or self._open(below)
                    line.filled += 1
                    if sent:
                        if line.is_open:
                            line.show(to_text(item))
                        is_left = not below.is_whole and item not in self._nothing
                        if is_left and not (below.takers and _is_taken(item, row, below, line)):
                            line.lost += 1
                            if len(line.keys) < KEYS_KEPT:
                                line.name_row(key, to_text(item))
                        if below.attached and kind is str:
                            yield from read_cell(key, item)

    def _step(self, place: _Place, key: str | None) -> _Place:
        below = place.below(key)
        if len(self._places) < DISTINCT_LIMIT:  # what isn't kept is made each time, so that memory stays flat
            self._places.append(below)
            place.keys[key] = below
        return below

    def _open(self, place: _Place) -> CoverageLine:
        place.line = self._lines.line(place.name)
        place.turn()
        return place.line


def _is_taken(value: Any, row: CheckedRow, place: _Place, line: CoverageLine) -> bool:
    """Whether a leaf arrives; its line gets the name of what takes it."""
    for consumer in place.takers:
        if consumer.takes(value, row):
            line.uses.add(consumer.name)
            return True
    return False


def _parts_of(use: Use) -> Sequence[str]:
    """The expressions that read parts of a comment's or a flag's object."""
    if not isinstance(use.text, CommentSource | FlagSource) or use.text.each is None:
        return ()
    parts = use.text.each.model_dump(exclude={"id"})
    return [part for part in parts.values() if part]
