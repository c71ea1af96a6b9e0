"""Uses: lists the texts of a mapping with the class that their cells belong to, in order of precedence."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass, replace

from importer.api import VALUE_FIELDS
from importer.mapping.issue_parts import Comments, Person, Relation
from importer.mapping.model import Duplicates, Link, MappingModel
from importer.mapping.reads import narrow
from importer.mapping.texts import Text
from importer.records import Ref
from importer.transform.chunk_records import Records
from importer.transform.columns import Mask, is_filled, to_mask

RULE = "rule"
"""The class of cells that only decide something, so that nothing of them arrives."""

ATTACHMENTS = "footer: Attachments"
"""The class of names and addresses of attachments."""

_SEARCHED = (Link, Relation)

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
    source = mapping.input
    people = ("owner", mapping.owner_id, mapping.owner), ("assignee", mapping.assignee_id, mapping.assignee)
    yield Use("key", source.key)
    if source.local_key is not None:
        yield Use("key", source.local_key, wanted=_with_local_key)
    yield from (Use("key", text) for text in mapping.group)
    yield Use("title", mapping.title)
    if mapping.description is not None:
        yield Use("description", mapping.description)
    yield from _uses_of_values(mapping)
    yield Use("source", mapping.source)
    for name, user_id, person in people:
        if user_id is not None:
            yield Use(name, user_id)
        yield from (Use(name, text, wanted=_matched(name)) for text in _texts_of(person))
    yield from (Use("evidence", link, every=True) for link in mapping.resource_links)
    yield from _uses_of_flags(mapping)
    if mapping.comments is not None:
        yield from _uses_of_comments(mapping.comments)
    yield from (Use("relation", relation, every=True) for relation in mapping.relations)
    yield from (Use(f"footer: {label}", text, every=True) for label, text in mapping.footer.items())
    if mapping.attachments is not None:
        files = (mapping.attachments.name, mapping.attachments.url)
        yield from (Use(ATTACHMENTS, text, every=True) for text in files if text is not None)
    if mapping.restricted is not None:
        yield Use("footer: Restricted", mapping.restricted.level)
    for name, _, person in people:  # who is not matched is named in the footer, once
        for place, text in enumerate(_texts_of(person)):
            yield Use("people" if place else f"footer: {name.capitalize()}", text)
    yield from (Use("people", text) for person in mapping.people.known for text in person.texts)


def _uses_of_values(mapping: MappingModel) -> Iterator[Use]:
    for field in VALUE_FIELDS:
        value = getattr(mapping, field)
        yield Use(field, value, wanted=_without_rule(field))
        yield from (Use(field, text, wanted=_by_fallback(field)) for text in value.beside.values())


def _uses_of_flags(mapping: MappingModel) -> Iterator[Use]:
    for flag in mapping.flags:
        if flag.from_ is not None:
            yield Use("flag", flag.from_, every=True)
        if flag.call is not None:
            texts = (flag.call, flag.type, flag.note, flag.message_index)
            yield from (Use("flag", text, wanted=_with_text(flag.call)) for text in texts if text is not None)


def _texts_of(person: Person | None) -> list[Text]:
    return [] if person is None else person.texts


def _uses_of_comments(comments: Comments) -> Iterator[Use]:
    wanted = None if "drop" not in (comments.open, comments.closed) else _with_comments
    for source in comments.from_:
        yield Use("comment", source, every=True, wanted=wanted)
        yield from (Use("comment", text, every=True, wanted=wanted) for text in (source.lines or {}).values())
        if source.beside is not None:
            yield Use("comment", source.beside.key, wanted=wanted)


def list_rule_refs(mapping: MappingModel) -> tuple[Ref, ...]:
    """List the columns and paths that a mapping reads only to decide something."""
    values = [getattr(mapping, name) for name in VALUE_FIELDS]
    rules = [rule.when for rule in (*mapping.skip, *(rule for value in values for rule in value.rules))]
    flags = [flag.when for flag in mapping.flags if flag.when is not None]
    texts: list[Text | None] = [condition for conditions in (*rules, *flags) for condition in conditions]
    texts += [*(text for value in values for text in value.beside.values()), mapping.category.titles]
    texts += [relation.by for relation in mapping.relations]
    texts += [mapping.created, mapping.evidence.resolution, mapping.evidence.closed]
    texts += [mapping.counted.comments, mapping.counted.attachments]
    texts += [] if mapping.restricted is None else [mapping.restricted.level]  # what is public stands nowhere
    if isinstance(mapping.duplicates, Duplicates):
        texts.append(mapping.duplicates.newest)
    return tuple(dict.fromkeys(ref for text in texts if text is not None for ref in text.refs))


def find_of(text: Text) -> str | None:
    """The pattern that a cell must match somewhere to be consumed, apart from the text's own; None if there is none."""
    return text.find if isinstance(text, _SEARCHED) else None


def _matched(name: str) -> Wanted:
    return lambda records: to_mask(records.people.owners if name == "owner" else records.people.assignees)


def _with_local_key(records: Records) -> Mask | None:
    return to_mask(records.keys.local)


def _without_rule(name: str) -> Wanted:
    def wanted(records: Records) -> Mask | None:
        ruled = records.values[name].rows_by("rule")
        return ~ruled if ruled.any() else None

    return wanted


def _by_fallback(name: str) -> Wanted:
    return lambda records: records.values[name].rows_by("fallback")


def _with_text(text: Text) -> Wanted:
    return lambda records: to_mask([is_filled(each) for each in records.columns.text(text)])


def _with_comments(records: Records) -> Mask | None:
    return to_mask([bundling != "drop" for bundling in records.bundlings])
