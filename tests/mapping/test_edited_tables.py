"""Tables as people's spreadsheets save them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.edited_tables import EditedTable, read_table

Read = Callable[..., EditedTable]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    """Read a table with these bytes."""

    def read_stored(stored: bytes, *columns: tuple[str, ...]) -> EditedTable:
        path = tmp_path / "table.csv"
        path.write_bytes(stored)
        return read_table(path, *columns)

    return read_stored


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [False, True])
def test_tables_as_they_are_saved(read: Read, encoding: str, delimiter: str, end: str, separator: bool) -> None:
    """Whatever the encoding, delimiter and line ends: filled rows with their lines, and how the table is written."""
    lines = ["sep=" + delimiter] * separator + ["", f"NÄME{delimiter} Id ", delimiter, f"Änn{delimiter}7"]
    table = read(end.join(lines).encode(encoding), ("näme",), ("account",))
    read_as = "utf-16" if encoding == "utf-16" else "utf-8-sig"
    assert table == EditedTable(read_as, delimiter, ("näme", "Id"), ((4 + separator, {"näme": "Änn", "Id": "7"}),))


def test_a_row_of_several_lines_has_its_first(read: Read) -> None:
    """Line breaks in quotes are part of a cell."""
    assert [line for line, _ in read(b'a,b\n"1\n2",3\n4,5\n', ("a",)).rows] == [2, 4]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a;b,c;d;e", ";"), ("a,b\tc;x;y;z", ","), ("a", ","), ("A ,c;c;c;c", ","), ("a\ty;z\tw", "\t")],
)
def test_delimiter_is_the_one_that_makes_the_header(read: Read, header: str, delimiter: str) -> None:
    """The one with which the names that are needed stand there."""
    assert read(header.encode(), ("a",)).delimiter == delimiter


def test_delimiter_of_another_header(read: Read) -> None:
    """It is the most frequent one, so that the names that are there are told."""
    [problem] = read(b"x;y;z,w\n", ("a", "b")).problems
    assert problem.message == "the header lacks 'a', 'b'; it has 'x', 'y', 'z,w'"


@pytest.mark.parametrize(
    ("stored", "line"),
    [
        ("a\nb\né".encode("cp1252"), 3),
        (b"\xef\xbb\xbfa\n\xff", 2),
        ("a\nb".encode("utf-16")[:-1], 2),
        ("a,b".encode("utf-16-le"), 1),
    ],
)
def test_tables_in_another_encoding(read: Read, stored: bytes, line: int) -> None:
    """Nothing is guessed: the mark or UTF-8, and the first line that isn't."""
    table = read(stored, ("a",))
    assert [(each.line, each.message) for each in table.problems] == [(line, "is neither UTF-8 nor UTF-16")]
    assert not table.rows


def test_nul_in_a_cell(read: Read) -> None:
    """It is text, and not half of a UTF-16 character: the header has none."""
    assert read(b"a\nx\0y\n", ("a",)).rows == ((2, {"a": "x\0y"}),)


def test_quotes_that_don_t_match(read: Read) -> None:
    """The rows before are read; then it ends with the line on which the wrong one begins."""
    table = read(b'a,b\n1,2\n"3"x,4\n', ("a",))
    assert table.rows == ((2, {"a": "1", "b": "2"}),)
    assert [(each.line, each.message[:23]) for each in table.problems] == [(3, "can't be read as CSV: '")]


def test_a_row_that_has_moved_is_none(read: Read) -> None:
    """A comma that was typed without quotes puts every cell behind it under another name; so may a doubled column."""
    table = read(b"a,b, B \n1,2,3\n4,5,6,7\n", ("a",), ("b",))
    assert [(each.line, each.key, each.message) for each in table.problems] == [
        (1, "b", "stands in the header twice"),
        (3, "", "has more cells than the header"),
    ]
    assert table.problems[1].hint == "put a text that contains ',' in quotes"
    assert [line for line, _ in table.rows] == [2]


def test_cells_of_short_rows(read: Read) -> None:
    """They are empty; of others the apostrophe and white space go."""
    assert read(b"a,b,c\n '=x ,y\n", ("a",)).rows == ((2, {"a": "=x", "b": "y", "c": ""}),)


def test_a_table_that_can_t_be_opened(tmp_path: Path) -> None:
    """Is a problem like any other."""
    [problem] = read_table(tmp_path / "none.csv", ("a",)).problems
    assert problem.message == "can't be read: No such file or directory"


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, stored: bytes) -> None:
    """They are a table or not, and nothing is raised; rows have the columns that are needed."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(stored)
    table = read_table(path, ("a",))
    assert table.problems or "a" in table.header
    assert all("a" in cells for _, cells in table.rows)
