"""Linting a mapping: valid lines that do something else than they seem to. Only certain cases are reported."""

from __future__ import annotations

import re
from collections.abc import Iterator

from importer.errors import Problem
from importer.mapping.model import MappingModel
from importer.mapping.reader import LoadedMapping
from importer.mapping.texts import KeyPath, Text, walk_texts
from importer.mapping.yaml_tree import Node

Remark = tuple[KeyPath, str, str]
"""KeyPath of the key, what is wrong with it, and what to do."""

_PATTERNS = frozenset({"pattern", "matches", "find", "check", "parse", "within", "mentions"})
_BETWEEN_SLASHES = re.compile(r"/\^|.*(?<!\\)\$/\Z", re.DOTALL)
_DOLLAR_GROUP = re.compile(r"\$(\d)")


def lint(loaded: LoadedMapping) -> list[Problem]:
    """Return the lines of the mapping's own file that mislead, in order.

    Rows that a pattern should have left out are sent, a text that was to be rearranged is replaced, and a column that
    was to be dropped goes into each issue.
    """
    own = loaded.tree.place.file
    found = []
    for path, message, hint in (*_foreign_signs(loaded.tree, ()), *_dropped_and_read(loaded.model)):
        place = loaded.place(*path)
        if place.file == own:
            found.append(Problem(message, place.file, place.line, ".".join(map(str, path)), hint))
    return sorted(found, key=lambda problem: problem.line)


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
