"""The people whom a source names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.check.check_pass import check
from importer.check.knowledge import know_nothing
from importer.check.people_named import Named, count_open
from importer.mapping.identities import Identity, Line, Roster
from importer.progress import Unseen
from tests.harness.people import job_of

MAPPING = """
input: {name: demo, key: Key}
title: Key
severity: {value: low}
status: {column: State, values: {open: todo, shut: done}}
category: {value: Bug}
owner: {name: Owner}
assignee: {name: Worker}
"""
HEADER = ("Key", "State", "Owner", "Worker")
ROWS = [
    ("K-1", "open", "Ann Meyer", "Ann Meyer"),
    ("K-2", "open", "Ann Meyer", "Bo"),
    ("K-3", "shut", "", "Bo"),
    ("K-4", "open", "", ""),
]


def named(folder: Path, mapping: str = MAPPING, **changes: Any) -> list[Named]:
    """Whom a check names."""
    with job_of(folder, ROWS, mapping, HEADER, **changes) as job:
        return list(check(job, know_nothing, Unseen()).people)


def test_issues_are_counted_by_person(tmp_path: Path) -> None:
    """Who is owner and assignee of one issue has one; whoever has no user comes first."""
    roster = Roster((Line(Identity("Ann Meyer"), "u-1"),), "users.csv")
    people = named(tmp_path, people=roster)
    assert people == [Named("Bo", 1, 1, "nobody"), Named("Ann Meyer", 2, 0, "u-1")]
    assert count_open(people) == 1


def test_a_mapping_that_names_nobody(tmp_path: Path) -> None:
    """Nobody is counted, which costs nothing."""
    assert named(tmp_path, MAPPING.replace("owner: {name: Owner}\nassignee: {name: Worker}\n", "")) == []


def test_a_row_that_comes_again_is_no_other_issue(tmp_path: Path) -> None:
    """Slices of an export that overlap name nobody more often."""
    with job_of(tmp_path, [*ROWS, ROWS[1], ROWS[2]], MAPPING, HEADER) as job:
        checked = check(job, know_nothing, Unseen())
    assert list(checked.people) == [Named("Ann Meyer", 2, 0, "nobody"), Named("Bo", 1, 1, "nobody")]
    assert checked.assignments.named == 5
