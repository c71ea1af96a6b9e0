"""What a mapping reads from a source: columns and paths, look-up tables, objects beside the records."""

from __future__ import annotations

from typing import Any, NamedTuple

from importer.api import VALUE_FIELDS
from importer.mapping.issue_parts import Person
from importer.mapping.model import Duplicates, MappingModel
from importer.mapping.texts import Lookup, Text, walk_texts
from importer.records import Ref, Table


class Annex(NamedTuple):
    """Objects beside the records, such as comments, each of which names its record.

    array  the dotted path of their array in the JSON document; if empty, they are the rows of `--comments FILE`
    by     JMESPath into an object: the text that names its record
    when   JMESPath that is true for the objects wanted; if empty, all are
    items  JMESPath to a list in an object, whose items replace it; if empty, the object itself counts
    """

    array: str
    by: str
    when: str = ""
    items: str = ""


def collect_annexes(mapping: MappingModel) -> dict[int, Annex]:
    """Index in `comments: from` → the objects beside the records that are read there."""
    sources = [] if mapping.comments is None else mapping.comments.from_
    return {
        place: Annex(spec.beside.in_ or "", spec.beside.by, spec.beside.when or "", spec.beside.items or "")
        for place, spec in enumerate(sources)
        if spec.beside is not None
    }


def table_of(lookup: Lookup) -> Table:
    """The table that a lookup reads."""
    return Table(lookup.in_, lookup.by, lookup.take)


def collect_refs(mapping: Any) -> tuple[Ref, ...]:
    """Every column and path that a mapping, or a part of one, reads, each once."""
    return tuple(dict.fromkeys(ref for _, text in walk_texts(mapping, choices=False) for ref in text.refs))


def collect_key_refs(mapping: MappingModel) -> tuple[Ref, ...]:
    """Every column and path that is needed to build the rows' native keys."""
    named = [mapping.input.key, mapping.input.local_key]
    return collect_refs([*named, mapping.group, mapping.skip, mapping.restricted] if mapping.group else named)


def collect_date_texts(mapping: MappingModel) -> list[Text]:
    """The texts that are read as dates: by rules, which reject rows where they can't be, and to find the newest row."""
    rules = [*mapping.skip, *(rule for name in VALUE_FIELDS for rule in getattr(mapping, name).rules)]
    texts: list[Text] = [each for rule in rules for each in rule.when if each.before or each.after]
    return [*texts, mapping.duplicates.newest] if isinstance(mapping.duplicates, Duplicates) else texts


def collect_value_refs(mapping: MappingModel) -> frozenset[Ref]:
    """Every column and path whose texts become a severity, status or category, but for titles with words for one."""
    values = [getattr(mapping, name) for name in VALUE_FIELDS]
    return frozenset(ref for value in values for text in (value, *value.beside.values()) for ref in text.refs)


def collect_persons(mapping: MappingModel) -> list[Person]:
    """Everybody whom a mapping reads: owner, assignee, and those who are known beside them."""
    return [person for person in (mapping.owner, mapping.assignee, *mapping.people.known) if person is not None]


def collect_tables(mapping: Any) -> tuple[Table, ...]:
    """Every table that a mapping, or a part of one, looks texts up in, each once."""
    lookups = (text.lookup for _, text in walk_texts(mapping, choices=True))
    return tuple(dict.fromkeys(table_of(lookup) for lookup in lookups if lookup is not None))
