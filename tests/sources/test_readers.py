"""What every reader of files promises: the same rows, whatever form the export has."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import pytest
import zstandard

from importer.errors import SourceNotReady
from importer.records import Ref
from importer.sources.source import Source, SourceOptions
from importer.sources.survey import open_source
from importer.spreadsheet import IMPORT_COLUMNS
from tests.harness.read_rows import defects_of, origins_of, raws_of, records_of, texts_of
from tests.harness.workbooks import write_xlsx

HEADER = ["id", "title", "state"]
ROWS = [
    ["0012", "Größe ✓", "Open"],
    ["2", 'she said "no"\nand left', "Open"],
    ["3", " x; y, z\t| ", "Open"],
    ["4", "", "Done"],
]
RECORDS = [dict(zip(HEADER, row, strict=True)) for row in ROWS]
REFS = [Ref("column", name) for name in HEADER]


class Form(NamedTuple):
    """A form of an export: its file's name, and what writes the rows into it."""

    name: str
    write: Callable[[Path], object]


def table(delimiter: str = ",", encoding: str = "utf-8", above: str = "", end: str = "\r\n") -> bytes:
    """The rows as CSV."""
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator=end).writerows([HEADER, *ROWS])
    return (above + text.getvalue()).encode(encoding)


def stored(name: str, content: bytes | str) -> Form:
    """A form that is these bytes."""
    data = content.encode() if isinstance(content, str) else content
    return Form(name, lambda path: path.write_bytes(data))


def zipped(name: str, content: bytes) -> Form:
    """A form that is an archive with this file in it."""

    def write(path: Path) -> None:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(name, content)

    return Form("export.zip", write)


ARRAY = json.dumps(RECORDS, ensure_ascii=False)
LINES = "\n".join(map(json.dumps, RECORDS))
COLUMN = io.StringIO(newline="")
csv.writer(COLUMN).writerows([["n", "data"], *([n, json.dumps(record)] for n, record in enumerate(RECORDS))])
FORMS = {
    "csv": stored("a.csv", table()),
    "semicolons": stored("a.csv", table(";", end="\n")),
    "tabs": stored("a.tsv", table("\t", "utf-8-sig", end="\r")),
    "titles above": stored("a.csv", table("|", above="Our issues\r\n\r\nOf all teams\r\n")),
    "utf-16": stored("a.txt", table(encoding="utf-16")),
    "gzip": stored("a.csv.gz", gzip.compress(table())),
    "zstd": stored("a.csv.zst", zstandard.compress(table())),
    "archive": zipped("My board/a.csv", table()),
    "workbook": Form("a.xlsx", lambda path: write_xlsx(path, {"Issues": [HEADER, *ROWS]})),
    "lines": stored("a.jsonl", LINES),
    "array": stored("a.json", ARRAY),
    "object": stored("a.json", f'{{"total": 4, "data": {{"issues": {ARRAY}}}, "names": ["x"]}}'),
    "pages": stored("a.json", "\n".join(json.dumps({"total": 4, "issues": [each]}) for each in RECORDS)),
    "edges": stored("a.json", json.dumps({"data": {"issues": {"edges": [{"node": each} for each in RECORDS]}}})),
    "pairs": stored("a.json", json.dumps([["acme/issues", each] for each in RECORDS])),
    "envelopes": stored("a.json", json.dumps([{"backend_name": "x", "data": each} for each in RECORDS])),
    "json in gzip": stored("a.json.gz", gzip.compress(ARRAY.encode())),
    "json in an archive": zipped("a.jsonl", LINES.encode()),
    "json in a column": stored("a.csv", COLUMN.getvalue()),
}  # fmt: skip


@pytest.fixture(params=FORMS)
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """An export of each form."""
    form = FORMS[request.param]
    form.write(tmp_path / form.name)
    return tmp_path / form.name


@pytest.fixture
def source(path: Path) -> Iterator[Source]:
    """The same, opened."""
    with open_source([str(path)], SourceOptions()) as opened:
        yield opened


def rows_of(source: Source, size: int = 100) -> list[list[str]]:
    """The rows' cells."""
    found: list[list[str]] = []
    for source_rows in source.read(REFS, size):
        assert records_of(source_rows) == [*range(len(found) + 1, len(found) + 1 + len(source_rows))]
        columns = [texts_of(source_rows, ref) for ref in REFS]
        assert not defects_of(source_rows)
        assert len(source_rows) <= size
        found += map(list, zip(*columns, strict=True))
    return found


def test_rows(source: Source) -> None:
    """Each form has the same cells, as they were written, numbered from 1, however many are read together."""
    assert [rows_of(source, size) for size in (100, 1, 3)] == [ROWS] * 3
    assert [{name: record[name] for name in HEADER} for record in source.records(0)] == RECORDS


def test_progress_ends_with_all_bytes(source: Source) -> None:
    """Progress goes from 0 to all bytes as they are stored, in each pass."""
    assert source.bytes_read == 0
    for _ in range(2):
        seen = [source.bytes_read for _ in source.read(REFS, 1)]
        assert seen == sorted(seen)
        assert 0 < seen[0] <= source.total_bytes == source.bytes_read


def test_a_file_that_changes(path: Path, source: Source) -> None:
    """One that is written to since it was opened is not ready, whether it is being read or was read."""
    digest = source.digest()
    source.check_unchanged()
    runs = source.read(REFS, 1)
    next(runs)
    with path.open("ab") as file:
        file.write(b" ")
    with pytest.raises(SourceNotReady, match="changed while it was read"):
        list(runs)
    with pytest.raises(SourceNotReady, match="It is still being written"):
        source.check_unchanged()
    assert len(digest) == 64


def test_a_file_that_goes_away(path: Path, source: Source) -> None:
    """A file that is removed between two passes is missing."""
    path.unlink()
    with pytest.raises(SourceNotReady, match="does not exist"):
        list(source.read(REFS))


def test_rows_that_come_back_in_an_errors_file(tmp_path: Path, source: Source) -> None:
    """Their text with the import columns beside it is read as the rows were, and names their places."""
    added = {column: f"a:{column}" for column in IMPORT_COLUMNS}
    raws = [raw for source_rows in source.read(REFS) for raw in raws_of(source_rows)]
    with ExitStack() as stack:
        if isinstance(raws[0], str):
            again = tmp_path / "errors.jsonl"
            again.write_text(
                "\n".join(f"{raw[:-1]},{json.dumps(added)[1:]}" for raw in map(str, raws)), encoding="utf-8"
            )
        else:
            again = tmp_path / "errors.csv"
            with again.open("w", encoding="utf-8", newline="") as file:
                header = source.files[0].header or ()
                csv.writer(file).writerows([[*header, *IMPORT_COLUMNS], *([*raw, *added.values()] for raw in raws)])
        returned = stack.enter_context(open_source([str(again)], SourceOptions()))
        assert rows_of(returned) == ROWS
        assert returned.files[0].errors_file
        assert [*origins_of(next(iter(returned.read(REFS)))).values()] == [f"a:{IMPORT_COLUMNS[0]}"] * len(ROWS)
