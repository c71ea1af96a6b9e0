"""Chunks that split no group."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.check.group_faults import find_faults
from importer.check.grouping import GROUP_ROWS, end_of_group, regroup
from importer.errors import SourceError
from importer.records import Chunk, Finding, Ref
from importer.row.keys import find_groups
from importer.sources.source import SourceOptions
from importer.sources.survey import open_source
from tests.harness.source_files import MakeSource

KEY, LABELS = Ref("column", "key"), Ref("column", "labels")
DEFECT = Finding("row-ragged", "", "cut")
ROWS = st.lists(st.tuples(st.sampled_from(["a", "a", "b", "", "skip"]), st.integers(0, 3)), max_size=25)


def read_keys(chunk: Chunk) -> list[str | None]:
    """The key column; rows that say `skip` are left out."""
    return [None if key == "skip" else key for key in chunk.cells[chunk.positions[KEY][0]]]


def chop(rows: Sequence[tuple[str, int]], sizes: Sequence[int], file: int = 0) -> list[Chunk]:
    """Chunks of these sizes, over and over: of each row its key and how many labels it has, as JSON gives them."""
    chunks: list[Chunk] = []
    start = 0
    while start < len(rows):
        some = rows[start : start + sizes[len(chunks) % len(sizes)]]
        width = max(1, *(labels for _, labels in some))
        columns = {0: [key for key, _ in some]}
        columns |= {1 + place: [str(place) if place < labels else "" for _, labels in some] for place in range(width)}
        numbers = range(start + 1, start + 1 + len(some))
        chunks.append(
            Chunk(
                file,
                f"{file}.json",
                numbers,
                [number * 10 for number in numbers],
                [f"{number}" for number in numbers],
                columns,
                {KEY: (0,), LABELS: tuple(range(1, 1 + width))},
                {place: DEFECT for place, (key, _) in enumerate(some) if not key},
                {place: f"x:{numbers[place]}" for place, (key, _) in enumerate(some) if key == "b"},
            )
        )
        start += len(some)
    return chunks


def describe(chunk: Chunk, row: int) -> tuple[Any, ...]:
    """All that a chunk says of a row; empty cells at the end of a list don't count."""
    labels = [chunk.cells[place][row] for place in chunk.positions[LABELS]]
    cells = read_keys(chunk)[row], [label for label in labels if label]
    return (
        *(chunk.file, chunk.records[row], chunk.lines[row], chunk.raw[row], cells),
        *(chunk.defects.get(row), chunk.origins.get(row)),
    )


@given(ROWS, st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_chunks_make_no_difference(rows: list[tuple[str, int]], sizes: list[int]) -> None:
    """However the rows are chunked, they come unchanged and in order, in the same groups with the same faults."""
    one, many = list(regroup(chop(rows, [100]), read_keys)), list(regroup(chop(rows, sizes), read_keys))
    for chunks in (one, many):
        assert all(len(chunk) == len(chunk.cells[0]) == len(chunk.lines) == len(chunk.raw) for chunk in chunks)
    assert [describe(chunk, row) for chunk in one for row in range(len(chunk))] == [
        describe(chunk, row) for chunk in many for row in range(len(chunk))
    ]

    def plan_rows(chunks: list[Chunk]) -> tuple[list[list[int]], dict[int, int]]:
        groups: list[list[int]] = []
        faults: dict[int, int] = {}
        for chunk in chunks:
            keys, records = read_keys(chunk), chunk.records
            found = find_groups(keys)
            groups += [[records[row] for row in group] for group in found]
            wrong = find_faults(found, keys, chunk.defects.keys())
            faults |= {records[row]: records[fault] for row, fault in wrong.items()}
        return groups, faults

    assert plan_rows(one) == plan_rows(many)


def test_a_file_ends_a_group() -> None:
    """Rows of two files are never one issue."""
    chunks = [*chop([("a", 1)] * 2, [2]), *chop([("a", 1)] * 2, [2], file=1)]
    assert [(chunk.file, len(chunk)) for chunk in regroup(chunks, read_keys)] == [(0, 2), (1, 2)]


@pytest.mark.parametrize("size", [1, 300, 5000])
def test_a_group_has_an_end(size: int) -> None:
    """A column that says the same of too many rows is said with its line, whatever the chunks; just enough are fine."""
    fitting = [("b", 1), *[("a", 1)] * GROUP_ROWS, ("b", 1)]
    assert sum(map(len, regroup(chop(fitting, [size]), read_keys))) == len(fitting)
    too_many = [("b", 1), *[("a", 1)] * (GROUP_ROWS // 2), *[("skip", 1)] * 2 * GROUP_ROWS, ("a", 1)]
    with pytest.raises(SourceError, match=r"0\.json:20: 'a' would be one issue of more than 1,000"):
        list(regroup(chop(too_many, [size]), read_keys))


@pytest.mark.parametrize("filler", ["skip", ""])
def test_little_is_held_back(filler: str) -> None:
    """Rows that belong to nobody, or that nobody can read, pass without being kept."""
    rows = [("a", 1), *[(filler, 1)] * 5 * GROUP_ROWS]
    chunks = list(regroup(chop(rows, [100]), read_keys))
    assert max(map(len, chunks)) <= GROUP_ROWS + 100


def test_every_second_row_unreadable() -> None:
    """Where broken rows and others alternate without end, chunks end all the same."""
    rows = [(key, 1) for number in range(3 * GROUP_ROWS) for key in (f"k{number}", "")]
    chunks = list(regroup(chop(rows, [100]), read_keys))
    assert max(map(len, chunks)) <= GROUP_ROWS + 100
    assert sum(map(len, chunks)) == len(rows)


def test_rows_of_a_table(make_source: MakeSource) -> None:
    """A CSV file's columns keep their places."""
    source = make_source("key,x,labels\na,1,p\na,2,q\nb,3,r\n")
    chunks = list(regroup(source.chunks([KEY, LABELS], size=1), read_keys))
    assert [chunk.raw for chunk in chunks] == [[["a", "1", "p"], ["a", "2", "q"]], [["b", "3", "r"]]]
    assert chunks[0].positions == {KEY: (0,), LABELS: (2,)}
    assert chunks[0].cells[2] == ["p", "q"]


def test_nothing_to_read(tmp_path: Path) -> None:
    """A mapping may group by what the source lacks: every row is alone."""
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n2\n")
    with open_source([str(path)], SourceOptions()) as source:
        assert sum(map(len, regroup(source.chunks([], size=1), lambda chunk: [""] * len(chunk)))) == 2


def test_a_limit_splits_no_group() -> None:
    """Of the group in which the limit falls all rows are taken."""
    keys = ["a", "b", None, "b", "c"]
    assert [end_of_group(keys, rows) for rows in range(6)] == [0, 1, 4, 4, 4, 5]


def test_a_limit_cuts_off_no_row_that_may_belong_to_a_group() -> None:
    """A row without a key behind the last group is taken with it, which then waits for it."""
    keys = ["a", "a", None, "", "", "b"]
    assert [end_of_group(keys, rows) for rows in range(7)] == [0, 4, 4, 4, 4, 5, 6]
