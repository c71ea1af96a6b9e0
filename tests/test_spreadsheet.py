"""Escaping for spreadsheets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.spreadsheet import escape_cell, unescape_cell


@given(st.text() | st.text(alphabet="=+-@\t\r'a"))
def test_escaping_and_back(text: str) -> None:
    """What is escaped comes back as it was."""
    assert unescape_cell(escape_cell(text)) == text


@pytest.mark.parametrize("start", list("=+-@\t\r'"))
def test_formulas_get_an_apostrophe(start: str) -> None:
    """A cell that a spreadsheet would run gets exactly one apostrophe."""
    assert escape_cell(f"{start}1") == f"'{start}1"


@pytest.mark.parametrize("text", ["", "plain", " =1", "1'"])
def test_other_cells_stay(text: str) -> None:
    """A cell that is no formula is left alone."""
    assert escape_cell(text) == text


@pytest.mark.parametrize("text", ["'tis", "'", "''tis"[1:]])
def test_an_apostrophe_of_the_text_stays(text: str) -> None:
    """An apostrophe before something harmless was not put there by us."""
    assert unescape_cell(text) == text
