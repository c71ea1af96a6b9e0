"""The people whom nothing matches with Triage's users are counted, with the command that helps."""

from __future__ import annotations

from pathlib import Path

from tests.harness.running import Program, read_csv

HEADER = "Key,Title,Who\n"
MAPPING = """\
input: {name: demo, key: Key}
title: Title
severity: {value: low}
status: {value: todo}
category: {value: Bug}
assignee: {name: Who}
"""


def check(program: Program, rows: str, *options: str) -> str:
    """What a check says on the screen."""
    (program.folder / "a b.csv").write_text(HEADER + rows)
    (program.folder / "mine.yaml").write_text(MAPPING)
    return program("validate", "a b.csv", "-m", "mine.yaml", *options).out


def test_who_is_nobody(program: Program) -> None:
    """How many people have how many issues; rows that are not sent don't count."""
    said = check(program, "1,a,Ann\n2,b,Ann\n3,c,Ben\n4,,Cy\n5,e,\n")
    command = "triage-import users 'a b.csv' -m mine.yaml"
    assert f"assignee: 2 people have 3 issues, and nobody is matched with a user of Triage: {command}" in said


def test_people_who_are_ids(program: Program) -> None:
    """Where nothing but ids stands in place of names, the sentence says so: no users.csv can be filled with them."""
    ids = ("5137153cc611227c000bbd1bd8cd2005", "46d44a5dc0a8010e0000a2d5a4a1b7e0")
    assert "(the file has ids in place of names: " in check(program, f"1,a,{ids[0]}\n2,b,{ids[1]}\n")
    assert "ids in place of names" not in check(program, f"1,a,{ids[0]}\n2,b,Ann\n")


def test_losses_say_where_the_name_is(program: Program) -> None:
    """The footer, and not the assignee."""
    check(program, "1,a,Ann\n")
    losses = read_csv(Path(program.folder) / "triage-import-check" / "losses.csv")
    assert [line["class"] for line in losses if line["column"] == "Who"] == ["footer: Assignee"]


def test_with_users_csv_the_rows_say_it(program: Program) -> None:
    """Each person that it lacks is a finding of the row, and no sentence counts them again."""
    (program.folder / "users.csv").write_text("name,account,mail,triage_user_id\nAnn,,,u-1\n")
    said = check(program, "1,a,Ann\n2,b,Ben\n", "--users", "users.csv")
    assert "person-unmatched" in said
    assert "nobody is matched" not in said


def test_a_users_csv_without_a_line(program: Program) -> None:
    """The command that fills it takes no --users."""
    (program.folder / "users.csv").write_text("name,account,mail,triage_user_id\n")
    assert "user of Triage: triage-import users 'a b.csv' -m mine.yaml\n" in check(
        program, "1,a,Ann\n", "--users", "users.csv"
    )
