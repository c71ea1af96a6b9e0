"""Phrases that messages are made of."""

from __future__ import annotations

import pytest

from importer.phrases import counted, listed


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234567, "1,234,567 rows")])
def test_a_number_with_its_noun(number: int, text: str) -> None:
    """Only one is one; thousands are easy to read."""
    assert counted(number, "row") == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, ""), (1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more"), (2000, "0, 1, 2 and 1,997 more")]
)
def test_the_first_of_many_names(count: int, text: str) -> None:
    """All of them, or the first few and how many more there are."""
    assert listed([str(number) for number in range(count)], 3) == text
