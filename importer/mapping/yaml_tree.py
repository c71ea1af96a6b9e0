"""Parses a YAML file into a tree in which scalars stay text and every node knows its line."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from importer.api import VALUE_FIELDS
from importer.errors import Problem
from importer.mapping.presets import shared_path
from importer.records import Ref

NODES_LIMIT = 200_000
"""Values of a mapping, those that aliases repeat counted each time: a few lines can stand for billions."""


class _TooLargeError(Exception):
    """The tree has too many values; `problem` says where."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


LARGEST = 2**28
"""Bytes: a table of a million lines has fewer."""


def read_small(path: Path, largest: int = LARGEST) -> bytes:
    """The bytes of a file. Raises OSError where it can't be read, and EFBIG where it has more than `largest`."""
    with path.open("rb") as file:
        data = file.read(largest + 1)
    if len(data) > largest:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), str(path))
    return data


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a mapping file, from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Node:
    """A text, a list or a group of keys; `place` is the line of its key or list item."""

    value: str | list[Node] | dict[str, Node]
    place: Place

    @property
    def keys(self) -> dict[str, Node]:
        """The nodes of a group by their keys; none of a text or a list."""
        return self.value if isinstance(self.value, dict) else {}

    @property
    def children(self) -> Iterable[tuple[str | int, Node]]:
        """Each node of a group or a list with its key or its number; none of a text."""
        return enumerate(self.value) if isinstance(self.value, list) else self.keys.items()

    def child(self, *path: str | int) -> Node | None:
        """The node that keys and numbers of items lead to, if there is one."""
        node: Node | None = self
        for part in path:
            if node is None:
                break
            if isinstance(node.value, list):
                node = node.value[part] if isinstance(part, int) and part < len(node.value) else None
            else:
                node = node.keys.get(str(part))
        return node

    def with_child(self, key: str, child: Node) -> Node:
        """The same group with this node under a key."""
        return Node(self.keys | {key: child}, self.place)

    def find(self, text: str) -> Place | None:
        """The line of the first key or text that is `text`, as it is or as a pattern between slashes."""
        if isinstance(self.value, str):
            return self.place if self.value == text else None
        for key, child in self.children:
            place = child.place if isinstance(key, str) and key[1:-1] == text else child.find(text)
            if place is not None:
                return place
        return None

    def place_of(self, path: Iterable[str | int]) -> Place:
        """The line of the key at the end of a path, or of the nearest key above it."""
        node = self
        for part in path:
            child = node.child(part)
            if child is None:
                break
            node = child
        return node.place


def plain(node: Node) -> Any:
    """The tree as dictionaries, lists and texts."""
    if isinstance(node.value, dict):
        return {key: plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [plain(item) for item in node.value]
    return node.value


def parse(text: str, file: str) -> tuple[Node | None, list[Problem]]:
    """The tree of a YAML text, and what is wrong with it; no tree if it can't be read as YAML at all.

    Keys that come twice, keys and values that are empty, and keys that are no text are problems. The tree then holds
    what is left of them, so that the rest can be checked in the same pass.
    """
    import yaml  # type: ignore[import-untyped]

    try:
        try:  # libyaml takes a twentieth of the time; what it refuses is read again for the better sentence
            root = yaml.compose(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader))
        except yaml.YAMLError:
            root = yaml.compose(text, yaml.BaseLoader)
        if root is None:
            return None, [Problem("is empty", file, hint="a mapping begins with `extends: jira` or `input:`")]
        builder = _Builder(file)
        return builder.build(root, Place(file, 1), ""), builder.problems
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        return None, [Problem(f"has the character U+{error.character:04X}, which YAML doesn't allow", file, line)]
    except yaml.YAMLError as error:
        return None, [_syntax_problem(error, file)]
    except _TooLargeError as error:
        return None, [error.problem]
    except RecursionError:
        return None, [Problem("is nested too deeply", file)]


def read_own(text: str) -> Any:
    """A YAML text of our own as dictionaries, lists and texts: without lines it takes two thirds of the time."""
    import yaml

    return _plain(yaml.compose(text, getattr(yaml, "CBaseLoader", yaml.BaseLoader)))


def _plain(node: Any) -> Any:
    if node.id == "mapping":
        return {key.value: _plain(value) for key, value in node.value}
    return [_plain(item) for item in node.value] if node.id == "sequence" else node.value


@cache
def parse_shared(name: str) -> Node:
    """One of the files that presets share."""
    tree, problems = parse(shared_path(name).read_text(encoding="utf-8"), f"shared/{name}")
    assert tree is not None, problems
    return tree


def _syntax_problem(error: Any, file: str) -> Problem:
    what = ", ".join(filter(None, (error.context, error.problem)))
    never_closed = "stream end" in what or "end of stream" in what
    mark = (error.context_mark if never_closed else None) or error.problem_mark
    if "'\\t'" in what:
        return Problem("has a tab before a key or a value", file, mark.line + 1, hint="YAML allows only spaces there")
    hint = next((hint for part, hint in _SYNTAX_HINTS.items() if part in what), _QUOTES_HINT)
    return Problem(f"is not YAML: {what}", file, mark.line + 1, hint=hint)


_QUOTES_HINT = (
    "a text needs quotes if it contains `: ` or ` #`, is `?`, or begins with one of [ ] { } & * ! | > ' \" % @ `"
)
_SECOND_DOCUMENT = "a mapping is a single document: delete the line `---` or `...` before the second"
_SYNTAX_HINTS = {
    "another document": _SECOND_DOCUMENT,
    "<document start>": _SECOND_DOCUMENT,
    "could not find expected ':'": "a key is followed by a colon and an ordinary space: `title: Summary`",
    "mapping values are not allowed here": f"the keys of a group must start in the same column; {_QUOTES_HINT}",
    "expected <block end>": f"the keys of a group must start in the same column; {_QUOTES_HINT}",
    "stream end": "a bracket, brace or quote that is opened here is never closed",
    "end of stream": "a bracket, brace or quote that is opened here is never closed",
}
"""Part of what the library says → what to do."""


EMPTIED = frozenset(f"{field}.neutral" for field in VALUE_FIELDS)
"""Keys of lists of which people are told to delete lines: with the last of them gone, the list is empty."""


class _Builder:
    """Builds the tree of the library's nodes."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.problems: list[Problem] = []
        self._open: set[int] = set()
        self._nodes = 0

    def build(self, node: Any, place: Place, key: str) -> Node:
        self._nodes += 1
        if self._nodes > NODES_LIMIT:
            hint = "an alias (*name) repeats everything that it names: write out what you mean instead"
            raise _TooLargeError(Problem(f"has over {NODES_LIMIT:,} values", place.file, place.line, key, hint))
        if str(node.tag).startswith("!") and str(node.tag) != "!":
            self._complain(f"has a tag, `{node.tag}`, which mappings don't have", place, key, "delete the tag")
        if node.id == "scalar":
            if not node.value and not node.style:
                if key in EMPTIED:
                    return Node([], place)
                self._complain("is empty", place, key, "write a value, or '' for an empty text")
            return Node(node.value, place)
        if id(node) in self._open:
            self._complain("is an alias of something that contains it", place, key)
            return Node("", place)
        self._open.add(id(node))
        built: dict[str, Node] | list[Node]
        if node.id == "mapping":
            built = self._group(node, key)
        else:
            built = [self.build(item, self._place(item), f"{key}.{index}") for index, item in enumerate(node.value)]
        self._open.discard(id(node))
        return Node(built, place)

    def _group(self, node: Any, key: str) -> dict[str, Node]:
        group: dict[str, Node] = {}
        for name_node, value_node in node.value:
            place = self._place(name_node)
            if name_node.id != "scalar":
                self._complain("has a key that is not text", place, key)
                continue
            name: str = name_node.value
            below = f"{key}.{name}" if key else name
            if name == "<<" and not name_node.style:
                self._complain("is YAML's merge key, which mappings don't have", place, below, "write the keys out")
                continue
            if not name and not name_node.style:
                self._complain("has an empty key", place, key)
            elif name in group:
                self._complain(f"occurs twice; the first is on line {group[name].place.line}", place, below)
            else:
                group[name] = self.build(value_node, place, below)
        return group

    def _place(self, node: Any) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def _complain(self, message: str, place: Place, key: str, hint: str = "") -> None:
        self.problems.append(Problem(message, place.file, place.line, key, hint))


_QUOTED = {ord(sign): f"\\{sign}" for sign in '"\\'}


def quote(text: str) -> str:
    """A text as a double-quoted YAML scalar on one line, whatever characters it has."""
    escaped = text.translate(_QUOTED)
    return f'"{escaped if text.isprintable() else "".join(map(_escape, escaped))}"'


def as_source(ref: Ref) -> str:
    """What a mapping says to read something: `column: "Due"`."""
    return f"{ref.kind}: {quote(ref.name)}"


def as_placeholder(ref: Ref) -> str:
    """The same within a template: `{Due}`, `{path:fields.due}`."""
    return f"{{{'path:' * (ref.kind == 'path')}{ref.name}}}"


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\U{number:08X}" if number > 0xFFFF else f"\\u{number:04X}"
