"""Distinct texts are numbered alike with and without pandas."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.transform import distinct
from importer.transform.distinct import FEW, number_texts


@given(st.lists(st.text(max_size=3)))
def test_each_text_has_the_number_of_its_first_equal(texts: list[str]) -> None:
    """Few texts or many, the numbers lead back to them, and the distinct ones come in their order."""
    many = texts * (FEW + 1)
    for some in (texts, many[: max(FEW + 1, len(texts))]):
        numbers, found = number_texts(some)
        assert [found[number] for number in numbers.tolist()] == some
        assert list(found) == list(dict.fromkeys(some))


@pytest.mark.parametrize("other", ["A", "a\0"])
def test_a_long_column(other: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is nothing to pandas is a text here: NaN, NA, an empty cell, half a character; a NUL is part of one."""
    texts = ["nan", "NA", "", "None", other, "a", "\ud800", "nan"]
    monkeypatch.setattr(distinct, "FEW", 0)
    numbers, found = number_texts(texts)
    assert numbers.tolist() == [0, 1, 2, 3, 4, 5, 6, 0]
    assert found == texts[:7]
