"""What a mapping reads from a source: columns and paths, look-up tables, objects beside the records, and `rest`.

`rest` are the columns of a source that nothing else in its mapping names, put where the mapping wants them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Set
from operator import is_
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from importer.api import VALUE_FIELDS
from importer.mapping.header_names import is_internal
from importer.mapping.introspect import fields_with_models
from importer.mapping.issue_parts import Comments, Person
from importer.mapping.json_paths import read_chains
from importer.mapping.model import Duplicates, MappingModel
from importer.mapping.scorecards import RECORD
from importer.mapping.texts import Lookup, Text, walk_texts
from importer.phrases import plain_name
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
    left_out = [mapping.skip, mapping.answer, mapping.restricted]
    return collect_refs([*named, mapping.group, *left_out] if mapping.group else named)


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
    return [person for person in (*mapping.holders.values(), *mapping.people.known) if person is not None]


def collect_tables(mapping: Any) -> tuple[Table, ...]:
    """Every table that a mapping, or a part of one, looks texts up in, each once."""
    lookups = (text.lookup for _, text in walk_texts(mapping, choices=True))
    return tuple(dict.fromkeys(table_of(lookup) for lookup in lookups if lookup is not None))


Part = TypeVar("Part", bound=BaseModel)


def narrow(part: Part, present: Set[Ref]) -> Part:
    """A mapping, or a part of one, without the lines, and the choices of texts, that a file can't have.

    `present` are the columns and paths that the file has. What a text is made of stays the same, and so do its `refs`:
    reports name a rule by all that it may read.
    """
    narrowed: Part = _narrow(part, present)
    return narrowed


def _narrow(node: Any, present: Set[Ref]) -> Any:
    """The node itself where nothing is left out: a mapping may have a line for each of 16,000 columns."""
    if isinstance(node, list):
        items = [_narrow(each, present) for each in node]
        return node if all(map(is_, items, node)) else items
    if isinstance(node, dict):
        parts = {key: _narrow(each, present) for key, each in node.items()}
        kept = {
            key: each
            for key, each in parts.items()
            if not isinstance(each, Text) or (each.may_be_in(present) if each.first is None else each.first)
        }
        return node if len(kept) == len(node) and all(map(is_, kept.values(), node.values())) else kept
    if not isinstance(node, BaseModel):
        return node
    parts = {name: part for name in fields_with_models(type(node)) if (part := getattr(node, name))}
    if isinstance(node, Text) and node.first and len(choices := node.choices_in(present)) < len(node.first):
        parts["first"] = choices
    changed = {name: one for name, part in parts.items() if (one := _narrow(part, present)) is not getattr(node, name)}
    if "first" in changed:
        changed["refs"] = node.refs
    return node.model_copy(update=changed) if changed else node


_NO_LABEL = re.compile(r"[:\s\x1c-\x1e\x85]+")
_OWN = re.compile(r"_(?:stream|category)$")
"""Keys that the reading of a source adds to a record."""


def with_rest(mapping: MappingModel, names: Iterable[str], *, is_table: bool) -> MappingModel:
    """The mapping with a text for each of a source's columns that it doesn't name, as its `rest` says.

    A column for the team alone becomes private comments, and no line of anything that everybody reads.
    `names` are headers; or keys of JSON records, those within objects dotted, which the mapping's paths may name, too.
    """
    place = mapping.rest.csv if is_table else mapping.rest.json_
    if place is None:
        return mapping
    left = find_left(mapping, dict.fromkeys(name.strip() for name in names), is_table)
    if not left:
        return mapping
    if place == "drop":
        return mapping.model_copy(update={"drop": [*mapping.drop, *left]})
    sources: list[dict[str, Any]] = [{"first": _texts_of(name)} for name in left if is_internal(name)]
    others = [name for name in left if not is_internal(name)]
    lines = dict(_label(others, mapping.footer if place == "footer" else ()))
    if place == "footer":
        mapping = mapping.model_copy(update={"footer": {**mapping.footer, **lines}})
    elif lines:
        sources.append({"lines": lines})
    if not sources:
        return mapping
    added = Comments.model_validate({"from": sources})
    if mapping.comments is not None:
        added = mapping.comments.model_copy(update={"from_": [*mapping.comments.from_, *added.from_]})
    return mapping.model_copy(update={"comments": added})


def can_read(text: Text, names: Collection[str], is_table: bool) -> bool:
    """Whether columns are there of which a text can be made; of a template all that it names."""
    if text.first is not None:
        return any(can_read(choice, names, is_table) for choice in text.first)
    tops = _tops(names)
    keys = [
        {plain_name(ref.name)} if ref.kind == "column" else set() if is_table else _keys_of(ref) for ref in text.refs
    ]
    return bool(keys) and not any(each.isdisjoint(tops) for each in keys)


def find_left(mapping: MappingModel, names: Collection[str], is_table: bool) -> list[str]:
    """The columns that nothing reads; of an object that nothing reads its keys."""
    present = {*names} if is_table else _tops(names)
    texts = [text for _, text in walk_texts(mapping, choices=False)]
    read = {name for text in texts for name in _names_of(text, present, is_table)}
    may_drop = [re.compile(re.escape(name.strip()).replace(re.escape("*"), ".*"), re.DOTALL) for name in mapping.drop]

    def is_left(name: str) -> bool:
        within = [] if is_table else [name[: match.start()] for match in re.finditer(r"\.", name)]
        is_read = name in read or not read.isdisjoint(within)
        is_dropped = any(pattern.fullmatch(part) for pattern in may_drop for part in (name, *within))
        has_keys = not is_table and any(other.startswith(f"{name}.") for other in names)
        return bool(name) and not (is_read or is_dropped or has_keys or _OWN.match(name))

    return [name for name in names if is_left(name)]


def _tops(names: Collection[str]) -> set[str]:
    """The names, and the keys that they begin with; those around an array of answers are keys of the record."""
    within = (name.split(".")[1] for name in names if name.startswith(f"{RECORD}."))
    return {*names, *(name.partition(".")[0] for name in names), *(f"{RECORD}.{key}" for key in within)}


def _names_of(text: Text, present: Collection[str], is_table: bool) -> Iterator[str]:
    """The columns that a text is made of; of several choices the first that the source has."""
    if text.first is not None:
        found = ([*_names_of(choice, present, is_table)] for choice in text.first)
        yield from next(filter(None, found), [])
        return
    for ref in text.refs:
        keys = [plain_name(ref.name)] if ref.kind == "column" else [] if is_table else _keys_of(ref)
        yield from (key for key in keys if key in present)


def _keys_of(ref: Ref) -> set[str]:
    """The top-level keys that a JMESPath expression begins with; of those around an array of answers the one below."""
    chains = filter(None, read_chains(ref.name))
    return {".".join(keys[: 2 if keys[0] == RECORD else 1]) for keys in chains}


def _label(names: Iterable[str], taken: Iterable[str]) -> Iterator[tuple[str, Text]]:
    """A label for each column, its name as far as a label may have it, and the text of the column."""
    labels = {label.casefold() for label in taken}
    for name in names:
        stem = label = _NO_LABEL.sub(" ", name.removeprefix(f"{RECORD}.")).strip() or "Column"
        number = 1
        while label.casefold() in labels:
            number += 1
            label = f"{stem} ({number})"
        labels.add(label.casefold())
        yield label, Text.model_validate({"first": _texts_of(name)})


def _texts_of(name: str) -> list[dict[str, str]]:
    """A header may have dots; so may a key within objects, which a path finds."""
    column = {"column": name}
    return [column, {"path": ".".join(map(json.dumps, name.split(".")))}] if "." in name else [column]
