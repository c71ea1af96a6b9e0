"""Each safeguard of exactly once is guarded by a test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.end_to_end.mutations import MUTATIONS
from tests.harness.mutating import FAILED, PASSED, Mutation, copy_program, mutated, run_tests


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with a copy of the program."""
    folder = tmp_path_factory.mktemp("program")
    copy_program(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.safeguard)
def test_a_missing_safeguard_is_noticed(mutation: Mutation, folder: Path) -> None:
    """Taken out alone, it makes the test fail that stands beside it in the table."""
    with mutated(mutation, folder):
        code, printed = run_tests(folder, mutation.test)
    assert code == FAILED, printed


@pytest.mark.slow
def test_nothing_is_missing(folder: Path) -> None:
    """With every safeguard in its place they pass there, too: every thirtieth, as all do in the checkout."""
    code, printed = run_tests(folder, *[*{each.test: None for each in MUTATIONS}][::30])
    assert code == PASSED, printed
