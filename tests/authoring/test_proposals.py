"""What values that a mapping doesn't know may become."""

from __future__ import annotations

from collections import Counter

import pytest

from importer.api import FieldName
from importer.authoring.proposals import Proposal, Proposer, Spellings
from importer.mapping.reader import load_mapping
from importer.records import Evidence, Unknown

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


@pytest.fixture(scope="module")
def jira() -> Proposer:
    """Proposals against the jira preset."""
    return Proposer(load_mapping("jira").model)


def status(name: str = "Odd", *, category: str = "", resolution: str = "", closed: int = 0, rows: int = 10) -> Unknown:
    """An unknown status all of whose rows say the same, but for the closing date."""
    evidence = Evidence(
        Counter({category: rows}), Counter({resolution: rows}), Counter({True: closed, False: rows - closed})
    )
    return Unknown("status", name, rows, evidence=evidence)


@pytest.mark.parametrize(
    ("unknown", "target", "reason"),
    [
        (status("in-progress"), "in_progress", 'near "In Progress"'),
        (status("Review by QA"), "in_review", "by a word"),
        (status("In group review", closed=10), "done", "closed date in 10 of 10"),
        (status("In group review", category="In Progress"), "in_review", "by a word"),
        (status("Review board", category="Done"), "done", "status category Done"),
        (status(category="To Do"), "todo", "status category To Do"),
        (status(category="In Progress", closed=10), "in_progress", "status category In Progress"),
        (status(category="Fertig"), "done", "status category Fertig"),
        (status(category="Done", resolution="Won’t Do"), "closed", "resolution Won’t Do"),
        (status(resolution="Fixed"), "done", "resolution Fixed"),
        (status(closed=10), "done", "closed date in 10 of 10"),
        (status(closed=9), "done", "closed date in 9 of 10"),
    ],
)
def test_a_status_is_proposed_from_evidence(jira: Proposer, unknown: Unknown, target: str, reason: str) -> None:
    """Spelling first, then the word inside, status category, resolution and closing date."""
    assert jira.propose(unknown) == Proposal(target, reason)


@pytest.mark.parametrize(
    ("unknown", "target"),
    [
        (status(), "todo"),
        (status(closed=8), "todo"),
        (status(closed=5), "todo"),
        (status(category="Custom"), "todo"),
        (Unknown("status", "Odd", 3), "todo"),
        (Unknown("severity", "-1", 2662), "medium"),
        (Unknown("severity", "", 5), "medium"),
        (Unknown("category", "Both Bug and Epic", 14), "Bug"),
        (Unknown("category", "🙃", 1), "Bug"),
    ],
)
def test_without_evidence_a_proposal_is_neutral(jira: Proposer, unknown: Unknown, target: str) -> None:
    """It says so, and is harmless."""
    assert jira.propose(unknown) == Proposal(target, "no evidence: decide", neutral=True)


def test_rows_that_disagree_are_no_evidence(jira: Proposer) -> None:
    """Eight of ten are not enough."""
    evidence = Evidence(Counter({"Done": 8, "To Do": 2}))
    assert jira.propose(Unknown("status", "Odd", 10, evidence=evidence)).neutral


@pytest.mark.parametrize(
    ("field", "value", "target"),
    [
        ("severity", "Prio 0", "critical"),
        ("severity", "High (of three)", "high"),
        ("severity", "Very High", "critical"),
        ("severity", "2 - Not so urgent", "low"),
        ("category", "Bugs", "Bug"),
        ("category", "Incident in production", "Incident"),
    ],
)
def test_other_fields_are_proposed_by_spelling(jira: Proposer, field: FieldName, value: str, target: str) -> None:
    """A near name, or one known word."""
    proposal = jira.propose(Unknown(field, value, 1))
    assert (proposal.target, proposal.neutral) == (target, False)


@pytest.mark.parametrize(
    ("unknown", "target", "reason"),
    [
        (Unknown("severity", "0", 1), "critical", 'near "P0", if its numbers mean the same: decide'),
        (Unknown("category", "Production incident", 1), "Incident", 'near "Incident", but for "production": decide'),
    ],
)
def test_a_name_in_doubt_is_proposed_as_neutral(jira: Proposer, unknown: Unknown, target: str, reason: str) -> None:
    """The rows of a bare number, or of a known word with others before it, carry warnings."""
    assert jira.propose(unknown) == Proposal(target, reason, neutral=True)
