"""CSV files as a whole: any table in any dialect, any line ends, any size of cells and headers."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.records import Ref
from importer.sources.detect import DELIMITERS, find_delimiter
from importer.sources.header import NOTICE
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from importer.spreadsheet import IMPORT_COLUMNS
from tests.harness.csv_tables import DIALECTS, TABLES, Dialect, write_row
from tests.harness.read_rows import cells_of, lines_of, raws_of
from tests.harness.source_files import MakeSource, table_of


@given(table=TABLES, dialect=DIALECTS)
def test_any_table_in_a_file(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], dialect: Dialect
) -> None:
    """Whatever csv.writer writes into a file comes out of it with the same cells, at the lines where its rows begin."""
    header = [f"h{index}" for index in range(len(table[0]))]
    rows = [[cell.replace("\0", "-") for cell in row] for row in table]  # a file of NULs is no text
    written = [write_row(row, dialect) for row in (header, *rows)]
    path = tmp_path_factory.mktemp("tables") / "a.csv"
    path.write_bytes("".join(written).encode())
    with open_source([str(path)], SourceOptions(delimiter=dialect.delimiter)) as source:
        runs = list(source.read([], size=3))
    assert [list(row) for source_rows in runs for row in raws_of(source_rows)] == rows
    ends = [len(re.findall(r"\r\n|\r|\n", "".join(written[:index]))) for index in range(1, len(written))]
    assert [line for source_rows in runs for line in lines_of(source_rows)] == [end + 1 for end in ends]


WORDS = st.text("abcdefgh .!é", min_size=1, max_size=12).map(str.strip).filter(bool)


@given(
    table=st.integers(2, 6).flatmap(
        lambda width: st.lists(st.lists(WORDS, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    dialect=DIALECTS,
    titles=st.lists(WORDS, max_size=3),
)
def test_the_delimiter_of_any_plain_table(table: list[list[str]], dialect: Dialect, titles: list[str]) -> None:
    """Each of the four is found, whatever the line ends, and below titles where the table has three columns."""
    header = [f"h{index}" for index in range(len(table[0]))]
    above = [[title] for title in titles] if len(header) > 2 else []
    assert find_delimiter("".join(write_row(row, dialect) for row in (*above, header, *table))) == dialect.delimiter


def test_mixed_line_ends(make_source: MakeSource) -> None:
    """LF, CR and CR LF each end a line, in one file too, and a quoted cell keeps them."""
    [source_rows] = make_source('a,b\r1,x\r\n2,"y\rz"\n3,w\r').read([])
    assert raws_of(source_rows) == [["1", "x"], ["2", "y\rz"], ["3", "w"]]
    assert list(lines_of(source_rows)) == [2, 3, 5]


def test_cells_written_as_formulas(make_source: MakeSource) -> None:
    """A text that was written as a formula, so that no spreadsheet makes a number of it, is that text, and it is said.

    What merely begins so is as it was, and what goes back into errors.csv is the text.
    """
    link = '"=HYPERLINK(""https://x.example/A-2"";""A-2"")"'
    source = make_source(f'="ID",Title,Text\n="0012","=""say """"hi"""""" ",\n{link},=1+2,"=""a"" & B2"\n')
    file = table_of(source)
    assert (file.header, file.formulas, file.stored.notices) == (("ID", "Title", "Text"), True, (NOTICE,))
    [source_rows] = source.read([Ref("column", name) for name in ("ID", "Title", "Text")])
    assert raws_of(source_rows) == cells_of(source_rows) == [["0012", 'say "hi"', ""], ["A-2", "=1+2", '="a" & B2']]
    assert [record["ID"] for record in source.records(0)] == ["0012", "A-2"]
    plain = table_of(make_source("ID,Title\n1,=1+2\n2,= x\n"))
    assert (plain.formulas, plain.stored.notices) == (False, ())


def test_odd_headers(make_source: MakeSource) -> None:
    """A header may have line ends in it, names may be empty or come again: cells keep their places."""
    source = make_source('id,"quoted\nname",,id,\n1,2,3,4,5\n')
    assert source.files[0].header == ("id", "quoted name", "", "id", "")
    refs = [Ref("column", "id"), Ref("column", "quoted\nname")]
    [source_rows] = source.read(refs)
    assert source_rows.layout.places == {refs[0]: (0, 3), refs[1]: (1,)}
    assert cells_of(source_rows) == [["1", "4", "2"]]


def test_an_errors_file_whose_header_has_line_ends(make_source: MakeSource) -> None:
    """It is known by its header all the same, though its rows are ragged."""
    added = ",".join(IMPORT_COLUMNS)
    source = make_source(f'id,"a;\nb;c",{added}\n1,x;y;z\n2,x;y;z\n', "errors.csv")
    assert (table_of(source).delimiter, table_of(source).errors_file) == (",", True)


def test_a_cell_of_a_megabyte(make_source: MakeSource) -> None:
    """It is a cell like any other, though the beginning that is looked at ends inside it."""
    cell = "x, y;\n" * 200_000
    source = make_source(f'id;text\n1;"{cell}"\n2;z\n')
    assert table_of(source).delimiter == ";"
    [source_rows] = source.read([])
    assert raws_of(source_rows) == [["1", cell], ["2", "z"]]


def test_thousands_of_columns(make_source: MakeSource) -> None:
    """A wide export costs what its cells cost."""
    width, rows = 2_261, 200
    text = ",".join(f"Custom field ({number % 2000})" for number in range(width)) + "\n"
    start = time.process_time()
    runs = list(make_source(text + ("v," * (width - 1) + "v\n") * rows).read([Ref("column", "Custom field (7)")]))
    assert time.process_time() - start < 2
    assert sum(map(len, runs)) == rows
    assert runs[0].layout.used_places == [7, 2007]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_delimiters_behind_a_mark(make_source: MakeSource, encoding: str, delimiter: str) -> None:
    """Structure is found in the characters, whatever the bytes are."""
    text = delimiter.join(["id", "tïtle", "b"]) + "\r\n" + delimiter.join("12✓") + "\r\n"
    source = make_source(text.encode(encoding))
    assert source.files[0].header == ("id", "tïtle", "b")
