"""summary.json."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from importer.errors import ExitCode, RunStopped, TimeOver, TooManyFailures
from importer.records import Outcome
from importer.report.summary import Summary, decide_exit_code

SUMMARY = Summary(
    "2026-11-24-jira-1", 1, rows=10, created=4, skipped=3, rejected=2, unknown=1, findings={"title-missing": 2}
)


def test_summary(snapshot: SnapshotAssertion) -> None:
    """The names and their order are stable: programs read them."""
    assert SUMMARY.as_text() == snapshot


def test_outcomes_are_the_rows() -> None:
    """Every outcome has its figure, and they add up to the rows."""
    assert sum(SUMMARY.outcomes().values()) == SUMMARY.rows


@pytest.mark.parametrize(
    ("counts", "codes", "more", "code"),
    [
        ({Outcome.CREATED: 3, Outcome.SKIPPED: 1}, {}, {}, ExitCode.DONE),
        ({Outcome.CREATED: 3}, {"incomplete": 1}, {}, ExitCode.PARTLY),
        ({Outcome.CREATED: 3}, {"evidence-pending": 1}, {}, ExitCode.PARTLY),
        ({Outcome.CREATED: 3}, {"evidence-missing": 1}, {}, ExitCode.PARTLY),
        ({Outcome.SKIPPED: 1}, {"perhaps-gone": 1}, {}, ExitCode.PARTLY),
        ({Outcome.SKIPPED: 1}, {"gone-at-target": 1}, {}, ExitCode.DONE),
        ({Outcome.CREATED: 3, Outcome.PLANNED: 1}, {}, {}, ExitCode.PARTLY),
        ({Outcome.FAILED: 1}, {}, {}, ExitCode.PARTLY),
        ({Outcome.REJECTED: 2}, {}, {"known": {"rejected": 1}}, ExitCode.PARTLY),
        ({Outcome.REJECTED: 2}, {}, {"known": {"rejected": 2}}, ExitCode.DONE),
        (
            {Outcome.FAILED: 1, Outcome.CREATED: 1},
            {"incomplete": 1},
            {"known": {"failed": 1, "incomplete": 1}},
            ExitCode.DONE,
        ),
        ({Outcome.CREATED: 3}, {}, {"undecided": 1}, ExitCode.UNKNOWN),
        ({Outcome.CREATED: 2, Outcome.UNKNOWN: 1}, {"incomplete": 1}, {}, ExitCode.UNKNOWN),
        ({Outcome.UNKNOWN: 1}, {}, {"stopped": RunStopped("")}, ExitCode.STOPPED),
        ({Outcome.UNKNOWN: 1}, {"marker-ambiguous": 1}, {"stopped": TimeOver("")}, ExitCode.TIME_OVER),
        ({Outcome.PLANNED: 1}, {}, {"stopped": TooManyFailures("")}, ExitCode.DECIDE),
        ({Outcome.FAILED: 1}, {"marker-ambiguous": 1}, {}, ExitCode.DECIDE),
        ({Outcome.UNKNOWN: 1}, {"marker-ambiguous": 1}, {}, ExitCode.UNKNOWN),
        ({Outcome.CREATED: 3}, {}, {"interrupted": True}, ExitCode.DONE),
        ({Outcome.CREATED: 3}, {}, {"interrupted": True, "undecided": 1}, ExitCode.INTERRUPTED),
        ({Outcome.PLANNED: 3}, {}, {"interrupted": True, "stopped": RunStopped("")}, ExitCode.INTERRUPTED),
        ({Outcome.CREATED: 3}, {}, {"interrupted": True, "stopped": RunStopped("")}, ExitCode.INTERRUPTED),
    ],
)
def test_nothing_that_is_missing_ends_with_0(
    counts: dict[Outcome, int], codes: dict[str, int], more: dict[str, Any], code: ExitCode
) -> None:
    """What is not in Triage, neither done nor decided, is in the exit code; the worst of several counts."""
    settings = {"stopped": None, "interrupted": False} | more
    assert decide_exit_code(Counter(counts), codes, **settings) is code
