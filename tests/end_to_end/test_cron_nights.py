"""A few nights under cron."""

from __future__ import annotations

import pytest

from tests.end_to_end.cron_nights import TROUBLES, run_cron_nights
from tests.harness.running import SEED

pytestmark = pytest.mark.slow(seconds=40)


def test_a_few_nights_under_cron() -> None:
    """Good nights say nothing; what was refused is in after a person has done what the mail says, and all is known."""
    said: list[str] = []
    tally = run_cron_nights(SEED, len(TROUBLES) + 1, said.append)
    assert not tally.broken, (tally.broken, said)
    assert tally.counts["troubles"] == len(TROUBLES)
    assert tally.counts["bytes"] == 0
