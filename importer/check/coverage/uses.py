"""Uses: the texts of a mapping, and the cells of a chunk that each of them takes; what none takes is lost."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import takewhile

from importer.api import VALUE_FIELDS
from importer.check.examine import RowRun
from importer.mapping.issue_parts import FlagRule, Relation
from importer.mapping.model import Duplicates, Link, MappingModel
from importer.mapping.patterns import compile_pattern
from importer.mapping.texts import Text
from importer.records import Ref
from importer.row.columns import Columns
from importer.row.evidence import compile_flagged
from importer.transform.plain_text import is_filled

RULE = "rule"
"""The name of uses that only decide something, or teach names."""

FOOTER = "footer: "
ATTACHMENTS = f"{FOOTER}Attachments"
"""The name of the uses that make the line of attachments."""


@dataclass(frozen=True, slots=True)
class Use:
    """A text of the mapping.

    name    what it becomes: `title`, `comment`, `footer: Sprint`
    every   whether it takes all cells of a column that repeats, not only the first filled one
    wanted  says of each row whether it is read there; None: everywhere
    """

    name: str
    text: Text
    every: bool = False
    wanted: Callable[[RowRun], Sequence[bool] | None] | None = None


def list_uses(mapping: MappingModel) -> list[Use]:
    """List the uses of a mapping that read something."""
    uses = [use for use in _uses(mapping) if use.text.refs]
    # Of a column that is read once, a rule asks no more: the others with its header are another thing.
    once = {ref for use in uses if not use.every for ref in use.text.refs}
    rules = dict.fromkeys(ref for text in _rule_texts(mapping) for ref in text.refs)
    known = [Use(RULE, text) for person in mapping.people.known for text in person.texts if text.refs]
    return [
        *uses,
        *known,
        *(Use(RULE, Text.model_validate({ref.kind: ref.name}), every=ref not in once) for ref in rules),
    ]


def _uses(mapping: MappingModel) -> Iterator[Use]:
    source, comments = mapping.input, mapping.comments
    yield Use("key", source.key)
    if source.local_key is not None:
        yield Use("key", source.local_key, wanted=_with_local_key)
    yield from (Use("key", text) for text in mapping.group)
    if mapping.recurring is not None:  # all that an occurrence says beside its note and its lines of the footer
        texts = [*mapping.recurring.occurrence, mapping.created, mapping.answer]
        yield from (Use("comment", text) for text in texts if text is not None)
    yield Use("title", mapping.title)
    if mapping.description is not None:
        yield Use("description", mapping.description)
    for place, field in enumerate(VALUE_FIELDS):
        yield Use(field, getattr(mapping, field), wanted=partial(_without_rule, place))
    yield Use("source", mapping.source)
    yield from (Use("person", text) for text in (mapping.owner_id, mapping.assignee_id) if text is not None)
    for person in (mapping.owner, mapping.assignee):  # who isn't matched is named in the footer
        yield from (Use("person", text) for text in (person.texts if person is not None else ()))
    yield from (Use("evidence", link, every=True) for link in mapping.resource_links)
    for flag in mapping.flags:
        is_read = partial(_where_flagged, flag)
        if flag.from_ is not None:
            yield Use("flag", flag.from_, every=True, wanted=is_read)
        texts = [flag.call, flag.type, flag.note, flag.message_index]
        yield from (Use("flag", text, wanted=is_read) for text in texts if text is not None)
    are_sent = _with_comments if comments and "drop" in (comments.open, comments.closed) else None
    for each in comments.from_ if comments else ():
        yield Use("comment", each, every=True, wanted=are_sent)
        yield from (Use("comment", text, every=True, wanted=are_sent) for text in (each.lines or {}).values())
        if each.beside is not None:
            yield Use("comment", each.beside.key, wanted=are_sent)
    yield from (Use("relation", relation, every=True) for relation in mapping.relations)
    yield from (Use(f"{FOOTER}{label}", text, every=True) for label, text in mapping.footer.items())
    if mapping.attachments is not None:
        files = (mapping.attachments.name, mapping.attachments.url)
        yield from (Use(ATTACHMENTS, text, every=True) for text in files if text is not None)


def _with_local_key(run: RowRun) -> Sequence[bool] | None:
    return [row.issue.key.is_local for row in run.rows]


def _without_rule(place: int, run: RowRun) -> Sequence[bool] | None:
    unruled = [row.issue.steps[place].how != "rule" for row in run.rows]
    return None if all(unruled) else unruled


def _where_flagged(rule: FlagRule, run: RowRun) -> Sequence[bool] | None:
    return list(map(compile_flagged(rule, run.columns.compiler), run.columns.rows))


def _with_comments(run: RowRun) -> Sequence[bool] | None:
    return [row.issue.bundling != "drop" for row in run.rows]


def _rule_texts(mapping: MappingModel) -> Iterator[Text]:
    """Yield the texts that decide something, whatever becomes of them besides."""
    values = [getattr(mapping, name) for name in VALUE_FIELDS]
    rules = [rule.when for rule in (*mapping.skip, *(rule for value in values for rule in value.rules))]
    flags = [flag.when for flag in mapping.flags if flag.when is not None]
    texts: list[Text | None] = [condition for conditions in (*rules, *flags) for condition in conditions]
    texts += [*(text for value in values for text in value.beside.values()), mapping.category.titles]
    texts += [] if mapping.answer is None else [mapping.answer, mapping.answer.criterion]
    texts += [relation.by for relation in mapping.relations]
    texts += [mapping.created, mapping.evidence.resolution, mapping.evidence.closed]
    texts += [mapping.counted.comments, mapping.counted.attachments]
    texts += [] if mapping.restricted is None else [mapping.restricted.level]
    if isinstance(mapping.duplicates, Duplicates):
        texts.append(mapping.duplicates.newest)
    return (text for text in texts if text is not None)


class Taken:
    """The cells of a chunk that a use takes; a cell of which a pattern takes only a part is taken, too.

    whole  the columns of which it takes each cell, whatever else is in the row
    """

    def __init__(self, use: Use, run: RowRun) -> None:
        self.use, self._columns = use, run.columns
        self._wanted = None if use.wanted is None else use.wanted(run)
        self.whole = frozenset(_whole(use.text, use.every, run.columns) if self._wanted is None else ())

    @cached_property
    def positions(self) -> frozenset[int]:
        """The columns that it may take cells of."""
        positions = self._columns.chunk.positions
        return frozenset(position for ref in self.use.text.refs for position in positions.get(ref, ()))

    @cached_property
    def rows(self) -> Mapping[int, Collection[int]]:
        """Column → the rows whose cell it takes; only asked for where not all are taken, as of few columns."""
        rows, wanted = defaultdict[int, set[int]](set), self._wanted
        take = _take(self.use.text, self._columns, every=self.use.every)
        for row in range(len(self._columns.chunk)):
            if wanted is None or wanted[row]:
                for position in take(row):
                    rows[position].add(row)
        return rows

    def part(self, position: int) -> tuple[Collection[int], Sequence[str]]:
        """Return the rows of a column whose cell it takes, and the cells as they are read."""
        return self.rows.get(position, ()), self._columns.cells_at(position)


def settle(takers: Sequence[object], whole: Sequence[str]) -> Collection[str]:
    """Return the names of uses that take all of a column, if it needs no look at each cell; `whole` are all such.

    Where rules ask for a column that others may take cells of, it is these that count.
    """
    names = frozenset(whole)
    return names if names - {RULE} or len(whole) == len(takers) else ()


def _whole(text: Text, every: bool, columns: Columns) -> Iterator[int]:
    """Yield the columns of which a text takes each filled cell."""
    if _is_searched(text):
        return
    if text.first is not None:
        for choice in _choices(text, columns)[:1]:
            yield from _whole(choice, every, columns)
        return
    for ref in text.refs:
        positions = columns.chunk.positions.get(ref, ())
        yield from positions if every and text.template is None else positions[:1]


def _is_searched(text: Text) -> bool:
    """Whether some of its cells may have nothing of what it looks for."""
    return text.pattern is not None or text.lookup is not None or _find_of(text) is not None


def _find_of(text: Text) -> str | None:
    return text.find if isinstance(text, Link | Relation) else None


def _choices(text: Text, columns: Columns) -> list[Text]:
    """Return the choices that a file may have; what comes after a constant is never read."""
    choices = takewhile(lambda choice: choice.value is None, text.first or ())
    return [choice for choice in choices if not columns.present.isdisjoint(choice.refs)]


Take = Callable[[int], Sequence[int]]
"""Gives the columns whose cell of a row is taken."""


def _take(text: Text, columns: Columns, *, every: bool) -> Take:
    """Make what tells, row by row, the columns whose cells a text is made of."""
    if text.column is not None or text.path is not None:
        return _take_filled(text.refs[0], _cells_made(text, columns, every=True), columns, every=every)
    if text.first is not None and every and _is_searched(text):
        return _take_found(text, _cells_made(text, columns, every=True), columns)
    if text.first is not None:
        take = _take_first([_take(choice, columns, every=every) for choice in _choices(text, columns)])
    else:
        take = _take_each([_take_filled(ref, columns.cells(ref), columns, every=False) for ref in text.refs])
    return _take_where(_cells_made(text, columns, every=every), take) if _is_searched(text) else take


def _cells_made(text: Text, columns: Columns, *, every: bool) -> list[list[str]]:
    """Return what is made of the cells of a text, "" where what it looks for isn't there."""
    cells, find = columns.every_cell(text) if every else [columns.text(text)], _find_of(text)
    if find is None:
        return cells
    search = compile_pattern(find).search
    return [[cell if search(cell) else "" for cell in column] for column in cells]


def _take_filled(ref: Ref, cells: Sequence[Sequence[str]], columns: Columns, *, every: bool) -> Take:
    positions = columns.chunk.positions.get(ref, ())
    filled = [(position, column) for position, column in zip(positions, cells, strict=True) if any(column)]
    most = None if every else 1
    return lambda row: [position for position, column in filled if is_filled(column[row])][:most]


def _take_first(choices: Sequence[Take]) -> Take:
    return lambda row: next(filter(None, (take(row) for take in choices)), ())


def _take_found(text: Text, made: Sequence[Sequence[str]], columns: Columns) -> Take:
    """Of the first filled choice, take the columns in whose cells something is found: see `_cells_made`."""
    take_choice = _take_first([_take(choice, columns, every=True) for choice in _choices(text, columns)])
    read = _reads(text, columns)

    def take(row: int) -> Sequence[int]:
        pairs = zip(read(row), made, strict=False)
        found = {place for places, cells in pairs if is_filled(cells[row]) for place in places}
        return [place for place in take_choice(row) if place in found]

    return take


def _reads(text: Text, columns: Columns) -> Callable[[int], Sequence[Sequence[int]]]:
    """Make what tells, row by row, for each cell that a text has the columns that the cell is made of."""
    if text.first is None:
        places = [place for ref in text.refs for place in columns.chunk.positions.get(ref, ())]
        cells = [places] if text.template is not None else [[place] for place in places]
        return lambda row: cells
    choices = [(_take(choice, columns, every=True), _reads(choice, columns)) for choice in _choices(text, columns)]
    return lambda row: next((read(row) for take, read in choices if take(row)), ())


def _take_each(parts: Sequence[Take]) -> Take:
    return lambda row: [position for take in parts for position in take(row)]


def _take_where(cells: Sequence[Sequence[str]], take: Take) -> Take:
    return lambda row: take(row) if any(is_filled(column[row]) for column in cells) else ()
