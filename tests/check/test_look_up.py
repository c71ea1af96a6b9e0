"""How often a source is read, and how often the comments of its rows are planned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import importer.check.plan
from importer.records import Addition, Chunk
from importer.sources.source import Source
from importer.transform.addition_plan import Due, plan_additions
from tests.harness.running import HEADER, Program, issue_row, write_csv

ROWS = 12


@pytest.fixture
def counts(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Counts readings of a source, and rows whose additions are planned."""
    counted, read = Counter[str](), Source.chunks

    def chunks(*arguments: Any, **named: Any) -> Iterator[Chunk]:
        counted["readings"] += 1
        return read(*arguments, **named)

    def plan(issues: Sequence[Due]) -> list[list[Addition]]:
        counted["plans"] += len(issues)
        return plan_additions(issues)

    monkeypatch.setattr(Source, "chunks", chunks)
    monkeypatch.setattr(importer.check.plan, "plan_additions", plan)
    return counted


def write_source(*columns: str) -> Path:
    """Write an export with a comment a row, and these columns beside it."""
    rows = ((*issue_row(number), "a comment", *([str(number)] * len(columns))) for number in range(ROWS))
    return write_csv(Path("export.csv"), rows, (*HEADER, "Comment", *columns))


@pytest.mark.parametrize(
    ("columns", "look_ups"),
    [((), 0), (("Assignee", "Assignee Id"), 1), (("Assignee", "Assignee Id", "Issue id", "Parent id"), 1)],
)
def test_readings(program: Program, counts: Counter[str], columns: tuple[str, ...], look_ups: int) -> None:
    """A check reads once, a run twice, and both once more where names or aliases are to be looked up.

    Each pass plans what is to be added to a row once.
    """
    source = write_source(*columns)
    assert program("validate", source, "-m", "jira").code == 0
    assert counts == {"readings": 1 + look_ups, "plans": ROWS}
    counts.clear()
    assert program("run", source, "-m", "jira", "--sandbox", "--yes").code == 0
    assert counts == {"readings": 2 + look_ups, "plans": 2 * ROWS}
