"""Texts of a mapping that can't mean what they seem to: signs of other programs, and columns that go somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator

from importer.api import VALUE_FIELDS
from importer.mapping.model import MappingModel, is_pattern
from importer.mapping.texts import KeyPath, Text, walk_texts
from importer.mapping.yaml_tree import Node

Remark = tuple[KeyPath, str, str]
"""KeyPath of the key, what is wrong with it, and what to do."""

_PATTERNS = frozenset({"pattern", "matches", "find", "check", "parse", "within", "mentions"})
_BETWEEN_SLASHES = re.compile(r"/\^|.*(?<!\\)\$/\Z", re.DOTALL)
_DOLLAR_GROUP = re.compile(r"\$(\d)")
_WITH_FLAGS = re.compile(r"(/.+/)[gimsuy]{1,3}\Z", re.DOTALL)


def find_idle_texts(tree: Node, model: MappingModel) -> Iterator[Remark]:
    """The texts of a merged mapping that certainly never find, replace or drop anything."""
    yield from _foreign_signs(tree, ())
    for field in VALUE_FIELDS:
        for name in getattr(model, field).values:
            flagged = None if is_pattern(name) else _WITH_FLAGS.match(name)
            if flagged is not None:
                message = "is this text itself: a pattern stands between slashes, without anything behind them"
                yield (field, "values", name), message, f"write {flagged[1]}, which ignores case"
    yield from _dropped_and_read(model)


def _foreign_signs(node: Node, path: KeyPath) -> Iterator[Remark]:
    """Patterns between slashes where none belong, and groups that are called `$1`."""
    if isinstance(node.value, str):
        key = path[-1] if path else ""
        if key in _PATTERNS and _BETWEEN_SLASHES.match(node.value):
            yield path, "never finds anything: its slashes are a part of it", "only under `values` are there slashes"
        is_replacement = key == "to" or (key == "key" and path[0] == "references")
        group = _DOLLAR_GROUP.search(node.value) if is_replacement else None
        if group is not None and "\\" not in node.value:
            yield path, f"`{group[0]}` stays as it is written", f"the group is called `\\{group[1]}` here"
        return
    for part, child in node.children:
        if part != "given":  # a row of an example may have any keys
            yield from _foreign_signs(child, (*path, part))


def _dropped_and_read(model: MappingModel) -> Iterator[Remark]:
    """Columns under `drop` of which every cell goes somewhere: dropping says of the others that they may be lost."""
    whole = {
        text.column: path
        for path, text in walk_texts(model, choices=False)
        if path[0] in ("title", "description", "footer") and _is_whole_column(text)
    }
    for number, name in enumerate(model.drop):
        if name in whole:
            key = ".".join(map(str, whole[name]))
            hint = f"delete one of the two; `{whole[name][-1]}: {{value: ''}}` takes a line of the footer away"
            yield ("drop", number), f"{name!r} is not dropped: `{key}` takes it", hint


def _is_whole_column(text: Text) -> bool:
    return text.column is not None and text.pattern is None and text.lookup is None
