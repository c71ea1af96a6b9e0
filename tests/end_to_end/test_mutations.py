"""Each safeguard of exactly once is guarded by a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.mutations import FAILED, MUTATIONS, ROOT, Mutation, mutate, run_test


def test_the_table_is_up_to_date() -> None:
    """What each mutation takes out stands where the table says, once."""
    counts = {each.safeguard: (ROOT / each.file).read_text(encoding="utf-8").count(each.code) for each in MUTATIONS}
    assert {safeguard: count for safeguard, count in counts.items() if count != 1} == {}


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.safeguard)
def test_a_missing_safeguard_is_noticed(mutation: Mutation, tmp_path: Path) -> None:
    """Taken out alone, it makes the test fail that stands beside it in the table."""
    mutate(mutation, tmp_path)
    ended = run_test(mutation, tmp_path)
    assert ended.returncode == FAILED, ended.stdout + ended.stderr
