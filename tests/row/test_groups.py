"""Rows that are one issue: the first has what each of them says."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from importer.row.issue import Issue
from tests.harness.making import HEADER, issues_of, mapping_of


def first_of(*rows: tuple[str, str, str, str]) -> Issue:
    """The first of these rows of one issue: title, text, severity, status."""
    values = {"P0": "critical", "P1": "high", "P3": "low"}
    mapping = mapping_of(
        group=["Key"],
        severity={"column": "Priority", "values": values, "missing": "low"},
        status={"column": "State", "values": {"Open": "todo", "Done": "done", "Closed": "closed"}},
        footer={"Text": "Text"},
    )
    return issues_of(mapping, [("P-1", *row) for row in rows], HEADER)[0]


@pytest.mark.parametrize(
    ("values", "severity", "status"),
    [
        ([("P3", "Done"), ("P1", "Open"), ("P3", "Closed")], "high", "todo"),
        ([("P3", "Closed"), ("P0", "Done")], "critical", "done"),
        ([("P3", "?"), ("", "Closed")], "low", "closed"),
    ],
)
def test_the_worst_value_counts(values: Sequence[tuple[str, str]], severity: str, status: str) -> None:
    """The worst severity, the least finished status; a target that nobody knows doesn't count."""
    issue = first_of(*(("Title", "", *pair) for pair in values))
    assert (issue.severity, issue.status) == (severity, status)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        ([("Tone", "rude"), ("Tone", "rude"), ("Tone", "")], "rude"),
        ([("Tone", "rude"), ("Tone", "late")], "rude\n\nlate"),
        ([("Greeting", "late"), ("Pace", "")], "## Greeting\n\nlate\n\n## Pace"),
        ([("T", "a"), ("", "b"), ("", "")], "## T\n\na\n\nb"),
    ],
)
def test_descriptions_stand_below_their_titles(rows: Sequence[tuple[str, str]], text: str) -> None:
    """Each text once; where the titles differ, each opens its own text, also where there is none; else none does."""
    issue = first_of(*((*row, "P1", "Open") for row in rows))
    assert issue.text == text


def test_a_line_of_the_footer_has_each_text_once() -> None:
    """In order."""
    issue = first_of(*(("T", text, "P1", "Open") for text in ("x", "", "y", "x")))
    assert "\nText: x, y\n" in issue.description


def test_the_first_user_that_a_row_names() -> None:
    """Is the owner of the issue."""
    mapping = mapping_of(group=["Key"], owner_id="Text")
    rows = [("P-1", "T", user, "P1", "Open") for user in ("", " u-1 ", "u-2")]
    assert issues_of(mapping, rows)[0].user_ids[0] == "u-1"


@pytest.mark.parametrize(("key", "skip", "group"), [(" r1 ", "", "r1/c1"), ("", "", ""), ("r1", "skipped", None)])
def test_a_key_is_all_texts_of_a_row(key: str, skip: str, group: str | None) -> None:
    """A text that is missing leaves the row without a key, a skip rule leaves it out."""
    rule = {"name": "skipped", "when": {"column": "State", "is": "skipped"}}
    (issue,) = issues_of(mapping_of(group=["Key", "Text"], skip=[rule]), [(key, "T", "c1", "P1", skip or "Open")])
    assert issue.key.group == group
