"""JMESPath expressions as functions: the parsed tree becomes nested functions once.

The paths of a preset take 64 µs a row of Jira and 24 of GitHub so, and 361 and 160 with JMESPath's own interpreter.

What a tree has beside the nodes of `_BUILDERS` is left to JMESPath's own interpreter.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jmespath
from jmespath.functions import Functions
from jmespath.visitor import TreeInterpreter

from importer.phrases import counted

_Node = Any
"""A node of JMESPath's tree: its `type`, its `children`, and a `value`."""

Search = Callable[[Any], Any]
"""Gives the value of an expression in a JSON value; raises JMESPathError where a function can't be applied."""

COPIES_LIMIT = 1_000
"""Copies of one value that an expression may make: `[@,@]|[@,@]` makes four."""

_functions = Functions()
_interpreter = TreeInterpreter()
_equal = TreeInterpreter.COMPARATOR_FUNC["eq"]


def compile_path(expression: str) -> Search:
    """Compile an expression. Raises JMESPathError if it is none."""
    return _build(jmespath.compile(expression).parsed)


def find_wrong_call(node: _Node) -> str:
    """What is wrong with the first call in a tree that JMESPath can't make: its name, or how many values it gets."""
    if not isinstance(node, dict):  # a place in a slice
        return ""
    if node["type"] == "function_expression":
        name, count = node["value"], len(node["children"])
        function = _functions.FUNCTION_TABLE.get(name)
        if function is None:
            return f"JMESPath has no function `{name}`"
        signature = function["signature"]
        least, is_open = len(signature), bool(signature) and bool(signature[-1].get("variadic"))
        if count < least or (count > least and not is_open):
            return f"`{name}` takes {counted(least, 'value')}{' or more' * is_open}, not {count}"
    return next(filter(None, map(find_wrong_call, node["children"])), "")


def count_copies(node: _Node) -> int:
    """How many copies of a value a parsed JMESPath expression makes at the most.

    Raises RecursionError if it is nested too deeply.
    """
    if not isinstance(node, dict):  # a place in a slice
        return 1
    kind, children = node["type"], node["children"]
    if kind in ("multi_select_list", "multi_select_dict", "function_expression"):
        return max(1, sum(count_copies(child) for child in children))
    copies = 1
    for child in children:
        copies *= count_copies(child)
    return copies


def is_true(value: Any) -> bool:
    """Whether a value is true in JMESPath, where every number is."""
    return value is not None and value is not False and value not in ("", [], {})


def _build(node: _Node) -> Search:
    builder = _BUILDERS.get(node["type"])
    return partial(_interpreter.visit, node) if builder is None else builder(node)


def _field(node: _Node) -> Search:
    name = node["value"]
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _chain(node: _Node) -> Search:
    """Steps, each applied to the value of the one before; steps that are chains themselves become part of this one."""
    nodes = _flatten(node)
    if all(step["type"] == "field" for step in nodes):
        names = [step["value"] for step in nodes]

        def descend(value: Any) -> Any:
            for name in names:
                if not isinstance(value, dict):
                    return None
                value = value.get(name)
            return value

        return descend
    steps = [_build(step) for step in nodes]

    def follow(value: Any) -> Any:
        for step in steps:
            value = step(value)
        return value

    return follow


def _flatten(node: _Node) -> list[_Node]:
    nested = [_flatten(step) if _BUILDERS.get(step["type"]) is _chain else [step] for step in node["children"]]
    return [step for steps in nested for step in steps]


def _index(node: _Node) -> Search:
    place = node["value"]
    least = place + 1 if place >= 0 else -place
    return lambda value: value[place] if isinstance(value, list) and len(value) >= least else None


def _same(_node: _Node) -> Search:
    return lambda value: value


def _literal(node: _Node) -> Search:
    constant = node["value"]
    return lambda _value: constant


def _projection(node: _Node) -> Search:
    base, each = map(_build, node["children"])

    def project(value: Any) -> Any:
        items = base(value)
        return [found for item in items if (found := each(item)) is not None] if isinstance(items, list) else None

    return project


def _filter(node: _Node) -> Search:
    base, each, test = map(_build, node["children"])

    def choose(value: Any) -> Any:
        items = base(value)
        if not isinstance(items, list):
            return None
        return [found for item in items if is_true(test(item)) and (found := each(item)) is not None]

    return choose


def _flat(node: _Node) -> Search:
    (base,) = map(_build, node["children"])

    def flatten(value: Any) -> Any:
        items = base(value)
        if not isinstance(items, list):
            return None
        return [part for item in items for part in (item if isinstance(item, list) else (item,))]

    return flatten


def _either(node: _Node) -> Search:
    first, second = map(_build, node["children"])
    return lambda value: found if is_true(found := first(value)) else second(value)


def _both(node: _Node) -> Search:
    first, second = map(_build, node["children"])
    return lambda value: second(value) if is_true(found := first(value)) else found


def _compare(node: _Node) -> Search:
    first, second = map(_build, node["children"])
    if node["value"] == "eq":
        return lambda value: _equal(first(value), second(value))
    if node["value"] == "ne":
        return lambda value: not _equal(first(value), second(value))

    def order(value: Any) -> Any:
        try:
            return _interpreter.visit(node, value)
        except TypeError:  # of a text and a number; by JMESPath's specification only numbers have an order
            return None

    return order


def _list(node: _Node) -> Search:
    parts = [_build(child) for child in node["children"]]
    return lambda value: None if value is None else [part(value) for part in parts]


def _call(node: _Node) -> Search:
    name, arguments = node["value"], [_build(child) for child in node["children"]]
    if name == "not_null" and arguments:  # nearly all calls of the presets are this one
        return lambda value: next((found for found in [each(value) for each in arguments] if found is not None), None)
    return lambda value: _functions.call_function(name, [each(value) for each in arguments])


_BUILDERS: dict[str, Callable[[_Node], Search]] = {
    "field": _field,
    "subexpression": _chain,
    "index_expression": _chain,
    "pipe": _chain,
    "index": _index,
    "identity": _same,
    "current": _same,
    "literal": _literal,
    "projection": _projection,
    "filter_projection": _filter,
    "flatten": _flat,
    "or_expression": _either,
    "and_expression": _both,
    "comparator": _compare,
    "multi_select_list": _list,
    "function_expression": _call,
}
