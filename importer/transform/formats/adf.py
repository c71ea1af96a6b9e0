"""Reads the Atlassian Document Format, a tree in JSON. Source: developer.atlassian.com, Atlassian Document Format."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import orjson

from importer.transform.formats.tree import DEPTH_LIMIT, Element, Node, lost

_BLOCKS = {
    "paragraph": "p",
    "bulletList": "ul",
    "orderedList": "ol",
    "listItem": "li",
    "taskList": "ul",
    "decisionList": "ul",
    "decisionItem": "li",
    "codeBlock": "pre",
    "blockquote": "blockquote",
    "rule": "hr",
    "hardBreak": "br",
    "table": "table",
    "tableRow": "tr",
    "tableHeader": "th",
    "tableCell": "td",
    "mediaSingle": "div",
    "mediaGroup": "div",
    "caption": "p",
    "layoutSection": "div",
    "layoutColumn": "div",
}
_MARKS = {"strong": "strong", "em": "em", "code": "code", "strike": "del", "underline": "u"}
_PLAIN_MARKS = frozenset(("alignment", "indentation", "annotation", "border", "breakout", "fragment", "dataConsumer"))
_RENAMED = {"order": "start", "language": "lang", "background": "bgcolor"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_adf(text: str) -> Element | None:
    """The tree of an ADF document; None for a text that isn't one."""
    try:
        document = orjson.loads(text) if text.lstrip().startswith("{") else None
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.get("type") != "doc" or not isinstance(document.get("content"), list):
        return None
    return Element("body", {}, _children(document, 0))


def _children(node: dict[str, Any], depth: int) -> list[Node]:
    content = node.get("content")
    nodes = [child for child in content if isinstance(child, dict)] if isinstance(content, list) else []
    if depth >= DEPTH_LIMIT:
        return [" ".join(_texts(nodes))]
    return [read for child in nodes for read in _read(child, depth + 1)]


def _texts(nodes: list[dict[str, Any]]) -> list[str]:
    """Every text in a document, found without recursion."""
    texts: list[str] = []
    pending = nodes[::-1]
    while pending:
        node = pending.pop()
        if isinstance(node.get("text"), str):
            texts.append(node["text"])
        content = node.get("content")
        pending += [child for child in content[::-1] if isinstance(child, dict)] if isinstance(content, list) else []
    return texts


def _read(node: dict[str, Any], depth: int) -> list[Node]:
    kind, attrs = str(node.get("type")), _attrs(node)
    if kind == "text":
        return [_marked(str(node.get("text", "")), node.get("marks"))]
    children = _children(node, depth)
    if kind in _BLOCKS:
        return [Element(_BLOCKS[kind], {_RENAMED.get(name, name): value for name, value in attrs.items()}, children)]
    text = [attrs["text"]] if attrs.get("text") else []
    match kind:
        case "heading":
            level = attrs.get("level", "")
            return [Element(f"h{level}" if level in tuple("123456") else "p", {}, children)]
        case "mention":
            name = attrs.get("text") or attrs.get("id", "")
            return [f"@{name.removeprefix('@')}", *children]
        case "emoji":
            return [attrs.get("text") or attrs.get("shortName", ""), *children]
        case "inlineCard" | "blockCard" | "embedCard":
            address = attrs.get("url", "")
            return [Element("a", {"href": address}, [address]) if address else lost("card"), *children]
        case "date":
            return [_day(attrs.get("timestamp", "")), *children]
        case "media" | "mediaInline":
            if attrs.get("url"):
                return [Element("img", {"src": attrs["url"], "alt": attrs.get("alt", "")}), *children]
            name = attrs.get("alt") or attrs.get("__fileName") or attrs.get("id", "")
            shown = f"[attachment: {attrs['alt']}]" if attrs.get("alt") else ""
            return [lost(f"attachment {name}".rstrip()), shown, *children]
        case "status" | "placeholder":
            return [attrs.get("text", ""), *children]
        case "taskItem" | "blockTaskItem":
            checked = {"checked": ""} if attrs.get("state") == "DONE" else {}
            return [Element("li", {}, [Element("input", {"type": "checkbox"} | checked), *children])]
        case "panel":
            return [_titled("blockquote", attrs.get("panelType", ""), children)]
        case "expand" | "nestedExpand":
            return [_titled("div", attrs.get("title", ""), children)]
        case "extension" | "bodiedExtension" | "inlineExtension":
            return [lost(f"macro {attrs.get('extensionKey', '')}".rstrip()), *text, *children]
    return [lost(f"unknown node {kind}"), *text, *children]


def _day(timestamp: str) -> str:
    try:
        return (_EPOCH + timedelta(milliseconds=int(timestamp))).date().isoformat()
    except (ValueError, OverflowError):
        return timestamp


def _titled(tag: str, title: str, children: list[Node]) -> Element:
    heading: list[Node] = [Element("p", {}, [Element("strong", {}, [title[:1].upper() + title[1:]])])] if title else []
    return Element(tag, {}, heading + children)


def _attrs(node: dict[str, Any]) -> dict[str, str]:
    attrs = node.get("attrs")
    return (
        {str(name): str(value) for name, value in attrs.items() if value is not None} if isinstance(attrs, dict) else {}
    )


def _marked(text: str, marks: Any) -> Node:
    node: Node = text
    for mark in marks if isinstance(marks, list) else ():
        if isinstance(mark, dict):
            node = _mark(node, str(mark.get("type")), _attrs(mark))
    return node


def _mark(node: Node, kind: str, attrs: dict[str, str]) -> Node:
    if kind in _MARKS:
        return Element(_MARKS[kind], {}, [node])
    if kind == "link":
        return Element("a", {"href": attrs.get("href", "")}, [node])
    if kind == "subsup":
        return Element("sup" if attrs.get("type") == "sup" else "sub", {}, [node])
    if kind in ("textColor", "backgroundColor"):
        return Element("span", {"color": attrs.get("color", "")}, [node])
    return node if kind in _PLAIN_MARKS else Element("span", {}, [lost(f"unknown mark {kind}"), node])
