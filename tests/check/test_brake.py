"""How many values may be blank at once: ordinary nights, and permissions that an exporting account has lost."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from importer.check.brake import Emptied, LostValues, are_too_many, project_of

NONE = Emptied()


@pytest.mark.parametrize(
    ("values", "decisions"),
    [
        (["carrier"] * 40, 1),
        (["carrier"] * 40 + ["audio"] * 2, 3),
        (["audio", "carrier"] * 20, 40),
        (list(range(500)), 500),
        ([None] * 40, 40),
    ],
    ids=["a label is retired", "and one is removed twice", "two labels", "texts", "of an earlier version"],
)
def test_decisions(values: Sequence[object], decisions: int) -> None:
    """The value that most of them lose may be somebody's one decision; what isn't known never is."""
    lost = LostValues()
    for value in values:
        lost.add(value)
    assert (lost.values, lost.decisions) == (len(values), decisions)


@pytest.mark.parametrize(
    ("tonight", "week", "stored", "stays"),
    [
        pytest.param(Emptied(10, 10, 10), NONE, 10, False, id="a few, though all"),
        pytest.param(Emptied(11, 11, 40), NONE, 21, True, id="most of those that there are"),
        pytest.param(Emptied(11, 11, 40), NONE, 22, False, id="half of them"),
        pytest.param(Emptied(400, 400, 1000), NONE, 1000, False, id="less than half: --max-changes judges these"),
        pytest.param(Emptied(11, 11, 20), Emptied(1, 1, 300), 900, True, id="the file of a small project"),
        pytest.param(Emptied(4, 4, 5), Emptied(8, 8, 12), 900, True, id="a few rows a night"),
        pytest.param(Emptied(4, 4, 5), Emptied(8, 8, 90), 900, False, id="a few, among others"),
        pytest.param(Emptied(1, 1, 1), Emptied(11, 11, 30), 900, False, id="the last of a label that was retired"),
        pytest.param(Emptied(30, 1, 40), NONE, 900, False, id="a label is retired, in a file of what has changed"),
        pytest.param(Emptied(30, 1, 40), NONE, 40, True, id="the only value that a field has"),
    ],
)
def test_too_many(tonight: Emptied, week: Emptied, stored: int, *, stays: bool) -> None:
    """More than ten, and more than half of the rows of tonight, of the week's, or of the issues that have one."""
    assert are_too_many(tonight, week, lambda: stored) is stays


@pytest.mark.parametrize(
    ("key", "project"),
    [
        ("jira:VOICE-12", "jira:VOICE"),
        ("github:acme/app#7", "github:acme/app"),
        ("gitlab:acme/app!7", "gitlab:acme/app"),
        ("servicenow:INC0012", ""),
        ("demo:12", ""),
        ("jira:VOICE-", ""),
        ("", ""),
    ],
)
def test_project_of(key: str, project: str) -> None:
    """What a key names before its number."""
    assert project_of(key) == project
