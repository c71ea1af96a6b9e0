"""A few nights of files that are never quite right."""

from __future__ import annotations

import pytest

from tests.end_to_end.deliveries import run_deliveries
from tests.harness.running import SEED

pytestmark = pytest.mark.slow(seconds=30)


def test_a_few_deliveries() -> None:
    """What Triage holds after each night is what the files said, and what people did."""
    said: list[str] = []
    tally = run_deliveries(SEED, 10, said.append)
    assert not tally.broken, tally.broken
    assert tally.counts["issues"] > 10, said
