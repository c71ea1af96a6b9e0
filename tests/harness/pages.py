"""Reads report.html as a browser would, without running it: its elements, texts, policy, and packed rows."""

from __future__ import annotations

import json
import zlib
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

VOID = {"meta", "br", "input", "col", "link", "img", "base"}
LOADING = {"src", "href", "action", "formaction", "srcset", "data", "poster", "background", "xlink:href", "ping"}


@dataclass
class Page(HTMLParser):
    """A parsed page: the elements with their attributes, and the text of each `<script>` and `<style>` by its id."""

    path: Path
    elements: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    raw: dict[str, str] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()
        self.source = self.path.read_text(encoding="utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == [], "every element is closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element of SVG that has no content."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        """Check that elements are nested."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Keep a text that is shown, and apart from it those of scripts and styles."""
        if self.open and self.open[-1] in ("script", "style"):
            key = self.elements[-1][1].get("id", self.open[-1])
            self.raw[key] = self.raw.get(key, "") + data
        elif data.strip():
            self.texts.append(" ".join(data.split()))

    @property
    def text(self) -> str:
        """All that is shown without the script, a line for each piece."""
        return "\n".join(self.texts)

    def rows(self) -> list[tuple[Any, ...]]:
        """The rows of the table: place, key, title, number of the outcome, reason, number of the issue."""
        found: list[tuple[Any, ...]] = []
        for name in ("rows-urgent", "rows-others"):
            packed = zlib.decompress(b64decode(self.raw[name])) if name in self.raw else b""
            found += map(tuple, json.loads(b"[" + packed + b"]"))
        return sorted(found)

    def assert_harmless(self) -> None:
        """Nothing is loaded, and nothing can run but the page's own script."""
        policy = next(each["content"] for tag, each in self.elements if each.get("http-equiv"))
        allowed = [
            f"{kind}-src 'sha256-{b64encode(sha256(self.raw[name].encode()).digest()).decode()}'"
            for kind, name in (("style", "style"), ("script", "script"))
        ]
        assert policy == "; ".join(["default-src 'none'", *allowed, "base-uri 'none'", "form-action 'none'"])
        for tag, attributes in self.elements:
            assert tag not in ("iframe", "object", "embed", "link", "base", "form", "img", "foreignobject")
            assert "style" not in attributes
            for name, value in attributes.items():
                assert not name.startswith("on"), name
                assert name not in LOADING or (tag == "a" and value.startswith("#")), (tag, name, value)
        scripts = [each for tag, each in self.elements if tag == "script" and each.get("type") != "text/plain"]
        assert scripts == [{}]
