"""The figures of a check or a run, and whether they add up."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from importer.errors import ExitCode, RunStopped, TimeOver, TooManyFailures
from importer.notices import Earlier, decide_exit_code, find_notices
from importer.records import Outcome
from importer.report.summary import Sum, Summary, add_up, count_needing, describe_verification

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
        ({Outcome.UPDATED: 1}, {"conflict": 1}, {}, ExitCode.PARTLY),
        ({Outcome.SKIPPED: 1}, {"conflict": 1}, {"known": {"conflict": 1}}, ExitCode.DONE),
        ({Outcome.SKIPPED: 1}, {"conflict": 1}, {"known": {"conflict": 1}, "standing": True}, ExitCode.PARTLY),
        ({Outcome.UNCHANGED: 2}, {"vanished": 1}, {}, ExitCode.PARTLY),
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
    settings = {"stopped": None} | more
    every = Counter({**{str(each): number for each, number in counts.items()}, **codes})
    every["unknown"] += settings.pop("undecided", 0)
    earlier = {cause: Earlier(known=number) for cause, number in settings.pop("known", {}).items()}
    notices = find_notices(every, earlier)
    assert decide_exit_code(notices, **settings) is code


EVIDENCE = {"source_says": 0, "file_has": 9, "planned": 2, "sent": 7}
PEOPLE = {"people": 3, "matched": 1, "source_says": 0, "file_has": 8, "planned": 4, "sent": 2}
VERIFIED = {
    **{"at": 0.0, "same": 4, "different": 1, "missing": 1, "stranger": 0, "unsettled": 0},
    "read_back": {kind: {"sent": 6, "found": 5} for kind in ("issue", "assignment", "evidence", "flag")},
}


def test_of_a_run() -> None:
    """Of a continued run there is no less to be sent than was sent, where all its attempts are counted."""
    summary = Summary(
        "r", 3, 20, created=6, planned=4, unknown=1, counted={"evidence": EVIDENCE, "assignments": PEOPLE}
    )
    assert add_up(summary, {}) == [
        Sum("Issues, by their rows", None, 20, 11, 6),
        Sum("Calls, conversations and files", None, 9, 7, 7),
        Sum("Owners and assignees", None, 8, 4, 2, None, "3 people named, 1 with a user in Triage"),
    ]


def test_what_was_read_back() -> None:
    """Each kind has how many of how many were found, one too that the last attempt didn't send."""
    summary = Summary("r", 0, 6, created=6, counted={"evidence": EVIDENCE}, additions={"comment": 2})
    assert [(each.kind, each.read_back) for each in add_up(summary, VERIFIED)] == [
        ("Issues, by their rows", (5, 6)),
        ("Calls, conversations and files", (5, 6)),
        ("Flags", (5, 6)),
        ("Requests for comments", None),
    ]


def test_evidence_of_an_earlier_version() -> None:
    """Its summary has only what was attached to issues that were there."""
    (_, evidence) = add_up(Summary("r", 0, 6, updated=6, additions={"evidence": 2}, forecast={"evidence": 3}), {})
    assert evidence == Sum("Calls, conversations and files", None, None, 3, 2)


def test_a_verification_in_a_sentence() -> None:
    """When it was, what was found, and how many issues somebody has to look at."""
    said = describe_verification(VERIFIED)
    assert said.endswith(": 4 of 6 issues were as they were sent; 2 need you.")
    assert count_needing({}) == 0
    all_same = {**VERIFIED, "same": 6, "different": 0, "missing": 0}
    assert describe_verification(all_same).endswith(": 6 of 6 issues were as they were sent; nothing differed.")
    one = {**VERIFIED, "same": 1, "different": 1, "missing": 0, "stranger": 0, "unsettled": 0}
    assert describe_verification(one).endswith(": 1 of 2 issues was as it was sent; 1 needs you.")
