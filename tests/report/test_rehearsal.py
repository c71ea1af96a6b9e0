"""The page of a rehearsal, and the Markdown in it, which can do nothing but be read."""

from __future__ import annotations

import re
import zlib
from base64 import b64decode
from pathlib import Path
from typing import Any

import orjson
import pytest

from importer.report import rehearsal
from importer.report.folder import REHEARSAL, ReportFolder
from importer.report.rehearsal import Rehearsed, render_markdown, write_rehearsal
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


def test_it_is_rendered() -> None:
    """Lists, tables, code and emphasis; a line stays a line; a heading is none of the page's outline."""
    html = render_markdown("# Steps\n\n1. **call**\n2. `hang\tup`\n\n| a | b |\n| - | - |\n| 1 | 2 |\n\none\ntwo")
    assert '<p class="heading">Steps</p>' in html
    assert "<li><strong>call</strong></li>" in html
    assert "<code>hang  up</code>" in html
    assert "<td>1</td>" in html
    assert "one<br>\ntwo" in html


def test_links() -> None:
    """Pages and mail; a picture is a link to it, as nothing is loaded."""
    html = render_markdown(
        "[page](https://a.example) <mailto:a@b.example> ![shot](http://a.example/x.png) ![](http://b)"
    )
    assert re.findall(r'<a href="([^"]*)">([^<]*)</a>', html) == [
        ("https://a.example", "page"),
        ("mailto:a@b.example", "mailto:a@b.example"),
        ("http://a.example/x.png", "shot"),
        ("http://b", "picture"),
    ]
    assert "<img" not in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        '<https://a.example/"onmouseover=alert(1)>',
        "[a](javascript:alert(1)) [a](JaVaScRiPt:alert(1)) [a](&#106;avascript:alert(1)) [a](  data:text/html,x)",
        "[a](file:///etc/passwd) [a](#top) [a](other.html) ![a](javascript:alert(1)) ![a](data:image/svg+xml,x)",
        "[a]: javascript:alert(1)\n\n[a]",
        '```x" onclick="alert(1)\n</code><script>\n```',
    ],
)
def test_nothing_runs(text: str) -> None:
    """No tag of the text, no attribute of it, and no address but a page's or a mail's."""
    html = render_markdown(text)
    assert set(re.findall(r"<(/?\w+)", html)) <= {"p", "/p", "a", "/a", "pre", "/pre", "code", "/code"}
    assert all(re.match("https?:|mailto:", address) for address in re.findall(r'href="([^"]*)', html))
    assert not re.search(r"<[^>]*\son\w+=", re.sub(r'"[^"]*"', '""', html))


def test_controls_are_shown() -> None:
    """Also those that an entity hides: nothing changes the direction of writing."""
    assert render_markdown("a\u202eb &#x202e; \x1b") == "<p>a\\u202eb \\u202e \\x1b</p>\n"
