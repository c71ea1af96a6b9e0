"""Problems of a mapping in words for people: which key, on which line, and the nearest valid name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from importer.api import VALUE_FIELDS
from importer.errors import Problem
from importer.mapping.introspect import Kind, alternatives, below, fields_of, group_model, kind_at, model_of
from importer.mapping.model import MappingModel, fold, identity_of
from importer.mapping.scalars import SHOWN
from importer.mapping.texts import TEXT_SOURCES, KeyPath, Text, sources_message
from importer.mapping.yaml_tree import Node
from importer.phrases import clip

_INCOMPLETE = frozenset({"missing", "missing_source"})
"""Pydantic's errors that only mean that a part is missing: expected while an extended file can't be read."""

_GROUP = "a group of keys"

_START = "`extends: jira` takes it from a preset."


_TARGET_RATIO = 0.75
"""Similarity from which a wrong target counts as a typing error: `hihg` of `high`, but not `opened` of `done`."""


def nearest(name: str, names: Iterable[str], *, ratio: float = 0.6) -> str:
    """`did you mean …?` with the most similar of some names, "" if none reaches `ratio` (1: identical)."""
    by_fold = {fold(known): known for known in names}
    found = get_close_matches(fold(name), by_fold, n=1, cutoff=ratio)
    return f"did you mean `{by_fold[found[0]]}`?" if found else ""


def model_problems(error: ValidationError, tree: Node, *, whole: bool) -> list[Problem]:
    """Translate pydantic's errors into problems.

    If `whole` is false, a file of the mapping could not be read, and missing keys are not reported.
    """
    details = error.errors(include_url=False)
    every = (_problem(detail, tree) for detail in details if whole or detail["type"] not in _INCOMPLETE)
    problems = list(dict.fromkeys(every))  # a short form stands for several keys
    named = {problem.key for problem in problems}
    return problems + [problem for problem in _several_sources(tree, MappingModel, ()) if problem.key not in named]


def _several_sources(node: Node, kind: Kind, path: KeyPath) -> Iterator[Problem]:
    """Texts with more than one source, which pydantic doesn't report where a key of the same group is wrong too."""
    model = group_model(kind) if isinstance(node.value, dict) else None
    if model is not None and issubclass(model, Text):
        sources = [name for name in TEXT_SOURCES if node.child(name)]
        if len(sources) > 1:
            yield Problem(sources_message(sources), node.place.file, node.place.line, ".".join(map(str, path)))
    for part, child in node.children:
        yield from _several_sources(child, below(kind, part), (*path, part))


def value_problems(tree: Node) -> list[Problem]:
    """Source values in one file that are empty, or that a value map can't tell apart but by case or spaces."""
    problems: list[Problem] = []
    for field in VALUE_FIELDS:
        if values := tree.child(field, "values"):
            problems += _repeated(values.keys, f"{field}.values")
    return problems


def _repeated(values: dict[str, Node], key: str) -> list[Problem]:
    problems: list[Problem] = []
    seen: dict[str, str] = {}
    for name, node in values.items():
        first = seen.setdefault(identity_of(name), name)
        where = (node.place.file, node.place.line, f"{key}.{name}")
        if not fold(name):
            problems.append(Problem("is an empty value", *where, "for empty cells, use `missing`"))
        elif first != name:
            message = f"{name!r} is mapped twice; {first!r} on line {values[first].place.line} is the same"
            problems.append(
                Problem(
                    message, *where, "upper and lower case, spaces and invisible characters don't count; delete one"
                )
            )
    return problems


def _problem(detail: Any, tree: Node) -> Problem:
    path = _path(detail["loc"], tree) + detail.get("ctx", {}).get("path", ())
    sentence = _SENTENCES.get(detail["type"])
    message, hint = sentence(path, detail) if sentence else (_plain(detail), "")
    place = tree.place_of(path)
    if detail["type"] == "literal_error" and path[:1] == ("rest",):
        path = _written(path, tree)
    return Problem(message, place.file, place.line, ".".join(map(str, path)), hint)


def _path(loc: Sequence[str | int], tree: Node) -> KeyPath:
    """Pydantic's path as the keys in the file: without union tags, and without an item number where no list is."""
    path: list[str | int] = []
    node: Node | None = tree
    for part in loc:
        written = node is not None and node.child(part) is not None
        if isinstance(part, str) and not written and (part.startswith("~") or part == "[key]"):
            continue
        if isinstance(part, int) and node is not None and not isinstance(node.value, list):
            continue
        path.append(part)
        node = node.child(part) if node else None
    return tuple(path)


def _written(path: KeyPath, tree: Node) -> KeyPath:
    """The keys of a path that stand in the file: a short form stands for others that don't."""
    node: Node | None = tree
    count = 0
    while count < len(path) and node is not None and (node := node.child(path[count])) is not None:
        count += 1
    return path[:count]


def _description(path: KeyPath) -> str:
    model = group_model(kind_at(MappingModel, path[:-1])) if path else None
    field = fields_of(model).get(str(path[-1])) if model else None
    return (field.description or "") if field else ""


def _plain(detail: Any) -> str:
    cause = detail.get("ctx", {}).get("error")
    message = str(cause) if cause is not None else str(detail["msg"])
    return message.removeprefix("Input should ").removeprefix("Value ")


UNKNOWN_KEY = "unknown key"
"""The message of a key that there is not."""

_KEY_RATIO = 0.7
"""Similarity from which an unknown key counts as a slip: `colum` of `column`, but not `version` of `decisions`."""

_HOLDERS = 3
"""In so many groups at the most a key is looked for that stands in the wrong one."""


def hint_for_colon(text: str) -> str:
    """What to write in place of `title:Summary`, a key that YAML doesn't take for one."""
    return f"a key is followed by a colon and an ordinary space: `{text.replace(':', ': ', 1)}`"


def _unknown_key(path: KeyPath, _detail: Any) -> tuple[str, str]:
    model = group_model(kind_at(MappingModel, path[:-1]))
    names, name = fields_of(model) if model else {}, str(path[-1])
    hint = nearest(name, names, ratio=_KEY_RATIO) or _misplaced(path, name)
    if ":" in name and name.partition(":")[0] in names:
        hint = hint_for_colon(name)
    return UNKNOWN_KEY, hint or f"the keys here are {', '.join(names)}"


def _misplaced(path: KeyPath, name: str) -> str:
    """Where a key belongs that stands at the wrong depth or in the wrong group, "" if that can't be told."""
    tops = fields_of(MappingModel)
    if len(path) > 1 and name in tops:
        return f"`{name}` belongs at the top level of a mapping: write it without indentation"
    kinds: dict[str, Kind] = {top: field.annotation for top, field in tops.items()}
    models = ((top, model_of(kind)) for top, kind in kinds.items())
    holders = [f"`{top}`" for top, model in models if model is not None and name in _own_keys(model)]
    return f"it is a key of {' or '.join(holders)}" if 0 < len(holders) <= _HOLDERS else ""


def _own_keys(model: type[BaseModel]) -> set[str]:
    """The keys of a group, of a text those that other texts don't have."""
    of_texts = set(fields_of(Text)) if issubclass(model, Text) else set()
    return set(fields_of(model)) - of_texts


def _not_one_of(path: KeyPath, detail: Any) -> tuple[str, str]:
    kind = kind_at(MappingModel, path)
    words = [name for found in alternatives(kind) for name in get_args(found) if isinstance(name, str)]
    model = model_of(kind)  # a group that is allowed in place of a word, as it is written: `{newest: COLUMN}`
    forms = {key: f"{{{key}: COLUMN}}" for key in fields_of(model)} if model else {}
    message = f"{_shown(detail['input'])} is not one of {', '.join([*words, *forms.values()])}"
    hint = nearest(str(detail["input"])[:SHOWN], [*words, *forms], ratio=_TARGET_RATIO)
    for key, form in forms.items():
        hint = hint.replace(f"`{key}`", f"`{form}`")
    return message, hint


def _must_be(what: str) -> Callable[[KeyPath, Any], tuple[str, str]]:
    def sentence(path: KeyPath, detail: Any) -> tuple[str, str]:
        model = group_model(kind_at(MappingModel, path))
        keys = f"Its keys are {', '.join(fields_of(model))}." if what == _GROUP and model else ""
        return f"must be {what}, not {_shown(detail['input'])}", f"{_description(path)} {keys}".strip()

    return sentence


def _shown(value: Any) -> str:
    """What stands in place of a right value."""
    if isinstance(value, dict):
        return _GROUP
    return "a list" if isinstance(value, list) else repr(clip(str(value), SHOWN))


def _is_empty(path: KeyPath, detail: Any) -> tuple[str, str]:
    what = {"too_short": " list", "string_too_short": " text"}[detail["type"]]
    return f"is an empty{what if isinstance(detail['input'], list | str) else ' group'}", _description(path)


_SENTENCES: dict[str, Callable[[KeyPath, Any], tuple[str, str]]] = {
    "extra_forbidden": _unknown_key,
    "missing": lambda path, _: ("is missing", f"{_description(path)} {_START if len(path) == 1 else ''}".strip()),
    "literal_error": _not_one_of,
    "error_at": lambda _, detail: (detail["ctx"]["message"], detail["ctx"]["hint"]),
    "string_type": _must_be("a text"),
    "bool_type": _must_be("`true` or `false`"),
    "list_type": _must_be("a list"),
    "int_type": _must_be("a whole number"),
    "dict_type": _must_be(_GROUP),
    "model_type": _must_be(_GROUP),
    "model_attributes_type": _must_be(_GROUP),
    "too_short": _is_empty,
    "string_too_short": _is_empty,
    "string_pattern_mismatch": lambda path, detail: (
        f"{_shown(detail['input'])} can't be used here",
        _description(path),
    ),
}
