"""Texts of real exports, and what can be seen of them by readings that share nothing with the importer."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.exports import EXPORTS, files_of

csv.field_size_limit(10**9)
_WORD = re.compile(r"[^\W_]+")


def texts_of_exports() -> list[str]:
    """Every text in every export, each once, those inside JSON cells too; skips where there are no exports."""
    if not EXPORTS.is_dir():
        pytest.skip("the collection of real exports is not here")
    return list(dict.fromkeys(text for path in files_of(EXPORTS) for text in _texts(path)))


def _texts(path: Path) -> Iterator[str]:
    raw = path.read_bytes().decode("utf-8-sig", "replace")
    if path.suffix == ".csv":
        for row in csv.reader(raw.splitlines(True)):
            for cell in row:
                yield from _strings(cell)
    elif path.suffix == ".jsonl":
        for line in filter(str.strip, raw.splitlines()):
            yield from _strings(json.loads(line))
    elif path.suffix == ".json":
        try:
            yield from _strings(json.loads(raw))
        except ValueError:
            for line in filter(str.strip, raw.splitlines()):
                yield from _strings(json.loads(line))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
        if value[:1] in ("{", "["):
            try:
                inner = json.loads(value)
            except ValueError:
                return
            yield from _strings(inner)
    elif isinstance(value, dict):
        for child in value.values():
            yield from _strings(child)
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child)


class _Visible(HTMLParser):
    """Collects what a browser shows, with a space for each tag that breaks a line."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        self.seen.append("" if tag in ("b", "i", "em", "strong", "a", "span", "code", "font", "u") else " ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")
        self.seen.append("" if tag in ("b", "i", "em", "strong", "a", "span", "code", "font", "u") else " ")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.seen.append(data)


def visible_letters(html: str) -> str:
    """The letters and digits that a browser shows of an HTML text, without anything between them."""
    parser = _Visible()
    parser.feed(html)
    parser.close()
    return letters("".join(parser.seen))


def letters(text: str) -> str:
    """The letters and digits of a text, without anything between them."""
    return "".join(_WORD.findall(text))


def words(text: str) -> list[str]:
    return _WORD.findall(text)


def is_within(wanted: list[str] | str, text: list[str] | str) -> bool:
    """Whether all that is wanted is in a text in this order, whatever stands between."""
    rest = iter(text)
    return all(any(found == item for found in rest) for item in wanted)
