"""Rows of a part, as another process gets them."""

from __future__ import annotations

import io
import pickle
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from importer.check.part_rows import SEPARATOR, dump_joined, dump_without_rows
from importer.errors import SourceNotReady
from importer.records import Chunk, Ref
from importer.sources import csv_parts
from importer.sources.csv_parts import cut_file, read_part
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.making import chunk_of

CELL = st.text(st.sampled_from(["a", "é", "😀", "\ud800", "\n", SEPARATOR]), max_size=3)
ROW = st.lists(CELL, min_size=1, max_size=4)


def passed_on(chunk: Chunk) -> Chunk:
    """The chunk as another process gets it, with its rows joined."""
    file = io.BytesIO()
    dump_joined([chunk], file)
    return loaded(file)


def loaded(file: io.BytesIO) -> Chunk:
    (found,) = pickle.loads(file.getvalue())
    assert isinstance(found, Chunk)
    return found


@given(st.lists(ROW, max_size=4), st.sets(st.integers(0, 4)))
@example([["a", SEPARATOR], ["", ""]], {0, 1})
def test_rows_arrive_as_they_were(rows: list[list[str]], used: set[int]) -> None:
    """Whatever is in their cells, however wide each is, and also where the mapping reads other cells than came."""
    cells = {place: [row[place] if place < len(row) else "" for row in rows] for place in used}
    if 0 in cells:
        cells[0] = ["corrected" for _ in rows]
    chunk = Chunk(0, "issues.csv", range(1, len(rows) + 1), [*range(len(rows))], rows, cells, {})
    found = passed_on(chunk)
    assert [*map(list, found.raw)] == rows
    assert [list(found.raw[place]) for place in range(len(rows))] == rows
    assert [*map(list, found.raw[1:3])] == rows[1:3]
    assert dict(found.cells) == cells
    assert len(found.raw) == len(found) == len(rows)


def test_what_is_passed_on_can_be_passed_on_again() -> None:
    """A chunk that came joined is one like any other."""
    chunk = chunk_of(("A", "B"), [["one", "two"], ["three", ""]])
    again = passed_on(passed_on(chunk))
    assert [*map(list, again.raw)] == chunk.raw
    assert (dict(again.cells), again.positions, again.lines) == (chunk.cells, chunk.positions, chunk.lines)


def test_rows_are_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of a chunk in the middle of a part too, and however wide they are."""
    monkeypatch.setattr(csv_parts, "PART_BYTES", 200)
    monkeypatch.setattr(csv_parts, "PART_ROWS", 4)
    rows = [f'{number},"two\nlines",{number % 7}{",,"[: number % 3]}\n' for number in range(60)]
    path = tmp_path / "export.csv"
    path.write_text("".join(["Key,Text,Label,Label,Label\n", *rows]))
    count = 0
    with open_source([str(path)], SourceOptions()) as source:
        (file,) = source.files
        refs = [Ref("column", name) for name in ("Key", "Text", "Label")]
        for part in cut_file(file, 0):
            for chunk in read_part(file, part, refs):
                packed = io.BytesIO()
                dump_without_rows([chunk], packed, file, part)
                found = loaded(packed)
                assert len(found.raw) == len(chunk)
                assert [*map(list, found.raw)] == chunk.raw
                assert dict(found.cells) == chunk.cells
                count += 1
        assert count > 12
        path.write_text("Key\n")
        with pytest.raises(SourceNotReady, match="changed while it was read"):
            _ = loaded(packed).raw[0]
