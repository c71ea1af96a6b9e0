"""`rest`: the columns of a source that nothing else in its mapping names, put where the mapping wants them."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator
from typing import Any

import jmespath

from importer.mapping.internal_texts import is_internal
from importer.mapping.issue_parts import Comments
from importer.mapping.model import MappingModel
from importer.mapping.texts import Text, walk_texts
from importer.phrases import plain_name
from importer.records import Ref

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
    tops = {*names, *(name.partition(".")[0] for name in names)}
    keys = [
        {plain_name(ref.name)} if ref.kind == "column" else set() if is_table else _keys_of(ref) for ref in text.refs
    ]
    return bool(keys) and not any(each.isdisjoint(tops) for each in keys)


def find_left(mapping: MappingModel, names: Collection[str], is_table: bool) -> list[str]:
    """The columns that nothing reads; of an object that nothing reads its keys."""
    present = {*names} if is_table else {*names, *(name.partition(".")[0] for name in names)}
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
    """The top-level keys that a JMESPath expression begins with."""
    return set(_begin(jmespath.compile(ref.name).parsed))


def _begin(node: Any) -> Iterator[str]:
    kind, children = node["type"], node["children"]
    if kind == "field":
        yield node["value"]
    elif kind in ("subexpression", "index_expression", "pipe", "projection", "value_projection", "filter_projection"):
        yield from _begin(children[0])
    else:
        for child in children:
            yield from _begin(child)


def _label(names: Iterable[str], taken: Iterable[str]) -> Iterator[tuple[str, Text]]:
    """A label for each column, its name as far as a label may have it, and the text of the column."""
    labels = {label.casefold() for label in taken}
    for name in names:
        stem = label = _NO_LABEL.sub(" ", name).strip() or "Column"
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
