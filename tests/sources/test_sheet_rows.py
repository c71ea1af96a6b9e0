"""Rows of a sheet as text: cells as a person sees them."""

from __future__ import annotations

import io
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from python_calamine import load_workbook

from importer.sources.sheet_rows import Value, read_rows, to_text, write_sheet
from tests.harness.workbooks import write_xlsx


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (12345678901234568.0, "12345678901234568"),
        (-0.5, "-0.5"),
        (0.1 + 0.2, "0.3"),
        (1e-7, "0.0000001"),
        (True, "TRUE"),
        ("01", "01"),
        (date(2026, 3, 1), "2026-03-01"),
        (datetime(2026, 3, 1, 10, 29, 59, 999_000), "2026-03-01 10:30:00"),
        (time(10, 30), "10:30:00"),
        (timedelta(days=1, hours=2, seconds=5), "26:00:05"),
    ],
)
def test_a_cell(value: Value, text: str) -> None:
    """Whole numbers have no `.0`, others no digits that a sheet doesn't show; dates are ISO 8601."""
    assert to_text(value) == text


def test_cells_that_are_merged(tmp_path: Path) -> None:
    """Merged downwards, each row has the text; a title across the columns stays the only cell of its row."""
    rows = [[None, "A title"], [None, "Team", "Task"], [None, "Voice", "a"], [None, None, "b"], [None, None, "c"]]
    write_xlsx(tmp_path / "a.xlsx", {"A": rows}, merged=["B1:C1", "B3:B4"])
    sheet = load_workbook(tmp_path / "a.xlsx").get_sheet_by_name("A")
    assert list(read_rows(sheet)) == [["A title", ""], ["Team", "Task"], ["Voice", "a"], ["Voice", "b"], ["", "c"]]


def test_a_sheet_as_csv(tmp_path: Path) -> None:
    """Empty rows are empty lines, so that the others keep their numbers; line breaks of any kind are quoted."""
    write_xlsx(tmp_path / "a.xlsx", {"A": [["id", "text"], [1, "a\rb\nc"], [], ["", ""], [2, '"']]}, first=2)
    out = io.StringIO(newline="")
    with (tmp_path / "a.xlsx").open("rb") as file:
        assert write_sheet(file, "", out) == ("written", ["A"])
    assert out.getvalue() == '\r\nid,text\r\n1,"a\rb\nc"\r\n\r\n\r\n2,""""\r\n'
