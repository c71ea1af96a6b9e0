"""Unix times."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from importer.transform.epochs import read_epoch, show_epoch


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
