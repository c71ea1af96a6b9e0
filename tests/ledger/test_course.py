"""The course of a run."""

from __future__ import annotations

from importer.errors import ExitCode
from importer.ledger.schema import State
from importer.ledger.store import Ledger
from importer.records import Minute
from tests.harness.ledger_sending import NOON, begin, send

MINUTE = int(NOON // 60)


def test_attempts_and_issues(ledger: Ledger) -> None:
    """Each attempt with its beginning; issues by the minute of their answer, and no other run's."""
    other = begin(ledger, digest="other")
    send(other, "k9")
    run = begin(ledger)
    send(run, "k1", "k2")
    send(run, "k3", state=State.REFUSED)
    run.finish(ExitCode.INTERRUPTED, {})
    course = begin(ledger).read_course(2)
    assert course.attempts == [(NOON, NOON, ExitCode.INTERRUPTED), (NOON, None, None)]
    assert course.made == {MINUTE: 2}


def test_minutes(ledger: Ledger) -> None:
    """What happened in a minute is added up over attempts; what an attempt has noted is there though it was killed."""
    first = begin(ledger)
    first.note_minutes([Minute(MINUTE, 100, 2, 1, 3.5), Minute(MINUTE + 1, 50)])
    second = begin(ledger)
    second.finish(ExitCode.DONE, {}, [Minute(MINUTE + 1, 25, 0, 0, 1.0)])
    begin(ledger, digest="other").note_minutes([Minute(MINUTE, 7)])
    course = second.read_course(0)
    assert course.minutes == [Minute(MINUTE, 100, 2, 1, 3.5), Minute(MINUTE + 1, 75, 0, 0, 1.0)]
    assert course.made == {}
