"""Examine: every row of a source with exactly one outcome, before anything is sent."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from importer.check.check_pass import spool_row
from importer.check.examine import correct_cells, examine
from importer.check.job import Job
from importer.check.knowledge import NoLedger
from importer.check.plan import plan_rows
from importer.mapping.edited_tables import Fix, Fixes
from importer.mapping.reader import load_mapping
from importer.records import Outcome
from importer.sources.source import Source, SourceOptions
from importer.sources.survey import open_source
from tests.harness.making import source_rows_of
from tests.harness.small_source import all_rows, job_of

EXPORTS = Path(__file__).parents[3] / "shared" / "exports"


def test_outcomes(source: Source, tmp_path: Path) -> None:
    """Each row is planned, rejected with its findings and raw cells, or skipped with its reason."""
    rows = all_rows(job_of(source, tmp_path))
    assert [(row.key, row.line, row.outcome.value, row.codes) for row in rows] == [
        ("demo:A", 2, "planned", ()),
        ("demo:B", 3, "rejected", ("title-missing", "severity-unknown")),
        ("demo:C", 4, "skipped", ("skip-closed",)),
        ("", 5, "skipped", ("row-empty",)),
        ("", 6, "rejected", ("row-ragged",)),
        ("demo:E", 7, "planned", ()),
    ]
    assert [row.raw for row in rows if row.raw is not None] == [["B", "", "P9", "Open"], ["D", "Four", "P1"]]
    assert [message for row in rows[2:4] for message in row.messages] == [
        "Skipped by a rule of the mapping.",
        "All cells are empty; skipped.",
    ]


@pytest.mark.parametrize("limit", range(8))
def test_limit(source: Source, tmp_path: Path, limit: int) -> None:
    """`limit` is the first rows of the input, whatever becomes of them."""
    assert all_rows(job_of(source, tmp_path, limit=limit)) == all_rows(job_of(source, tmp_path))[:limit]


@pytest.mark.parametrize("only", [{"A", "B"}, {"demo:A", "demo:B"}])
def test_only(source: Source, tmp_path: Path, only: set[str]) -> None:
    """`only` names native or full keys; every other row is skipped, and so is none of them rejected."""
    rows = all_rows(job_of(source, tmp_path, only=frozenset(only)))
    assert [row.codes[-1:] for row in rows] == [
        (),
        ("severity-unknown",),
        ("skip-closed",),
        ("row-empty",),
        ("not-selected",),
        ("not-selected",),
    ]


def test_operation(source: Source, tmp_path: Path) -> None:
    """A row that would be sent has an operation with its body and marker; equal rows have equal digests."""
    (run,) = examine(job_of(source, tmp_path))
    first, other = run.rows[0], run.rows[5]
    operation = first.make_create(hashed=True)
    plan_rows(run, {}, NoLedger())
    assert first.operation == operation._replace(content=b"")  # which only a ledger asks for
    assert operation.content not in (b"", other.make_create(hashed=True).content)
    assert (operation.key, operation.method, operation.path) == ("demo:A", "POST", "/v1/triage/issues")
    assert operation.marker in orjson.loads(operation.body)["description"]
    assert spool_row(first, 0)[4] != spool_row(other, 0)[4]
    assert [row.place for row in run.rows if row.is_counted] == [0, 1, 5]


@pytest.mark.skipif(not EXPORTS.is_dir(), reason="the collection of real exports is not here")
@pytest.mark.parametrize(
    ("pattern", "preset", "rows"),
    [
        ("jira/ericmedlock*.csv", "jira", 22),
        ("jira/Maarten-DLVW*.csv", "jira", 26),
        ("github/dlt-hub*duck.json", "github", None),
        ("linear/*linear-export.csv", "linear", 10),
    ],
)
def test_real_exports(pattern: str, preset: str, rows: int | None) -> None:
    """Each row of a real export has one outcome, and each rejected one says why and what to do."""
    (path,) = EXPORTS.glob(pattern)
    with open_source([str(path)], SourceOptions()) as source:
        found = all_rows(Job(source, load_mapping(preset), "acme", True))
    assert rows in (None, len(found))
    assert found
    for row in found:
        assert row.outcome is Outcome.PLANNED or row.codes
        assert row.outcome is not Outcome.REJECTED or all(row.hints)


HIGH = Fix("Priority", "P9", "High", 2)


def fixes_of(*fixes: Fix) -> Fixes:
    columns: dict[str, dict[str, Fix]] = {}
    for fix in fixes:
        columns.setdefault(fix.column, {})[fix.bad] = fix
    return Fixes(Path("fixes.csv"), columns)


def test_cells_are_replaced_whole_and_only_in_their_column() -> None:
    """Outer white space aside; both columns of a header that repeats; the raw rows stay as they came."""
    rows = [("A", "P9", "x", "P9"), ("B", " P9 ", "P9", "P99"), ("C", "p9", "P9 ", "")]
    source_rows = source_rows_of(("Key", "Priority", "Other", "Priority"), rows)
    corrected = correct_cells(fixes_of(HIGH), source_rows).rows
    assert [list(row.cells) for row in corrected] == [
        ["A", "High", "x", "High"],
        ["B", "High", "P9", "P99"],
        ["C", "p9", "P9 ", ""],
    ]
    assert [row.fixes for row in corrected] == [(HIGH,), (HIGH,), ()]
    assert [row.raw for row in corrected] == rows


def test_fixes_are_not_applied_to_what_fixes_made() -> None:
    """Two values can be exchanged."""
    fixes = fixes_of(Fix("A", "x", "y", 2), Fix("A", "y", "x", 3))
    assert correct_cells(fixes, source_rows_of(("A",), [("x",), ("y",)])).column(0) == ["y", "x"]


def test_where_nothing_is_to_be_corrected_the_cells_stay() -> None:
    """The very same: no copy is made."""
    source_rows = source_rows_of(("Key", "Priority"), [("A", "P1")])
    (row,) = source_rows.rows
    cells = row.written
    for fixes in (Fixes(), fixes_of(HIGH)):
        correct_cells(fixes, source_rows)
        assert row.written is cells
