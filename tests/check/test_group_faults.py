"""Rows that are one issue, and what becomes of what each of them says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.check.group_faults import find_faults, hold_back
from importer.records import Finding
from importer.row.keys import find_groups

KEYS = st.lists(st.sampled_from(["a", "b", "", None]), max_size=30)


def test_rows_that_follow_each_other_are_a_group() -> None:
    """Rows that are left out may stand between; one without a key stands alone and ends a group."""
    keys = ["a", None, "a", "b", "a", "", "", "a"]
    assert find_groups(keys) == [[0, 2], [3], [4], [5], [6], [7]]


@given(KEYS)
def test_every_row_is_in_one_group(keys: list[str | None]) -> None:
    """Groups hold each row once, in order, all of one key; what is left out is in none."""
    groups = find_groups(keys)
    assert [row for group in groups for row in group] == [row for row, key in enumerate(keys) if key is not None]
    assert all(len({keys[row] for row in group}) == 1 for group in groups)


def test_one_bad_row_holds_back_its_group() -> None:
    """The others of a rejected row's group wait for it; other groups don't."""
    keys = ["a", "a", "a", "b"]
    assert find_faults(find_groups(keys), keys, {1}) == {0: 1, 2: 1}


def test_a_row_without_a_key_holds_back_both_sides() -> None:
    """It may be one of theirs; groups further away aren't concerned."""
    keys = ["a", "b", "b", "", "c", "d"]
    assert find_faults(find_groups(keys), keys, {3}) == {1: 3, 2: 3, 4: 3}


def test_rows_left_out_hold_back_nothing() -> None:
    """A row that a rule leaves out is nobody's fault."""
    keys = ["a", None, "a"]
    assert find_faults(find_groups(keys), keys, set()) == {}


def test_what_waits_says_for_which_row() -> None:
    """The line and code of the row at fault; rows with findings that don't reject are at no fault."""
    keys = ["a", "a", "b"]
    found = {1: [Finding("title-missing", "title", "")], 2: [Finding("x", "", "", rejects=False)]}
    [(row, finding)] = hold_back(find_groups(keys), keys, found, [2, 5, 6])
    assert (row, finding.code, finding.rejects, finding.value) == (0, "group-rejected", True, "title-missing")
    assert "line 5" in finding.message
