"""A few nights over a changing source."""

from __future__ import annotations

from random import Random

import pytest

from tests.end_to_end.nights import Settings, Source, run_nights
from tests.harness.running import SEED

pytestmark = pytest.mark.slow(seconds=40)


@pytest.mark.parametrize("on_change", ["report", "update"])
def test_a_few_nights(on_change: str) -> None:
    """After each finished night ledger and target agree, whatever was killed, repeated, changed or gone."""
    settings = Settings(seed=SEED, nights=4, rows=20, settle_seconds=3.0, on_change=on_change)
    said: list[str] = []
    tally = run_nights(settings, said.append)
    assert not tally.broken, tally.broken
    assert tally.counts["nights"] == settings.nights
    assert tally.counts["issues"] > settings.rows, said


def test_a_source_that_changes() -> None:
    """Thirty nights have everything that sources do: new, changed, gone, repeated, bad and moved rows."""
    source = Source(Random(1), 20)
    seen = set[str]()
    for _ in range(30):
        good, rows = dict(source.good), list(source.rows)
        source.turn()
        both = good.keys() & source.good.keys()
        seen |= {"new"} if source.good.keys() - good.keys() else set()
        seen |= {"gone"} if good.keys() - source.good.keys() else set()
        seen |= {"changed"} if any(good[key] != source.good[key] for key in both) else set()
        seen |= {"repeated"} if len(source.rows) > len(set(source.rows)) else set()
        seen |= {"bad"} if any(row[2] != "High" for row in source.rows) else set()
        seen |= {"moved"} if source.rows[: len(rows)] != rows else set()
    assert seen == {"new", "gone", "changed", "repeated", "bad", "moved"}
