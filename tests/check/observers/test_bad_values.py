"""The cell that a value came from which rejects its row."""

from __future__ import annotations

import pytest

from importer.check.observers.bad_values import find_cells
from importer.records import Ref
from importer.transform.columns import Columns
from tests.harness.making import chunk_of, mapping_of


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A", {0: ("A", "x"), 1: ("A", "z")}),
        (["B", "A"], {0: ("B", "y"), 1: ("A", "z")}),
        ({"first": ["B", "A"], "pattern": "z"}, {0: ("B", "y"), 1: ("A", "z")}),
        ({"column": "A", "pattern": "^z"}, {1: ("A", "z")}),
        ({"template": "{A}-{B}"}, {}),
        ({"value": "x"}, {}),
    ],
)
def test_which_cell_a_text_comes_from(text: object, found: dict[int, tuple[str, str]]) -> None:
    """Of a column that repeats the filled one; what several columns make can't be corrected in one."""
    chunk = chunk_of(("A", "A", "B"), [(" x", "", "y"), ("", "z", "")])
    assert Ref("column", "A") in chunk.positions
    mapping = mapping_of(description=text)
    assert mapping.description is not None
    assert find_cells(Columns(chunk), mapping.description, [0, 1]) == found


def test_of_a_column_that_repeats_it_is_the_wanted_cell() -> None:
    """A date that can't be read may be the second one."""
    chunk = chunk_of(("A", "A"), [("2020-01-01", "soon")])
    text = mapping_of(description="A").description
    assert text is not None
    assert find_cells(Columns(chunk), text, [0], {0: "soon"}) == {0: ("A", "soon")}
