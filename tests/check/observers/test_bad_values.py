"""The cell that a value came from which rejects its row."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from importer.check.observers.bad_values import Corrections, find_cells
from importer.mapping.edited_tables import Fix, Fixes
from importer.mapping.identities import Roster
from importer.records import Ref
from importer.transform.columns import Columns
from importer.transform.shown_people import ShownPeople
from tests.harness.making import chunk_of, examined_of, mapping_of, plan_of


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


def test_what_was_corrected_is_summed_up() -> None:
    """Values that were met, rows, lines that are left, and what no row has; nothing without `--fixes`."""
    mapping = mapping_of()
    examined = examined_of(mapping, [("A", "One", "", "P9", "Open"), ("B", "Two", "", "P9", "Open")])
    high, idle = Fix("Priority", "P9", "High", 2), Fix("Priority", "typo", "High", 9)
    fixes = Fixes(Path("fixes.csv"), {"Priority": {"P9": high, "typo": idle}}, left=2)
    shown = ShownPeople(mapping.people, Roster())
    corrections = Corrections(mapping, fixes, shown)
    corrections.add(replace(examined, fixed={0: (high,), 1: (high,)}), plan_of(examined))
    said = "fixes: 1 value, 2 rows; 2 lines without a new value; 1 value in no row, the first on line 9: 'typo'"
    assert corrections.sentence == said
    assert corrections.lines()[-1] == ("Priority", "typo", "0", "High", "", "")
    assert Corrections(mapping, Fixes(), shown).sentence == ""
