"""Spreadsheets: cells that they would run, and cells as they are quoted."""

from __future__ import annotations

import csv
import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.spreadsheet import escape_cell, escape_signs, shown_cell, shown_cells, unescape_cell, write_cells


@given(st.text() | st.text(alphabet="=+-@＝\t\r\ufeff'a"))
def test_escaping_and_back(text: str) -> None:
    """What is escaped comes back as it was."""
    assert unescape_cell(escape_cell(text)) == text


@pytest.mark.parametrize("start", list("=+-@＝＋－＠\t\r\n\ufeff'"))
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


@given(st.lists(st.text() | st.text(alphabet=",;\"\r\n 'a"), min_size=2))
def test_cells_are_quoted_as_csv_does(texts: list[str]) -> None:
    """Cells that are written as a column are the bytes that Python's writer makes of them row by row."""
    written = io.StringIO(newline="")
    csv.writer(written).writerow(texts)
    assert ",".join(write_cells(texts)) + "\r\n" == written.getvalue()


@given(st.lists(st.text() | st.text(alphabet="=\x1b\x9b\u202e\u200f\ufeff\n\xa0a")))
def test_what_is_shown_controls_nothing(texts: list[str]) -> None:
    """Escapes and marks of direction are written out as JSON reads them; lines, tabs and wide blanks stay."""
    assert shown_cells(texts) == list(map(shown_cell, texts))
    for text in texts:
        assert not set("\x1b\x9b\x07\r\x7f\u202e\u2066\u200f\ufeff") & set(shown_cell(text))
        assert json.loads(escape_signs(json.dumps(text, ensure_ascii=False))) == text
    assert escape_signs("a\n\tb\xa0c 👩\u200d💻") == "a\n\tb\xa0c 👩\u200d💻"
