"""users.csv: as spreadsheets save it, what is wrong with it, and what stays when it is written anew."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from importer.authoring.users import Someone, UsersFile
from importer.errors import StorageFull, UsageError
from importer.mapping.edited_tables import USER_COLUMNS, read_users
from importer.mapping.identities import Identity
from tests.harness.running import read_csv, write_csv

ANN, BEN, CY = Identity("Ann Meyer", "5f1", "ann@x.example"), Identity("Ben Ott", "5f2"), Identity("Cy")


def table(path: Path, *lines: tuple[str, str, str, str]) -> Path:
    """A table that somebody has written: name, account, mail, user id."""
    return write_csv(path, lines, ("name", "account", "mail", "triage_user_id"))


def test_everything_that_is_wrong_at_once(tmp_path: Path) -> None:
    """Each with its line."""
    path = table(
        tmp_path / "users.csv",
        ("Ann", "1", "", "u 1"),
        ("Ann", "2", "", "u-2"),
        ("", "", "", "u-3"),
        ("A. Meyer", "2", "", "u-4"),
        ("Ben", "", "", "u-5"),
        ("Ben", "", "", "u-6"),
        ("Cy", "3.61E+11", "", "u-7"),
        ("Di", "4", "", ""),
        ("Di", "4", "", "u-8"),
    )
    with pytest.raises(UsageError) as caught:
        read_users(path)
    assert [(problem.line, problem.key) for problem in caught.value.problems] == [
        (2, "triage_user_id"),
        (4, "name"),
        (5, "triage_user_id"),
        (7, "triage_user_id"),
        (8, "account"),
    ]
    assert "A. Meyer is 'u-4' here and 'u-2' on line 3" in str(caught.value.problems[2])


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "it has no columns"),
        (b"name,mail\nAnn,a@x\n", "lacks 'triage_user_id'"),
        (b"team,triage_user_id\nx,u-1\n", "one of name, account, mail"),
        (b"name,triage_user_id\nM\xfcller,u-1\n", "neither UTF-8 nor UTF-16"),
        (b'name,triage_user_id\n"Ann"x,u-1\n', "can't be read as CSV"),
    ],
)
def test_tables_that_are_none(tmp_path: Path, data: bytes, said: str) -> None:
    """A sentence each, and an update of such a file refuses too."""
    path = tmp_path / "users.csv"
    path.write_bytes(data)
    for read in (read_users, UsersFile):
        with pytest.raises(UsageError) as caught:
            read(path)
        assert said in str(caught.value.problems[0])
    with pytest.raises(UsageError) as caught:
        read_users(tmp_path / "none.csv")
    assert "No such file" in str(caught.value.problems[0])


def test_written_and_read(tmp_path: Path) -> None:
    """Most open issues first, cells that a spreadsheet can't run, for its owner's eyes; read again it is the same."""
    path = tmp_path / "users.csv"
    formula = Identity("=cmd|' /C calc'!A0", "@5")
    people = [Someone(CY, comments=2), Someone(formula, closed_issues=3), Someone(ANN, 4, 1, user_id="u-1")]
    UsersFile(path).update(people)
    written = read_csv(path)
    assert tuple(written[0]) == USER_COLUMNS
    assert [line["name"] for line in written] == ["Ann Meyer", "'=cmd|' /C calc'!A0", "Cy"]
    assert written[0]["open_issues"] == "4"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [(line.who, line.user_id) for line in read_users(path).lines] == [(ANN, "u-1"), (formula, ""), (CY, "")]
    before = path.read_bytes()
    UsersFile(path).update(people)
    assert path.read_bytes() == before


def test_what_people_have_put_there_stays(tmp_path: Path) -> None:
    """Ids, names, columns of their own and lines of strangers; counts are new, and so are people."""
    path = write_csv(
        tmp_path / "users.csv",
        [("u-1", "Annie", "5f1", "9", "boss"), ("u-2", "Ben Ott", "", "9", ""), ("u-3", "Di", "5f3", "9", "left")],
        ("triage_user_id", "name", "account", "open_issues", "note"),
    )
    UsersFile(path).update(
        [Someone(CY, 5), Someone(ANN, 2, user_id="u-9"), Someone(BEN, 1, proposal="u-8 (same name)")]
    )
    lines = read_csv(path)
    assert list(lines[0])[:5] == ["triage_user_id", "name", "account", "open_issues", "note"]
    assert [
        (line["triage_user_id"], line["name"], line["account"], line["open_issues"], line["note"]) for line in lines
    ] == [
        ("", "Cy", "", "5", ""),
        ("u-1", "Annie", "5f1", "2", "boss"),
        ("u-2", "Ben Ott", "5f2", "1", ""),
        ("u-3", "Di", "5f3", "0", "left"),
    ]
    assert [line["mail"] for line in lines][:2] == ["", "ann@x.example"]
    assert lines[2]["proposal"] == "u-8 (same name)"


def test_an_account_with_somebodys_mail_has_a_line_of_its_own(tmp_path: Path) -> None:
    """With the user id that the mail finds, so that writing the table changes nobody's user."""
    path = table(tmp_path / "users.csv", ("Ann Meyer", "old", "ann@x.example", "u-1"))
    UsersFile(path).update([Someone(ANN, 3)])
    assert [(line["account"], line["triage_user_id"]) for line in read_csv(path)] == [("5f1", "u-1"), ("old", "u-1")]
    assert read_users(path).find(ANN) == "u-1"


def test_a_name_alone_beside_accounts_with_that_name(tmp_path: Path) -> None:
    """It has one line, however often the table is written, and what is filled in there counts."""
    path = tmp_path / "users.csv"
    alone = Identity("Ann")
    for user_id in ("", "u-1", ""):
        UsersFile(path).update(
            [Someone(ANN, 2), Someone(Identity("Ann", "5f9"), 1), Someone(alone, 0, 1, 0, "", user_id)]
        )
    assert len(read_csv(path)) == 3
    roster = read_users(path)
    assert (roster.find(Identity(" ANN ")), roster.find(ANN)) == ("u-1", "")


def test_an_updated_table_is_written_as_it_was(tmp_path: Path) -> None:
    """Semicolons and UTF-16 stay, and a link stays a link."""
    stored, path = tmp_path / "stored.csv", tmp_path / "users.csv"
    stored.write_bytes("name;triage_user_id\nAnn Meyer;u-1\n".encode("utf-16"))
    path.symlink_to(stored)
    UsersFile(path).update([Someone(ANN, 1)])
    assert path.is_symlink()
    assert stored.read_bytes().decode("utf-16").splitlines()[1].startswith("Ann Meyer;u-1;5f1;ann@x.example;1;0;0")


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    """Is said in a sentence."""
    with pytest.raises(StorageFull, match="can't be written"):
        UsersFile(tmp_path / "none" / "users.csv").update([])
