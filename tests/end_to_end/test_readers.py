"""Our CSV reader beside Python's csv and pandas, cell by cell, on real exports."""

from __future__ import annotations

import csv
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest

from importer.records import Ref
from importer.sources.csv import Lines, open_rows, read_rows, read_runs, rows_of_table
from importer.sources.detect import find_delimiter
from importer.sources.encodings import choose_encoding
from importer.sources.header import find_columns
from importer.sources.source import HEAD_BYTES, SAMPLE_CHARACTERS
from importer.sources.source_rows import Layout, SourceRows
from tests.end_to_end.exports import EXPORTS
from tests.harness.read_rows import defects_of, lines_of, raws_of, records_of

FILES = sorted(EXPORTS.rglob("*.csv")) if EXPORTS.is_dir() else []
needs_exports = pytest.mark.skipif(not FILES, reason="The collection of real exports is not beside this clone.")


class Read(NamedTuple):
    """A file as our reader has it."""

    header: tuple[str, ...]
    rows: list[list[str]]
    lines: list[int]
    runs: list[SourceRows]
    delimiter: str
    encoding: str


def read_ours(path: Path) -> Read:
    """Read a file as a table, all columns, nothing set."""
    with path.open("rb") as file:
        encoding = choose_encoding(file.read(HEAD_BYTES), None)
    with path.open(encoding=encoding, newline="") as file:
        delimiter = find_delimiter(file.read(SAMPLE_CHARACTERS))
    with path.open(encoding=encoding, newline="") as file:
        header = next(read_rows(Lines(file), path.name, delimiter)).raw
    refs = [Ref("column", name) for name in header]
    with path.open(encoding=encoding, newline="") as file:
        table = open_rows(Lines(file), path.name, delimiter, 0)
        layout = Layout(find_columns(table.header, refs))
        runs = list(rows_of_table(read_runs(table, 100), 0, path.name, layout))
    rows = [list(row) for source_rows in runs for row in raws_of(source_rows)]
    lines = [line for source_rows in runs for line in lines_of(source_rows)]
    return Read(tuple(header), rows, lines, runs, delimiter, encoding)


def read_by_python(path: Path, delimiter: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the physical line where it begins, blank lines included."""
    with path.open(encoding=encoding, newline="") as file:
        reader, line = csv.reader(file, delimiter=delimiter), 1
        for row in reader:
            yield line, row
            line = reader.line_num + 1


def read_by_pandas(path: Path, delimiter: str, encoding: str) -> list[list[str]]:
    """Every cell as text. A row with more cells than the first needs names for all of them, so they are counted."""
    width = max(len(row) for _, row in read_by_python(path, delimiter, encoding))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = pd.read_csv(
            path,
            dtype=str,
            keep_default_na=False,
            header=None,
            names=range(width),
            index_col=False,
            sep=delimiter,
            encoding=encoding,
        )
    return [["" if cell is None or cell != cell else str(cell) for cell in row] for row in frame.to_numpy().tolist()]


def as_pandas_has_them(rows: Sequence[Sequence[str]]) -> list[list[str]]:
    """What pandas makes of rows: short ones padded to the widest, and each line end in a cell is as it came."""
    width = max(map(len, rows))
    return [[*row, *[""] * (width - len(row))] for row in rows]


def mapped_cells(read: Read) -> list[list[str]]:
    """The rows again, from the columns that the mapping would see."""
    rows = []
    for source_rows in read.runs:
        columns = [source_rows.column(position) for position in range(len(read.header))]
        rows += [list(row) for row in zip(*columns, strict=True)]
    return rows


@needs_exports
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem[-24:]}")
def test_the_cells_are_those_of_csv(path: Path) -> None:
    """The same rows, cells and lines as Python's reader has; only physically blank lines are none for us."""
    ours = read_ours(path)
    theirs = [(line, row) for line, row in read_by_python(path, ours.delimiter, ours.encoding) if row]
    assert [list(ours.header), *ours.rows] == [row for _, row in theirs]
    assert ours.lines == [line for line, _ in theirs[1:]]


@needs_exports
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem[-24:]}")
def test_the_cells_are_those_of_pandas(path: Path) -> None:
    """The same cells as pandas has; it pads short rows in silence."""
    ours = read_ours(path)
    theirs = read_by_pandas(path, ours.delimiter, ours.encoding)
    assert as_pandas_has_them([ours.header, *ours.rows]) == theirs


@needs_exports
@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem[-24:]}")
def test_what_the_mapping_sees_is_what_was_read(path: Path) -> None:
    """The columns of the runs are the cells of the rows; a row that can't be used is blank and has a reason."""
    ours = read_ours(path)
    defects = {records_of(source_rows)[place] for source_rows in ours.runs for place in defects_of(source_rows)}
    for record, (row, seen) in enumerate(zip(ours.rows, mapped_cells(ours), strict=True), start=1):
        usual = [*row, *[""] * len(ours.header)][: len(ours.header)]
        assert seen == ([""] * len(ours.header) if record in defects else usual)


ODDITIES = {
    "repeated header": ("a,a,a\n1,2,3\n", [["a", "a", "a"], ["1", "2", "3"]]),
    "quotes": ('a,b\n"x ""y""","z\n\nz"\n', [["a", "b"], ['x "y"', "z\n\nz"]]),
    "words for nothing": ("a,b,c\nNA,null,nan\n", [["a", "b", "c"], ["NA", "null", "nan"]]),
    "numbers": ("a,b,c\n007,1e5,1.10\n", [["a", "b", "c"], ["007", "1e5", "1.10"]]),
    "outer blanks": ("a,b\n x , y\n", [["a", "b"], [" x ", " y"]]),
    "line ends": ('a,b\r\n"x\r\ny",z\r\n', [["a", "b"], ["x\r\ny", "z"]]),
    "short row": ("a,b,c\n1,2,3\n4,5\n", [["a", "b", "c"], ["1", "2", "3"], ["4", "5"]]),
    "blank line": ("a,b\n\n1,2\n", [["a", "b"], ["1", "2"]]),
    "row of empty cells": ("a,b\n,\n1,2\n", [["a", "b"], ["", ""], ["1", "2"]]),
}


@pytest.mark.parametrize(("text", "rows"), ODDITIES.values(), ids=ODDITIES)
def test_oddities(tmp_path: Path, text: str, rows: list[list[str]]) -> None:
    """What readers are known to change, all three read alike; pandas pads the short row."""
    path = tmp_path / "odd.csv"
    path.write_text(text, encoding="utf-8", newline="")
    ours = read_ours(path)
    assert [list(ours.header), *ours.rows] == rows
    assert [row for _, row in read_by_python(path, ours.delimiter, ours.encoding) if row] == rows
    assert read_by_pandas(path, ours.delimiter, ours.encoding) == as_pandas_has_them(rows)
