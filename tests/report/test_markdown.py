"""Markdown of a source as harmless HTML."""

from __future__ import annotations

import re

import pytest

from importer.report.rehearsal import render_markdown


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
