"""errors.csv and errors.jsonl: rows come back from them as they came."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.phrases import plain_name
from importer.records import Outcome, Row
from importer.report.error_files import Columns, open_errors
from importer.report.folder import ReportFolder
from importer.sources.source import SourceOptions
from importer.sources.source_rows import SourceRows
from importer.sources.survey import open_source
from importer.spreadsheet import IMPORT_COLUMNS, IMPORT_RAW, escape_cell
from tests.harness.read_rows import defects_of, origins_of, raws_of

CELLS = st.text("=+-@\t\r\n'\", aé", max_size=5) | st.text(
    st.characters(codec="utf-8", exclude_characters="\0"), max_size=8
)
NUMBERS = ["0", "-0", "1e5", "1.10", "12345678901234567890123", "1E-400"]


def row_of(raw: Sequence[str] | str, *, file: int = 0, record: int = 1, outcome: Outcome = Outcome.REJECTED) -> Row:
    """A row with two findings."""
    codes, fields = ("title-missing", "severity-unknown"), ("title", "severity")
    messages, hints = ("the title is empty", "=unknown"), ("fill it", "map it")
    name = f"{'first' if file == 0 else 'second'}.csv"
    return Row(file, name, record, record + 1, "k", outcome, codes, fields, messages, hints, raw)


def write(folder: Path, headers: Sequence[tuple[str, ...] | None], rows: Iterable[Row]) -> None:
    """Write the rows' error files."""
    reports = ReportFolder(folder)
    reports.prepare()
    with open_errors(reports, Columns.of(headers, {})) as errors:
        errors.write(rows)


def read(path: Path) -> list[SourceRows]:
    """An errors file as the next run reads it."""
    with open_source([str(path)], SourceOptions()) as source:
        return list(source.read(()))


def test_errors_csv(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """All columns of the source in order, repeated headers too, then five columns; cells can't be formulas."""
    header = ("Key", "Label", "Label", "Title")
    rows = [row_of(["A", "-1", "'x", "two\nlines"]), row_of(["B", "", "=cmd()", "@norm"], record=7)]
    write(tmp_path, [header], rows)
    assert (tmp_path / "errors.csv").read_bytes().decode() == snapshot


def test_only_rows_that_a_person_can_mend(tmp_path: Path) -> None:
    """Rejected and failed rows are written; without any there is no file."""
    write(tmp_path, [("A",)], [row_of(["1"], outcome=Outcome.PLANNED), row_of(["2"], outcome=Outcome.SKIPPED)])
    assert list(tmp_path.iterdir()) == []
    write(tmp_path, [("A",)], [row_of(["1"], outcome=Outcome.FAILED), row_of(["2"])])
    assert [raws_of(source_rows) for source_rows in read(tmp_path / "errors.csv")] == [[["1"], ["2"]]]


TABLES = st.integers(1, 4).flatmap(
    lambda width: st.tuples(
        st.lists(st.sampled_from(["Key", "Comment", "é\n"]), min_size=width, max_size=width),
        st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=4),
    )
)


@given(TABLES)
def test_cells_come_back(table: tuple[list[str], list[list[str]]]) -> None:
    """Given back, errors.csv has the cells as they came, in their order, below headers as they look, also repeated."""
    header, rows = table
    with TemporaryDirectory() as name:
        write(Path(name), [tuple(header)], [row_of(row, record=number) for number, row in enumerate(rows, 5)])
        with open_source([str(Path(name, "errors.csv"))], SourceOptions()) as source:
            assert source.files[0].header == tuple(map(plain_name, header))
            (source_rows,) = source.read(())
    assert [list(row) for row in raws_of(source_rows)] == rows
    assert list(origins_of(source_rows).values()) == [f"first.csv row {number}" for number, _ in enumerate(rows, 5)]


@given(st.lists(CELLS, min_size=1, max_size=3))
def test_plain_reader(row: list[str]) -> None:
    """Any CSV reader sees one row with the cells, at most one apostrophe longer."""
    with TemporaryDirectory() as name:
        write(Path(name), [tuple("ABC"[: len(row)])], [row_of(row)])
        text = Path(name, "errors.csv").read_bytes().decode("utf-8-sig")
    _, cells = csv.reader(io.StringIO(text, newline=""))
    assert cells[: len(row)] == [escape_cell(cell) for cell in row]
    assert len(cells) == len(row) + len(IMPORT_COLUMNS)


def test_rows_with_too_many_cells(tmp_path: Path) -> None:
    """What stands beyond the header stands there in errors.csv too: unmended, the row is refused again."""
    write(tmp_path, [("A", "B")], [row_of(["1", "2", "=3", "4"]), row_of(["1", "2"])])
    (source_rows,) = read(tmp_path / "errors.csv")
    assert [list(row) for row in raws_of(source_rows)] == [["1", "2", "=3", "4"], ["1", "2"]]
    assert {row: finding.code for row, finding in defects_of(source_rows).items()} == {0: "row-ragged"}


def test_files_with_different_headers(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """`errors.csv` has the columns of all files; the second of a name stands under the second of the other file."""
    headers = [("Key", "C", "C"), ("C", "New", "Key")]
    write(tmp_path, headers, [row_of(["k1", "c1", "c2"]), row_of(["c", "n", "k2"], file=1)])
    assert (tmp_path / "errors.csv").read_bytes().decode() == snapshot


def test_origin_of_a_row_that_was_given_back(tmp_path: Path) -> None:
    """A row that is rejected a second time still leads to the first file."""
    write(tmp_path, [("A",)], [row_of(["1"])._replace(origin="export.csv:812")])
    assert origins_of(read(tmp_path / "errors.csv")[0]) == {0: "export.csv:812"}


JSON = st.recursive(
    st.sampled_from(NUMBERS) | st.sampled_from(["null", "true", '"\\ud83c\\udfa7 é \\n"', '"a\\\\\\""']),
    lambda inner: st.lists(inner, max_size=3).map(lambda items: "[\n " + ",\r\n".join(items) + "]"),
    max_leaves=6,
)


@given(st.lists(st.lists(JSON, max_size=3), min_size=1, max_size=3))
def test_json_comes_back(records: list[list[str]]) -> None:
    """`errors.jsonl` is one line a record, with the record's own text: numbers stay as they are written."""
    raws = ["{" + ",\n".join(f'"{n}" : {value}' for n, value in enumerate(record)) + "\n}" for record in records]
    with TemporaryDirectory() as name:
        write(Path(name), [None], map(row_of, raws))
        text = Path(name, "errors.jsonl").read_bytes().decode()
        (source_rows,) = read(Path(name, "errors.jsonl"))
    lines = text.split("\n")[:-1]
    assert len(lines) == len(raws)
    for line, raw, again in zip(lines, raws, raws_of(source_rows), strict=True):
        written = json.loads(line, parse_int=str, parse_float=str)
        added = [written.pop(name) for name in IMPORT_COLUMNS]
        assert added[0] == "first.csv row 1"
        assert written == json.loads(raw, parse_int=str, parse_float=str)
        assert json.loads(str(again), parse_int=str, parse_float=str) == written


def test_errors_jsonl(tmp_path: Path, snapshot: SnapshotAssertion) -> None:
    """A record keeps its text; the five keys come after; what is no object stays whole under `import_raw`."""
    write(tmp_path, [None], map(row_of, ['{"a": 1.10}', "{}", '{\n  "a": "x\\n  y"\n}', "[1]"]))
    assert (tmp_path / "errors.jsonl").read_text() == snapshot


NO_OBJECTS = ['{"title":"cut","number":12', '{"a": 1}}', "[1,\n 2]", '"str"', '{"a": "\0"}', "é", "[" * 100_000]


@pytest.mark.parametrize("raw", NO_OBJECTS, ids=lambda raw: raw[:8].encode().hex())
def test_what_is_no_object(tmp_path: Path, raw: str) -> None:
    """It is kept whole under `import_raw`; given back unmended, it is refused again with the text that it was."""
    write(tmp_path, [None], [row_of(raw)])
    (line,) = (tmp_path / "errors.jsonl").read_text().splitlines()
    assert list(json.loads(line)) == [IMPORT_RAW, *IMPORT_COLUMNS]
    assert json.loads(line)[IMPORT_RAW] == raw
    (source_rows,) = read(tmp_path / "errors.jsonl")
    assert defects_of(source_rows)[0].code == "row-malformed"
    assert "in place of import_raw" in defects_of(source_rows)[0].hint
    assert (raws_of(source_rows), origins_of(source_rows)) == ([raw], {0: "first.csv row 1"})


def test_an_object_with_a_very_long_number(tmp_path: Path) -> None:
    """A number that Python can't convert stays where it is."""
    write(tmp_path, [None], [row_of(f'{{"a": {"9" * 5000}}}')])
    assert raws_of(read(tmp_path / "errors.jsonl")[0]) == [f'{{"a":{"9" * 5000}}}']


@pytest.mark.parametrize("name", ["errors.csv", "errors.jsonl"])
def test_private(tmp_path: Path, name: str) -> None:
    """Nobody else can read what stood in the source."""
    write(tmp_path, [("A",), None], [row_of(["1"]), row_of("{}", file=1)])
    assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
