"""Each safeguard of exactly once is guarded by a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.mutations import FAILED, MUTATIONS, ROOT, Mutation, mutate, run_test

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.safeguard)
def test_a_missing_safeguard_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    """Taken out alone, it makes the test fail that stands beside it in the table."""
    assert (ROOT / mutation.file).read_text(encoding="utf-8").count(mutation.code) == 1, "the table is out of date"
    mutate(mutation, tmp_path)
    ended = run_test(mutation, tmp_path)
    assert ended.returncode == FAILED, ended.stdout + ended.stderr
