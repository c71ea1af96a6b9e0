"""Issues before and after."""

from __future__ import annotations

import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from importer.check.check_pass import check
from importer.check.knowledge import NoLedger
from importer.check.observers.samples import ISSUES, BeforeAfter
from importer.progress import Unseen
from tests.harness.people import job_of
from tests.harness.running import Program, write_csv

MAPPING = """
input: {name: demo, key: Key}
title: Title
description: Text
severity: {column: Rank, values: {high: high, low: low}}
status: {column: State, values: {open: todo, shut: done}}
category: {column: Kind, keep_unknown: true}
secrets: mask
"""
HEADER = ("Key", "Title", "Text", "Rank", "State", "Kind")


def rows(count: int) -> list[tuple[str, ...]]:
    """Rows of which the last has what no other has."""
    plain = [(f"K-{n}", f"Title {n}", "", "high", "open", "Bug") for n in range(1, count)]
    return [*plain, (f"K-{count}", "Last", "Text", "low", "shut", "Task")]


def chosen(folder: Path, cells: Sequence[Sequence[str]], **changes: Any) -> tuple[BeforeAfter, ...]:
    """The issues that a check shows of these rows."""
    with job_of(folder, cells, MAPPING, HEADER, **changes) as job:
        return check(job, NoLedger(), Unseen()).issues


def test_few_issues_have_most_values(tmp_path: Path) -> None:
    """Each that is chosen has what those before it lack: two are enough here, however many rows there are."""
    assert {issue.key for issue in chosen(tmp_path, rows(5000))} == {"demo:K-1", "demo:K-5000"}


def test_no_more_than_five(tmp_path: Path) -> None:
    """However many values there are."""
    many = [(f"K-{n}", "T", "", "low", "open", f"Kind {n}") for n in range(500)]
    assert len(chosen(tmp_path, many)) == ISSUES


def test_a_row_and_its_issue(tmp_path: Path) -> None:
    """Filled cells on one side, what is sent on the other; a secret is masked on both."""
    secret = "ghp_" + "a1B2" * 9
    (issue,) = chosen(tmp_path, [("K-1", "T", f"token {secret} here", "low", "open", "Bug")])
    assert [name for name, _ in issue.cells] == ["Key", "Title", "Text", "Rank", "State", "Kind"]
    assert (issue.title, dict(issue.fields)["status"]) == ("T", "todo")
    assert secret not in str(issue)
    assert "[secret masked" in dict(issue.cells)["Text"]
    assert "[secret masked" in issue.description


def test_rejected_rows_are_not_shown(tmp_path: Path) -> None:
    """There is no issue that they would become."""
    assert chosen(tmp_path, [("K-1", "", "", "low", "open", "Bug")]) == ()


def test_long_texts_are_cut(tmp_path: Path) -> None:
    """A text takes no more room than a page has, and it is said how long it is."""
    (issue,) = chosen(tmp_path, [("K-1", "T", "é" * 9000, "low", "open", "Bug")])
    assert len(str(issue)) < 6000
    assert issue.description.endswith(" characters)")


@pytest.mark.parametrize("key", ["K-7", "demo:K-7"])
def test_a_person_chooses(tmp_path: Path, key: str) -> None:
    """By the full key, or by its native part."""
    assert [issue.key for issue in chosen(tmp_path, rows(9), show=frozenset([key]))] == ["demo:K-7"]


def test_the_option(program: Program) -> None:
    """`--show` brings them into the page, in a check as in a run."""
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    write_csv(Path("export.csv"), rows(9), HEADER)
    for command in (("validate",), ("run", "--sandbox")):
        ended = program(*command, "export.csv", "-m", "m.yaml", "--show", "K-3, K-4", "--out", "out")
        assert ended.code == 0, ended.err
        page = Path("out/report.html").read_text(encoding="utf-8")
        assert "2 issues before and after" in page
        assert 'aria-label="demo:K-4"' in page


@pytest.mark.parametrize(
    ("show", "warning"),
    [
        ("K-3,K-30,demo:K-4,k-5", "no row that could be sent has K-30, k-5"),
        ("K-1,demo:K-1,K-2,K-3,K-4,K-5,K-6", "report.html has 5 of these 6 issues"),
        ("K-10", "no row that could be sent has K-10"),
    ],
)
def test_what_is_not_shown(program: Program, show: str, warning: str) -> None:
    """Keys that no row has, whose row is rejected, and more keys than there is room for are named."""
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    write_csv(Path("export.csv"), [*rows(9), ("K-10", "", "", "high", "open", "Bug")], HEADER)
    ended = program("validate", "export.csv", "-m", "m.yaml", "--show", show)
    assert f"warning: --show: {warning}" in ended.out
    assert "--show" not in program("validate", "export.csv", "-m", "m.yaml", "--show", "K-1,demo:K-1,K-2").out


def test_a_number_that_python_does_not_read(program: Program) -> None:
    """A record with an integer of thousands of digits is shown as it stands."""
    record = '{"key": "P-1", "fields": {"summary": "One", "status": {"name": "Done"}, "odd": ' + "1" * 5000 + "}}"
    Path("one.jsonl").write_text(record)
    program("validate", "one.jsonl", "-m", "jira")
    assert '"odd": 1111' in html.unescape(Path("triage-import-check/report.html").read_text())
