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
