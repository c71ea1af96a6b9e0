"""Uses: the texts of a mapping, the class that their cells belong to, and which cells of a chunk each is made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial

from importer.api import VALUE_FIELDS
from importer.mapping.issue_parts import FlagRule, Relation
from importer.mapping.model import Duplicates, Link, MappingModel
from importer.mapping.patterns import compile_pattern
from importer.mapping.reads import narrow
from importer.mapping.texts import Text
from importer.records import Ref
from importer.transform.chunk_records import Records
from importer.transform.columns import Columns, split_template
from importer.transform.evidence import choose_flagged
from importer.transform.masks import Mask

RULE = "rule"
"""The class of cells that only decide something, so that nothing of them arrives."""

ATTACHMENTS = "footer: Attachments"
"""The class of names and addresses of attachments."""

Wanted = Callable[[Records], Mask | None]
"""Returns a mask of the rows in which a text is read; None: all."""


@dataclass(frozen=True, slots=True)
class Use:
    """A text of the mapping, and the class of the cells that it consumes.

    label   the class, as in losses.csv
    every   whether it consumes all cells of a column that repeats, not only the first filled one
    wanted  the rows in which it is read; None: all
    """

    label: str
    text: Text
    every: bool = False
    wanted: Wanted | None = None


def list_uses(mapping: MappingModel) -> list[Use]:
    """List the uses of a mapping, rules aside, by precedence: a cell belongs to the first use that consumes it."""
    return [use for use in _uses(mapping) if use.text.refs]


def narrow_uses(uses: Iterable[Use], present: Set[Ref]) -> Iterator[Use]:
    """Yield the uses that read something of a file, without the columns and paths that it doesn't have."""
    for use in uses:
        if not present.isdisjoint(use.text.refs):
            yield replace(use, text=narrow(use.text, present))


def _uses(mapping: MappingModel) -> Iterator[Use]:
    source, comments = mapping.input, mapping.comments
    people = (
        ("owner", mapping.owner_id, mapping.owner, lambda records: Mask.where(records.people.owners)),
        ("assignee", mapping.assignee_id, mapping.assignee, lambda records: Mask.where(records.people.assignees)),
    )
    yield Use("key", source.key)
    if source.local_key is not None:
        yield Use("key", source.local_key, wanted=lambda records: Mask.where(records.keys.local))
    yield from (Use("key", text) for text in mapping.group)
    if mapping.recurring is not None:  # all that an occurrence says beside its note and its lines of the footer
        said = [*mapping.recurring.occurrence, mapping.created, mapping.answer]
        yield from (Use("comment", text) for text in said if text is not None)
    yield Use("title", mapping.title)
    if mapping.description is not None:
        yield Use("description", mapping.description)
    for field in VALUE_FIELDS:
        value = getattr(mapping, field)
        yield Use(field, value, wanted=partial(_without_rule, field))
        yield from (Use(field, text, wanted=partial(_by_fallback, field)) for text in value.beside.values())
    yield Use("source", mapping.source)
    for name, user_id, person, are_matched in people:
        if user_id is not None:
            yield Use(name, user_id)
        yield from (Use(name, text, wanted=are_matched) for text in (person.texts if person else ()))
    yield from (Use("evidence", link, every=True) for link in mapping.resource_links)
    for flag in mapping.flags:
        is_read = partial(_where_flagged, flag)
        if flag.from_ is not None:
            yield Use("flag", flag.from_, every=True, wanted=is_read)
        texts = (flag.call, flag.type, flag.note, flag.message_index)
        yield from (Use("flag", text, wanted=is_read) for text in texts if text is not None)
    are_sent = _with_comments if comments and "drop" in (comments.open, comments.closed) else None
    for each in comments.from_ if comments else ():
        yield Use("comment", each, every=True, wanted=are_sent)
        yield from (Use("comment", text, every=True, wanted=are_sent) for text in (each.lines or {}).values())
        if each.beside is not None:
            yield Use("comment", each.beside.key, wanted=are_sent)
    yield from (Use("relation", relation, every=True) for relation in mapping.relations)
    yield from (Use(f"footer: {label}", text, every=True) for label, text in mapping.footer.items())
    if mapping.attachments is not None:
        files = (mapping.attachments.name, mapping.attachments.url)
        yield from (Use(ATTACHMENTS, text, every=True) for text in files if text is not None)
    if mapping.restricted is not None:
        yield Use("footer: Restricted", mapping.restricted.level)
    for name, _, person, _ in people:  # who is not matched is named in the footer, once
        for place, text in enumerate(person.texts if person else ()):
            yield Use("people" if place else f"footer: {name.capitalize()}", text)
    yield from (Use("people", text) for person in mapping.people.known for text in person.texts)


def _without_rule(field: str, records: Records) -> Mask | None:
    ruled = records.values[field].rows_by("rule")
    return ~ruled if ruled else None


def _by_fallback(field: str, records: Records) -> Mask | None:
    return records.values[field].rows_by("fallback")


def _where_flagged(rule: FlagRule, records: Records) -> Mask | None:
    return choose_flagged(rule, records.columns)


def _with_comments(records: Records) -> Mask | None:
    return Mask.where([bundling != "drop" for bundling in records.bundlings])


def list_rule_refs(mapping: MappingModel) -> tuple[Ref, ...]:
    """List the columns and paths that a mapping reads only to decide something."""
    values = [getattr(mapping, name) for name in VALUE_FIELDS]
    rules = [rule.when for rule in (*mapping.skip, *(rule for value in values for rule in value.rules))]
    flags = [flag.when for flag in mapping.flags if flag.when is not None]
    texts: list[Text | None] = [condition for conditions in (*rules, *flags) for condition in conditions]
    texts += [*(text for value in values for text in value.beside.values()), mapping.category.titles]
    texts += [] if mapping.answer is None else [mapping.answer, mapping.answer.criterion]
    texts += [relation.by for relation in mapping.relations]
    texts += [mapping.created, mapping.evidence.resolution, mapping.evidence.closed]
    texts += [mapping.counted.comments, mapping.counted.attachments]
    texts += [] if mapping.restricted is None else [mapping.restricted.level]  # what is public stands nowhere
    if isinstance(mapping.duplicates, Duplicates):
        texts.append(mapping.duplicates.newest)
    return tuple(dict.fromkeys(ref for text in texts if text is not None for ref in text.refs))


Consumed = dict[int, Mask | None]
"""Physical column → the rows whose cell is consumed; None: all rows in which it is filled."""


def consume_cells(use: Use, records: Records) -> Consumed:
    """Find the cells that a use consumes in a chunk; a cell of which a pattern takes only a part is consumed, too."""
    consumed: Consumed = {}
    wanted = None if use.wanted is None else use.wanted(records)
    if wanted is not None and not wanted:
        return consumed
    for position, rows in _consume(records.columns, use.text, use.every, wanted):
        before = consumed.get(position, rows)
        consumed[position] = None if rows is None or before is None else rows | before
    return consumed


Columnwise = Iterator[tuple[int, Mask | None]]


def find_filled(cells: Sequence[str]) -> Mask:
    """Return a mask of the cells that have more than white space."""
    filled = Mask.where(cells)
    return filled & ~Mask(map(str.isspace, cells)) if any(map(str.isspace, cells)) else filled


def _consume(columns: Columns, text: Text, every: bool, wanted: Mask | None) -> Columnwise:
    """Yield the columns that a text is made of, each with its rows among `wanted`; a column may come twice."""
    if text.column is not None or text.path is not None:
        ref = Ref("column", text.column) if text.column is not None else Ref("path", text.path or "")
        yield from _consume_column(columns, ref, text, every, wanted)
        return
    if text.pattern is not None or text.lookup is not None:  # searched in what choices or placeholders make
        made = columns.every_cell(text) if every else [columns.text(text)]
        wanted = _both(wanted, _filled_in_any(made, len(columns)))
    if text.first is not None:
        yield from _consume_choice(columns, text.first, every, wanted)
    for ref in split_template(text.template)[1] if text.template is not None else ():
        yield from _consume_first(columns, ref, columns.cells(ref), wanted)


def _consume_column(columns: Columns, ref: Ref, text: Text, every: bool, wanted: Mask | None) -> Columnwise:
    # Of these a cell also has to have what `find` looks for.
    find = text.find if isinstance(text, Link | Relation) else None
    positions = columns.chunk.positions.get(ref, ())
    if text.is_plain and find is None and (every or len(positions) == 1):  # as nearly all texts
        yield from ((position, wanted) for position in positions if columns.has_text(position))
        return
    cells = columns.every_cell(text)
    if find is not None:
        search = compile_pattern(find).search
        cells = [[cell if search(cell) else "" for cell in column] for column in cells]
    if not every:
        whole = text.pattern is None and text.lookup is None
        yield from _consume_first(columns, ref, cells, wanted, whole=whole)
        return
    changed = text.pattern is not None or text.lookup is not None or find is not None
    for position, column in _present(columns, ref, cells):
        yield position, _both(wanted, find_filled(column)) if changed else wanted


def _consume_first(
    columns: Columns, ref: Ref, cells: Sequence[list[str]], wanted: Mask | None, *, whole: bool = True
) -> Columnwise:
    """Yield the first filled cell of each row; `whole`: `cells` are those of the source, not what a pattern left."""
    present = list(_present(columns, ref, cells))
    if whole and len(present) == 1:
        yield present[0][0], wanted
        return
    left = wanted
    for position, column in present:
        filled = find_filled(column)
        yield position, _both(left, filled)
        left = _both(left, ~filled)


def _consume_choice(columns: Columns, choices: Sequence[Text], every: bool, wanted: Mask | None) -> Columnwise:
    """Yield each choice in the rows where no earlier one has a text; what comes after a constant is never read."""
    constant = next((place for place, choice in enumerate(choices) if choice.value is not None), len(choices))
    positions = columns.chunk.positions
    present = [
        choice
        for choice in choices[:constant]
        if any(columns.has_text(position) for ref in choice.refs for position in positions.get(ref, ()))
    ]
    left = wanted
    for number, choice in enumerate(present, start=1):
        yield from _consume(columns, choice, every, left)
        if number < len(present):
            made = columns.every_cell(choice) if every else [columns.text(choice)]
            left = _both(left, ~_filled_in_any(made, len(columns)))


def _present(columns: Columns, ref: Ref, cells: Iterable[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Yield the columns of a reference that have any text, by position."""
    pairs = zip(columns.chunk.positions.get(ref, ()), cells, strict=True)
    return ((position, column) for position, column in pairs if any(column))


def _filled_in_any(columns: Iterable[list[str]], length: int) -> Mask:
    filled = Mask(length)
    for column in columns:
        filled |= find_filled(column)
    return filled


def _both(first: Mask | None, second: Mask) -> Mask:
    return second if first is None else first & second
