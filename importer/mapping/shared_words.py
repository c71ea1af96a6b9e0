"""`words`, `labels`, `titles`: source values with their targets, which stand once for all mappings that name them."""

from __future__ import annotations

from functools import cache

from pydantic import ValidationError

from importer.api import VALUE_FIELDS
from importer.errors import Problem
from importer.mapping.merge import identity_of
from importer.mapping.presets import shared_words_path
from importer.mapping.problems import nearest
from importer.mapping.texts import Text
from importer.mapping.yaml_tree import Node, parse_preset, plain


def with_words(tree: Node) -> tuple[Node, list[Problem]]:
    """A merged tree with the lists that its `words` name at the end of its `values`; and names that no list has.

    They stand behind all that the files say themselves, those that are extended too.
    """
    problems: list[Problem] = []
    for field in VALUE_FIELDS:
        group, words = tree.child(field), tree.child(field, "words")
        if group is None or words is None:
            continue
        lists = word_lists(field)
        values = group.child("values") or Node({}, words.place)
        for name in words.value if isinstance(words.value, list) else [words]:
            if isinstance(name.value, str) and name.value in lists:
                values = _join(values, lists[name.value])
            elif isinstance(name.value, str):
                hint = nearest(name.value, lists) or f"the lists for {field} are {', '.join(lists)}"
                message = f"there is no list of words {name.value!r}"
                problems.append(Problem(message, name.place.file, name.place.line, f"{field}.words", hint))
        tree = tree.with_child(field, group.with_child("values", values))
    return _with_labels(tree), problems


def _with_labels(tree: Node) -> Node:
    """A merged tree with the rules that its `category: {labels: …}` stands for, before those of its files."""
    group, labels = tree.child("category"), tree.child("category", "labels")
    if group is None or labels is None:
        return tree
    try:
        Text.model_validate(plain(labels))
    except ValidationError:  # which is said of `labels` itself
        return tree
    own = group.child("rules")
    rules = [_label_rule(labels, pattern, target) for pattern, target in _shared("labels").items()]
    rules += own.value if own and isinstance(own.value, list) else []
    return tree.with_child("category", group.with_child("rules", Node(rules, labels.place)))


def _label_rule(labels: Node, pattern: str, target: Node) -> Node:
    place = labels.place
    text = labels.keys or {"column" if isinstance(labels.value, str) else "first": labels}
    name = Node(f"label {str(target.value).casefold()}", place)
    when = Node(text | {"matches": Node(pattern, place)}, place)
    return Node({"name": name, "when": when, "then": Node(target.value, place)}, place)


def word_lists(field: str) -> dict[str, Node]:
    """The lists that there are for a field, by name."""
    return _shared(field)


def title_words() -> dict[str, str]:
    """Category → the pattern of its words in titles."""
    return {str(target.value): pattern for pattern, target in _shared("titles").items()}


def internal_words(name: str) -> list[str]:
    """The patterns of a list of words that say for whom a text is."""
    return [str(pattern.value) for _, pattern in _shared("internal")[name].children]


@cache
def _shared(name: str) -> dict[str, Node]:
    """What stands in the file under a name."""
    path = shared_words_path()
    tree, _ = parse_preset(path.read_text(encoding="utf-8"), f"{path.parent.name}/{path.name}")
    found = tree.child(name) if tree else None
    return found.keys if found else {}


def _join(values: Node, words: Node) -> Node:
    """Values, and behind them the words that are not among them."""
    if not isinstance(values.value, dict):
        return values
    own = {identity_of(name) for name in values.keys}
    new = {name: target for name, target in words.keys.items() if identity_of(name) not in own}
    return Node(values.keys | new, values.place)
