"""Near spellings of known names."""

from __future__ import annotations

import pytest

from importer.authoring.proposals import Spellings

SEVERITIES = {
    "P0": "critical",
    "P1": "high",
    "P2": "medium",
    "Critical": "critical",
    "High": "high",
    "Medium": "medium",
}
STATUSES = {"To Do": "todo", "In Progress": "in_progress", "Done": "done", "Resolved": "done", "review": "in_review"}


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("0", "critical"),
        ("p 1", "high"),
        ("sev-1", "high"),
        ("Priority: 2", "medium"),
        ("HIGH!", "high"),
        ("Meduim", None),
        ("Mediumm", "medium"),
        ("-1", None),
        ("priority -1", None),
        ("P -1", None),
        ("3", None),
        ("P10", None),
        ("", None),
        ("???", None),
        ("x" * 10_000, None),
    ],
)
def test_ranks_and_spellings_of_severities(value: str, target: str | None) -> None:
    """Digits and signs keep their meaning; letters may be wrong, punctuation may differ."""
    near = Spellings(SEVERITIES).spelling(value)
    assert (near and near.target) == target


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("to-do", "todo"),
        ("inprogress", "in_progress"),
        ("In Progres", "in_progress"),
        ("Unresolved", None),
        ("Not done", None),
        ("Undone", None),
    ],
)
def test_spellings_of_statuses(value: str, target: str | None) -> None:
    """A word that turns the meaning around is no typing error."""
    near = Spellings(STATUSES).spelling(value)
    assert (near and near.target) == target


@pytest.mark.parametrize(
    ("value", "target"),
    [
        ("In code review", "in_review"),
        ("Done by vendor", "done"),
        ("Done and resolved", "done"),
        ("Review done", None),
        ("Ready for review", None),
        ("Not done yet", None),
        ("To be done", None),
        ("Reviewing", None),
    ],
)
def test_a_known_word_inside_counts_if_nothing_speaks_against_it(value: str, target: str | None) -> None:
    """Words of two meanings, and words that turn another around, leave it open."""
    near = Spellings(STATUSES).word_inside(value)
    assert (near and near.target) == target


@pytest.mark.parametrize(
    ("value", "doubt"),
    [("0", "if its numbers mean the same"), (" 2 ", "if its numbers mean the same"), ("sev 0", ""), ("High!", "")],
)
def test_a_bare_number_is_in_doubt(value: str, doubt: str) -> None:
    """Its scale is unknown: 0 is the worst here, the least there."""
    near = Spellings(SEVERITIES).spelling(value)
    assert near is not None
    assert near.doubt == doubt


def test_a_number_that_is_known_is_not_in_doubt() -> None:
    """The mapping says what it means."""
    near = Spellings({"0": "low"}).spelling("0")
    assert near is not None
    assert not near.doubt


@pytest.mark.parametrize(
    ("value", "doubt"),
    [("Very high", 'but for "very"'), ("Not so very High", None), ("High enough", ""), ("high, critical high", None)],
)
def test_words_before_the_known_one_put_it_in_doubt(value: str, doubt: str | None) -> None:
    """`Very high` is more than `High`."""
    near = Spellings(SEVERITIES).word_inside(value)
    assert (near and near.doubt) == doubt


def test_a_rank_of_two_meanings_is_no_rank() -> None:
    """Where two scales disagree, nobody guesses."""
    assert Spellings({"P1": "high", "Sev1": "critical"}).spelling("1") is None
