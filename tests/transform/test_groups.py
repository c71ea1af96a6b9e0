"""Rows that are one issue, and what becomes of what each of them says."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from importer.api import SEVERITIES, STATUSES
from importer.records import Finding
from importer.transform.groups import (
    end_of_group,
    find_faults,
    find_groups,
    hold_back,
    join_keys,
    merge_descriptions,
    merge_firsts,
    merge_sets,
    merge_texts,
    merge_values,
)

KEYS = st.lists(st.sampled_from(["a", "b", "", None]), max_size=30)


def test_a_key_is_all_texts_of_a_row() -> None:
    """A text that is missing leaves the row without a key, a skip rule leaves it out."""
    columns = [[" r1 ", "r1", "", "r2"], ["c1", "", "c1", "c2"]]
    assert join_keys(columns, ["", "", "", "skip-passed"]) == ["r1/c1", "", "", None]


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


def test_a_limit_splits_no_group() -> None:
    """Of the group in which the limit falls all rows are taken."""
    keys = ["a", "b", None, "b", "c"]
    assert [end_of_group(keys, rows) for rows in range(6)] == [0, 1, 4, 4, 4, 5]


def test_a_limit_cuts_off_no_row_that_may_belong_to_a_group() -> None:
    """A row without a key behind the last group is taken with it, which then waits for it."""
    keys = ["a", "a", None, "", "", "b"]
    assert [end_of_group(keys, rows) for rows in range(7)] == [0, 4, 4, 4, 4, 5, 6]


def test_the_worst_value_counts() -> None:
    """The worst severity, the least finished status; a target that nobody knows doesn't count."""
    groups = [[0, 1, 2], [3]]
    assert merge_values(["low", None, "high", None], groups, SEVERITIES)[:1] == ["high"]
    assert merge_values(["done", "todo", "closed", "done"], groups, STATUSES)[0] == "todo"
    assert merge_values([None, None, None, None], groups, STATUSES)[3] is None


def test_a_group_says_each_text_once() -> None:
    """Distinct filled texts in order; the first that is filled."""
    groups = [[0, 1, 2, 3], [4]]
    texts = ["", "x", "y", "x", "z"]
    assert merge_texts(texts, groups, ", ")[0] == "x, y"
    assert [merge_firsts(texts, groups)[row] for row in (0, 4)] == ["x", "z"]


def test_descriptions_stand_below_their_titles() -> None:
    """Where the titles of a group differ, each opens its own text, also where there is none; else none does."""
    texts, titles = ["late", "", "rude", "rude"], ["Greeting", "Pace", "Tone", "Tone"]
    merged = merge_descriptions(texts, titles, [[0, 1], [2, 3]])
    assert merged[0] == "## Greeting\n\nlate\n\n## Pace"
    assert merged[2] == "rude"
    assert merge_descriptions(["a", "b", ""], ["T", "", ""], [[0, 1, 2]])[0] == "## T\n\na\n\nb"


def test_sets_are_united_in_order() -> None:
    """Each thing once, under the first row; a group that has none is absent."""
    assert merge_sets({1: ("x", "y"), 2: ("y", "z")}, [[0, 1, 2], [3]]) == {0: ("x", "y", "z")}


@given(st.lists(st.tuples(st.sampled_from(["a", "b", ""]), st.text("xy ", max_size=3)), max_size=20))
def test_groups_of_one_stay_as_they_are(rows: list[tuple[str, str]]) -> None:
    """Merging changes nothing but the first row of a group of several."""
    groups = find_groups([key for key, _ in rows])
    texts = [text for _, text in rows]
    merged = merge_descriptions(texts, texts, groups)
    leaders = {group[0] for group in groups if len(group) > 1}
    assert all(merged[row] == texts[row] for row in range(len(texts)) if row not in leaders)
