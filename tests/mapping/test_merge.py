"""Merging a mapping over the one that it extends."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.merge import merge, spell_out
from importer.mapping.yaml_tree import Node, Place


def node(value: Any, file: str = "a") -> Node:
    """A tree with one place."""
    if isinstance(value, dict):
        return Node({key: node(child, file) for key, child in value.items()}, Place(file, 1))
    if isinstance(value, list):
        return Node([node(item, file) for item in value], Place(file, 1))
    return Node(value, Place(file, 1))


def plain(tree: Node) -> Any:
    """A tree without its places."""
    if isinstance(tree.value, dict):
        return {key: plain(child) for key, child in tree.value.items()}
    return [plain(item) for item in tree.value] if isinstance(tree.value, list) else tree.value


def merged(base: dict[str, Any], override: dict[str, Any]) -> Any:
    """Both spelled out, one over the other."""
    return plain(merge(spell_out(node(base)), spell_out(node(override))))


def test_short_forms_are_spelled_out_before_merging() -> None:
    """A column in one file and an option in the other meet, whichever is written short."""
    assert merged({"title": "A"}, {"title": {"too_long": "shorten"}}) == {
        "title": {"column": "A", "too_long": "shorten"}
    }
    assert merged({"title": {"column": "A", "too_long": "shorten"}}, {"title": "B"}) == {
        "title": {"column": "B", "too_long": "shorten"}
    }


def test_a_text_that_names_a_source_drops_the_old_one_and_its_pattern() -> None:
    """What was made for the old column is not applied to the new one."""
    base = {"input": {"key": {"first": ["A", "B"], "pattern": "x", "to": "y"}}}
    assert merged(base, {"input": {"key": "C"}}) == {"input": {"key": {"column": "C"}}}
    assert merged(base, {"input": {"key": {"content": "true"}}}) == {"input": {"key": {"content": "true"}}}
    assert merged(base, {"input": {"key": {"pattern": "z"}}})["input"]["key"]["pattern"] == "z"


def test_footer_labels_are_no_sources() -> None:
    """A label that is called like a source drops nothing."""
    result = merged({"footer": {"path": "A", "value": "B"}}, {"footer": {"column": "C"}})
    assert list(result["footer"]) == ["path", "value", "column"]


def test_lists_replace() -> None:
    """Rules and skips of the base are gone when the override has its own, even none."""
    base = {"skip": [{"name": "a", "when": {"column": "A", "filled": "true"}}]}
    assert merged(base, {"skip": []}) == {"skip": []}


def test_a_word_replaces_a_group_and_a_group_a_word() -> None:
    """`duplicates` is a word or a group; the last one counts."""
    group = {"duplicates": {"newest": "Updated"}}
    assert merged(group, {"duplicates": "first"}) == {"duplicates": "first"}
    assert merged({"duplicates": "first"}, group) == {"duplicates": {"newest": {"column": "Updated"}}}


def test_equal_values_are_replaced_in_their_place() -> None:
    """Case and outer white space don't count; the override's spelling and target win."""
    result = merged(
        {"status": {"values": {"Open": "todo", "Done": "done"}}}, {"status": {"values": {" oPEN": "backlog"}}}
    )
    assert list(result["status"]["values"].items()) == [(" oPEN", "backlog"), ("Done", "done")]


def test_new_patterns_come_before_those_of_the_base() -> None:
    """The first pattern that is found wins, so an override's must be tried first."""
    result = merged(
        {"status": {"values": {"/a/": "todo", "x": "done"}}},
        {"status": {"values": {"y": "done", "/b/": "closed", "/a/": "backlog"}}},
    )
    assert list(result["status"]["values"].items()) == [
        ("/b/", "closed"),
        ("/a/", "backlog"),
        ("x", "done"),
        ("y", "done"),
    ]


def test_each_key_keeps_the_place_of_the_file_that_won() -> None:
    """A merged tree still knows who wrote what."""
    tree = merge(spell_out(node({"title": "A", "about": "x"}, "base")), spell_out(node({"title": "B"}, "mine")))
    assert tree.place_of(["title", "column"]).file == "mine"
    assert tree.place_of(["about"]).file == "base"


values = st.dictionaries(st.text(max_size=4), st.sampled_from(["todo", "done"]), max_size=6)


@given(values)
def test_merging_a_mapping_over_itself_changes_nothing(entries: dict[str, str]) -> None:
    """Equal values find each other, so the result is the mapping itself, up to values that it says twice."""
    tree = {"status": {"column": "A", "values": entries}}
    assert merged(tree, tree)["status"]["values"].keys() <= entries.keys()
