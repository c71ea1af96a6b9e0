"""Merges a mapping over the one that it extends, and the decisions of values.csv over both.

Groups are merged key by key, while texts and lists are replaced.

Short forms are spelled out first, so that `title: Summary` and `title: {too_long: shorten}` can be merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress

from importer.mapping.edited_tables import DecidedValue
from importer.mapping.introspect import Kind, below, holds_model, model_of
from importer.mapping.model import (
    TARGETS,
    UNDECIDED,
    Key,
    MappingModel,
    Value,
    exact_key,
    fold,
    identity_of,
)
from importer.mapping.patterns import is_pattern
from importer.mapping.texts import TEXT_SOURCES, Text
from importer.mapping.yaml_tree import Node

Group = dict[str, Node]


def spell_out(node: Node, kind: Kind = MappingModel) -> Node:
    """The tree with each short form of a text written out as a group of keys."""
    if not holds_model(kind):  # a value map has hundreds of entries, and no text
        return node
    model = model_of(kind)
    if isinstance(node.value, dict):
        return Node({key: spell_out(child, below(kind, key)) for key, child in node.value.items()}, node.place)
    if model is not None and issubclass(model, Text):
        source = "column" if isinstance(node.value, str) else "first"
        return spell_out(Node({source: Node(node.value, node.place)}, node.place), kind)
    if isinstance(node.value, list):
        item_kind = below(kind, 0)
        return Node([spell_out(item, item_kind) for item in node.value], node.place)
    return node


def merge(base: Node, override: Node, kind: Kind = MappingModel) -> Node:
    """The tree of `override` merged over that of `base`; both have to be spelled out."""
    if not isinstance(base.value, dict) or not isinstance(override.value, dict):
        return override
    model = model_of(kind)
    old, new = base.value, override.value
    if model is not None and issubclass(model, Text):
        old = _without_replaced(old, new, model)
    merged = old | {
        key: merge(old[key], child, below(kind, key)) if key in old else child for key, child in new.items()
    }
    if model is not None and issubclass(model, Value) and "values" in old and "values" in new:
        merged["values"] = _merge_values(old["values"], new["values"])
    return Node(merged, override.place)


def _without_replaced(old: Group, new: Group, model: type[Text]) -> Group:
    """The base's keys, without its source and the pattern made for that where the override names a source."""
    sources = {*TEXT_SOURCES, "content"} if issubclass(model, Key) else {*TEXT_SOURCES}
    if not sources & new.keys():
        return old
    return {key: child for key, child in old.items() if key not in sources | {"pattern", "to", "lookup", "absent"}}


def _merge_values(base: Node, override: Node) -> Node:
    """Merge value maps: equal values are replaced in place; new patterns come first, so that they are tried first."""
    if not isinstance(base.value, dict) or not isinstance(override.value, dict):
        return override
    new = {identity_of(name): (name, child) for name, child in override.value.items()}
    replaced = [new.get(identity_of(name), (name, child)) for name, child in base.value.items()]
    known = {identity_of(name) for name in base.value}
    own = [(name, child) for name, child in override.value.items() if identity_of(name) not in known]
    patterns = [entry for entry in own if is_pattern(entry[0])]
    return Node(dict(patterns + replaced + [entry for entry in own if not is_pattern(entry[0])]), override.place)


def apply_decisions(tree: Node, decisions: Iterable[DecidedValue]) -> Node:
    """A spelled-out tree in which decided values replace the mapping's own targets."""
    return _lay_over(tree, [decision for decision in decisions if decision.target not in ("", UNDECIDED)])


def apply_open(tree: Node, decisions: Iterable[DecidedValue]) -> Node:
    """A merged tree with `?` as the target of each undecided value that nothing else in the mapping covers."""
    wanted = [decision for decision in decisions if decision.target == UNDECIDED]
    covers = {field: _Cover(field, tree.child(field)) for field in {decision.field for decision in wanted}}
    return _lay_over(tree, [decision for decision in wanted if not covers[decision.field].has(decision.value)])


def _lay_over(tree: Node, decisions: Sequence[DecidedValue]) -> Node:
    for field in TARGETS:
        own = [decision for decision in decisions if decision.field == field]
        if own:
            tree = merge(_without_neutral(tree, field, own), Node({field: _overlay(tree, field, own)}, tree.place))
    return tree


def _overlay(tree: Node, field: str, decisions: Sequence[DecidedValue]) -> Node:
    """A field's group holding only decisions; keys that the mapping has already keep their places in the file."""
    group = tree.child(field)
    place = group.place if group else decisions[0].place
    keys: dict[str, Node] = {}
    entries: dict[str, Node] = {}
    for decision in decisions:
        target = Node(decision.target, decision.place)
        if fold(decision.value):
            entries[exact_key(decision.value)] = target
        else:
            keys["missing"] = target
    if entries:
        values = tree.child(field, "values")
        keys["values"] = Node(entries, values.place if values else place)
    return Node(keys, place)


def _without_neutral(tree: Node, field: str, decisions: Sequence[DecidedValue]) -> Node:
    """The tree with the decided values taken out of the field's `neutral`."""
    group, neutral = tree.child(field), tree.child(field, "neutral")
    if group is None or neutral is None or not isinstance(neutral.value, list):
        return tree
    decided = {fold(decision.value) for decision in decisions}
    left = [item for item in neutral.value if not (isinstance(item.value, str) and fold(item.value) in decided)]
    return tree.with_child(field, group.with_child("neutral", Node(left, neutral.place)))


class _Cover:
    """The values of a field for which a mapping has a target, in whatever way."""

    def __init__(self, field: str, group: Node | None) -> None:
        keys = group.keys if group else {}
        names = list(keys["values"].keys) if "values" in keys else []
        keep = keys.get("keep_unknown")
        self._all = "unknown" in keys or "value" in keys or (keep is not None and keep.value == "true")
        self._missing = "missing" in keys
        self._exact = {*TARGETS[field], *(fold(name) for name in names if not is_pattern(name))}
        self._patterns: list[re.Pattern[str]] = []
        for name in filter(is_pattern, names):
            with suppress(re.error):  # a problem of the mapping, which people are told of elsewhere
                self._patterns.append(re.compile(name[1:-1], re.IGNORECASE))

    def has(self, value: str) -> bool:
        """Whether there is a target for this value."""
        if not fold(value):
            return self._missing
        known = fold(value) in self._exact or any(pattern.search(value.strip()) for pattern in self._patterns)
        return known or self._all
