"""The Atlassian Document Format as Markdown and as plain text."""

from __future__ import annotations

import json
from typing import Any

import pytest

from importer.transform.formats.convert import Converted, convert


def node(kind: str, *content: Any, **attrs: Any) -> dict[str, Any]:
    return {"type": kind, "attrs": attrs, "content": list(content)}


def text(value: str, *marks: dict[str, Any]) -> dict[str, Any]:
    return {"type": "text", "text": value, "marks": list(marks)}


def line(value: str) -> dict[str, Any]:
    return node("paragraph", text(value))


def item(value: str, *below: Any) -> dict[str, Any]:
    """An item of a list, with what is below it."""
    return node("listItem", line(value), *below)


def read(*content: Any, as_: Any = "markdown") -> Converted:
    """A document of these nodes, converted."""
    return convert(json.dumps({"type": "doc", "version": 1, "content": list(content)}), "adf", as_)


LINK = {"type": "link", "attrs": {"href": "https://x.org"}}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (node("heading", text("T"), level=2), "## T"),
        (node("paragraph", text("a "), text("b", {"type": "strong"}), node("hardBreak"), text("c")), "a **b**\nc"),
        (node("paragraph", text("here", LINK)), "[here](https://x.org)"),
        (node("paragraph", text("hi "), node("mention", id="5b", text="@Ann")), "hi @Ann"),
        (node("paragraph", node("mention", id="5b")), "@5b"),
        (node("paragraph", node("emoji", shortName=":x:", text="😄"), node("status", text="DONE")), "😄DONE"),
        (node("paragraph", node("date", timestamp="1582152559000")), "2020-02-19"),
        (node("paragraph", node("inlineCard", url="https://c.d")), "https://c.d"),
        (node("codeBlock", text("a = 1\n"), language="py"), "```py\na = 1\n```"),
        (node("panel", node("paragraph", text("w")), panelType="warning"), "> **Warning**\n>\n> w"),
        (node("expand", node("paragraph", text("x")), title="more"), "**More**\n\nx"),
        (node("expand", node("paragraph", text("x")), title="An API key"), "**An API key**\n\nx"),
        (
            node("taskList", node("taskItem", text("a"), state="DONE"), node("taskItem", text("b"), state="TODO")),
            "- [x] a\n- [ ] b",
        ),
        (node("orderedList", item("a", node("bulletList", item("b"))), order=3), "3. a\n   - b"),
        (
            node("table", node("tableRow", node("tableHeader", line("h")), node("tableCell", line("1"), line("2")))),
            "| h | 1 <br> 2 |\n| --- | --- |",
        ),
        (
            node("mediaSingle", node("media", type="external", url="https://x.org/p.png")),
            "[image](https://x.org/p.png)",
        ),
    ],
)
def test_nodes(content: dict[str, Any], expected: str) -> None:
    """Each node has its form in Markdown, and nothing is dropped."""
    assert read(content) == Converted(expected, ())


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (node("media", id="u1", alt="a.png"), Converted("[attachment: a.png]", ("attachment a.png",))),
        (node("blob", node("paragraph", text("inner"))), Converted("inner", ("unknown node blob",))),
        (node("extension", text="shown", extensionKey="toc"), Converted("shown", ("macro toc",))),
        (node("paragraph", text("a", {"type": "glow"})), Converted("a", ("unknown mark glow",))),
        (node("paragraph", text("a", {"type": "textColor", "attrs": {"color": "#f00"}})), Converted("a", ("colour",))),
    ],
)
def test_what_is_dropped(content: dict[str, Any], expected: Converted) -> None:
    """What can't be held is named; its text stays."""
    assert read(content) == expected


def test_links_keep_their_address_in_plain_text() -> None:
    """Plain text has addresses in parentheses."""
    assert read(node("paragraph", text("here", LINK)), as_="text").text == "here (https://x.org)"


@pytest.mark.parametrize(
    "plain", ["a", "{a}", "[1]", '{"type": "doc"}', '{"type": "x", "content": []}', '{"a": 1', "{" * 9_000]
)
def test_other_texts(plain: str) -> None:
    """A text that isn't such a tree is taken as it is."""
    assert convert(plain, "adf", "markdown") == Converted(plain, ())


def test_deep_nesting() -> None:
    """A tree deeper than anybody writes is flattened; its text stays."""
    content = text("core")
    for _ in range(400):
        content = node("blockquote", content)
    assert "core" in read(content).text


def test_strange_types() -> None:
    """A tree with the wrong types in it is read as far as it can be."""
    strange = {"type": 1, "attrs": [], "content": "x"}
    assert read(strange, node("heading", text("T"), level=[]), node("paragraph", "x", text("a", *[1]))).text == "T\n\na"  # type: ignore[arg-type]
