"""JSON objects in a column of a CSV file."""

from __future__ import annotations

import csv
import io
import json

import pytest

from importer.records import Ref
from importer.sources.json import find_json_column
from importer.spreadsheet import IMPORT_COLUMNS
from tests.harness.read_rows import cells_of, defects_of, origins_of, raws_of, texts_of
from tests.harness.source_files import MakeSource, table_of

HEADER = ["id", "params", "data", "url"]
RECORD = {"id": 7, "title": "A title that is longer than all the rest", "labels": [{"name": "a"}, {"name": "b"}]}


def write(*rows: list[str], header: list[str] = HEADER) -> str:
    """A CSV file."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    return text.getvalue()


def row(data: object, number: int = 1) -> list[str]:
    """A row of a raw table."""
    return [str(number), '{"ConnectionId":2}', data if isinstance(data, str) else json.dumps(data), "https://x"]


def test_the_records_are_in_one_column(make_source: MakeSource) -> None:
    """The object's keys are the record, other columns are reached where it lacks such a key; raw are the cells."""
    refs = [Ref("column", "id"), Ref("column", "url"), Ref("path", "labels[].name"), Ref("column", "none")]
    source = make_source(write(row(RECORD), row({"title": "No id, but a title that is long enough"}, 9)))
    [source_rows] = source.read(refs)
    assert source_rows.layout.places == {refs[0]: (1,), refs[1]: (2,), refs[2]: (3, 4), refs[3]: (0,)}
    assert cells_of(source_rows) == [["7", "https://x", "a", "b", ""], ["9", "https://x", "", "", ""]]
    assert raws_of(source_rows) == [row(RECORD), row({"title": "No id, but a title that is long enough"}, 9)]
    assert (table_of(source).json_column, table_of(source).header) == (HEADER.index("data"), tuple(HEADER))
    assert not source.files[0].is_table


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("", "Line 3, column 'data' is empty instead of a JSON object"),
        ('{"a" 1}', "Line 3, column 'data' is not valid JSON at character 6: Expecting ':' delimiter"),
        ("[1]", "Line 3 holds a list instead of a JSON object"),
        ('{"a": "\\ud83d"}', "Line 3 has half a character"),
        ('{"a":' * 100_000, "Line 3, column 'data' is nested too deeply"),
    ],
)
def test_a_cell_that_is_no_object(make_source: MakeSource, cell: str, message: str) -> None:
    """Such a row is malformed and keeps its cells; the others are read."""
    content = write(row(RECORD), row(cell), row(RECORD))
    [source_rows] = make_source(content).read([Ref("column", "title")])
    assert {place: finding.code for place, finding in defects_of(source_rows).items()} == {1: "row-malformed"}
    assert defects_of(source_rows)[1].message.startswith(message)
    assert raws_of(source_rows)[1] == row(cell)
    assert texts_of(source_rows, Ref("column", "title")) == [RECORD["title"], "", RECORD["title"]]


def test_a_ragged_row(make_source: MakeSource) -> None:
    """A row of another width is ragged, as in any table."""
    content = write(row(RECORD), [*row(RECORD), "more"], row(RECORD))
    [source_rows] = make_source(content).read([Ref("column", "id")])
    assert {place: finding.code for place, finding in defects_of(source_rows).items()} == {1: "row-ragged"}


def test_an_errors_file(make_source: MakeSource) -> None:
    """Rows that come back are unwrapped again, a cell that nobody has mended is still malformed."""
    returned = [[*row(data), "a.csv:5", "c", "f", "m", "h"] for data in (RECORD, '{"a')]
    source = make_source(write(*returned, header=[*HEADER, *IMPORT_COLUMNS]), "errors.csv")
    [source_rows] = source.read([Ref("column", "id")])
    assert raws_of(source_rows) == [row(RECORD), row('{"a')]
    assert texts_of(source_rows, Ref("column", "id")) == ["7", ""]
    assert [finding.code for finding in defects_of(source_rows).values()] == ["row-malformed"]
    assert origins_of(source_rows) == {0: "a.csv:5", 1: "a.csv:5"}


@pytest.mark.parametrize(
    ("header", "rows", "column"),
    [
        (["a", "b"], [["x", '{"k": 12345}']], 1),
        (["a", "b"], [['{"k": 12345}', '{"k": 123456789}']], 1),
        (["a", "b"], [["x", "[1, 2, 3]"]], None),
        (["a", "b"], [["a text that is longer than the object", '{"k": 1}']], None),
        (["a", "b"], [["x", '{"k": 12345}'], ["x", "oops"]], 1),
        (["a", "b"], [["x", '{"k": 12345}'], ["x", "oops"], ["x", "oops"]], None),
        (["a", "b"], [["x"]], None),
        (["a", "b"], [], None),
        ([str(number) for number in range(13)], [[""] * 12 + ['{"k": 1}']], None),
    ],
)
def test_which_column_it_is(header: list[str], rows: list[list[str]], column: int | None) -> None:
    """It has most of the text of a small table; an object among longer texts is a field of the row."""
    assert find_json_column(header, rows) == column
