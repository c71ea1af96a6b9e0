"""`category: {labels: …}`: a rule for each kind that one of several labels can say."""

from __future__ import annotations

from pydantic import ValidationError

from importer.mapping.texts import Text
from importer.mapping.vocabulary import words_of
from importer.mapping.yaml_tree import Node, plain

_LABEL = r"(?i)(?:^|[,;])\s*(?:(?:type|kind)\s*[:/_-]\s*)?(?:%s)\s*(?:\([^)]*\)\s*)?(?:[,;]|$)"


def with_labels(tree: Node) -> Node:
    """A merged tree with the rules that its `category: {labels: …}` stands for, before those of its files."""
    group, labels = tree.child("category"), tree.child("category", "labels")
    if group is None or labels is None:
        return tree
    try:
        Text.model_validate(plain(labels))
    except ValidationError:  # which is said of `labels` itself
        return tree
    own = group.child("rules")
    rules = [_rule(labels, target, names) for target, names in _names().items()]
    rules += own.value if own and isinstance(own.value, list) else []
    return tree.with_child("category", group.with_child("rules", Node(rules, labels.place)))


def _names() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for field in ("category", "label"):
        for target, languages in words_of(field).items():
            found.setdefault(target, []).extend(name for listed in languages.values() for name in listed.split(", "))
    return found


def _rule(labels: Node, target: str, names: list[str]) -> Node:
    place = labels.place
    text = labels.keys or {"column" if isinstance(labels.value, str) else "first": labels}
    pattern = _LABEL % "|".join(name.replace(" ", "[ -]") for name in names)
    when = Node(text | {"matches": Node(pattern, place)}, place)
    return Node({"name": Node(f"label {target.casefold()}", place), "when": when, "then": Node(target, place)}, place)
