"""Uses: the texts of a mapping, and the cells of rows that each of them takes; what none takes is lost."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import takewhile

from importer.api import PERSON_FIELDS, TEXT_FIELDS, VALUE_FIELDS
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.mapping.issue_parts import Comments, FlagRule, Relation
from importer.mapping.model import Duplicates, Link, MappingModel
from importer.mapping.patterns import compile_pattern
from importer.mapping.texts import Text
from importer.records import Ref
from importer.row.compiler import Compiler, ReadCells
from importer.row.evidence import compile_flagged
from importer.row.issue import Issue
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.plain_text import is_filled

RULE = "rule"
"""The name of uses that only decide something, or teach names."""

FOOTER = "footer: "
ATTACHMENTS = f"{FOOTER}Attachments"
"""The name of the uses that make the line of attachments."""


IsRead = Callable[[Issue], bool]


@dataclass(frozen=True, slots=True)
class Use:
    """A text of the mapping.

    name     what it becomes: `title`, `comment`, `footer: Sprint`
    every    whether it takes all cells of a column that repeats, not only the first filled one
    read_in  makes what says of an issue whether it is read there; None: everywhere
    """

    name: str
    text: Text
    every: bool = False
    read_in: Callable[[Compiler], IsRead] | None = None


def list_uses(mapping: MappingModel) -> list[Use]:
    """List the uses of a mapping that read something."""
    uses = [use for use in _uses(mapping) if use.text.refs]
    # Of a column that is read once, a rule asks no more: the others with its header are another thing.
    once = {ref for use in uses if not use.every for ref in use.text.refs}
    for person in mapping.people.known:
        uses += [Use(RULE, text) for text in person.texts if text.refs]
    for ref in dict.fromkeys(ref for text in _rule_texts(mapping) for ref in text.refs):
        uses.append(Use(RULE, Text.model_validate({ref.kind: ref.name}), every=ref not in once))
    return uses


def _uses(mapping: MappingModel) -> Iterator[Use]:
    source = mapping.input
    yield Use("key", source.key)
    if source.local_key is not None:
        yield Use("key", source.local_key, read_in=_with_local_key)
    for text in mapping.group:
        yield Use("key", text)
    if mapping.recurring is not None:
        # All that an occurrence says beside its note and its lines of the footer.
        texts = [*mapping.recurring.occurrence, mapping.created, mapping.answer]
        yield from _optional("comment", texts)
    yield Use("title", mapping.title)
    if mapping.description is not None:
        yield Use("description", mapping.description)
    for place, field in enumerate(VALUE_FIELDS):
        yield Use(field, getattr(mapping, field), read_in=partial(_without_rule, place))
    for text_field in TEXT_FIELDS:
        yield from _optional(text_field.name, [mapping.text_of(text_field.name)])
    yield from _optional("person", map(mapping.text_of, PERSON_FIELDS))
    # Who isn't matched is named in the footer.
    for person in mapping.holders.values():
        if person is not None:
            yield from _optional("person", person.texts)
    for link in mapping.resource_links:
        yield Use("evidence", link, every=True)
    for flag in mapping.flags:
        yield from _uses_of_flag(flag)
    if mapping.comments is not None:
        yield from _uses_of_comments(mapping.comments)
    for relation in mapping.relations:
        yield Use("relation", relation, every=True)
    for label, text in mapping.footer.items():
        yield Use(f"{FOOTER}{label}", text, every=True)
    if mapping.attachments is not None:
        yield from _optional(ATTACHMENTS, [mapping.attachments.name, mapping.attachments.url], every=True)


def _optional(
    name: str,
    texts: Iterable[Text | None],
    *,
    every: bool = False,
    read_in: Callable[[Compiler], IsRead] | None = None,
) -> Iterator[Use]:
    """Yield a use of each text that the mapping has."""
    for text in texts:
        if text is not None:
            yield Use(name, text, every, read_in)


def _uses_of_flag(flag: FlagRule) -> Iterator[Use]:
    read_in = partial(_where_flagged, flag)
    yield from _optional("flag", [flag.from_], every=True, read_in=read_in)
    yield from _optional("flag", [flag.call, flag.type, flag.note, flag.message_index], read_in=read_in)


def _uses_of_comments(comments: Comments) -> Iterator[Use]:
    read_in = _with_comments if "drop" in (comments.open, comments.closed) else None
    for text in comments.from_:
        lines = (text.lines or {}).values()
        yield from _optional("comment", [text, *lines], every=True, read_in=read_in)
        if text.beside is not None:
            yield Use("comment", text.beside.key, read_in=read_in)


def _with_local_key(_: Compiler) -> IsRead:
    return lambda issue: issue.key.is_local


def _without_rule(place: int, _: Compiler) -> IsRead:
    return lambda issue: issue.steps[place].how != "rule"


def _where_flagged(rule: FlagRule, compiler: Compiler) -> IsRead:
    is_flagged = compile_flagged(rule, compiler)
    return lambda issue: is_flagged(issue.row)


def _with_comments(_: Compiler) -> IsRead:
    return lambda issue: issue.bundling != "drop"


def _rule_texts(mapping: MappingModel) -> Iterator[Text]:
    """Yield the texts that decide something, whatever becomes of them besides."""
    values = [getattr(mapping, name) for name in VALUE_FIELDS]
    for rule in mapping.skip:
        yield from rule.when
    for value in values:
        for rule in value.rules:
            yield from rule.when
    for flag in mapping.flags:
        yield from flag.when or ()
    for value in values:
        yield from value.beside.values()
    optional: list[Text | None] = [mapping.category.titles]
    if mapping.answer is not None:
        optional += [mapping.answer, mapping.answer.criterion]
    optional += [relation.by for relation in mapping.relations]
    optional += [mapping.created, mapping.evidence.resolution, mapping.evidence.closed]
    optional += [mapping.counted.comments, mapping.counted.attachments]
    if mapping.restricted is not None:
        optional.append(mapping.restricted.level)
    if isinstance(mapping.duplicates, Duplicates):
        optional.append(mapping.duplicates.newest)
    yield from (text for text in optional if text is not None)


class Taken:
    """The cells of a run of rows that a use takes; a cell of which a pattern takes only a part is taken, too.

    places  those that it may take, by `Layout.places`
    whole   of these, the ones that it takes in each row, whatever else is in it
    """

    def __init__(self, use: Use, run: RowRun) -> None:
        self.use = use
        self._run = run
        layout = run.source.layout
        self.places = frozenset(layout.places_of(use.text.refs))
        self._is_read = None if use.read_in is None else use.read_in(run.compiler)
        is_everywhere = self._is_read is None or all(self._is_read(row.issue) for row in run.rows)
        self.whole = frozenset(_whole(use.text, use.every, layout) if is_everywhere else ())
        self._of_row = dict[CheckedRow, Sequence[int]]()

    @cached_property
    def _take(self) -> Take:
        """What tells of a row which cells it takes; hardly asked for, as of most columns each cell is taken."""
        return _Takers(self._run.source.layout, self._run.compiler).of(self.use.text, every=self.use.every)

    def take(self, row: CheckedRow) -> Sequence[int]:
        """The places of a row whose cells it takes."""
        # A column that repeats asks for each of its cells.
        places = self._of_row.get(row)
        if places is None:
            is_read = self._is_read is None or self._is_read(row.issue)
            places = self._take(row.issue.row) if is_read else ()
            self._of_row[row] = places
        return places


def settle(takers: Sequence[object], whole: Sequence[str]) -> Collection[str]:
    """Return the names of uses that take all of a column, if it needs no look at each cell; `whole` are all such.

    Where rules ask for a column that others may take cells of, it is these that count.
    """
    names = frozenset(whole)
    return names if names - {RULE} or len(whole) == len(takers) else ()


def _whole(text: Text, every: bool, layout: Layout) -> Iterator[int]:
    """Yield the places of which a text takes each filled cell."""
    if _is_searched(text):
        return
    if text.first is not None:
        for choice in _choices(text, layout)[:1]:
            yield from _whole(choice, every, layout)
        return
    for ref in text.refs:
        places = layout.places.get(ref, ())
        yield from places if every and text.template is None else places[:1]


def _is_searched(text: Text) -> bool:
    """Whether some of its cells may have nothing of what it looks for."""
    return text.pattern is not None or text.lookup is not None or _find_of(text) is not None


def _find_of(text: Text) -> str | None:
    return text.find if isinstance(text, Link | Relation) else None


def _choices(text: Text, layout: Layout) -> list[Text]:
    """Return the choices that a file may have; what comes after a constant is never read."""
    choices = takewhile(lambda choice: choice.value is None, text.first or ())
    return [choice for choice in choices if not layout.present.isdisjoint(choice.refs)]


Take = Callable[[SourceRow], Sequence[int]]
"""Gives the places of a row whose cells are taken."""


class _Takers:
    """Makes what tells, row by row, the places whose cells a text is made of."""

    def __init__(self, layout: Layout, compiler: Compiler) -> None:
        self._layout, self._compiler = layout, compiler

    def of(self, text: Text, *, every: bool) -> Take:
        if text.column is not None or text.path is not None:
            return self._take_filled(text.refs[0], self._read_found(text, every=True), every=every)
        if text.first is not None and every and _is_searched(text):
            return self._take_found(text)
        if text.first is not None:
            take = _take_first([self.of(choice, every=every) for choice in _choices(text, self._layout)])
        else:
            take = _take_all([self._take_filled(ref, self._compiler.cells_of(ref), every=False) for ref in text.refs])
        if not _is_searched(text):
            return take
        return _take_where(self._read_found(text, every=every), take)

    def _read_found(self, text: Text, *, every: bool) -> ReadCells:
        """Make what gives the cells of a text in a row, "" where what it looks for isn't there."""
        read_text = self._compiler.text(text)
        read: ReadCells = self._compiler.cells(text) if every else lambda row: (read_text(row),)
        find = _find_of(text)
        if find is None:
            return read
        search = compile_pattern(find).search
        return lambda row: tuple([cell if search(cell) else "" for cell in read(row)])

    def _take_filled(self, ref: Ref, read: ReadCells, *, every: bool) -> Take:
        """Take the places of a reference whose cells are filled, or the first of them."""
        places = self._layout.places.get(ref, ())

        def take(row: SourceRow) -> Sequence[int]:
            filled = [place for place, cell in zip(places, read(row), strict=True) if is_filled(cell)]
            return filled if every else filled[:1]

        return take

    def _take_found(self, text: Text) -> Take:
        """Of the first filled choice, take the places in whose cells something is found."""
        take_choice = _take_first([self.of(choice, every=True) for choice in _choices(text, self._layout)])
        read = self._read_found(text, every=True)
        read_places = self._places_read(text)

        def take(row: SourceRow) -> Sequence[int]:
            pairs = zip(read_places(row), read(row), strict=False)
            searched = set[int]()
            for places, cell in pairs:
                if is_filled(cell):
                    searched.update(places)
            return [place for place in take_choice(row) if place in searched]

        return take

    def _places_read(self, text: Text) -> Callable[[SourceRow], Sequence[Sequence[int]]]:
        """Make what tells, row by row, for each cell that a text has the places that the cell is made of."""
        if text.first is None:
            places = [place for ref in text.refs for place in self._layout.places.get(ref, ())]
            cells = [places] if text.template is not None else [[place] for place in places]
            return lambda row: cells
        present = _choices(text, self._layout)
        choices = [(self.of(choice, every=True), self._places_read(choice)) for choice in present]
        return lambda row: next((read(row) for take, read in choices if take(row)), ())


def _take_all(parts: Sequence[Take]) -> Take:
    return lambda row: [place for take in parts for place in take(row)]


def _take_first(choices: Sequence[Take]) -> Take:
    return lambda row: next(filter(None, (take(row) for take in choices)), ())


def _take_where(read: ReadCells, take: Take) -> Take:
    return lambda row: take(row) if any(map(is_filled, read(row))) else ()
