"""`--max-rejected`: a number of rows, or a share of them."""

from __future__ import annotations

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cli.option_types import FiniteRange, RateType, RowLimitType
from importer.errors import ExitCode
from importer.library.options import RowLimit
from tests.harness.running import Program


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


@pytest.mark.parametrize("command", ["run x.csv", "settle a:1 T-1", "rebuild-ledger x.csv", "verify last", "undo last"])
@pytest.mark.parametrize("rate", ["1e-320", "0.0000001", "0.0099", "-1", "nan", "inf"])
def test_a_rate_has_a_least_value(program: Program, command: str, rate: str) -> None:
    """Slower than a request in 100 seconds no import ends, and nobody could wait for some of these."""
    ended = program(*command.split(), "--rate", rate)
    assert (ended.code, "'--rate'" in ended.err, "\n" in ended.err.strip()) == (ExitCode.UNUSABLE, True, True), ended
    assert RateType(min=0).convert("0", None, None) == 0
    assert RateType(min=0).convert("0.01", None, None) == 0.01
