"""YAML as a tree of text with lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.yaml_tree import Node, Place, parse, quote


def tree_of(text: str) -> Node:
    """The tree of a text without problems."""
    tree, problems = parse(text, "a.yaml")
    assert problems == []
    assert tree is not None
    return tree


def text_at(tree: Node, *path: str | int) -> object:
    node: Node | None = tree
    for part in path:
        node = node.child(part) if node else None
    return node.value if node else None


@pytest.mark.parametrize("scalar", ["NO", "1", "1.0", "0x10", "2020-01-01", "null", "~", "true", "1e5", "00123"])
def test_scalars_arrive_as_written(scalar: str) -> None:
    """No scalar becomes a number, a date, a boolean or nothing, neither as value nor as key."""
    tree = tree_of(f"{scalar}: {scalar}\nlist: [{scalar}]")
    assert text_at(tree, scalar) == scalar
    assert text_at(tree, "list", 0) == scalar


def test_a_place_is_the_line_of_the_key() -> None:
    """A key whose value begins on a later line is found where the key is; a list item where it begins."""
    tree = tree_of("# comment\na:\n  b:\n    - x\n    - y\n")
    assert str(tree.place_of(["a", "b"])) == "a.yaml:3"
    assert tree.place_of(["a", "b", 1]) == Place("a.yaml", 5)
    assert tree.place_of(["a", "nothing", "here"]) == Place("a.yaml", 2)
    assert tree.place_of([]) == Place("a.yaml", 1)


def test_aliases_are_what_they_name() -> None:
    """An alias stands for its anchor's value."""
    assert text_at(tree_of("a: &x [b]\nc: *x\n"), "c", 0) == "b"


@pytest.mark.parametrize(
    ("text", "message", "line"),
    [
        ("", "is empty", 0),
        ("# only a comment\n", "is empty", 0),
        ("a: 1\nb: 2\na: 3\n", "occurs twice; the first is on line 1", 3),
        ("a: 1\nb:\nc: 2\n", "is empty", 2),
        ("a: [b, ]\nc: {d: }\n", "is empty", 2),
        ("?\n: 1\n", "has an empty key", 1),
        ("a: 1\n? [b]\n: 2\n", "has a key that is not text", 2),
        ("a: &x [*x]\n", "is an alias of something that contains it", 1),
        ("a: 1\n\tb: 2\n", "has a tab before a key or a value", 2),
        ("a: 1\nb: [1\n", "is not YAML", 2),
        ("a: b: c\n", "is not YAML", 1),
        ("a: *nothing\n", "is not YAML", 1),
        ("a: &x b\nc: &x d\n", "is not YAML: found duplicate anchor 'x'", 2),
        ("a: 1\n---\nb: 2\n", "is not YAML", 2),
        ("a: 1\nb: \x07\n", "has the character U+0007, which YAML doesn't allow", 2),
        ("[" * 600, "is nested too deeply", 0),
        ("a: &x {b: c}\nd:\n  <<: *x\n", "is YAML's merge key, which mappings don't have", 3),
        ("a: 1\nb: !include c.yaml\n", "has a tag, `!include`, which mappings don't have", 2),
    ],
)
def test_what_is_wrong_has_a_line(text: str, message: str, line: int) -> None:
    """Each problem says what, and on which line."""
    _, problems = parse(text, "a.yaml")
    assert len(problems) == 1
    assert message in problems[0].message
    assert problems[0].line == line


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("a: 1\n---\nb: 2\n", "a mapping is a single document"),
        ("a: 1\n...\nb: 2\n", "a mapping is a single document"),
        ("a: 1\nb:\u00a0c\nd: e\n", "a key is followed by a colon and an ordinary space"),
        ("a: 1\nb\uff1ac\nd: e\n", "a key is followed by a colon and an ordinary space"),
        ("a:\n  b: 1\n c: 2\n", "the keys of a group must start in the same column"),
        ("a: {b\n", "is never closed"),
        ("a: 'b\n", "is never closed"),
        ("a: @b\n", "needs quotes"),
        ("a: b: c\n", "needs quotes"),
    ],
)
def test_a_hint_fits_what_is_wrong(text: str, hint: str) -> None:
    """Quotes don't help where a space or a column is wrong."""
    assert hint in parse(text, "a.yaml")[1][0].hint


def test_a_key_that_looks_like_a_merge_key_may_be_quoted() -> None:
    """A source value can be called so."""
    assert text_at(tree_of("a: {'<<': b}"), "a", "<<") == "b"


def test_neutral_values_may_all_be_decided() -> None:
    """Who has deleted each line under `neutral`, as its comment says, has none left there."""
    tree = tree_of("status:\n  values: {Open: todo}\n  neutral:\n")
    group = tree.child("status")
    assert group is not None
    assert group.child("neutral") == Node([], Place("a.yaml", 3))
    assert parse("title:\n  neutral:\n", "a.yaml")[1][0].message == "is empty"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=60))
def test_any_quoted_text_comes_back(text: str) -> None:
    """What `quote` writes is what the tree holds, whatever is in it."""
    assert text_at(tree_of(f"a: {quote(text)}\n"), "a") == text
