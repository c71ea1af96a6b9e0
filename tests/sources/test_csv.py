"""CSV: cells, widths, lines, delimiters and quotes."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from itertools import chain, islice, repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError, SourceNotReady
from importer.records import Ref
from importer.sources import csv as csv_module
from importer.sources.csv import Lines, TableRow, open_rows, own_header, read_rows, read_runs, rows_of_table
from importer.sources.header import find_columns
from importer.sources.source import Source
from importer.sources.source_rows import Layout
from tests.harness.csv_tables import DIALECTS, TABLES, Dialect, write_row
from tests.harness.read_rows import cells_of, defects_of, lines_of, origins_of, raws_of, records_of, texts_of
from tests.harness.source_files import MakeSource, table_of


@given(TABLES, DIALECTS)
def test_cells_and_lines_of_any_table(table: list[list[str]], dialect: Dialect) -> None:
    """Whatever csv.writer writes is read as csv.reader reads it, and each row knows where it begins."""
    written = [write_row(row, dialect) for row in table]
    text = "".join(written)
    rows = list(read_rows(Lines(io.StringIO(text, newline="")), "f", dialect.delimiter))
    assert [row.raw for row in rows] == list(csv.reader(io.StringIO(text, newline=""), delimiter=dialect.delimiter))
    assert [row.raw for row in rows] == table
    ends = [len(re.findall(r"\r\n|\r|\n", "".join(written[:index]))) for index in range(len(table))]
    assert [row.line for row in rows] == [end + 1 for end in ends]


def read_with_csv(text: str) -> Iterator[tuple[int, list[str], bool]]:
    """Line, cells and whether it is malformed of each row, by csv.reader, which begins anew behind each error."""
    lines, number = deque(io.StringIO(text, newline="")), 1
    while lines:
        reader = csv.reader(list(lines), strict=True)
        try:
            row, is_malformed = next(reader), False
        except csv.Error as error:
            if "unexpected end" in str(error):
                return
            row, is_malformed = ["".join(islice(lines, reader.line_num)).rstrip("\r\n")], True
        yield number, row, is_malformed
        number += reader.line_num
        for _ in range(reader.line_num):
            lines.popleft()


@given(st.text("ab ,;'\"\x00\r\n", max_size=60))
def test_rows_of_any_text(text: str) -> None:
    """Rows with and without quotes, as they come, are those of csv.reader, with their lines and what is wrong."""
    rows = read_rows(Lines(io.StringIO(text, newline="")), "f", ",", blank=True)
    read: list[tuple[int, list[str], bool]] = []
    with suppress(SourceNotReady):  # it ends in a row
        read.extend((row.line, row.raw, row.defect is not None) for row in rows)
    assert read == list(read_with_csv(text))


@given(TABLES, DIALECTS, st.integers(1, 5))
def test_the_same_cells_however_many_are_read_together(table: list[list[str]], dialect: Dialect, size: int) -> None:
    """However many are read together, they hold the cells of their columns, in order, numbered from 1."""
    header = [f"h{index}" for index in range(len(table[0]))]
    text = "".join(write_row(row, dialect) for row in [header, *table])
    refs = [Ref("column", name) for name in reversed(header)]
    opened = open_rows(Lines(io.StringIO(text, newline="")), "f", dialect.delimiter, 0)
    runs = list(rows_of_table(read_runs(opened, size), 3, "f", Layout(find_columns(opened.header, refs))))
    assert [cells[::-1] for source_rows in runs for cells in cells_of(source_rows)] == table
    assert [cells for source_rows in runs for cells in raws_of(source_rows)] == table
    assert [number for source_rows in runs for number in records_of(source_rows)] == list(range(1, len(table) + 1))
    assert all(
        len(source_rows) <= size and not defects_of(source_rows) and source_rows.file == 3 for source_rows in runs
    )
    assert all(
        source_rows.layout.places[Ref("column", name)] == (i,) for source_rows in runs for i, name in enumerate(header)
    )


def column(source: Source, name: str) -> list[str]:
    ref = Ref("column", name)
    return [cell for source_rows in source.read([ref]) for cell in texts_of(source_rows, ref)]


@pytest.mark.parametrize("text", ["00123", "NA", "null", "1e5", "TRUE", "12345678901234567890", "2024-01-02", " x "])
def test_text_arrives_as_written(make_source: MakeSource, text: str) -> None:
    """Nothing is taken for a number, a date or a missing value."""
    assert column(make_source(f"a,b\n{text},1\n,2\n"), "a") == [text, ""]


def test_cells_are_plain_text(make_source: MakeSource) -> None:
    """Cells are text, and the places of columns their physical positions."""
    [source_rows] = make_source("a,b,c\n1,2,3\n").read([Ref("column", "c"), Ref("column", "a")])
    assert source_rows.layout.places == {Ref("column", "c"): (2,), Ref("column", "a"): (0,)}
    assert {type(cell) for row in cells_of(source_rows) for cell in row} == {str}


def test_rows_without_columns(make_source: MakeSource) -> None:
    """A mapping that reads nothing from a file still gets every row."""
    [source_rows] = make_source("a\n1\n2\n").read([])
    assert (len(source_rows), source_rows.layout.used_places) == (2, [])
    assert raws_of(source_rows) == [["1"], ["2"]]


def test_a_repeated_header_has_many_positions() -> None:
    """A name that occurs often resolves to all its columns; outer white space and paths don't matter."""
    refs = [Ref("column", "Sprint "), Ref("column", "none"), Ref("path", "Sprint")]
    found = find_columns([" Sprint", "Key", "Sprint"], refs)
    assert found == {refs[0]: (0, 2), refs[1]: (), refs[2]: ()}


@pytest.mark.parametrize(
    "header",
    [
        "Cle\u0301 du ticket",  # composed by whatever saved it on a Mac
        "Clé\xa0du ticket",
        "Clé  du ticket",
        "Clé\ndu ticket",  # broken in a narrow cell
        "\ufeffClé du ticket",
        "\u200bClé du ticket\u200e",
        "Clé du tic\xadket",
    ],
)
def test_a_header_is_compared_as_it_looks(make_source: MakeSource, header: str) -> None:
    """What can't be seen in a header, or is written in two ways, makes no other column, on either side."""
    source = make_source(f'"{header}",Other\n1,2\n')
    plain, written = Ref("column", "Clé du ticket"), Ref("column", header)
    assert source.files[0].header == ("Clé du ticket", "Other")
    assert source.may_have([plain], [written])
    [source_rows] = source.read([plain, written])
    assert source_rows.layout.places == {plain: (0,), written: (0,)}


def test_a_header_keeps_what_joins_its_letters() -> None:
    """Persian and Hindi write with signs that join or part letters, which can be seen."""
    assert own_header(["نیم\u200cفاصله", "क्\u200dष"]) == ("نیم\u200cفاصله", "क्\u200dष")


@pytest.mark.parametrize(
    ("row", "accepted"),
    [
        ("1,2,3", True),
        ("1,2,3,,", True),
        ("1,2,3, ", True),
        (",", True),
        (" , ", True),
        ("1,2,3,4", False),
        ("1,2", False),
    ],
)
def test_rows_of_another_width(make_source: MakeSource, row: str, accepted: bool) -> None:
    """A ragged row is accepted only where nothing can be lost; its raw cells stay as they came."""
    [source_rows] = make_source(f"a,b,c\n1,2,3\n{row}\n").read([Ref("column", "a")])
    cells = row.split(",")
    assert raws_of(source_rows)[1] == cells
    if accepted:
        assert not defects_of(source_rows)
        assert source_rows.column(0)[1] == cells[0]
    else:
        assert defects_of(source_rows)[1].code == "row-ragged"
        assert f"{len(cells)} cells, the header 3" in defects_of(source_rows)[1].message
        assert source_rows.column(0)[1] == ""


def test_missing_cells_without_a_header_are_not_missed(make_source: MakeSource) -> None:
    """Rows may end before columns that have no name."""
    assert column(make_source("a,b,,\n1,2\n"), "a") == ["1"]


def test_blank_lines_are_no_rows(make_source: MakeSource) -> None:
    """A blank line is no record but a physical line; a row of empty cells is a record."""
    [source_rows] = make_source("\na,b\n\n1,2\n\n,\n").read([])
    assert list(zip(records_of(source_rows), lines_of(source_rows), raws_of(source_rows), strict=True)) == [
        (1, 4, ["1", "2"]),
        (2, 6, ["", ""]),
    ]


def test_a_stray_quote_costs_one_row(make_source: MakeSource) -> None:
    """A row with a stray quote is malformed, keeps its text, and the next one is read."""
    [source_rows] = make_source('a,b\n1,"the "best" one"\n3,4\n').read([Ref("column", "a")])
    assert defects_of(source_rows)[0].code == "row-malformed"
    assert defects_of(source_rows)[0].message.startswith("Line 2 ")
    assert raws_of(source_rows)[0] == ['1,"the "best" one"']
    assert source_rows.column(0) == ["", "3"]
    assert list(lines_of(source_rows)) == [2, 3]


def test_a_malformed_row_of_several_lines_names_them(make_source: MakeSource) -> None:
    """Lines that a stray quote swallows are named and kept."""
    [source_rows] = make_source('a,b\n1,"x\ny"z\n3,4\n').read([])
    assert defects_of(source_rows)[0].message.startswith("Lines 2 to 3 ")
    assert raws_of(source_rows)[0] == ['1,"x\ny"z']
    assert lines_of(source_rows) == [2, 4]


@pytest.mark.parametrize(
    ("rows", "line"),
    [('1,"2\n3,4\n', 2), ('1,2\n"a\nb","c\n\n', 4), ('5",6\n1,"2"\n"x,"",\n', 4), ('1,"a\r\nb\r\nc",2,"d\r\n', 4)],
)
def test_an_open_quote_names_its_line(make_source: MakeSource, rows: str, line: int) -> None:
    """A file that ends inside a quoted cell is not ready; the line where the quote was opened is named."""
    with pytest.raises(SourceNotReady, match=rf"issues\.csv ends inside a quoted cell .* line {line}:") as raised:
        list(make_source("a,b\n" + rows).read([]))
    assert "close that quote" in raised.value.hint


@pytest.mark.parametrize(
    ("rows", "line"), [("1", 2), ("1,2,3\n4,5", 3), ('1,2,3\r\n"4",', 3), ('1,2,3\r"4\r5"', 4), ("1,2,3\n\n4,5", 4)]
)
def test_a_last_row_that_is_half(make_source: MakeSource, rows: str, line: int) -> None:
    """A last row that lacks cells and a line end is half; the line where the file ends is named."""
    source = make_source("a,b,c\n" + rows)
    assert table_of(source).delimiter == ","
    with pytest.raises(SourceNotReady, match=rf"issues\.csv ends in the middle of a row \(line {line}\)") as raised:
        list(source.read([], size=1))
    assert "add a line break at its end" in raised.value.hint


@pytest.mark.parametrize(
    ("rows", "ragged"),
    [
        ("1,2,3", []),
        ("1,2,", []),
        ("1,2,3,,", []),
        ("1,2,3\n ", []),
        ("1,2,3,4", [0]),
        ("1,2\n", [0]),
        ("1,2\r", [0]),
        ("1,2\n3,4,5", [0]),
        ('1,2\n3,"4"5', [0, 1]),
        ("1,2,3\n4\n\n", [1]),
    ],
)
def test_a_last_row_that_is_whole(make_source: MakeSource, rows: str, ragged: list[int]) -> None:
    """A last row needs no line end; short rows elsewhere, or with a line end behind them, stay findings."""
    [source_rows] = make_source("a,b,c\n" + rows, delimiter=",").read([])
    assert sorted(defects_of(source_rows)) == ragged


def test_a_last_row_may_end_before_columns_without_header(make_source: MakeSource) -> None:
    """Where nothing is missing, nothing is half."""
    [source_rows] = make_source("a,b,,\n1,2,3,\n4,5").read([])
    assert not defects_of(source_rows)


def test_half_a_row_of_an_errors_file(make_source: MakeSource) -> None:
    """An errors file that is given back can be cut too."""
    source = make_source("a,b,import_row,import_code,import_field,import_message,import_hint\n1,2,i.csv:7,x,t,No")
    with pytest.raises(SourceNotReady, match=r"in the middle of a row \(line 2\)"):
        list(source.read([]))


def test_an_open_quote_does_not_read_the_rest() -> None:
    """A quote that is never closed ends with the longest cell, however long the file is."""
    endless = chain(["a\n", '"open\n'], repeat("x" * 1023 + "\n"))
    with pytest.raises(SourceError, match="f:2: a quote is opened and never closed"):
        list(read_rows(Lines(endless), "f", ","))


@pytest.mark.parametrize("line", ["x" * 101, '"a",' + "x" * 101], ids=["without quotes", "with quotes"])
def test_a_cell_that_is_too_long(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is refused, quotes or not; a line that long of short cells is not."""
    monkeypatch.setattr(csv_module, "CELL_CHARACTERS", 100)
    with ExitStack() as stack:
        stack.callback(csv.field_size_limit, csv.field_size_limit())
        with pytest.raises(SourceError, match="f:2: a cell is longer than 100 characters"):
            list(read_rows(Lines(iter(["a\n", f"{line}\n"])), "f", ","))
        cells = [*["x"] * 60, ""]
        assert list(read_rows(Lines(iter(["x," * 60])), "f", ",")) == [TableRow(1, cells, cells)]


def test_a_chunk_of_rows_with_many_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text is bounded by all lines of its rows."""
    monkeypatch.setattr(csv_module, "CHARACTERS_TOGETHER", 100)
    text = iter(["a,b\n", *['1,"x\n', *["x\n"] * 50, 'x"\n'] * 4])
    runs = read_runs(open_rows(Lines(text), "f", ",", 0), 10)
    assert list(map(len, runs)) == [1, 1, 1, 1]


def test_a_malformed_header(make_source: MakeSource) -> None:
    """Without a header nothing can be read."""
    with pytest.raises(SourceError, match=r"issues\.csv:1: the header can't be used. Line 1"):
        make_source('"a"b,c\n1,2\n')


def test_a_header_alone(make_source: MakeSource) -> None:
    """A header without rows is an export that is not ready."""
    with pytest.raises(SourceNotReady, match="has a header and no rows"):
        make_source("a,b\n\n")


def test_a_delimiter_in_one_column_of_prose(make_source: MakeSource) -> None:
    """A file of one column stays one column, commas in it or not."""
    assert make_source("Summary\nfirst, then\nlast\n").files[0].header == ("Summary",)


def test_an_errors_file_given_back(make_source: MakeSource) -> None:
    """The import columns lead to the first file's rows; each escaped cell loses one apostrophe."""
    source = make_source(
        "a,b,import_row,import_code,import_field,import_message,import_hint\n"
        "'=1,''x,issues.csv:7,title-missing,title,No title,\n"
        "new,row,,,,,\n"
        "a,issues.csv:8,code,,,\n"
    )
    assert source.files[0].errors_file
    assert source.files[0].header == ("a", "b")
    [source_rows] = source.read([Ref("column", "a"), Ref("column", "import_row")])
    assert raws_of(source_rows)[:2] == [["=1", "'x"], ["new", "row"]]
    assert source_rows.column(0) == ["=1", "new", ""]
    assert origins_of(source_rows) == {0: "issues.csv:7"}
    assert source_rows.layout.places[Ref("column", "import_row")] == ()
    assert defects_of(source_rows)[2].code == "row-ragged"


def test_a_nul_stays_in_its_cell(make_source: MakeSource) -> None:
    """A NUL is a matter of its row: the validation refuses that one."""
    [source_rows] = make_source("id,b\n1,x\n2,\0y\n").read([Ref("column", "b")])
    assert source_rows.column(1) == ["x", "\0y"]
    assert not defects_of(source_rows)
