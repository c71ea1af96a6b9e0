"""Dates and Unix times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.transform.dates import read_date, read_epoch, read_time, show_epoch


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1772442840", datetime(2026, 3, 2, 9, 14, tzinfo=UTC)),
        (" 1772442840000 ", datetime(2026, 3, 2, 9, 14, tzinfo=UTC)),
        ("1772442840.500000", datetime(2026, 3, 2, 9, 14, 0, 500_000, tzinfo=UTC)),
        ("20260302", None),
        ("2026-03-02", None),
        ("", None),
    ],
)
def test_epoch(text: str, expected: datetime | None) -> None:
    """Ten digits are seconds, thirteen milliseconds; eight are a date."""
    assert read_epoch(text) == expected


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("1772442840", "2026-03-02 09:14 UTC"),
        ("1772442840000", "2026-03-02 09:14 UTC"),
        ("2 March", "2 March"),
        ("", ""),
    ],
)
def test_a_time_for_people(text: str, shown: str) -> None:
    """What is none stays as it is."""
    assert show_epoch(text) == shown


def test_date_formats() -> None:
    """Dates are ISO 8601 or one of the mapping's formats; all are compared in UTC."""
    formats = ("%d/%b/%y %I:%M %p", "%d.%m.%Y")
    expected = datetime(2024, 1, 31, 13, 5, tzinfo=UTC)
    assert read_date("31/Jan/24 1:05 PM", formats) == expected
    assert read_date(" 2024-01-31T14:05:00+01:00 ", formats) == expected
    assert read_date("31.01.2024", formats) == datetime(2024, 1, 31, tzinfo=UTC)
    assert read_date("31.01.2024", ()) is None


@given(st.text())
@example("0001-01-01T00:00:00+01:00")
@example("9999-12-31T23:59:59-01:00")
def test_any_text_as_a_date(text: str) -> None:
    """Whatever stands where a date should be is a date in UTC or none, never an exception."""
    date = read_date(text, ("%d.%m.%Y",))
    assert date is None or date.tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_iso_dates(date: datetime) -> None:
    """Every date in ISO 8601 is read as what it is."""
    assert read_date(date.isoformat(), ()) == date


def test_a_unix_time_is_no_date_of_another_century() -> None:
    """Thirteen digits could be read as 1 January 1712, 23:45, too."""
    assert read_time("1712010112345", ()) == datetime(2024, 4, 1, 22, 21, 52, 345_000, tzinfo=UTC)
    assert read_time("2024-04-01", ()) == datetime(2024, 4, 1, tzinfo=UTC)
