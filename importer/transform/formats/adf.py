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
        document = None
        if text.lstrip().startswith("{"):
            document = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict) or document.get("type") != "doc":
        return None
    if not isinstance(document.get("content"), list):
        return None
    return Element("body", {}, _children(document, 0))


def _children(node: dict[str, Any], depth: int) -> list[Node]:
    content = node.get("content")
    nodes = list[dict[str, Any]]()
    if isinstance(content, list):
        nodes = [child for child in content if isinstance(child, dict)]
    if depth >= DEPTH_LIMIT:
        return [" ".join(_texts(nodes))]
    children = list[Node]()
    for child in nodes:
        children += _read(child, depth + 1)
    return children


def _texts(nodes: list[dict[str, Any]]) -> list[str]:
    """Every text in a document, found without recursion."""
    texts: list[str] = []
    pending = nodes[::-1]
    while pending:
        node = pending.pop()
        text = node.get("text")
        if isinstance(text, str):
            texts.append(text)
        content = node.get("content")
        if isinstance(content, list):
            pending += [child for child in content[::-1] if isinstance(child, dict)]
    return texts


def _read(node: dict[str, Any], depth: int) -> list[Node]:
    kind = str(node.get("type"))
    attrs = _attrs(node)
    if kind == "text":
        text = str(node.get("text", ""))
        return [_marked(text, node.get("marks"))]
    children = _children(node, depth)
    if kind in _BLOCKS:
        attrs = {_RENAMED.get(name, name): value for name, value in attrs.items()}
        return [Element(_BLOCKS[kind], attrs, children)]
    texts = [attrs["text"]] if attrs.get("text") else []
    match kind:
        case "heading":
            level = attrs.get("level", "")
            tag = f"h{level}" if level in tuple("123456") else "p"
            return [Element(tag, {}, children)]
        case "mention":
            name = attrs.get("text") or attrs.get("id", "")
            return [f"@{name.removeprefix('@')}", *children]
        case "emoji":
            return [attrs.get("text") or attrs.get("shortName", ""), *children]
        case "inlineCard" | "blockCard" | "embedCard":
            address = attrs.get("url", "")
            if not address:
                return [lost("card"), *children]
            return [Element("a", {"href": address}, [address]), *children]
        case "date":
            return [_day(attrs.get("timestamp", "")), *children]
        case "media" | "mediaInline":
            if attrs.get("url"):
                picture = Element("img", {"src": attrs["url"], "alt": attrs.get("alt", "")})
                return [picture, *children]
            name = attrs.get("alt") or attrs.get("__fileName") or attrs.get("id", "")
            text = f"[attachment: {attrs['alt']}]" if attrs.get("alt") else ""
            return [lost(f"attachment {name}".rstrip()), text, *children]
        case "status" | "placeholder":
            return [attrs.get("text", ""), *children]
        case "taskItem" | "blockTaskItem":
            box = Element("input", {"type": "checkbox"})
            if attrs.get("state") == "DONE":
                box.attrs["checked"] = ""
            return [Element("li", {}, [box, *children])]
        case "panel":
            return [_titled("blockquote", attrs.get("panelType", ""), children)]
        case "expand" | "nestedExpand":
            return [_titled("div", attrs.get("title", ""), children)]
        case "extension" | "bodiedExtension" | "inlineExtension":
            name = f"macro {attrs.get('extensionKey', '')}"
            return [lost(name.rstrip()), *texts, *children]
    return [lost(f"unknown node {kind}"), *texts, *children]


def _day(timestamp: str) -> str:
    try:
        moment = _EPOCH + timedelta(milliseconds=int(timestamp))
        return moment.date().isoformat()
    except (ValueError, OverflowError):
        return timestamp


def _titled(tag: str, title: str, children: list[Node]) -> Element:
    if not title:
        return Element(tag, {}, children)
    heading = Element("strong", {}, [title[:1].upper() + title[1:]])
    return Element(tag, {}, [Element("p", {}, [heading]), *children])


def _attrs(node: dict[str, Any]) -> dict[str, str]:
    attrs = node.get("attrs")
    if not isinstance(attrs, dict):
        return {}
    return {str(name): str(value) for name, value in attrs.items() if value is not None}


def _marked(text: str, marks: Any) -> Node:
    node: Node = text
    if not isinstance(marks, list):
        return node
    for mark in marks:
        if isinstance(mark, dict):
            kind = str(mark.get("type"))
            node = _mark(node, kind, _attrs(mark))
    return node


def _mark(node: Node, kind: str, attrs: dict[str, str]) -> Node:
    if kind in _MARKS:
        return Element(_MARKS[kind], {}, [node])
    if kind == "link":
        return Element("a", {"href": attrs.get("href", "")}, [node])
    if kind == "subsup":
        tag = "sup" if attrs.get("type") == "sup" else "sub"
        return Element(tag, {}, [node])
    if kind in ("textColor", "backgroundColor"):
        return Element("span", {"color": attrs.get("color", "")}, [node])
    if kind in _PLAIN_MARKS:
        return node
    return Element("span", {}, [lost(f"unknown mark {kind}"), node])
