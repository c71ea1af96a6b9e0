"""`--max-rejected`: a number of rows, or a share of them."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cli.numbers import FiniteRange, RowLimit, RowLimitType


def read(text: str) -> RowLimit:
    """Read one as the command line does."""
    return RowLimitType().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0", RowLimit(0, False)),
        ("20", RowLimit(20, False)),
        ("5%", RowLimit(5, True)),
        (" 2.5% ", RowLimit(2.5, True)),
    ],
)
def test_two_forms(text: str, share: RowLimit) -> None:
    """A bare number counts rows, one with % is a share; white space around it doesn't count."""
    assert read(text) == share
    assert read(str(share)) == share


@pytest.mark.parametrize("text", ["", "%", "-1", "101%", "many", "5 %%", "nan", "inf", "1_000", "5,5%"])
def test_nothing_else(text: str) -> None:
    """Anything else is refused with the two forms."""
    with pytest.raises(click.BadParameter, match="neither a number of rows nor a share like 5%"):
        read(text)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_zero_allows_none_and_all_allows_all(rows: int, more: int) -> None:
    """`0` and `0%` allow no row, `100%` any number of them, and so many rows are not more than that."""
    total = rows + more
    assert RowLimit(0, False).is_exceeded(rows, total) == RowLimit(0, True).is_exceeded(rows, total) == (rows > 0)
    assert not RowLimit(100, True).is_exceeded(rows, total)
    assert not RowLimit(rows, False).is_exceeded(rows, total)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "five"])
def test_numbers_are_finite(text: str) -> None:
    """A rate that is no number would hold nothing back."""
    with pytest.raises(click.BadParameter):
        FiniteRange(min=0).convert(text, None, None)
