"""The people whom a source names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from importer.check.check_pass import check
from importer.check.knowledge import NoLedger
from importer.check.observers.people_named import Named, count_open
from importer.mapping.identities import Identity, Roster, RosterLine
from importer.progress import Unseen
from tests.harness.people import job_of
from tests.harness.running import Program

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
    with job_of(folder, ROWS, mapping, HEADER, **changes) as job:
        return list(check(job, NoLedger(), Unseen()).people)


def test_issues_are_counted_by_person(tmp_path: Path) -> None:
    """Who is owner and assignee of one issue has one; whoever has no user comes first."""
    roster = Roster((RosterLine(Identity("Ann Meyer"), "u-1"),), "users.csv")
    people = named(tmp_path, people=roster)
    assert people == [Named("Bo", 1, 1, "nobody"), Named("Ann Meyer", 2, 0, "u-1")]
    assert count_open(people) == 1


def test_a_mapping_that_names_nobody(tmp_path: Path) -> None:
    """Nobody is counted, which costs nothing."""
    assert named(tmp_path, MAPPING.replace("owner: {name: Owner}\nassignee: {name: Worker}\n", "")) == []


def test_a_row_that_comes_again_is_no_other_issue(tmp_path: Path) -> None:
    """Slices of an export that overlap name nobody more often."""
    with job_of(tmp_path, [*ROWS, ROWS[1], ROWS[2]], MAPPING, HEADER) as job:
        checked = check(job, NoLedger(), Unseen())
    assert list(checked.people) == [Named("Ann Meyer", 2, 0, "nobody"), Named("Bo", 1, 1, "nobody")]
    assert checked.assignments.named == 5


WHO_MAPPING = """\
input: {name: demo, key: Key}
title: Title
severity: {value: low}
status: {value: todo}
category: {value: Bug}
assignee: {name: Who}
"""


def said_of(program: Program, rows: str, *options: str) -> str:
    """What a check says on the screen."""
    (program.folder / "a b.csv").write_text("Key,Title,Who\n" + rows)
    (program.folder / "mine.yaml").write_text(WHO_MAPPING)
    return program("validate", "a b.csv", "-m", "mine.yaml", *options).out


def test_who_is_nobody(program: Program) -> None:
    """How many people have how many issues; rows that are not sent don't count."""
    said = said_of(program, "1,a,Ann\n2,b,Ann\n3,c,Ben\n4,,Cy\n5,e,\n")
    command = "triage-import users 'a b.csv' -m mine.yaml"
    assert f"assignee: 2 people have 3 issues, and none is matched with a Triage user: {command}" in said


def test_people_who_are_ids(program: Program) -> None:
    """Where nothing but ids stands in place of names, the sentence says so: no users.csv can be filled with them."""
    ids = ("5137153cc611227c000bbd1bd8cd2005", "46d44a5dc0a8010e0000a2d5a4a1b7e0")
    assert "(the file has ids instead of names: " in said_of(program, f"1,a,{ids[0]}\n2,b,{ids[1]}\n")
    assert "ids in place of names" not in said_of(program, f"1,a,{ids[0]}\n2,b,Ann\n")


def test_with_users_csv_the_rows_say_it(program: Program) -> None:
    """Each person that it lacks is a finding of the row, and no sentence counts them again."""
    (program.folder / "users.csv").write_text("name,account,mail,triage_user_id\nAnn,,,u-1\n")
    said = said_of(program, "1,a,Ann\n2,b,Ben\n", "--users", "users.csv")
    assert "person-unmatched" in said
    assert "none is matched" not in said


def test_a_users_csv_without_a_line(program: Program) -> None:
    """The command that fills it takes no --users."""
    (program.folder / "users.csv").write_text("name,account,mail,triage_user_id\n")
    assert "Triage user: triage-import users 'a b.csv' -m mine.yaml\n" in said_of(
        program, "1,a,Ann\n", "--users", "users.csv"
    )
