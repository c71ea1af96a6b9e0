"""A small import, killed at every boundary, ends with every key once at the target."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.sweep import BEFORE_ANSWER, KINDS, REFUSED, ROWS, find_problems, sweep, table
from tests.harness.boundaries import BEFORE_COMMIT, BEFORE_FILE
from tests.harness.power import find_vfs
from tests.harness.running import LONG, Ended, write_csv
from tests.harness.thirds import THIRD

pytestmark = pytest.mark.slow(seconds=150)

FEWEST_KILLS = 120 if THIRD is None else 40
POWER_KINDS = KINDS if LONG else (BEFORE_COMMIT, BEFORE_FILE, BEFORE_ANSWER)
"""The others find the same on the disk: after a commit it is as before the next, before a request as during it."""


def test_a_kill_at_every_boundary(tmp_path: Path) -> None:
    """Whatever it was doing, the same command goes on: nothing doubled, nothing lost, every row accounted for."""
    cases = asyncio.run(sweep(tmp_path))
    print(table(cases))  # noqa: T201 - shown where it fails
    assert not [problem for case in cases for problem in case.problems]
    killed = [case.boundary.kind for case in cases if case.boundary is not None and case.killed]
    assert set(killed) == set(KINDS)
    assert len(killed) > FEWEST_KILLS


@pytest.mark.skipif(find_vfs() is None, reason="the library of this Python's SQLite is not to be reached")
def test_a_power_cut_at_every_state_of_the_disk(tmp_path: Path) -> None:
    """As after a kill, though only what was synced is surely there, and of the rest what a disk may have."""
    cases = asyncio.run(sweep(tmp_path, power_seed=1, kinds=POWER_KINDS))
    print(table(cases))  # noqa: T201 - shown where it fails
    assert not [problem for case in cases for problem in case.problems]
    assert sum(case.killed for case in cases) > FEWEST_KILLS * len(POWER_KINDS) / len(KINDS)


RESULT_COLUMNS = ("key", "outcome", "issue_id", "triage_id")
GOOD = [number for number in range(1, ROWS + 1) if number != REFUSED]


def _issue(number: int) -> dict[str, Any]:
    return {"title": f"Title {number}", "id": f"id-{number}", "triage_id": f"T-{number}"}


def _problems(folder: Path, issues: list[dict[str, Any]], rows: list[tuple[str, ...]], code: int = 1) -> list[str]:
    write_csv(folder / "results.csv", rows, header=RESULT_COLUMNS)
    names = ("created", "updated", "unchanged", "changed", "skipped", "rejected", "failed", "unknown", "planned")
    counts = {name: sum(row[1] == name for row in rows) for name in names}
    return list(find_problems(Ended(code, json.dumps(counts), ""), folder, issues))


def test_the_sweep_sees_what_is_wrong(tmp_path: Path) -> None:
    """A doubled issue, a lost one, a missing row, a wrong number and a wrong exit code are each a problem."""
    issues = [_issue(number) for number in GOOD]
    rows: list[tuple[str, ...]] = [(f"jira:PROJ-{number}", "created", f"id-{number}", f"T-{number}") for number in GOOD]
    rows.append((f"jira:PROJ-{REFUSED}", "failed", "", ""))
    assert _problems(tmp_path, issues, rows) == []
    assert _problems(tmp_path, [*issues, _issue(1)], rows)
    assert _problems(tmp_path, issues[1:], rows)
    assert _problems(tmp_path, issues, rows[1:])
    assert _problems(tmp_path, issues, [("jira:PROJ-1", "created", "id-1", "T-2"), *rows[1:]])
    assert _problems(tmp_path, issues, rows, code=4)
