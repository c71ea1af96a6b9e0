"""Ids that repeat, looked at: other titles are other issues, the same title in other states is one issue."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.harness.running import Ended, Program, read_csv, write_csv

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


def test_no_column_tells_them_apart(program: Program) -> None:
    """Then the refusal names what is missing, rather than what to delete."""
    rows = [(row[1], f"{row[2]} {number}", *row[3:]) for number, row in enumerate([*TWO_PROJECTS, *TWO_PROJECTS])]
    ended = check(program, rows, header=HEADER[1:])
    assert ended.outcomes() == {"planned": 3, "rejected": 7}
    assert (
        "with that of the project, repository or address for COLUMN: `input: {key: {template: '{COLUMN} {ID}'}}`"
        in (ended.err)
    )


def test_an_event_log(program: Program) -> None:
    """One issue in several states is its newest row, once the refusal's line is in the mapping."""
    (program.folder / "plain.yaml").write_text(PLAIN, encoding="utf-8")
    ended = check(program, EVENTS, "-m", "plain.yaml")
    assert ended.outcomes() == {"planned": 2, "rejected": 3}
    assert pasted(program, ended, PLAIN).outcomes() == {"planned": 2, "skipped": 3}
    results = read_csv(program.folder / "triage-import-check" / "results.csv")
    assert [row["outcome"] for row in results] == ["skipped", "skipped", "planned", "skipped", "planned"]


def test_an_edited_title(program: Program) -> None:
    """A newer row with another title is still the same issue, where other rows of theirs say so or nobody knows."""
    edited = [*EVENTS, ("a/x", "2", "Slow answers", "Low", "Closed", "Bug", "2026-01-09")]
    assert check(program, edited).outcomes() == {"planned": 2, "skipped": 4}
    assert check(program, [EVENTS[0], (*EVENTS[2][:2], "Crash", *EVENTS[2][3:])]).outcomes() == {
        "planned": 1,
        "skipped": 1,
    }


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
