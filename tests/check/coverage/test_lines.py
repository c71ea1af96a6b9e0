"""Lines of columns and classes."""

from __future__ import annotations

import pytest

from importer.check.coverage.lines import DROP, DROPPED, OTHERS, CoverageLines
from importer.check.observers.observer import DISTINCT_LIMIT


def test_samples_differ_and_are_short() -> None:
    """Two different texts on one line each, cut where they are long."""
    lines = CoverageLines([])
    lines.add_filled("A", "title", ["", "x\ny", "x y", "z" * 100, "w"], 4)
    lines.end_chunk()
    (line,) = lines
    assert line.samples == ["x y", "z" * 40 + "…"]


def test_columns_without_number() -> None:
    """Keys that are data are counted together from the limit on."""
    lines = CoverageLines([])
    for number in range(DISTINCT_LIMIT + 5):
        lines.line(str(number), DROPPED).cells += 1
    assert len(list(lines)) == DISTINCT_LIMIT + 1
    assert lines.line(OTHERS, DROPPED).cells == 5


@pytest.mark.parametrize(
    ("column", "label"),
    [
        *[(name, DROP) for name in ("Votes", "a.b", "a.b.c", "a.b[].c", "fields.customfield_1[].x", "x[].y")],
        *[(name, DROPPED) for name in ("votes", "Votes 2", "a", "a.bc", "fields.custom", "x")],
    ],
)
def test_names_of_drop(column: str, label: str) -> None:
    """A name is a whole one and means all below it; `*` is anything, brackets are themselves."""
    assert CoverageLines(["Votes", "a.b", "fields.customfield_*", "x[].y"]).line(column, DROPPED).label == label
