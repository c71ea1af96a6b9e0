"""A mapping narrowed to a file reads from it what the whole mapping reads."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.reads import narrow
from importer.mapping.texts import Text
from importer.records import Ref
from importer.row.compiler import Compiler
from importer.row.value_maps import describe
from tests.harness.making import mapping_of, source_rows_of

NAMES = "ABC"
CHANGES = [{}, {"pattern": "^$", "to": "none"}, {"pattern": "^a"}, {"format": "jira"}]
SOURCES = st.sampled_from(
    [*({"column": name} for name in NAMES), {"value": "a"}, {"template": "{A}-{B}"}, {"template": "-"}]
)


def changed(sources: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    """Texts of these sources, with a pattern or a markup or without."""
    return st.builds(lambda source, change: {**source, **change}, sources, st.sampled_from(CHANGES))


TEXTS = st.recursive(
    changed(SOURCES),
    lambda texts: changed(st.lists(texts, min_size=1, max_size=3).map(lambda some: {"first": some})),
    max_leaves=6,
)


@given(TEXTS, st.lists(st.sampled_from(NAMES), max_size=4), st.data())
def test_same_texts(given_text: dict[str, Any], header: list[str], data: st.DataObject) -> None:
    """Whatever a text is made of, and whatever columns a file has, each row has the same text and the same cells."""
    cell = st.sampled_from(["", " ", "ab", "*b*"])
    rows = data.draw(st.lists(st.lists(cell, min_size=len(header), max_size=len(header)), min_size=1, max_size=3))
    text, columns = Text.model_validate(given_text), source_rows_of(header, rows)
    narrowed = narrow(text, columns.layout.present)
    compiler = Compiler(columns.layout)
    for compile_reader in (compiler.text, compiler.cells):
        assert list(map(compile_reader(narrowed), columns.rows)) == list(map(compile_reader(text), columns.rows))


def test_absent_columns() -> None:
    """Choices of columns that a file doesn't have are left out, and so are lines of the footer that have no other."""
    footer = {"Team": ["Team", "Group"], "Owner": "Owner", "State": "State"}
    mapping = mapping_of(title=["Title", "Name", ["Text", "Subject"]], footer=footer)
    narrowed = narrow(mapping, {Ref("column", name) for name in ("Key", "Title", "Text", "State")})
    assert narrowed.title.model_dump(exclude_unset=True) == {
        "first": [{"column": "Title"}, {"first": [{"column": "Text"}]}]
    }
    assert list(narrowed.footer) == ["State"]
    assert list(mapping.footer) == list(footer)


def test_rules_keep_their_names() -> None:
    """A rule is described by all columns that it may read, whichever of them a file has."""
    mapping = mapping_of(skip=[{"name": "bots", "when": {"first": ["Author", "Reporter"], "is": "bot"}}])
    narrowed = narrow(mapping, {Ref("column", "Author")})
    assert describe(narrowed.skip[0].when) == describe(mapping.skip[0].when) == "Author or Reporter is bot"
