"""Ids that repeat, looked at: other titles are other issues, the same title in other states is one issue."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.harness.running import SAMPLES, Ended, Program, read_csv, write_csv

HEADER = ("Repository", "ID", "Title", "Priority", "Status", "Type", "Updated")
TWO_PROJECTS = [
    ("a/x", "1", "Crash at start", "High", "Open", "Bug", "2026-01-01"),
    ("a/x", "2", "Slow answer", "Low", "Open", "Bug", "2026-01-02"),
    ("b/y", "1", "Other crash", "High", "Open", "Bug", "2026-01-03"),
    ("b/y", "2", "Wrong number", "Low", "Closed", "Bug", "2026-01-04"),
    ("b/y", "3", "Wrong name", "Low", "Closed", "Bug", "2026-01-04"),
]
EVENTS = [
    ("a/x", "1", "Crash at start", "High", status, "Bug", f"2026-01-0{day}")
    for day, status in enumerate(("Open", "In Progress", "Closed"), start=1)
] + [
    ("a/x", "2", "Slow answer", "Low", status, "Bug", day)
    for status, day in (("Open", "2026-01-03"), ("Closed", "2026-01-05"))
]
PLAIN = """\
input: {name: plain, key: ID}
title: Title
severity: {column: Priority}
status: {column: Status, values: {Open: todo}, words: all}
category: {column: Type, keep_unknown: true}
footer: {Repository: Repository, Updated: Updated}
"""


def check(program: Program, rows: Sequence[Sequence[str]], *options: str, header: Sequence[str] = HEADER) -> Ended:
    """Check a table, with a mapping of its own or the preset that knows it."""
    write_csv(program.folder / "issues.csv", rows, header)
    return program("validate", "issues.csv", "--json", *options)


def pasted(program: Program, ended: Ended, mapping: str) -> Ended:
    """The same check with the line that the refusal names put into a mapping."""
    found = re.search(r"the mapping [^`]*`(.*)`", ended.err)
    assert found, ended.err
    (program.folder / "mine.yaml").write_text(f"{mapping}{found[1]}\n", encoding="utf-8")
    return program("validate", "issues.csv", "-m", "mine.yaml", "--json")


def test_one_id_in_two_projects(program: Program) -> None:
    """A preset that takes a key's newest row loses no other issue's; the refusal's line makes all of them issues."""
    ended = check(program, TWO_PROJECTS)
    assert ended.outcomes() == {"planned": 3, "rejected": 2}
    assert "2 of 2 such rows have another title: other issues with the same id" in ended.err
    assert pasted(program, ended, "extends: bug-list\n").outcomes() == {"planned": 5}
    same_title = ("c/z", *TWO_PROJECTS[0][1:6], "2026-01-05")
    assert check(program, [*TWO_PROJECTS, same_title]).outcomes() == {"planned": 3, "rejected": 3}


CREATED = ("Created", "ID", "Title", "Priority", "Status", "Updated")
FIRST = ("1", "Login broken", "High", "Open", "2026-01-02")
SECOND = ("1", "500 on users", "High", "Open", "2026-01-09")
LAST = ("2026-01-05 09:14", "2", "Footer", "Low", "Open", "2026-01-03")


@pytest.mark.parametrize(
    ("preset", "header", "rows", "hint"),
    [
        ("bug-list", CREATED[1:], [FIRST, SECOND, LAST[1:]], "no column of a project"),
        ("bug-list", CREATED, [("", *FIRST), ("", *SECOND), LAST], "no column of a project"),
        ("bug-list", CREATED, [("2026-01-01", *FIRST), ("2026-01-01", *SECOND), LAST], "no column of a project"),
        ("bug-list", CREATED, [(LAST[0], *FIRST), (LAST[0], *SECOND), LAST], "no column of a project"),
        ("bug-list", CREATED, [("2026-01-01 08:13", *FIRST), ("2026-01-01 08:14", *SECOND)], "no column of a project"),
        ("bug-list", CREATED, [("2026-01-01 08:13", *FIRST), ("2026-01-01 08:13", *SECOND), LAST], ""),
        ("bug-list", ("URL", *CREATED[1:]), [("https://t/1", *FIRST), ("https://t/1", *SECOND)], ""),
        ("bug-list", CREATED[1:5], [FIRST[:4], SECOND[:4]], "no column of a project"),
        ("bug-list", CREATED[1:5], [FIRST[:4], (*FIRST[:3], "Closed")], "of the last change, if there is one"),
        (
            "github",
            ("repository", "number", "title", "state", "updated_at"),
            [("web", "1", "Login broken", "open", "2026-01-02"), ("api", "1", "500 on users", "open", "2026-01-09")],
            "two columns: `input: {key: {template: '{repository} {number}'}}`",
        ),
        (
            "github",
            ("repository", "issue_number", "issue_title", "issue_state", "updated_at"),
            [("a/x", "1", "Login broken", "open", "2026-01-02"), ("a/y", "1", "500 on users", "open", "2026-01-09")],
            "two columns: `input: {key: {template: '{repository} {issue_number}'}}`",
        ),
    ],
)
@pytest.mark.parametrize("files", [1, 2])
def test_another_title(
    program: Program, preset: str, header: Sequence[str], rows: list[tuple[str, ...]], hint: str, files: int
) -> None:
    """It is an edited one where a moment of creation or an address says so; else the row isn't lost, but rejected."""
    for name, some in (("a.csv", rows if files == 1 else rows[:1]), ("b.csv", rows[1:])):
        write_csv(program.folder / name, some, header)
    ended = program("validate", *["a.csv", "b.csv"][:files], "-m", preset, "--source-name", "some", "--json")
    assert ended.outcomes() == {"planned": len(rows) - 1, "rejected" if hint else "skipped": 1}
    assert hint in ended.err
    assert "a later date" not in ended.err


def test_an_event_log(program: Program) -> None:
    """One issue in several states is its newest row, once the refusal's line is in the mapping."""
    (program.folder / "plain.yaml").write_text(PLAIN, encoding="utf-8")
    ended = check(program, EVENTS, "-m", "plain.yaml")
    assert ended.outcomes() == {"planned": 2, "rejected": 3}
    assert pasted(program, ended, PLAIN).outcomes() == {"planned": 2, "skipped": 3}
    results = read_csv(program.folder / "triage-import-check" / "results.csv")
    assert [row["outcome"] for row in results] == ["skipped", "skipped", "planned", "skipped", "planned"]


def test_one_edited_title_among_states(program: Program) -> None:
    """States of one issue are its newest row as always; the row with another title is what is asked about.

    A mapping of one's own that takes the newest row means that one.
    """
    edited = [*EVENTS, ("a/x", "2", "Slow answers", "Low", "Closed", "Bug", "2026-01-04")]
    assert check(program, edited).outcomes() == {"planned": 2, "skipped": 3, "rejected": 1}
    own = program.folder / "own.yaml"
    own.write_text(f"{PLAIN}duplicates: {{newest: Updated}}\n", encoding="utf-8")
    assert check(program, edited, "-m", "own.yaml").outcomes() == {"planned": 2, "skipped": 4}


def test_a_key_of_several_columns(program: Program) -> None:
    """It is no other project's: what a reviewer writes anew about a call is the same finding."""
    ended = program("validate", SAMPLES / "call-qa.csv", "--json")
    assert ended.outcomes() == {"planned": 7, "skipped": 2}, ended.err


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize(
    ("rows", "line", "outcomes"),
    [(TWO_PROJECTS, "{template: ", {"planned": 5}), (EVENTS, "duplicates: {newest: ", {"planned": 2, "skipped": 3})],
    ids=["projects", "events"],
)
def test_a_draft_looks_at_contents(
    program: Program, rows: list[tuple[str, ...]], line: str, outcomes: dict[str, int], *, as_json: bool
) -> None:
    """It takes both columns for the key, or the newest row of each."""
    path = Path(write_csv(program.folder / "log.csv", rows, HEADER))
    if as_json:
        records = [dict(zip(HEADER, row, strict=True)) | {"Repository": {"name": row[0]}} for row in rows]
        path = program.folder / "log.json"
        path.write_text(json.dumps(records), encoding="utf-8")
    program("draft", path, "-o", "mine.yaml")
    assert line in (program.folder / "mine.yaml").read_text(encoding="utf-8")
    assert program("validate", path, "-m", "mine.yaml", "--json").outcomes() == outcomes


def test_a_row_for_each_comment(program: Program) -> None:
    """What a database joins is one issue with several comments, and not one row too many: both lines are named."""
    said = [("1", "seen"), ("1", "fixed"), ("2", ""), ("3", "again")]
    rows = [(key, f"Title {key}", "High", "Open", "Bug", text) for key, text in said]
    (program.folder / "mine.yaml").write_text(
        PLAIN.partition("footer")[0] + "description: comment_body\n", encoding="utf-8"
    )
    ended = check(program, rows, "-m", "mine.yaml", header=("ID", *HEADER[2:6], "comment_body"))
    assert ended.outcomes() == {"planned": 3, "rejected": 1}
    lines = re.findall(r"`([^`]*)`", ended.err.partition("has a comment of one issue")[2])[:2]
    (program.folder / "again.yaml").write_text("\n".join(["extends: mine.yaml", *lines]), encoding="utf-8")
    again = program("validate", "issues.csv", "-m", "again.yaml", "--json")
    assert (again.outcomes(), again.summary["forecast"]["comment"]) == ({"planned": 4}, 3)
