"""Which keys a JMESPath expression reads."""

from __future__ import annotations

from typing import Any

import jmespath
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.coverage.paths import Chain, read_path, read_ref
from importer.records import Ref


@pytest.mark.parametrize(
    ("expression", "taken", "decided", "whole"),
    [
        ("a.b", {("a", "b")}, set(), True),
        ('fields."System.Id"', {("fields", "System.Id")}, set(), True),
        ("labels[].name", {("labels", "name")}, set(), True),
        ("labels[*].name | [0]", {("labels", "name")}, set(), False),
        ("@", {()}, set(), True),
        ("a.*.b", {("a", None, "b")}, set(), True),
        ("{x: a.b, y: c}", {("a", "b"), ("c",)}, set(), True),
        ("{x: a.b, y: c}.x", {("a", "b"), ("c",)}, set(), True),
        ("a.[b, c.d]", {("a", "b"), ("a", "c", "d")}, set(), True),
        ("a.not_null(b.c, d)", {("a", "b", "c"), ("a", "d")}, set(), False),
        ("a || b", {("a",), ("b",)}, set(), False),
        ("a && b", {("b",)}, {("a",)}, False),
        ("f[?name=='x'].value", {("f", "value")}, {("f", "name")}, False),
        ("f[?contains(`[1]`, not_null(c.t, id))].text", {("f", "text")}, {("f", "c", "t"), ("f", "id")}, False),
        ("[state][?type(@) == 'string'] | [0]", {("state",)}, set(), False),
        ("join(', ', a[].b)", {("a", "b")}, set(), False),
        ("sort_by(a, &b)[0].c", {("a", "c")}, {("a", "b")}, False),
        ("map(&x.y, a)", {("a", "x", "y")}, set(), False),
        ("keys(@)", set(), set(), False),
        ("values(a)", {("a", None)}, set(), False),
    ],
)
def test_what_is_read(expression: str, taken: set[Chain], decided: set[Chain], whole: bool) -> None:
    """What arrives, what is only asked about, and whether the keys alone tell what arrives."""
    reading = read_path(expression)
    assert (set(reading.taken), set(reading.decided), reading.whole) == (taken, decided, whole)


def test_parts_of_objects() -> None:
    """Expressions into the objects of a reference lead on from it."""
    reading = read_ref(Ref("path", "data.comments[]"), ["body", "user.not_null(name, login)"])
    assert set(reading.taken) == {
        ("data", "comments", "body"),
        ("data", "comments", "user", "name"),
        ("data", "comments", "user", "login"),
    }


KEYS = ("a", "b", "c")
VALUES = st.recursive(
    st.text("xyz", min_size=1, max_size=4),
    lambda inner: st.dictionaries(st.sampled_from(KEYS), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=12,
)
EXPRESSIONS = (
    *("a", "a.b", "a[].b", "a.*", "a.*.c", "a[].b[].c", "a || b", "not_null(a.b, b)", "[a, b.c]", "{x: a.b, y: c}"),
    *("a[0]", "a[?b].c", "a[].[b, c][]", "a | b", "b[-1:].c", "a.{x: b}", "(a || b).c", "[a, b][].c"),
)


def leaves(value: Any, keys: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """The texts in a value, each with the keys that lead to it."""
    if isinstance(value, dict):
        return [leaf for key, item in value.items() for leaf in leaves(item, (*keys, key))]
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item, keys)]
    return [(keys, value)] if isinstance(value, str) else []


def leads_to(chain: Chain, keys: tuple[str, ...]) -> bool:
    """Whether a chain leads to a leaf, or to something around it."""
    return len(chain) <= len(keys) and all(one in (None, other) for one, other in zip(chain, keys, strict=False))


@given(record=st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=3), expression=st.sampled_from(EXPRESSIONS))
def test_nothing_arrives_that_is_not_read(record: dict[str, Any], expression: str) -> None:
    """Every text that an expression gives stands where one of its chains leads to."""
    reading = read_path(expression)
    read = {text for keys, text in leaves(record) if any(leads_to(chain, keys) for chain in reading.taken)}
    assert {text for _, text in leaves(jmespath.search(expression, record))} <= read
