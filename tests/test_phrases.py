"""Phrases that messages are made of."""

from __future__ import annotations

import pytest

from importer.phrases import counted, escape_controls, format_duration, listed


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


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.21, "3.2 s"), (59.96, "1 min 0 s"), (250, "4 min 10 s"), (8000, "2 h 13 min")],
)
def test_durations(seconds: float, text: str) -> None:
    """Two units at most."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("é 日本", "é 日本"), ("a\x1b[2Jb", r"a\x1b[2Jb"), ("exe\u202egnp", r"exe\u202egnp"), ("a\nb", r"a\nb")],
)
def test_harmless_texts(text: str, shown: str) -> None:
    """Nothing controls a terminal or turns the direction of writing; other alphabets stay."""
    assert escape_controls(text) == shown
