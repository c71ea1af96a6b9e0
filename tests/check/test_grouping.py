"""Runs of rows that split no group."""

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
from importer.records import Finding, Ref
from importer.row.keys import find_groups
from importer.sources.source import SourceOptions
from importer.sources.source_rows import Layout, SourceRow, SourceRows
from importer.sources.survey import open_source
from tests.harness.read_rows import defects_of, lines_of, origins_of, raws_of, records_of, texts_of
from tests.harness.source_files import MakeSource

KEY, LABELS = Ref("column", "key"), Ref("column", "labels")
DEFECT = Finding("row-ragged", "", "cut")
ROWS = st.lists(st.tuples(st.sampled_from(["a", "a", "b", "", "skip"]), st.integers(0, 3)), max_size=25)


def read_keys(source_rows: SourceRows) -> list[str | None]:
    """The key column; rows that say `skip` are left out."""
    return [None if key == "skip" else key for key in texts_of(source_rows, KEY)]


def chop(rows: Sequence[tuple[str, int]], sizes: Sequence[int], file: int = 0) -> list[SourceRows]:
    """Runs of these sizes, over and over: of each row its key and how many labels it has, as JSON gives them."""
    runs: list[SourceRows] = []
    start = 0
    while start < len(rows):
        some = rows[start : start + sizes[len(runs) % len(sizes)]]
        width = max(1, *(labels for _, labels in some))
        source_rows = list[SourceRow]()
        for number, (key, labels) in enumerate(some, start=start + 1):
            cells = [key, *(str(place) if place < labels else "" for place in range(width))]
            defect, origin = None if key else DEFECT, f"x:{number}" if key == "b" else ""
            source_rows.append(SourceRow(number, number * 10, str(number), cells, cells, defect, origin))
        layout = Layout({KEY: (0,), LABELS: tuple(range(1, 1 + width))})
        runs.append(SourceRows(file, f"{file}.json", layout, source_rows))
        start += len(some)
    return runs


def describe(source_rows: SourceRows, row: int) -> tuple[Any, ...]:
    """All that is known of a row; empty cells at the end of a list don't count."""
    labels = [source_rows.column(place)[row] for place in source_rows.layout.places[LABELS]]
    cells = read_keys(source_rows)[row], [label for label in labels if label]
    return (
        *(source_rows.file, records_of(source_rows)[row], lines_of(source_rows)[row], raws_of(source_rows)[row], cells),
        *(defects_of(source_rows).get(row), origins_of(source_rows).get(row)),
    )


@given(ROWS, st.lists(st.integers(1, 7), min_size=1, max_size=4))
def test_runs_make_no_difference(rows: list[tuple[str, int]], sizes: list[int]) -> None:
    """However many are read together, rows come unchanged and in order, in the same groups with the same faults."""
    one, many = list(regroup(chop(rows, [100]), read_keys)), list(regroup(chop(rows, sizes), read_keys))
    assert [describe(source_rows, row) for source_rows in one for row in range(len(source_rows))] == [
        describe(source_rows, row) for source_rows in many for row in range(len(source_rows))
    ]

    def plan_rows(runs: list[SourceRows]) -> tuple[list[list[int]], dict[int, int]]:
        groups: list[list[int]] = []
        faults: dict[int, int] = {}
        for source_rows in runs:
            keys, records = read_keys(source_rows), records_of(source_rows)
            found = find_groups(keys)
            groups += [[records[row] for row in group] for group in found]
            wrong = find_faults(found, keys, defects_of(source_rows).keys())
            faults |= {records[row]: records[fault] for row, fault in wrong.items()}
        return groups, faults

    assert plan_rows(one) == plan_rows(many)


def test_a_file_ends_a_group() -> None:
    """Rows of two files are never one issue."""
    runs = [*chop([("a", 1)] * 2, [2]), *chop([("a", 1)] * 2, [2], file=1)]
    assert [(source_rows.file, len(source_rows)) for source_rows in regroup(runs, read_keys)] == [(0, 2), (1, 2)]


@pytest.mark.parametrize("size", [1, 300, 5000])
def test_a_group_has_an_end(size: int) -> None:
    """A column that says the same of too many rows is said with its line, whatever the runs; just enough are fine."""
    fitting = [("b", 1), *[("a", 1)] * GROUP_ROWS, ("b", 1)]
    assert sum(map(len, regroup(chop(fitting, [size]), read_keys))) == len(fitting)
    too_many = [("b", 1), *[("a", 1)] * (GROUP_ROWS // 2), *[("skip", 1)] * 2 * GROUP_ROWS, ("a", 1)]
    with pytest.raises(SourceError, match=r"0\.json:20: 'a' would be one issue of more than 1,000"):
        list(regroup(chop(too_many, [size]), read_keys))


@pytest.mark.parametrize("filler", ["skip", ""])
def test_little_is_held_back(filler: str) -> None:
    """Rows that belong to nobody, or that nobody can read, pass without being kept."""
    rows = [("a", 1), *[(filler, 1)] * 5 * GROUP_ROWS]
    runs = list(regroup(chop(rows, [100]), read_keys))
    assert max(map(len, runs)) <= GROUP_ROWS + 100


def test_every_second_row_unreadable() -> None:
    """Where broken rows and others alternate without end, runs end all the same."""
    rows = [(key, 1) for number in range(3 * GROUP_ROWS) for key in (f"k{number}", "")]
    runs = list(regroup(chop(rows, [100]), read_keys))
    assert max(map(len, runs)) <= GROUP_ROWS + 100
    assert sum(map(len, runs)) == len(rows)


def test_rows_of_a_table(make_source: MakeSource) -> None:
    """A CSV file's columns keep their places."""
    source = make_source("key,x,labels\na,1,p\na,2,q\nb,3,r\n")
    runs = list(regroup(source.read([KEY, LABELS], size=1), read_keys))
    assert [raws_of(source_rows) for source_rows in runs] == [[["a", "1", "p"], ["a", "2", "q"]], [["b", "3", "r"]]]
    assert runs[0].layout.places == {KEY: (0,), LABELS: (2,)}
    assert runs[0].column(2) == ["p", "q"]


def test_nothing_to_read(tmp_path: Path) -> None:
    """A mapping may group by what the source lacks: every row is alone."""
    path = tmp_path / "a.csv"
    path.write_text("x\n1\n2\n")
    with open_source([str(path)], SourceOptions()) as source:
        assert sum(map(len, regroup(source.read([], size=1), lambda source_rows: [""] * len(source_rows)))) == 2


def test_a_limit_splits_no_group() -> None:
    """Of the group in which the limit falls all rows are taken."""
    keys = ["a", "b", None, "b", "c"]
    assert [end_of_group(keys, rows) for rows in range(6)] == [0, 1, 4, 4, 4, 5]


def test_a_limit_cuts_off_no_row_that_may_belong_to_a_group() -> None:
    """A row without a key behind the last group is taken with it, which then waits for it."""
    keys = ["a", "a", None, "", "", "b"]
    assert [end_of_group(keys, rows) for rows in range(7)] == [0, 4, 4, 4, 4, 5, 6]
