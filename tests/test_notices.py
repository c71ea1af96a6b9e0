"""The list of what somebody must know, and what follows from it."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

import pytest

from importer.errors import ExitCode
from importer.ledger.previous_run import is_told_again
from importer.notices import CAN_WAIT, CAUSES, Earlier, Notice, Who, decide_exit_code, find_notices

NOW = [code for code, cause in CAUSES.items() if cause.who is Who.NOW]
SUNDAY, MONDAY = datetime(2026, 11, 22), datetime(2026, 11, 23)


@pytest.mark.parametrize("code", NOW)
def test_what_must_be_done_now(code: str) -> None:
    """It counts in every run."""
    assert decide_exit_code(find_notices({code: 2}, {code: Earlier(known=2)}), stopped=None) is CAUSES[code].code


@pytest.mark.parametrize("code", sorted(CAN_WAIT.intersection(NOW)))
def test_what_is_put_off(code: str) -> None:
    """It doesn't count; what is new of it counts all the same."""
    earlier, put_off = {code: Earlier(known=2)}, {code: "2030-01-15"}
    assert decide_exit_code(find_notices({code: 2}, earlier, put_off=put_off), stopped=None) is ExitCode.DONE
    assert decide_exit_code(find_notices({code: 3}, earlier, put_off=put_off), stopped=None) is CAUSES[code].code


def test_what_nobody_must_do_anything_about() -> None:
    """It is counted, and news only where there is more of it than in the last run; the exit code is 0."""
    before = find_notices({"gone-at-target": 2})
    (stands,) = find_notices({"gone-at-target": 2}, before=before)
    (more,) = find_notices({"gone-at-target": 3}, before=before)
    assert [stands.is_news, more.new, decide_exit_code([more], stopped=None)] == [False, 1, ExitCode.DONE]


def test_since_when() -> None:
    """It is since the run that had it first, as long as each one had it; a notice is kept as it is."""
    (first,) = find_notices({"conflict": 1}, now="2026-11-22T02:00:00+00:00")
    assert Notice.read(asdict(first)) == first
    tonight, earlier = "2026-11-23T02:00:00+00:00", {"conflict": Earlier(known=1)}
    other, second = find_notices({"conflict": 1, "rejected": 1}, earlier, before=[first], now=tonight)
    assert (second.since, other.since) == (first.since, tonight)
    assert second.line.endswith(" Since 2026-11-22.")
    assert first.line == first.text


@pytest.mark.parametrize(
    ("last", "at", "put_off", "is_told"),
    [
        (SUNDAY, MONDAY, [], True),
        (MONDAY, datetime(2026, 11, 24), [], False),
        (MONDAY, datetime(2026, 11, 24), ["2026-11-25"], False),
        (MONDAY, datetime(2026, 11, 25), ["2026-11-25"], True),
        (MONDAY, datetime(2026, 11, 27), ["2026-12-24", "2026-11-25"], True),
        (MONDAY, datetime(2026, 11, 27), ["2026-11-23"], False),
    ],
)
def test_when_it_is_told_again(last: datetime, at: datetime, put_off: list[str], *, is_told: bool) -> None:
    """In the first run of a week, and in the first from the day on until which it was put off."""
    assert is_told_again(put_off, last.timestamp(), at.timestamp()) is is_told
