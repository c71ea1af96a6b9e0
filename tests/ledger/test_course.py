"""The course of a run."""

from __future__ import annotations

from importer.ledger.schema import State
from importer.ledger.store import Ledger
from tests.harness.ledger_sending import NOON, begin, send


def test_attempts_and_issues(ledger: Ledger) -> None:
    """Each attempt with its beginning; issues by the minute of their answer, and no other run's."""
    other = begin(ledger, digest="other")
    send(other, "k9")
    run = begin(ledger)
    send(run, "k1", "k2")
    send(run, "k3", state=State.REFUSED)
    course = begin(ledger).read_course()
    assert course.attempts == [(NOON, None), (NOON, None)]
    assert course.made == {int(NOON // 60): 2}
