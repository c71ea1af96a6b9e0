"""Parts of a CSV file: read one by one they have the rows of one reading, or are refused."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import SourceError, SourceNotReady
from importer.records import Chunk, Ref
from importer.sources import csv, csv_parts
from importer.sources.csv import Severed
from importer.sources.csv_parts import can_be_cut, cut_file, read_part
from importer.sources.files import StoredFile
from importer.sources.source import Source, TableFile
from tests.harness.csv_tables import TABLES, Dialect, write_row
from tests.harness.source_files import MakeSource

HEADER = ("Key", "Title", "Text")
REFS = [Ref("column", name) for name in HEADER]
PIECES = st.sampled_from(
    [
        *('"', '""', '",', ',"', ",", "\n", "\r\n", "\r", "\n\n", "\ufeff", "é", " "),
        *("Key,Title,Text\n", "Sprint 3,,\n", "A,one,x\n", 'B,"two\nlines",y\n'),
        *("Copyright A\n", "Total,,3\n", ",,\n", "Acme\n"),
    ]
)
"""What upsets a count of quotes and lines, or is read with the row below it."""

Numbered = tuple[int, Sequence[str], list[str], Any]


def file_of(path: Path, encoding: str = "utf-8") -> TableFile:
    """A table with `HEADER`."""
    return TableFile(stored=StoredFile("f.csv", path), encoding=encoding, header=HEADER, delimiter=",")


def rows_in(chunks: Iterator[Chunk]) -> Iterator[Numbered]:
    """Line, raw cells, cells and defect of each row."""
    for chunk in chunks:
        columns = [chunk.cells[place] for place in range(len(HEADER))]
        for row, line in enumerate(chunk.lines):
            yield line, chunk.raw[row], [column[row] for column in columns], chunk.defects.get(row)


def read_at_once(content: bytes, encoding: str) -> Iterator[Numbered]:
    text = io.TextIOWrapper(io.BytesIO(content), encoding, newline="")
    table = csv.open_rows(csv.Lines(text), "f.csv", ",", 0)
    return rows_in(csv.chunk_batches(csv.read_batches(table, 3), table.header, 0, "f.csv", REFS))


def read_in_parts(file: TableFile, size: int) -> tuple[list[Numbered], bool]:
    """The rows of the parts of about `size` bytes that can be read, and whether these were all."""
    rows: list[Numbered] = []
    with patch.object(csv_parts, "PART_BYTES", size), suppress(Severed):
        for part in cut_file(file, 0):
            rows += list(rows_in(read_part(file, part, REFS)))
        return rows, True
    return rows, False


@given(st.lists(PIECES, max_size=30), st.integers(1, 60), st.sampled_from(["utf-8", "utf-8-sig", "cp1252"]))
def test_any_text_in_parts_is_that_text(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], size: int, encoding: str
) -> None:
    """Cut anywhere, each part that isn't refused has the next rows, with their lines and defects."""
    content = f"Key,Title,Text\n{''.join(pieces)}".encode(encoding, "replace")
    path = tmp_path_factory.mktemp("parts") / "f.csv"
    path.write_bytes(content)
    whole, is_read = list[Numbered](), False
    with suppress(SourceError, SourceNotReady):
        whole.extend(read_at_once(content, encoding))
        is_read = True
    rows, are_all = read_in_parts(file_of(path, encoding), size)
    if is_read:
        assert rows == (whole if are_all else whole[: len(rows)])
    else:  # whoever reads it at once names what is wrong
        assert not are_all


@given(TABLES, st.integers(1, 60), st.sampled_from(["\n", "\r\n"]))
def test_no_table_that_a_program_wrote_is_refused(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], size: int, line_end: str
) -> None:
    """Whatever csv.writer writes can be read in parts to its end, if its last row is none that may be a note."""
    dialect = Dialect(",", line_end, quote_all=True)
    rows = [*([*row, "", ""][:3] for row in table), ["A", "one", "x"]]
    path = tmp_path_factory.mktemp("parts") / "f.csv"
    path.write_bytes("".join(write_row(row, dialect) for row in [list(HEADER), *rows]).encode())
    read, are_all = read_in_parts(file_of(path), size)
    assert are_all
    assert [raw for _, raw, _, _ in read] == rows


def test_parts_are_many_and_join(make_source: MakeSource) -> None:
    """The ranges cover the file without a gap, none is much longer than asked for, and each knows its line."""
    content = "Key,Title,Text\r\n" + "".join(f'K-{number},"a\nb",c\r\n' for number in range(100))
    source = make_source(content)
    with patch.object(csv_parts, "PART_BYTES", 100):
        parts = list(cut_file(source.files[0], 0))
    assert [part.start for part in parts] == [0, *(part.end for part in parts[:-1])]
    assert parts[-1].end == len(content)
    assert max(part.end - part.start for part in parts) < 200
    first_lines = [next(read_part(source.files[0], part, [])).lines[0] for part in parts[1:]]
    assert first_lines == [part.line for part in parts[1:]]


def test_a_quote_that_is_never_closed_ends_the_cutting(
    make_source: MakeSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its part would be the rest of the file."""
    monkeypatch.setattr(csv, "CELL_CHARACTERS", 100)
    monkeypatch.setattr("csv.field_size_limit", lambda limit: None)  # it would stay so for other tests
    source = make_source("Key,Title\nA,5 inch\n" + 'B,5" x\n' + "C,x\n" * 200)
    with patch.object(csv_parts, "PART_BYTES", 10), pytest.raises(Severed):
        list(cut_file(source.files[0], 0))


def test_only_tables_stored_as_they_are_can_be_cut(make_source: MakeSource) -> None:
    """Not what is compressed, in an encoding of several bytes or with a state, JSON, or an errors file."""
    import gzip

    table = "Key,Title\nA,One\n"
    returned = "Key,Title,import_row,import_code,import_field,import_message,import_hint\nA,One,x:1,c,,,\n"

    def is_cut(source: Source) -> bool:
        return can_be_cut(source.files[0])

    assert is_cut(make_source(table))
    assert is_cut(make_source(table, encoding="windows-1252"))
    assert not is_cut(make_source(gzip.compress(table.encode())))
    assert not is_cut(make_source(table.encode("utf-16")))
    assert not is_cut(make_source(table, encoding="iso2022_jp"))
    assert not is_cut(make_source('{"key": "A"}\n', "issues.jsonl"))
    assert not is_cut(make_source(returned))
