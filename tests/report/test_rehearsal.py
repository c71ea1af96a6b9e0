"""rehearsal.html, read without running it."""

from __future__ import annotations

import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
import pytest

from importer.report import rehearsal
from importer.report.folder import REHEARSAL, ReportFolder
from importer.report.rehearsal import Rehearsed, write_rehearsal
from tests.harness.pages import Page


def issue(number: int, **fields: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "triage_id": f"T-{number}",
        "title": f"Title {number}",
        "description": "It **hangs**.",
        "status": "todo",
    }
    made |= {"severity": "high", "category": "Bug", "owner_id": None, "assignee_id": None, "origin": f"line {number}"}
    return made | {"comments": [], "resources": [], "flags": [], "relations": []} | fields


def write(folder: Path, *issues: dict[str, Any], total: int | None = None) -> tuple[Page, list[str]]:
    people = {"u-1": "Kim Shore"}
    write_rehearsal(ReportFolder(folder), Rehearsed("r-1", "jira", issues, total or len(issues), people))
    page = Page(folder / REHEARSAL)
    page.assert_harmless()
    packed = zlib.decompress(b64decode(page.raw["pages"]))
    return page, [html for (html,) in orjson.loads(b"[" + packed + b"]")]


def test_list_and_pages(tmp_path: Path) -> None:
    """The list has every issue; its page has text, comments, evidence, flags, relations, people, and its origin."""
    whole = issue(
        2,
        owner_id="u-1",
        assignee_id="u-2",
        status="done",
        comments=["- a\n- b"],
        resources=[("sms_conversation", "s-7")],
        flags=[("slow", "two seconds", "c-1", "Hello?")],
        relations=[("blocks", "incoming", "T-1", "Title 1"), ("duplicate_of", "outgoing", "T-3", "Title 3")],
    )
    page, (first, second) = write(tmp_path, issue(1), whole)
    assert "2 issues as they will be in Triage." in page.text
    assert "Title 2\ndone\nhigh\nBug\nKim Shore\nline 2" in page.text
    assert "<p>It <strong>hangs</strong>.</p>" in first
    assert "Comments" not in first
    for piece in (
        '<h2 tabindex="-1">T-2 <bdi>Title 2</bdi></h2>',
        "<bdi>Kim Shore</bdi>",
        "<bdi>u-2</bdi>",
        "<li>a</li>",
        "sms conversation <code>s-7</code>",
        "on call c-1",
        'is blocked by <a href="#T-1">T-1</a>',
        'duplicate of <a href="#T-3">T-3</a>',
    ):
        assert piece in second


def test_who_works_on_it(tmp_path: Path) -> None:
    """The list, and so its filter, has the owner, or else the assignee: many trackers have only these."""
    page, _ = write(tmp_path, issue(1, assignee_id="u-1"), issue(2, owner_id="u-3", assignee_id="u-1"), issue(3))
    assert "Title 1\ntodo\nhigh\nBug\nKim Shore" in page.text
    assert "Title 2\ntodo\nhigh\nBug\nu-3" in page.text
    assert "Title 3\ntodo\nhigh\nBug\nnobody" in page.text


def test_a_part_is_said_to_be_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of more issues than the page takes, and of texts that fill it before."""
    page, _ = write(tmp_path, issue(1), total=5001)
    assert "5,001 issues as they will be in Triage. The first 1 are in this file, open ones first." in page.text
    monkeypatch.setattr("importer.report.page_rows.BYTES_SHOWN", 1)
    page, pages = write(tmp_path, issue(1), issue(2), total=2)
    assert len(pages) == 1
    assert "The first 1 are in this file" in page.text
    assert rehearsal.ISSUES_SHOWN == 5000


def test_a_hostile_issue(tmp_path: Path) -> None:
    """Nothing of a title, a category, a text or an id becomes a tag."""
    bad = '"><script>alert(1)</script>\u202e'
    note = [("t" + bad, "n" + bad, "c" + bad, bad)]
    page, (only,) = write(
        tmp_path,
        issue(1, title=bad, category=bad, description=bad, owner_id=bad, comments=[bad], flags=note, origin=bad),
    )
    assert "<script>alert" not in page.source
    assert "<script" not in only
    assert "\u202e" not in page.source + only
