"""Compiled expressions find what JMESPath's own interpreter finds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jmespath.exceptions import JMESPathError

from importer.mapping.json_paths import compile_path, is_true
from importer.mapping.presets import preset_names
from importer.mapping.reader import load_mapping
from importer.mapping.reads import collect_refs

NAMES = ["a", "b", "c"]
EXPRESSIONS = [
    *(
        "a",
        "a.b.c",
        "a.b[0].c",
        "a[-1]",
        "a[1]",
        "[0]",
        "@",
        "a[].b",
        "a[*].b",
        "a[].b[].c",
        "a.*.b",
        "*",
        "a[1:]",
        "a[::-1]",
    ),
    *("a[?b].c", "a[?b == 'x'].c | [0]", "a[?b != `1`]", "a[?b > `1`]", "a[?!b]", "[a][?type(@) == 'string'] | [0]"),
    *("a || b", "a && b.c", "!a", "a || `[]`", "[a, b.c][]", "{x: a, y: b.c}", "a | [0] | b"),
    *("not_null(a, b.c, `1`)", "a.not_null(b, c)", "a[].not_null(b, @)", "length(a)", "join('-', [a, to_string(b)])"),
    *('contains(`["x"]`, a.b)', "sort_by(a, &b)[0]", "to_number(a)", "keys(a)", "a.b.length(@)"),
]
LEAVES = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from(["", "x", "y"]) | st.just(1.5)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES), inner), max_leaves=12
)


def outcome(search: Callable[[Any], Any], value: Any) -> Any:
    """What is found, or the error."""
    try:
        return search(value)
    except JMESPathError as error:
        return type(error), str(error)


@pytest.mark.parametrize("expression", EXPRESSIONS)
@given(value=VALUES)
def test_same_as_interpreted(expression: str, value: Any) -> None:
    """Each kind of node gives the same value of everything, or the same error."""
    found = outcome(compile_path(expression), value)
    try:
        wanted = outcome(jmespath.compile(expression).search, value)
    except TypeError:  # the library's own defect, see `test_a_text_and_a_number`
        return
    assert (found, repr(found)) == (wanted, repr(wanted))


def test_a_text_and_a_number() -> None:
    """Neither is greater: that is null, as in JMESPath's specification, and no error."""
    assert compile_path("a[?b > `1`].b")({"a": [{"b": "x"}, {"b": 2}, {"b": None}]}) == [2]


@cache
def preset_paths() -> list[str]:
    """Every expression of the presets."""
    refs = {ref for name in preset_names() for ref in collect_refs(load_mapping(name).model)}
    return sorted(ref.name for ref in refs if ref.kind == "path")


@given(st.data())
def test_presets_find_the_same(data: st.DataObject) -> None:
    """Neither do the presets' expressions, on values that have their names."""
    expression = data.draw(st.sampled_from(preset_paths()))
    names = sorted({word for word in expression.replace(".", " ").replace("[", " ").split() if word.isidentifier()})
    inner = st.recursive(
        LEAVES, lambda kept: st.lists(kept, max_size=2) | st.dictionaries(st.sampled_from(names or NAMES), kept)
    )
    value = data.draw(st.dictionaries(st.sampled_from(names or NAMES), inner))
    assert outcome(compile_path(expression), value) == outcome(jmespath.compile(expression).search, value)


@pytest.mark.parametrize(
    ("value", "true"), [(0, True), (False, False), ("", False), ([], False), ({}, False), ([0], True)]
)
def test_every_number_is_true(value: Any, true: bool) -> None:
    """JMESPath takes nothing, false and what is empty for false."""
    assert is_true(value) is true
