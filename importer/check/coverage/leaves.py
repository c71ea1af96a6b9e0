"""Column coverage of JSON: counts the filled leaves of records by path: `fields.labels[]`, `comments[].author.name`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, repeat
from typing import Any

from importer.check.coverage.attachments import Attachment, holds_attachments, read_cell, read_object
from importer.check.coverage.lines import DROPPED, NOT_SENT, NOTHING, OTHERS, CoverageLine, CoverageLines
from importer.check.coverage.paths import Chain, KeysRead, read_ref
from importer.check.coverage.uses import RULE, Consumed, Use
from importer.check.plan import DISTINCT_LIMIT
from importer.mapping.issue_parts import CommentSource, FlagSource
from importer.mapping.vocabulary import words_for_nothing
from importer.records import Ref
from importer.sources.json_values import to_text, write
from importer.transform.chunk_records import Records
from importer.transform.columns import is_filled

ITEM = None
"""In place of a key: the items of an array."""
NO_ROW: tuple[int, frozenset[str], Sequence[str]] = (-1, frozenset(), ())
RECORD = "(record)"
"""The path under which a record that can't be read is counted, as one cell."""


@dataclass(eq=False, slots=True)
class _Consumer:
    """A reference of a use, and the cells that it consumes in the present chunk.

    label    the class of what it consumes
    order    its place among all consumers: a leaf belongs to the first that consumes it
    always   whether it consumes every leaf that its chains lead to
    is_open  else whether it may consume some: its column has a text, be it a word for nothing
    texts    of one that is open the cells that it consumes, by row; () if there are none
    _asked   the row that was asked for last, its cells, and those of them that a leaf may be a part of
    """

    label: str
    ref: Ref
    keys_read: KeysRead
    order: int = 0
    always: bool = False
    is_open: bool = False
    texts: Sequence[Sequence[str]] = ()
    _many: bool = False
    _asked: tuple[int, frozenset[str], Sequence[str]] = NO_ROW

    def turn_to(self, records: Records, consumed: Consumed) -> None:
        positions = records.chunk.positions.get(self.ref, ())
        masks = {position: consumed[position] for position in positions if position in consumed}
        self.always = self.keys_read.whole and bool(masks) and all(rows is None for rows in masks.values())
        self.is_open = bool(masks) and not self.always
        self.texts, self._many, self._asked = (), len(positions) > 1, NO_ROW
        if self.is_open:
            columns = dict(zip(positions, records.columns.cells(self.ref), strict=True))
            texts: list[list[str]] = [[] for _ in records.keys.full]
            for position, rows in masks.items():
                for row, cell in enumerate(columns[position]):
                    if is_filled(cell) and (rows is None or rows[row]):
                        texts[row].append(cell)
            self.texts = texts if any(texts) else ()

    def consumes(self, value: Any, row: int) -> bool:
        """Whether a leaf at one of the chains arrives: its text is a consumed cell, or part of a joined one."""
        if self.always or not self.texts:
            return self.always
        cells = self.texts[row]
        if self.keys_read.whole and not self._many:
            return bool(cells)
        if row != self._asked[0]:  # a record may have 100,000 labels, each of which is asked for
            wider = [cell for cell in cells if self.keys_read.joined or cell[0] in "[{"]
            self._asked = row, frozenset(cells), wider
        _, its_cells, its_wider = self._asked
        text = to_text(value)  # only here: most leaves are decided above without it
        return text in its_cells or any(self._is_part(value, text, cell) for cell in its_wider)

    def _is_part(self, value: Any, text: str, cell: str) -> bool:
        return (self.keys_read.joined and text in cell) or (cell[0] in "[{" and write(value) in cell)


class _Place:
    """A node of the tree of paths, made when a record first has it.

    consumers  those whose chain ends here or above, in their order
    open       those whose chain goes on below: consumer, chain, and how many of its keys lead here
    attached   whether attachments are listed here, by the path's name
    label      the class of all its leaves in the present chunk; None where each has to be tested
    line       the line of these in rows that are sent, once there is one
    tested     else the consumers that may consume one
    """

    __slots__ = ("attached", "consumers", "keys", "label", "line", "lines", "name", "open", "tested")

    def __init__(
        self,
        name: str,
        consumers: tuple[_Consumer, ...],
        open: tuple[tuple[_Consumer, Chain, int], ...],
        attached: bool,
    ) -> None:
        self.name, self.consumers, self.open, self.attached = name, consumers, open, attached
        self.keys: dict[str | None, _Place] = {}
        self.lines: dict[str, CoverageLine] = {}
        self.turn()

    def turn(self) -> None:
        """Decide the label anew, once the consumers are prepared for the next chunk."""
        first = next((consumer for consumer in self.consumers if consumer.always or consumer.is_open), None)
        self.label = DROPPED if first is None else first.label if first.always else None
        self.line: CoverageLine | None = None
        self.tested = [consumer for consumer in self.consumers if consumer.always or consumer.texts]

    def below(self, key: str | None) -> _Place:
        """Make the node below: of a key of an object, or of the items of an array."""
        if key is ITEM:
            return _Place(f"{self.name}[]", self.consumers, self.open, self.attached)
        consumers, still_open = list(self.consumers), []
        for consumer, keys, depth in self.open:
            if keys[depth] is None or keys[depth] == key:
                if depth + 1 == len(keys):
                    consumers.append(consumer)
                else:
                    still_open.append((consumer, keys, depth + 1))
        consumers.sort(key=lambda consumer: consumer.order)
        name = f"{self.name}.{key}" if self.name else key
        return _Place(name, tuple(dict.fromkeys(consumers)), tuple(still_open), holds_attachments(name))


class Leaves:
    """Counts the leaves of JSON records.

    A leaf is consumed where the mapping reads its path and its text arrives. Whether it does is plain but for an
    expression that chooses among values (a filter, `not_null`, an index): there the leaf's text must be the cell, or
    part of a cell that joins several.
    """

    def __init__(self, lines: CoverageLines, uses: Sequence[Use], rule_refs: Sequence[Ref]) -> None:
        self._lines, self._places = lines, 0
        self._consumers = [
            [_Consumer(use.label, ref, read_ref(ref, _parts_of(use))) for ref in use.text.refs] for use in uses
        ]
        self._rules = [_Consumer(RULE, ref, read_ref(ref)) for ref in rule_refs]
        every = [*chain.from_iterable(self._consumers), *self._rules]
        # What expressions only decide by is read, too.
        asked = dict.fromkeys(keys for consumer in every for keys in consumer.keys_read.decided)
        every.append(_Consumer(RULE, Ref("path", "@"), KeysRead(tuple(asked)), always=True))
        for order, consumer in enumerate(every):
            consumer.order = order
        chains = [(consumer, keys) for consumer in every for keys in consumer.keys_read.taken]
        everywhere = tuple(consumer for consumer, keys in chains if not keys)
        self._root = _Place("", everywhere, tuple((consumer, keys, 0) for consumer, keys in chains if keys), False)

    def turn_to(self, records: Records, consumed_of: Sequence[Consumed]) -> None:
        """Prepare for the next chunk; `consumed_of` has the consumed cells of each use."""
        for consumers, consumed in zip(self._consumers, consumed_of, strict=True):
            for consumer in consumers:
                consumer.turn_to(records, consumed)
        for consumer in self._rules:  # whatever it decides, it was read
            consumer.turn_to(records, dict.fromkeys(records.chunk.positions.get(consumer.ref, ())))
        places = [self._root]  # no recursion: a record may be nested deeper than the stack
        while places:
            place = places.pop()
            place.turn()
            places += place.keys.values()

    def add(self, record: Mapping[str, Any], row: int, key: str, *, sent: bool) -> Iterator[Attachment]:
        """Count the leaves of a row's record, and yield its attachments if it is sent; nothing is counted before."""
        stack: list[tuple[Any, _Place]] = [(record, self._root)]
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
                    if sent and below.line is not None:  # as nearly all
                        below.line.cells += 1
                        if below.line.is_open:
                            below.line.show(to_text(item))
                    else:
                        self._count(item, below, row, sent)
                    if below.attached and sent and kind is str:
                        yield from read_cell(key, item)

    def add_unreadable(self, raw: str) -> None:
        self._add(self._lines.line(RECORD, NOT_SENT), raw)

    def _step(self, place: _Place, key: str | None) -> _Place:
        below = place.below(key)
        if self._places >= DISTINCT_LIMIT:
            below.name = OTHERS  # not kept in `place.keys`, so that memory stays flat
            return below
        self._places += 1
        place.keys[key] = below
        return below

    def _count(self, value: Any, place: _Place, row: int, sent: bool) -> None:
        label = place.label if sent else NOT_SENT
        if label is None:
            label = next((consumer.label for consumer in place.tested if consumer.consumes(value, row)), DROPPED)
            label = NOTHING if label == DROPPED and value in words_for_nothing() else label
        line = place.lines.get(label)
        if line is None:
            line = place.lines[label] = self._lines.line(place.name, label)
        if sent and place.label is not None:
            place.line = line
        self._add(line, value)

    def _add(self, line: CoverageLine, value: Any) -> None:
        line.cells += 1
        if line.is_open:
            line.show(to_text(value))


def _parts_of(use: Use) -> Sequence[str]:
    """The expressions that read parts of a comment's or a flag's object."""
    if not isinstance(use.text, CommentSource | FlagSource) or use.text.each is None:
        return ()
    parts = use.text.each.model_dump(exclude={"id"})
    return [part for part in parts.values() if part]
