"""Fixes: what they do to a chunk."""

from __future__ import annotations

from pathlib import Path

from importer.check.examine import apply_fixes
from importer.mapping.edited_tables import Fix, Fixes
from tests.harness.making import chunk_of, rows_of

HIGH = Fix("Priority", "P9", "High", 2)


def fixes_of(*fixes: Fix) -> Fixes:
    columns: dict[str, dict[str, Fix]] = {}
    for fix in fixes:
        columns.setdefault(fix.column, {})[fix.bad] = fix
    return Fixes(Path("fixes.csv"), columns)


def test_cells_are_replaced_whole_and_only_in_their_column() -> None:
    """Outer white space aside; both columns of a header that repeats; the raw rows stay as they came."""
    rows = [("A", "P9", "x", "P9"), ("B", " P9 ", "P9", "P99"), ("C", "p9", "P9 ", "")]
    chunk = chunk_of(("Key", "Priority", "Other", "Priority"), rows)
    done, fixed = apply_fixes(fixes_of(HIGH), chunk)
    assert rows_of(done) == [
        ["A", "High", "x", "High"],
        ["B", "High", "P9", "P99"],
        ["C", "p9", "P9 ", ""],
    ]
    assert fixed == {0: (HIGH,), 1: (HIGH,)}
    assert done.raw == rows


def test_fixes_are_not_applied_to_what_fixes_made() -> None:
    """Two values can be exchanged."""
    fixes = fixes_of(Fix("A", "x", "y", 2), Fix("A", "y", "x", 3))
    assert apply_fixes(fixes, chunk_of(("A",), [("x",), ("y",)]))[0].cells[0] == ["y", "x"]


def test_where_nothing_is_to_be_done_the_chunk_stays() -> None:
    """The very same: no copy is made."""
    chunk = chunk_of(("Key", "Priority"), [("A", "P1")])
    for fixes in (Fixes(), fixes_of(HIGH)):
        assert apply_fixes(fixes, chunk)[0] is chunk
