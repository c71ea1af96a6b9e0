"""summary.json."""

from __future__ import annotations

import io
import json

from syrupy.assertion import SnapshotAssertion

from importer.report.summary import Summary

SUMMARY = Summary(
    "2026-11-24-jira-1", 1, rows=10, created=4, skipped=3, rejected=2, unknown=1, findings={"title-missing": 2}
)


def test_summary(snapshot: SnapshotAssertion) -> None:
    """The names and their order are stable: programs read them."""
    assert SUMMARY.as_text() == snapshot


def test_outcomes_are_the_rows() -> None:
    """Every outcome has its figure, and they add up to the rows."""
    assert sum(SUMMARY.outcomes().values()) == SUMMARY.rows


def test_write() -> None:
    """The file holds the same text as stdout."""
    file = io.StringIO()
    SUMMARY.write(file)
    assert json.loads(file.getvalue())["exit_code"] == 1
