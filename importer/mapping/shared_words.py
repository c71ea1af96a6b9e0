"""`words`: lists of source values with their targets, which stand once for all mappings that name them."""

from __future__ import annotations

from importer.api import VALUE_FIELDS
from importer.errors import Problem
from importer.mapping.merge import identity_of
from importer.mapping.presets import shared_words_path
from importer.mapping.problems import nearest
from importer.mapping.yaml_tree import Node, parse_preset


def with_words(tree: Node) -> tuple[Node, list[Problem]]:
    """A file's tree with the lists that its `words` name at the end of its `values`; and names that no list has."""
    problems: list[Problem] = []
    for field in VALUE_FIELDS:
        group = tree.child(field)
        words = group.child("words") if group else None
        if group is None or words is None or not isinstance(group.value, dict) or not isinstance(tree.value, dict):
            continue
        lists = word_lists(field)
        values = group.child("values") or Node({}, words.place)
        for name in words.value if isinstance(words.value, list) else [words]:
            if isinstance(name.value, str) and name.value in lists:
                values = _join(values, lists[name.value])
            elif isinstance(name.value, str):
                hint = nearest(name.value, lists) or f"the lists of the {field} are {', '.join(lists)}"
                message = f"no list of words is called {name.value!r}"
                problems.append(Problem(message, name.place.file, name.place.line, f"{field}.words", hint))
        tree = Node(tree.value | {field: Node(group.value | {"values": values}, group.place)}, tree.place)
    return tree, problems


def word_lists(field: str) -> dict[str, Node]:
    """The lists that there are for a field, by name."""
    path = shared_words_path()
    tree, _ = parse_preset(path.read_text(encoding="utf-8"), f"{path.parent.name}/{path.name}")
    lists = tree.child(field) if tree else None
    return lists.value if lists and isinstance(lists.value, dict) else {}


def _join(values: Node, words: Node) -> Node:
    """Values, and behind them the words that are not among them."""
    if not isinstance(values.value, dict) or not isinstance(words.value, dict):
        return values
    own = {identity_of(name) for name in values.value}
    return Node(
        values.value | {name: target for name, target in words.value.items() if identity_of(name) not in own},
        values.place,
    )
