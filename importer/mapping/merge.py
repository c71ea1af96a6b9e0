"""Merges a mapping over the one that it extends: groups key by key, while texts and lists are replaced.

Short forms are spelled out first, so that `title: Summary` and `title: {too_long: shorten}` can be merged.
"""

from __future__ import annotations

from importer.mapping.introspect import Kind, below, holds_model, model_of
from importer.mapping.model import Key, MappingModel, Value, fold, is_pattern
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
    return {key: child for key, child in old.items() if key not in sources | {"pattern", "to", "lookup"}}


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


def identity_of(name: str) -> str:
    """What two spellings of one source value have in common."""
    return name if is_pattern(name) else fold(name)
