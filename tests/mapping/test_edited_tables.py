"""Tables as people's spreadsheets save them: values.csv, fixes.csv and users.csv are read alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import Problem, UsageError
from importer.mapping.edited_tables import read_decisions, read_fixes, read_table, read_users
from importer.mapping.yaml_tree import read_small

Row = tuple[str, str, str, int]


class Kind(NamedTuple):
    """A table: the names of three columns, cells that are right, and what makes rows with their lines of a file."""

    columns: tuple[str, str, str]
    cells: tuple[str, str, str]
    rows_of: Callable[[Path], list[Row]]


def decided(path: Path) -> list[Row]:
    """The lines of values.csv; its problems are those of the mapping that names it."""
    decisions, problems = read_decisions(path)
    if problems:
        raise UsageError("", problems=problems)
    return [(each.field, each.value, each.target, each.place.line) for each in decisions]


KINDS = {
    "values": Kind(("field", "value", "decision"), ("category", "=Nöw", "Bug"), decided),
    "fixes": Kind(("column", "bad value", "new value"), ("Type", "=Nöw", "Bug"), lambda path: [*read_fixes(path)]),
    "users": Kind(
        ("name", "account", "triage_user_id"),
        ("Änn Meyer", "=5f1", "u-1"),
        lambda path: [(line.who.name, line.who.account, line.user_id, line.number) for line in read_users(path).lines],
    ),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of table."""
    return KINDS[request.param]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The table's path."""
    return tmp_path / "table.csv"


def problems_of(kind: Kind, path: Path, stored: bytes | None = None) -> Sequence[Problem]:
    """What is wrong with a table."""
    if stored is not None:
        path.write_bytes(stored)
    with pytest.raises(UsageError) as caught:
        kind.rows_of(path)
    return caught.value.problems


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [False, True])
def test_tables_as_they_are_saved(
    kind: Kind, path: Path, encoding: str, delimiter: str, end: str, separator: bool
) -> None:
    """Any encoding, delimiter, line end and order of columns; the apostrophe before a formula is none of the cell."""
    names, cells = list(kind.columns), list(kind.cells)
    rows = [[], ["Team", names[2].upper(), f" {names[0].title()} ", names[1]], [""] * 4]
    rows += [["x", cells[2], f" {cells[0]}", f"'{cells[1]} "]]
    lines = [f"sep={delimiter}"] * separator + [delimiter.join(row) for row in rows]
    path.write_bytes(end.join(lines).encode(encoding))
    assert kind.rows_of(path) == [(*cells, 4 + separator)]


def test_a_row_of_several_lines_has_its_first(kind: Kind, path: Path) -> None:
    """Line breaks in quotes are part of a cell, and the next row is as many lines further down."""
    first, second, third = kind.cells
    text = f'{",".join(kind.columns)}\n{first},"{second}\n2",{third}\n{first},other,{third}\n'
    path.write_text(text, encoding="utf-8")
    assert [line for *_, line in kind.rows_of(path)] == [2, 4]


@pytest.mark.parametrize(
    ("text", "encoding", "line"),
    [("{0}\n{1}\n{1}é", "cp1252", 3), ("{0}\n\udcff", "utf-8", 2), ("{0}", "utf-16-le", 1)],
)
def test_tables_in_another_encoding(kind: Kind, path: Path, text: str, encoding: str, line: int) -> None:
    """Nothing is guessed: the mark or UTF-8, the first line that isn't, and how to save it."""
    stored = text.format(",".join(kind.columns), "x,y,z").encode(encoding, "surrogateescape")
    [problem] = problems_of(kind, path, stored)
    assert (problem.line, problem.message) == (line, "is neither UTF-8 nor UTF-16")
    assert "CSV UTF-8" in problem.hint


def test_a_table_that_is_none(kind: Kind, path: Path) -> None:
    """Its header lacks a column, or there is no such file; each is a sentence."""
    [problem] = problems_of(kind, path, b"")
    assert "; it has no columns" in problem.message
    [problem] = problems_of(kind, path, b"a,b\nx,y\n")
    assert f"{kind.columns[2]!r}; it has 'a', 'b'" in problem.message
    [problem] = problems_of(kind, path.with_name("none.csv"))
    assert problem.message == "can't be read: No such file or directory"


def test_quotes_that_don_t_match(kind: Kind, path: Path) -> None:
    """It ends with the line on which the wrong one begins."""
    stored = f'{",".join(kind.columns)}\n{",".join(kind.cells)}\n"x"y,z,\n'
    [problem] = problems_of(kind, path, stored.encode())
    assert (problem.line, problem.message[:22]) == (3, "can't be read as CSV: ")


def test_rows_that_have_moved(kind: Kind, path: Path) -> None:
    """A comma that was typed without quotes puts every cell behind it under another name; so may a doubled column."""
    first, second, third = kind.columns
    stored = f"{first},{second},{third}, {third.upper()} \nx,y,,,z\n{','.join(kind.cells)},\n"
    doubled, moved = problems_of(kind, path, stored.encode())
    assert (doubled.line, doubled.key, doubled.message) == (1, third, "stands in the header twice")
    assert (moved.line, moved.key, moved.message) == (2, "", "has more cells than the header")
    assert moved.hint == "put a text that contains ',' in quotes"


@pytest.mark.parametrize(
    ("header", "delimiter"),
    [("a;b,c;d;e", ";"), ("a,b\tc;x;y;z", ","), ("a", ","), ("A ,c;c;c;c", ","), ("a\ty;z\tw", "\t")],
)
def test_delimiter_is_the_one_that_makes_the_header(path: Path, header: str, delimiter: str) -> None:
    """The one with which the names that are needed stand there, else the most frequent one."""
    path.write_text(header, encoding="utf-8")
    assert read_table(path, ("a",)).delimiter == delimiter
    path.write_bytes(b"x;y;z,w\n")
    [problem] = read_table(path, ("a", "b")).problems
    assert problem.message == "the header lacks 'a', 'b'; it has 'x', 'y', 'z,w'"


def test_cells(path: Path) -> None:
    """Those that a short row lacks are empty; a NUL is text, not half of a UTF-16 character: the header has none."""
    path.write_bytes(b"a,b,c\n '=x ,y\n\0z\n")
    rows = ((2, {"a": "=x", "b": "y", "c": ""}), (3, {"a": "\0z", "b": "", "c": ""}))
    assert read_table(path, ("a",)).rows == rows


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes(tmp_path_factory: pytest.TempPathFactory, stored: bytes) -> None:
    """They are a table or not, and nothing is raised; rows have the columns that are needed."""
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes(stored)
    table = read_table(path, ("a",))
    assert table.problems or "a" in table.header
    assert all("a" in cells for _, cells in table.rows)


@pytest.mark.parametrize("name", ["table.csv", "/dev/zero"])
def test_a_file_that_is_too_large(path: Path, name: str) -> None:
    """One that is larger than any table, or never ends, is refused as the system refuses what is too large."""
    path.write_bytes(b"1234")
    assert read_small(path, 4) == b"1234"
    with pytest.raises(OSError, match="File too large"):
        read_small(path.parent / name, 3)
