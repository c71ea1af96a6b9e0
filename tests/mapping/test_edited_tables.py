"""Tables as people's spreadsheets save them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.mapping.edited_tables import NotCsv, NotText, read_cell, read_table


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [False, True])
def test_tables_as_they_are_saved(encoding: str, delimiter: str, end: str, separator: bool) -> None:
    """Whatever the encoding, delimiter and line ends: filled rows with their lines, and how the table is written."""
    lines = ["sep=" + delimiter] * separator + ["", f"Näme{delimiter} id ", delimiter, f"Änn{delimiter}7"]
    table = read_table(end.join(lines).encode(encoding), ("näme", "id"))
    first = 2 + separator
    assert list(table.rows()) == [(first, ["Näme", " id "]), (first + 2, ["Änn", "7"])]
    assert (table.encoding, table.delimiter, table.header) == (encoding, delimiter, ("Näme", "id"))


def test_a_row_of_several_lines_has_its_first() -> None:
    """Line breaks in quotes are part of a cell."""
    table = read_table(b'a,b\n"1\n2",3\n4,5\n', ("a",))
    assert [line for line, _ in table.rows()] == [1, 2, 4]


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a;b,c;d;e", ";"), ("a,b\tc;x;y;z", ","), ("a", ","), ("A ,c;c;c;c", ","), ("x\ty;z\tw", "\t")],
)
def test_delimiter_is_the_one_that_makes_the_header(header: str, delimiter: str) -> None:
    """The one with which the names that are needed stand there; without them the most frequent one."""
    assert read_table(header.encode(), ("a",)).delimiter == delimiter


@pytest.mark.parametrize(
    ("stored", "encoding", "line"),
    [
        ("a\nb\né".encode("cp1252"), "utf-8", 3),
        (b"\xef\xbb\xbfa\n\xff", "utf-8-sig", 2),
        ("a\nb".encode("utf-16")[:-1], "utf-16", 2),
        ("a,b".encode("utf-16-le"), "utf-8", 1),
    ],
)
def test_tables_in_another_encoding(stored: bytes, encoding: str, line: int) -> None:
    """Nothing is guessed: the mark or UTF-8, and the first line that isn't."""
    with pytest.raises(NotText, match=f"is not {encoding}$") as caught:
        read_table(stored, ("a",))
    assert (caught.value.encoding, caught.value.line) == (encoding, line)


def test_nul_where_cells_may_have_one() -> None:
    """It is text there, and not half of a UTF-16 character."""
    assert list(read_table(b"a\nx\0y\n", ("a",), has_nul=True).rows())[1] == (2, ["x\0y"])


def test_quotes_that_don_t_match() -> None:
    """The rows before are read; then it ends with the line on which the wrong one begins."""
    rows = read_table(b'a,b\n1,2\n"3"x,4\n', ("a",)).rows()
    assert [next(rows), next(rows)] == [(1, ["a", "b"]), (2, ["1", "2"])]
    with pytest.raises(NotCsv) as caught:
        next(rows)
    assert caught.value.line == 3


def test_cells_of_short_rows() -> None:
    """They are empty; of others the apostrophe and white space go."""
    assert [read_cell([" '=x ", "y"], place) for place in range(3)] == ["=x", "y", ""]


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes(stored: bytes) -> None:
    """They are a table or not, and nothing else is raised."""
    try:
        for _ in read_table(stored, ("a",)).rows():
            pass
    except (NotText, NotCsv):
        pass
