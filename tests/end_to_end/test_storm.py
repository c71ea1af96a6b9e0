"""A short storm, and what it looks at: none of its promises can be broken unseen."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from importer.transform.markers import record_marker
from tests.end_to_end.storm import Settings, run_black_box, run_storm
from tests.harness.promises import Broken, Source, check_end, check_results, check_target, check_verified
from tests.harness.running import SEED, Ended, write_csv

pytestmark = pytest.mark.slow(seconds=50)

OUTCOMES = ("created", "updated", "unchanged", "changed", "skipped", "rejected", "failed", "unknown", "planned")


def test_a_short_storm() -> None:
    """Some twenty kills at random moments, in bad weather: each row is in once, and each end says what happened."""
    # The target is late by up to 3.5 seconds: what is left of the five is for a machine that stands still meanwhile.
    settings = Settings(seed=SEED, kills=20, kills_a_round=5, rows=30, workers=4, settle_seconds=5.0, search_lag=1.0)
    said: list[str] = []
    tally = run_storm(settings, said.append)
    assert not tally.broken, tally.broken
    assert tally.counts["kills"] >= settings.kills
    assert tally.counts["issues"] > 0, said


def test_a_small_black_box() -> None:
    """One import among unknowns and a few kills: each row is in once, and `verify` finds all as it was sent."""
    settings = Settings(seed=SEED, kills=1, rows=60, settle_seconds=3.0)
    said: list[str] = []
    tally = run_black_box(settings, said.append)
    assert not [broken for broken in tally.broken if "wasteful" not in broken], "of so few rows the kills cost much"
    assert tally.counts["issues"] > settings.rows, said


def ended(code: int, *, err: str = "", **summary: Any) -> Ended:
    plain = {"run_id": "r", "exit_code": code, "rows": 3, "stopped_because": ""} | dict.fromkeys(OUTCOMES, 0)
    return Ended(code, json.dumps(plain | summary), err)


FAITHFUL = {
    "all are in": ended(0, created=3),
    "some are bad": ended(1, created=2, rejected=1),
    "some are as bad as before": ended(0, created=2, rejected=1, known=1),
    "some are as incomplete as before": ended(0, created=3, findings={"incomplete": 1}, known=1),
    "somebody has changed one": ended(1, created=3, notices=[{"cause": "conflict", "new": 1}]),
    "what somebody changed is known": ended(0, created=3, notices=[{"cause": "conflict", "new": 0}]),
    "some are unknown": ended(4, created=2, unknown=1),
    "it stopped": ended(3, created=1, planned=2, stopped_because="The target is down."),
    "it stopped before it sent": ended(3, run_id="", rows=0, stopped_because="The target is down."),
}
BROKEN = {
    "it crashed": Ended(1, "", "Traceback (most recent call last):"),
    "it said nothing": Ended(0, "", ""),
    "it was not run": Ended(2, "", "Error: no such option"),
    "the code is another": ended(0, created=3, exit_code=1),
    "a row is missing": ended(0, created=2),
    "a bad row is nothing to speak of": ended(0, created=2, rejected=1),
    "an incomplete row is nothing to speak of": ended(0, created=3, findings={"incomplete": 1}),
    "an unknown row is nothing to speak of": ended(1, created=1, rejected=1, unknown=1),
    "a new conflict is nothing to speak of": ended(0, created=3, notices=[{"cause": "conflict", "new": 1}]),
    "an old conflict is news": ended(1, created=3, notices=[{"cause": "conflict", "new": 0}]),
    "nothing is unknown": ended(4, created=3),
    "it does not say why": ended(3, created=1, planned=2),
    "it does not say why before it sent": ended(3, run_id="", rows=0),
}


@pytest.mark.parametrize("end", FAITHFUL.values(), ids=FAITHFUL)
def test_an_end_that_tells(end: Ended) -> None:
    """Exit code and counts say the same."""
    check_end(end, 3)


@pytest.mark.parametrize("end", BROKEN.values(), ids=BROKEN)
def test_an_end_that_does_not_tell(end: Ended) -> None:
    """Silence and contradictions are seen."""
    with pytest.raises(Broken):
        check_end(end, 3)


@pytest.mark.parametrize(("titles", "what"), [("a", "lost"), ("abb", "doubled"), ("abc", "doubled"), ("", "lost")])
def test_what_is_at_the_target(titles: str, what: str) -> None:
    """A missing, repeated or strange issue is seen; nothing else is."""
    check_target([{"title": "b"}, {"title": "a"}], ["a", "b"])
    with pytest.raises(Broken, match=what):
        check_target([{"title": title} for title in titles], ["a", "b"])


@pytest.mark.parametrize(
    ("end", "kept"),
    [
        (Ended(0, '{"same": 2}', ""), True),
        (Ended(0, '{"same": 1}', ""), False),
        (Ended(1, '{"same": 2}', ""), False),
        (Ended(3, "", "The target is down."), False),
    ],
)
def test_what_was_verified(tmp_path: Path, end: Ended, kept: bool) -> None:
    """It is to be all that was made, and all the same."""
    results = write_csv(tmp_path / "results.csv", [("created",), ("unchanged",), ("created",)], ("outcome",))
    with nullcontext() if kept else pytest.raises(Broken):
        check_verified(end, results)


HEADER = ("record", "key", "outcome", "issue_id", "triage_id")
RESULTS: list[tuple[str, ...]] = [
    ("1", "jira:PROJ-1", "created", "id-1", "T-1"),
    ("2", "jira:PROJ-2", "created", "id-2", "T-2"),
    ("3", "jira:PROJ-2", "skipped", "id-2", "T-2"),
]
OTHER_RESULTS: dict[str, list[tuple[str, ...]]] = {
    "one is missing": RESULTS[:2],
    "one is repeated": [*RESULTS, RESULTS[2]],
    "two are in each other's place": [RESULTS[1], RESULTS[0], RESULTS[2]],
    "an outcome is another": [RESULTS[0], (*RESULTS[1][:2], "planned", "", ""), RESULTS[2]],
    "an issue is another row's": [RESULTS[0], (*RESULTS[1][:3], "id-1", "T-1"), RESULTS[2]],
    "an issue is not there": [RESULTS[0], (*RESULTS[1][:3], "id-3", "T-3"), RESULTS[2]],
    "a skipped row is created": [*RESULTS[:2], ("3", "jira:PROJ-2", "created", "id-2", "T-2")],
    "some are of an earlier run": [RESULTS[0], (*RESULTS[1][:2], "unchanged", "id-2", "T-2"), RESULTS[2]],
}


def look_at(folder: Path, results: list[tuple[str, ...]]) -> None:
    """Look at the results of three rows, the third of which repeats the second."""
    rows: list[tuple[str, ...]] = [(f"PROJ-{number}", f"Title {number}") for number in (1, 2)]
    issues = [
        {
            "id": f"id-{number}",
            "triage_id": f"T-{number}",
            "title": f"Title {number}",
            "description": f"---\ntis{'0' * 12} {record_marker(f'jira:PROJ-{number}')} (leave this line)",
        }
        for number in (1, 2)
    ]
    source = Source([*rows, rows[1]], ["good", "good", "skipped"])
    check_results(write_csv(folder / "results.csv", results, HEADER), source, issues)


def test_complete_results(tmp_path: Path) -> None:
    """Each row once, in order, with its own issue."""
    look_at(tmp_path, RESULTS)


@pytest.mark.parametrize("results", OTHER_RESULTS.values(), ids=OTHER_RESULTS)
def test_other_results(tmp_path: Path, results: list[tuple[str, ...]]) -> None:
    """Anything else is seen."""
    with pytest.raises(Broken):
        look_at(tmp_path, results)
