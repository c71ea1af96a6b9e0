"""Keys that come again: who wins, and what the others are told."""

from __future__ import annotations

import marshal
import os
import signal
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, NamedTuple, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.duplicates import UNDATED, DuplicateVerdict, KeySpool, Policy
from importer.records import Outcome


class Entry(NamedTuple):
    """A row as the spool knows it."""

    key: str
    content: int
    date: datetime | None = None


ONE, TWO = 1, 2
DAYS = [None, *(datetime(2024, 1, day, tzinfo=UTC) for day in (1, 2))]
ENTRIES = st.lists(
    st.builds(Entry, st.sampled_from("abc"), st.sampled_from([ONE, TWO]), st.sampled_from(DAYS)),
    max_size=12,
)
POLICIES: tuple[Policy, ...] = get_args(Policy)


def verdicts_of(policy: Policy, *entries: Entry, at_once: int = 4) -> Mapping[int, DuplicateVerdict]:
    """The verdicts over rows that begin at line 2 of one file, at place 0."""
    with KeySpool(policy, ["first.csv"], at_once) as spool:
        for place, entry in enumerate(entries):
            stamp = UNDATED if entry.date is None else entry.date.timestamp()
            spool.add([(entry.key, place, 0, place + 2, entry.content, stamp)])
        return spool.verdicts()


@given(ENTRIES, st.sampled_from(POLICIES))
def test_one_winner_a_key(entries: list[Entry], policy: Policy) -> None:
    """Whatever comes, each key has exactly one winner: the first, or the earliest of the newest."""
    losers = verdicts_of(policy, *entries)
    winners = [place for place in range(len(entries)) if place not in losers]
    assert sorted(entries[place].key for place in winners) == sorted({entry.key for entry in entries})
    for place in winners:
        rivals = [other for other, entry in enumerate(entries) if entry.key == entries[place].key]
        newest = max(rivals, key=lambda other: (entries[other].date or datetime.min.replace(tzinfo=UTC), -other))
        assert place == (newest if policy == "newest" else rivals[0])


@given(ENTRIES, st.sampled_from(POLICIES))
def test_what_losers_are_told(entries: list[Entry], policy: Policy) -> None:
    """Equal content is `same-as` under every policy; other content is what the policy says; the winner is named.

    The newest of several with one date, or without, is not known: they are rejected as without a policy.
    """
    losers = verdicts_of(policy, *entries)
    for place, verdict in losers.items():
        loser = entries[place]
        winner = next(n for n, entry in enumerate(entries) if entry.key == loser.key and n not in losers)
        same = loser.content == entries[winner].content
        tied = loser.date in (entries[winner].date, None)
        newest = "key-duplicate" if tied else "older-than"
        other_code = {"reject": "key-duplicate", "first": "duplicate-of", "newest": newest}[policy]
        assert verdict.finding.code == ("same-as" if same else other_code)
        rejected = verdict.finding.code == "key-duplicate"
        assert verdict.outcome is (Outcome.REJECTED if rejected else Outcome.SKIPPED)
        assert verdict.finding.rejects is (verdict.outcome is Outcome.REJECTED)
        assert f"first.csv:{winner + 2}" in verdict.finding.message


@given(ENTRIES, st.sampled_from(POLICIES), st.integers(1, 9))
def test_parts_do_not_matter(entries: list[Entry], policy: Policy, at_once: int) -> None:
    """Verdicts don't depend on how many keys are compared at once."""
    assert dict(verdicts_of(policy, *entries, at_once=100)) == dict(verdicts_of(policy, *entries, at_once=at_once))


def test_verdicts_are_a_mapping() -> None:
    """Verdicts are looked up by place, whatever the place; they are false where nothing came again."""
    verdicts = verdicts_of("first", Entry("a", ONE), Entry("b", ONE), Entry("a", TWO))
    assert verdicts
    assert len(verdicts) == 1
    assert list(verdicts) == [2]
    assert [verdicts.get(place) is not None for place in (-1, 0, 1, 2, 3)] == [False, False, False, True, False]
    assert not verdicts_of("first", Entry("a", ONE))


@pytest.mark.parametrize("policy", POLICIES)
def test_over_several_files(policy: Policy) -> None:
    """A row of another file is named with that file."""
    with KeySpool(policy, ["one.csv", "two.csv"]) as spool:
        spool.add([("a", 0, 1, 7, ONE, UNDATED), ("a", 1, 0, 2, ONE, UNDATED)])
        verdict = spool.verdicts()[1]
    assert verdict.finding.message == "same as two.csv:7"


def test_hint() -> None:
    """A rejected duplicate says what to do about it."""
    verdict = verdicts_of("reject", Entry("a", ONE), Entry("a", TWO))[1]
    assert verdict.finding.message == "this key occurs first in first.csv:2, with other content"
    assert "`duplicates: first`" in verdict.finding.hint


def test_same_date() -> None:
    """Of two rows with one date none is older: the second is rejected, not skipped in silence."""
    verdict = verdicts_of("newest", Entry("a", ONE, DAYS[1]), Entry("a", TWO, DAYS[1]))[1]
    assert (
        verdict.finding.message
        == "this key also occurs, with the same date or none, in first.csv:2, with other content"
    )
    assert "a later date" in verdict.finding.hint


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """A process that is killed leaves no file."""
    code = (
        "import os, signal; from importer.check.duplicates import KeySpool\n"
        "with KeySpool('first', ['f']) as spool:\n"
        "    spool.add([('a', 0, 0, 2, 1, 0.0)])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    result = subprocess.run([sys.executable, "-c", code], env={**os.environ, "TMPDIR": str(tmp_path)}, check=False)
    assert result.returncode == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


def test_long_key() -> None:
    """A key may be longer than any that a person would write."""
    entry = Entry("é" * 40_000, ONE)
    assert list(verdicts_of("reject", entry, entry)) == [1]


def test_no_rows_are_read_for_each_part_of_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """However many keys come again, a row is read a few times: in each part of them, it would be the square."""
    reads, load = Counter[int](), marshal.load
    rows = 0

    def count(file: IO[bytes]) -> object:
        reads[rows] += 1
        return load(file)

    monkeypatch.setattr(marshal, "load", count)
    for rows in (200, 400):
        assert (
            len(verdicts_of("first", *(Entry(f"P-{place // 2}", place) for place in range(rows)), at_once=8))
            == rows // 2
        )
    assert reads[400] < 2.5 * reads[200]


def test_one_key_for_all_rows_takes_no_memory() -> None:
    """As where the mapping takes the project for the key: a verdict is all that is kept of a row."""
    rows = 20_000
    with KeySpool("newest", ["first.csv"]) as spool:
        for first in range(0, rows, 1000):
            spool.add([("P", place, 0, place + 2, place, float(place)) for place in range(first, first + 1000)])
        tracemalloc.start()
        try:
            assert len(spool.verdicts()) == rows - 1
            assert tracemalloc.get_traced_memory()[1] < 100 * rows
        finally:
            tracemalloc.stop()
