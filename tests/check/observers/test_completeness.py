"""What the source counts, beside what the file has: said, in the summary, and refused by `--strict`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.running import Program

ISSUE = {"html_url": "https://github.com/o/r/issues/1", "number": 1, "title": "a", "state": "open", "node_id": "n"}
API = {"repository_url": "https://api.github.com/repos/o/r", "url": "https://api.github.com/repos/o/r/issues/1"}
NOTES = [{"id": number, "issue_url": API["url"], "body": f"n{number}"} for number in (1, 2)]


def check(program: Program, issues: list[dict[str, Any]], *options: str) -> tuple[str, dict[str, Any]]:
    """What a check says, and the figures of its summary."""
    (Path(program.folder) / "issues.json").write_text(json.dumps(issues), encoding="utf-8")
    ended = program("validate", "issues.json", "--json", *options)
    return ended.err, ended.summary["counted"]


def test_comments_that_the_file_does_not_have(program: Program) -> None:
    """How many of how many issues; rows that are skipped don't count."""
    skipped = {**ISSUE, **API, "number": 2, "html_url": "https://github.com/o/r/pull/2", "comments": 9}
    said, counted = check(program, [{**ISSUE, **API, "comments": 3}, skipped])
    assert "the source counts 3 comments; 3 of them, on 1 issue, are not in the file: fetch them from its API" in said
    assert counted == {"comments": {"source_says": 3, "file_has": 0, "planned": 0, "sent": 0}}


def test_with_the_comments_nothing_is_said(program: Program) -> None:
    """All that is counted is there."""
    (Path(program.folder) / "notes.json").write_text(json.dumps(NOTES), encoding="utf-8")
    said, counted = check(program, [{**ISSUE, **API, "comments": 2}], "--comments", "notes.json", "--strict")
    assert "the source counts" not in said
    assert counted == {"comments": {"source_says": 2, "file_has": 2, "planned": 2, "sent": 0}}


def test_comments_beyond_a_page(program: Program) -> None:
    """GraphQL counts all, and gives the first ones."""
    graph = {**ISSUE, "url": ISSUE["html_url"], "body": "b", "author": {"login": "x"}}
    del graph["html_url"]
    said, counted = check(program, [{**graph, "comments": {"totalCount": 5, "nodes": [{"id": "c", "body": "n"}]}}])
    assert "the source counts 5 comments; 4 of them" in said
    assert counted["comments"] == {"source_says": 5, "file_has": 1, "planned": 1, "sent": 0}


@pytest.mark.parametrize("comments", [0, 3])
def test_strict_refuses(program: Program, comments: int) -> None:
    """Nothing is sent where comments would be lost; the exit code says so."""
    issue = {**ISSUE, "comments": comments, "repository_url": API["repository_url"]}
    (Path(program.folder) / "issues.json").write_text(json.dumps([issue]), encoding="utf-8")
    ended = program("run", "issues.json", "--sandbox", "--strict", "--json")
    assert ended.code == (2 if comments else 0)
    assert ended.summary["created"] == (0 if comments else 1)
    assert ("the source counts 3 comments" in ended.summary["stopped_because"]) is bool(comments)


def test_what_was_sent_is_counted(program: Program) -> None:
    """Of the source's comments, not of requests: two of a finished issue go in one."""
    notes = Path(program.folder) / "notes.json"
    notes.write_text(json.dumps(NOTES), encoding="utf-8")
    issue = {**ISSUE, **API, "state": "closed", "comments": 2}
    (Path(program.folder) / "issues.json").write_text(json.dumps([issue]), encoding="utf-8")
    ended = program("run", "issues.json", "--comments", "notes.json", "--sandbox", "--json")
    assert ended.summary["additions"] == {"comment": 1}
    assert ended.summary["counted"]["comments"] == {"source_says": 2, "file_has": 2, "planned": 2, "sent": 2}


def test_attachments(program: Program, tmp_path: Path) -> None:
    """They can't be sent: a warning says how many the file doesn't even name."""
    mapping = "extends: github\ncounted: {attachments: {path: files}}\n"
    (tmp_path / "mine.yaml").write_text(mapping, encoding="utf-8")
    said, counted = check(program, [{**ISSUE, **API, "files": 4}], "-m", str(tmp_path / "mine.yaml"))
    assert "the source counts 4 attachments, but the file names 0" in said
    assert counted["attachments"] == {"source_says": 4, "file_has": 0, "planned": 0, "sent": 0}
