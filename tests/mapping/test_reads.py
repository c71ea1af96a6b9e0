"""What becomes of columns that a mapping doesn't name."""

from __future__ import annotations

from typing import Any

import pytest

from importer.mapping.model import MappingModel
from importer.mapping.reads import can_read, with_rest
from importer.mapping.texts import Text
from tests.harness.making import mapping_of

NAMES = ["Key", "Title", "Text", "Priority", "State", "Where: exactly", "Team", "team", " Old Id "]


def footer_of(mapping: MappingModel) -> dict[str, Any]:
    """Label → the column that it has, or the path."""
    return {
        label: (text.first[-1].path or text.first[-1].column) if text.first else text.column
        for label, text in mapping.footer.items()
    }


def test_without_rest_nothing_is_added() -> None:
    """A mapping that says nothing of the others leaves them."""
    mapping = mapping_of()
    assert with_rest(mapping, NAMES, is_table=True) is mapping


def test_footer() -> None:
    """A line for each, labelled with its name as far as a label may have it; labels are kept apart."""
    mapping = with_rest(mapping_of(rest="footer", drop=["Old*"], footer={"Team": "Group"}), NAMES, is_table=True)
    assert footer_of(mapping) == {
        "Team": "Group",
        "Where exactly": "Where: exactly",
        "Team (2)": "Team",
        "team (3)": "team",
    }


def test_drop() -> None:
    """They are named under `drop`, beside those that are there."""
    assert with_rest(mapping_of(rest="drop", drop=["Old*"]), NAMES, is_table=True).drop == [
        *("Old*", "Where: exactly", "Team", "team")
    ]


@pytest.mark.parametrize("comments", [None, {"from": ["Text"], "open": "fold"}])
def test_comment(comments: dict[str, Any] | None) -> None:
    """One comment with a line for each, behind those that the mapping names."""
    given = {} if comments is None else {"comments": comments}
    found = with_rest(mapping_of(rest="comment", **given), NAMES, is_table=True).comments
    assert found is not None
    assert list(found.from_[-1].lines or ()) == ["Where exactly", "Team", "team (2)", "Old Id"]
    assert len(found.from_) == (1 if comments is None else 2)
    assert found.open == ("separate" if comments is None else "fold")


def test_of_several_choices_the_first_that_is_there_is_named() -> None:
    """What the mapping would have taken in its place is one of the others."""
    mapping = mapping_of(rest="footer", input={"name": "demo", "key": ["Nr", "Key", "Team"]})
    assert "Team" in footer_of(with_rest(mapping, NAMES, is_table=True))
    assert "Key" not in footer_of(with_rest(mapping, NAMES, is_table=True))


def test_keys_within_objects() -> None:
    """Of an object that nothing reads each key is a line; one that a path reads is named as a whole."""
    mapping = mapping_of(
        rest="footer",
        description={"path": "not_null(body.text, notes[?a].b)"},
        drop=["links"],
    )
    names = ["Key", "Title", "Priority", "State", "body", "body.text", "body.html", "notes", "customer", "customer.id"]
    names += ["customer.first name", "links", "links.self", "_stream"]
    found = footer_of(with_rest(mapping, names, is_table=False))
    assert found == {"customer.id": '"customer"."id"', "customer.first name": '"customer"."first name"'}


@pytest.mark.parametrize(
    ("text", "readable"),
    [
        ("Key", True),
        ("Nothing", False),
        (["Nothing", "Team"], True),
        ({"template": "{Key}#{Nothing}"}, False),
        ({"template": "{Key}#{Team}"}, True),
        ({"path": "Key.b"}, False),
        ({"value": "x"}, False),
    ],
)
def test_which_texts_columns_can_make(text: Any, readable: bool) -> None:
    """One that is there, or of several one of them; of a template all."""
    assert can_read(Text.model_validate(text), NAMES, is_table=True) is readable
    assert can_read(Text.model_validate({"path": "not_null(a.b, c)"}), ["a.b"], is_table=False)
