"""The rules of bodies."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.sandbox.body_rules import CREATE_ISSUE, FLAG, PATCH_ISSUE, Refusal, Shape, read_body, text

GOOD = {"title": "t", "severity": "low", "category": "c"}


def message(body: object, shape: Shape = CREATE_ISSUE) -> str:
    with pytest.raises(Refusal) as caught:
        read_body(orjson.dumps(body), shape)
    return caught.value.message


def test_every_invalid_path_is_listed() -> None:
    """A refusal names all that is wrong at once."""
    body = {"severity": "urgent", "category": "", "resource_links": [{"resource_type": "call"}]}
    assert message(body) == (
        "title: is required; severity: must be one of low, medium, high, critical; "
        "category: must have at least 1 character; resource_links.0.resource_id: is required"
    )


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("title", 7, "title: must be a string"),
        ("description", None, "description: must be a string"),
        ("status", "open", "status: must be one of backlog, todo, in_progress, in_review, done, closed"),
        ("source", "API", "source: must be one of manual, automated, client"),
        ("owner_id", None, "owner_id: must be a string"),
        ("assignee_id", "missing-7", "assignee_id: no such user in this organization"),
        ("resource_links", "call", "resource_links: must be an array"),
        ("resource_links", ["x"], "resource_links.0: must be an object"),
        ("severity", ["low"], "severity: must be one of low, medium, high, critical"),
    ],
)
def test_create_refuses(field: str, value: object, problem: str) -> None:
    """Each field of a create has its rule."""
    assert message(GOOD | {field: value}) == problem


@pytest.mark.parametrize("body", [b"{", b"\xff", b'{"title": "\\ud800"}', b"[1]"])
def test_what_is_no_object_is_refused(body: bytes) -> None:
    """A body is a JSON object in UTF-8, without lone surrogates."""
    with pytest.raises(Refusal, match=r"body: |title: "):
        read_body(body, CREATE_ISSUE)


def test_unknown_fields_are_left_out() -> None:
    """What the rules don't know is ignored."""
    assert read_body(orjson.dumps(GOOD | {"due": "today"}), CREATE_ISSUE) == GOOD


def test_patch_takes_null_for_people_and_an_empty_body() -> None:
    """Null clears owner and assignee; nothing at all is allowed too."""
    assert read_body(b'{"owner_id": null}', PATCH_ISSUE) == {"owner_id": None}
    assert read_body(b"", PATCH_ISSUE) == {}


@pytest.mark.parametrize("index", [-1, 1.5, True, "1"])
def test_message_index_is_a_whole_number_from_0(index: object) -> None:
    """A flag's place in a conversation counts from 0."""
    assert message({"call_id": "c", "type": "t", "message_index": index}, FLAG) == (
        "message_index: must be an integer from 0"
    )


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=12))
def test_lengths_count_utf16_units(value: str) -> None:
    """A character outside the basic plane counts twice."""
    units = sum(2 if ord(character) > 0xFFFF else 1 for character in value)
    assert list(text(0, units)("x", value)) == []
    assert units == 0 or list(text(0, units - 1)("x", value)) != []
