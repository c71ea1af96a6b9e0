"""Puts the decisions of values.csv into the tree of the mapping that they belong to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from importer.mapping.decisions import DecidedValue
from importer.mapping.merge import merge
from importer.mapping.model import TARGETS, UNDECIDED, exact_key, fold, is_pattern
from importer.mapping.yaml_tree import Node


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
        self._patterns = [found for name in names if is_pattern(name) for found in _compiled(name)]

    def has(self, value: str) -> bool:
        """Whether there is a target for this value."""
        if not fold(value):
            return self._missing
        known = fold(value) in self._exact or any(pattern.search(value.strip()) for pattern in self._patterns)
        return known or self._all


def _compiled(name: str) -> list[re.Pattern[str]]:
    try:
        return [re.compile(name[1:-1], re.IGNORECASE)]
    except re.error:  # a problem of the mapping, which people are told of elsewhere
        return []
