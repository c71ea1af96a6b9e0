"""Proposals for values that a mapping doesn't know."""

from __future__ import annotations

from collections import Counter

import pytest

from importer.api import FieldName
from importer.authoring.proposals import Proposal, Proposer
from importer.mapping.reader import load_mapping
from importer.records import Evidence, Unknown


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
