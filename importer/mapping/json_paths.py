"""JMESPath expressions as functions: the tree that the library has parsed becomes nested functions once.

JMESPath's functions are the library's, its interpreter isn't used: it visits the tree for each record, which takes a
record of Jira's API 436 µs where these functions take 62, and one of GitHub's 195 instead of 40.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import takewhile
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


def read_chains(expression: str) -> set[tuple[str, ...]]:
    """The keys from a record down with which an expression begins: all that it takes from the record.

    `a.b[0].c || d` gives `a.b` and `d`. One that takes the whole record has an empty chain.
    """
    return set(_begin(jmespath.compile(expression).parsed))


def _begin(node: _Node) -> Iterator[tuple[str, ...]]:
    first, *_ = steps = _flatten(node) if _BUILDERS.get(node["type"]) is _chain else [node]
    if first["type"] == "field":
        yield tuple(step["value"] for step in takewhile(_is_field, steps))
    elif first["type"] in ("identity", "current"):
        yield ()
    elif first["type"] in ("projection", "value_projection", "filter_projection"):
        yield from _begin(first["children"][0])
    elif first["type"] != "expref":  # which takes what it is applied to
        for child in first["children"]:
            yield from _begin(child)


def is_true(value: Any) -> bool:
    """Whether a value is true in JMESPath, where every number is."""
    return value is not None and value is not False and value not in ("", [], {})


def _build(node: _Node) -> Search:
    return _BUILDERS[node["type"]](node)


def _is_field(node: _Node) -> bool:
    return bool(node["type"] == "field")


def _field(node: _Node) -> Search:
    name = node["value"]
    return lambda value: value.get(name) if isinstance(value, dict) else None


def _chain(node: _Node) -> Search:
    """Steps, each applied to the value of the one before; steps that are chains themselves become part of this one."""
    nodes = _flatten(node)
    if all(map(_is_field, nodes)):
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


def _slice(node: _Node) -> Search:
    part = slice(*node["children"])
    return lambda value: value[part] if isinstance(value, list) else None


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


def _values(node: _Node) -> Search:
    base, each = map(_build, node["children"])

    def project(value: Any) -> Any:
        items = base(value)
        if not isinstance(items, dict):
            return None
        return [found for item in items.values() if (found := each(item)) is not None]

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


def _not(node: _Node) -> Search:
    (base,) = map(_build, node["children"])
    return lambda value: not is_true(base(value))


def _compare(node: _Node) -> Search:
    first, second = map(_build, node["children"])
    compare = TreeInterpreter.COMPARATOR_FUNC[node["value"]]
    if node["value"] in ("eq", "ne"):
        return lambda value: compare(first(value), second(value))

    def order(value: Any) -> Any:
        left, right = first(value), second(value)
        # By JMESPath's specification only numbers have an order; the library also orders texts, which dates may be.
        have_order = any(isinstance(left, kind) and isinstance(right, kind) for kind in ((int, float), str))
        return compare(left, right) if have_order and bool not in (type(left), type(right)) else None

    return order


def _list(node: _Node) -> Search:
    parts = [_build(child) for child in node["children"]]
    return lambda value: None if value is None else [part(value) for part in parts]


def _dict(node: _Node) -> Search:
    parts = {pair["value"]: _build(pair["children"][0]) for pair in node["children"]}
    return lambda value: None if value is None else {name: part(value) for name, part in parts.items()}


class _Expression:
    """What a function such as `sort_by` applies to each item; the library knows it by the name of its type."""

    def __init__(self, expression: Search) -> None:
        self.expression = expression

    def visit(self, expression: Search, value: Any) -> Any:
        return expression(value)


def _reference(node: _Node) -> Search:
    expression = _Expression(_build(node["children"][0]))
    return lambda _value: expression


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
    "slice": _slice,
    "identity": _same,
    "current": _same,
    "literal": _literal,
    "projection": _projection,
    "value_projection": _values,
    "filter_projection": _filter,
    "flatten": _flat,
    "or_expression": _either,
    "and_expression": _both,
    "not_expression": _not,
    "comparator": _compare,
    "multi_select_list": _list,
    "multi_select_dict": _dict,
    "expref": _reference,
    "function_expression": _call,
}
