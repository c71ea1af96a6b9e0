"""results.csv."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st
from syrupy.assertion import SnapshotAssertion

from importer.records import Outcome, Row
from importer.report.results import ResultsFile, fill
from importer.spreadsheet import escape_signs, unescape_cell

CELLS = st.sampled_from(["", "a", "100%", "%s", 7, 0])


def written(*rows: Row) -> str:
    """The text of results.csv."""
    file = io.StringIO(newline="")
    results = ResultsFile(file)
    for row in rows:
        results.write([row])
    return file.getvalue()


def test_results(snapshot: SnapshotAssertion) -> None:
    """Every row once, in input order, with all its codes and messages; cells can't be formulas."""
    rejected = Row(0, "a.csv", 2, 3, "=k", Outcome.REJECTED, ("x", "y"), ("t", "s"), ("-1 is odd", "why"), ("", ""), [])
    created = Row(1, "-", 1, 2, "demo:P-1", Outcome.CREATED, attempts=2, issue_id="u-u-i-d", triage_id="T-1001")
    assert written(rejected, created) == snapshot


@given(st.lists(st.text(st.characters(codec="utf-8"), max_size=6), max_size=5))
def test_keys_come_back(keys: list[str]) -> None:
    """Whatever a key holds, a CSV reader sees one row for it, and in it the key, whose controls are written out."""
    text = written(*(Row(0, "f", place, place, key, Outcome.PLANNED) for place, key in enumerate(keys)))
    _, *rows = csv.reader(io.StringIO(text, newline=""))
    assert [unescape_cell(row[3]) for row in rows] == list(map(escape_signs, keys))


@given(st.integers(1, 4).flatmap(lambda width: st.lists(st.tuples(*[CELLS] * width), min_size=1, max_size=5)))
def test_fill(rows: list[tuple[object, ...]]) -> None:
    """The lines are those that the form makes of each row by itself."""
    form = "<" + ",".join("%s" for _ in rows[0]) + ">\n"
    assert fill(form, list(zip(*rows, strict=True))) == "".join(form % row for row in rows)
