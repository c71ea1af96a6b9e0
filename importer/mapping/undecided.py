"""Targets that a mapping leaves open (`?`), each with its file and line."""

from __future__ import annotations

from collections.abc import Iterator

from importer.api import CATEGORY_LIMIT
from importer.errors import Problem
from importer.mapping.model import TARGETS, UNDECIDED, MappingModel
from importer.mapping.reader import LoadedMapping
from importer.mapping.texts import KeyPath
from importer.mapping.yaml_tree import Node
from importer.phrases import clip

NAME_SHOWN = 60
CHOICES: dict[KeyPath, tuple[str, str]] = {
    ("restricted", "issues"): ("whether to send restricted issues", "send or skip"),
    ("comments", "private"): ("whether to keep private comments", "keep or drop"),
}


def open_targets(mapping: LoadedMapping) -> list[Problem]:
    """A problem for each target that nobody has decided, at the line where it has to be filled in."""
    targets = [(path, what, _hint(field)) for field in TARGETS for path, what in _open_paths(mapping.model, field)]
    choices = [(path, what, hint) for path, (what, hint) in CHOICES.items() if _is_open(mapping.tree, path)]
    return [
        Problem(f"{what} is undecided", place.file, place.line, ".".join(map(str, path)), hint)
        for path, what, hint in (*targets, *choices)
        for place in [mapping.place(*path)]
    ]


def _is_open(tree: Node, path: KeyPath) -> bool:
    """Whether a choice is left open where it is written: what no mapping names is left open row by row."""
    node = tree.child(*path)
    return node is not None and node.value == UNDECIDED


def _open_paths(model: MappingModel, field: str) -> Iterator[tuple[KeyPath, str]]:
    spec = getattr(model, field)
    for name, target in spec.values.items():
        if target == UNDECIDED:
            yield (field, "values", name), f"what {clip(name, NAME_SHOWN)!r} becomes"
    for number, rule in enumerate(spec.rules):
        if rule.then == UNDECIDED:
            yield (field, "rules", number, "then"), "what the rule gives its rows"
    for key, what in (("missing", "what an empty cell becomes"), ("unknown", "what an unknown value becomes")):
        if getattr(spec, key) == UNDECIDED:
            yield (field, key), what


def _hint(field: str) -> str:
    return f"one of {', '.join(TARGETS[field])}" if TARGETS[field] else f"a text of 1 to {CATEGORY_LIMIT} characters"
