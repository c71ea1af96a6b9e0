"""Rows of a sheet as text: cells as a person sees them."""

from __future__ import annotations

import csv
import io
from datetime import date, datetime, time, timedelta
from pathlib import Path

import pytest
from python_calamine import load_workbook

from importer.sources.sheet_rows import CellFacts, Value, cell_text, read_sheet, write_sheet
from tests.harness.workbooks import Cell, Formula, Marked, write_ods, write_xlsx


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0, "1"),
        (12345678901234568.0, "12345678901234568"),
        (9007199254740990000.0, "9007199254740990000"),
        (-1e23, "-100000000000000000000000"),
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
    assert cell_text(value) == text


def test_cells_that_are_merged(tmp_path: Path) -> None:
    """Merged downwards, each row has the text in its first column; a title across stays the only cell of its row."""
    rows = [[None, "A title"], [None, "Team", "Task"], [None, "Voice", "a"], [None, None, "b"], [None, "c"], []]
    write_xlsx(tmp_path / "a.xlsx", {"A": [*rows, [None, None, "d"]]}, merged=["B1:C1", "B3:B4", "B5:C6"])
    sheet = load_workbook(tmp_path / "a.xlsx").get_sheet_by_name("A")
    first, second, *others = read_sheet(sheet, CellFacts())
    assert (first, second) == (["A title", ""], ["Team", "Task"])
    assert others == [["Voice", "a"], ["Voice", "b"], ["c", ""], ["c", ""], ["", "d"]]


def written(path: Path, cells: list[Cell]) -> tuple[list[str], list[str]]:
    """The cells of a row below a header as they are read, and what is said of them."""
    write_xlsx(path, {"A & B": [["Issue key", "Text"], cells]})
    out = io.StringIO(newline="")
    with path.open("rb") as file:
        ending, (name, *notices) = write_sheet(file, "", out)
    assert (ending, name) == ("written", "A & B")
    return list(csv.reader(io.StringIO(out.getvalue())))[1], notices


def test_what_the_library_takes_for_empty(tmp_path: Path) -> None:
    """An error is there, and a formula that nobody has computed; each is said, with how many and the first."""
    cells: list[Cell] = ["P-1", "#REF!", Formula("A1 &amp; 1"), Formula("SUM(A1:A2)", "0"), Formula("1+1", "2"), "#N/A"]
    read, notices = written(tmp_path / "a.xlsx", cells)
    assert read == ["P-1", "#REF!", "=A1 &amp; 1", "0", "2", "#N/A"]
    assert [notice.partition(":")[0] for notice in notices] == [
        "spreadsheet errors in 2 cells, the first #REF! in B2",
        "formulas without a computed value in 1 cell, the first =A1 &amp; 1 in C2",
    ]


def test_a_link_that_nobody_has_computed(tmp_path: Path) -> None:
    """It shows its label, else its address, whatever stands beside it; what can be no formula was a text."""
    links = [
        Formula('HYPERLINK("https://t/P-1","P-1")'),
        Formula('HYPERLINK("https://t/2", "say ""2""")', "0"),
        Formula('hyperlink("https://t/3")'),
        Formula("===== Steps", "0"),
    ]
    assert written(tmp_path / "a.xlsx", [*links]) == (["P-1", 'say "2"', "https://t/3", "====== Steps"], [])


def test_a_program_that_computes_nothing(tmp_path: Path) -> None:
    """Where all formulas are 0, that is perhaps none of their values."""
    read, [notice] = written(tmp_path / "a.xlsx", ["P-1", Formula("A1", "0"), Formula("A2", "0")])
    assert read == ["P-1", "0", "0"]
    assert notice.startswith("formulas in 2 cells, the first =A1 in B2, all with the value 0: ")


def test_what_stays_behind(tmp_path: Path) -> None:
    """Notes, and addresses that the text doesn't tell: they are counted, with the first of them."""
    rows: list[list[Cell]] = [["Key", "File"], ["P-1", "Screenshot"], ["P-2", "https://f/2"], ["P-3", "Log"], ["P-4"]]
    links = {"A2": "https://t/browse/P-1", "B2": "https://f/1", "B3": "https://f/2", "B4": "https://f/3"}
    write_xlsx(tmp_path / "a.xlsx", {"A": rows}, links=links, notes=["A5", "B2"])
    with (tmp_path / "a.xlsx").open("rb") as file:
        assert write_sheet(file, "", io.StringIO()) == (
            "written",
            [
                "A",
                "notes in 2 cells, the first A5: notes aren't imported",
                "links in 2 cells, the first https://f/1 in B2: only their text is imported, not their address",
            ],
        )


ODS_ERROR = 'table:formula="of:=1/0" office:value-type="string" office:string-value="" calcext:value-type="error"'
ODS_MERGED = 'office:value-type="string" table:number-columns-spanned="1" table:number-rows-spanned="3"'


def test_what_an_ods_has(tmp_path: Path) -> None:
    """Cells that are merged, breaks within a paragraph, errors, notes and addresses are as in an .xlsx."""
    link = '<text:p>see <text:a xlink:href="https://t/x">the log</text:a></text:p>'
    rows: list[list[Cell | Marked]] = [
        ["Key", "Team", "Text", "Sum"],
        ["P-1", Marked("<text:p>Voice</text:p>", ODS_MERGED), Marked("<text:p>a<text:line-break/>b</text:p>"), 1],
        [
            "P-2",
            None,
            Marked("<text:p>c<text:tab/>d</text:p><text:p>e</text:p>"),
            Marked("<text:p>#DIV/0!</text:p>", ODS_ERROR),
        ],
        ["P-3", None, Marked(link), 2],
        ["P-4", "Chat", Marked("<office:annotation><text:p>Why?</text:p></office:annotation><text:p>f</text:p>"), 3],
    ]
    write_ods(tmp_path / "a.ods", rows)
    out = io.StringIO(newline="")
    with (tmp_path / "a.ods").open("rb") as file:
        ending, (name, *notices) = write_sheet(file, "", out)
    assert (ending, name) == ("written", "Issues")
    assert [*csv.reader(io.StringIO(out.getvalue()))] == [
        ["Key", "Team", "Text", "Sum"],
        ["P-1", "Voice", "a\nb", "1"],
        ["P-2", "Voice", "c\td\ne", "#DIV/0!"],
        ["P-3", "Voice", "see the log", "2"],
        ["P-4", "Chat", "f", "3"],
    ]
    assert notices == [
        "spreadsheet errors in 1 cell, the first #DIV/0! in D3: the original values are lost",
        "notes in 1 cell, the first C5: notes aren't imported",
        "links in 1 cell, the first https://t/x in C4: only their text is imported, not their address",
    ]


def test_numbers_that_are_rounded(tmp_path: Path) -> None:
    """A spreadsheet keeps 15 digits: of longer ones it is said, as they may be ids."""
    read, [notice] = written(tmp_path / "a.xlsx", [999_999_999_999_999, 1_204_567_890_123_450, "12045678901234567"])
    assert read == ["999999999999999", "1204567890123450", "12045678901234567"]
    assert notice.startswith("numbers of more than 15 digits in 1 cell, the first 1204567890123450 in B2:")


def test_a_sheet_as_csv(tmp_path: Path) -> None:
    """Empty rows are empty lines, so that the others keep their numbers; line breaks of any kind are quoted."""
    write_xlsx(tmp_path / "a.xlsx", {"A": [["id", "text"], [1, "a\rb\nc"], [], ["", ""], [2, '"']]}, first=2)
    out = io.StringIO(newline="")
    with (tmp_path / "a.xlsx").open("rb") as file:
        assert write_sheet(file, "", out) == ("written", ["A"])
    assert out.getvalue() == '\r\nid,text\r\n1,"a\rb\nc"\r\n\r\n\r\n2,""""\r\n'
