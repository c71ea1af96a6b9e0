"""What is different between two versions of a report: cell by cell in tables and JSON, line by line otherwise."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, NamedTuple

csv.field_size_limit(sys.maxsize)

MOST_COMPARED = 4_000_000
"""Pairs of lines up to which it is found out which of them belong together; beyond it they are taken as they come."""
SHOWN = 120
DIGITS = re.compile(r"\b(?=[a-z]*\d)[0-9a-z]{12,}\b|\d+")
"""Numbers, ids and digests, which differences of a kind don't have in common."""


class Difference(NamedTuple):
    """One line or cell. `at` is the line, from 1, `name` a column or a path in JSON; what is absent is None."""

    at: int
    name: str
    before: str | None
    after: str | None

    def kind(self) -> tuple[str, str, str]:
        """What it has in common with others: where they are, and what has changed in them, numbers aside."""
        name = re.sub(r"\d+", "N", self.name)
        if self.before is None or self.after is None:
            texts = [text if text is None or not self.name else "there" for text in (self.before, self.after)]
        else:
            texts = [*changed_part(self.before, self.after)]
        before, after = (_shorten(text and DIGITS.sub("N", text)) for text in texts)
        return name, before, after


def find_differences(name: str, before: str | None, after: str | None) -> Iterator[Difference]:
    """Compare two versions of a file of this name; None if there is no file."""
    if before is None or after is None:
        yield Difference(0, "the file", before, after)
    elif name.endswith(".csv"):
        yield from _compare_tables(before, after)
    elif name.endswith(".json"):
        yield from (Difference(1, *found) for found in _compare_values("", _parse(before), _parse(after)))
    else:
        for line, one, other in pair(before.split("\n"), after.split("\n")):
            if name.endswith(".jsonl") and one is not None and other is not None:
                yield from (Difference(line, *found) for found in _compare_values("", _parse(one), _parse(other)))
            else:
                yield Difference(line, "", one, other)


def _compare_tables(before: str, after: str) -> Iterator[Difference]:
    tables = [list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline=""))) for text in (before, after)]
    headers = [table[0] if table else [] for table in tables]
    rows = [[json.dumps(row) for row in table[1:]] for table in tables]
    if headers[0] != headers[1]:
        yield Difference(1, "the header", ",".join(headers[0]), ",".join(headers[1]))
    for line, *both in pair(*rows):
        if None in both:
            yield Difference(line + 1, "a row", *both)
            continue
        cells = [dict(_named(header, json.loads(row or ""))) for header, row in zip(headers, both, strict=True)]
        for column in cells[0] | cells[1]:
            if cells[0].get(column) != cells[1].get(column):
                yield Difference(line + 1, column, cells[0].get(column), cells[1].get(column))


def _named(header: Sequence[str], row: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Cells by the names of their columns, those that occur again with a number."""
    seen = Counter[str]()
    for name, cell in zip_longest(header, row, fillvalue=""):
        seen[name] += 1
        yield f"{name}#{seen[name]}" if seen[name] > 1 else name, cell


def _parse(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _compare_values(path: str, before: Any, after: Any) -> Iterator[tuple[str, str | None, str | None]]:
    if isinstance(before, str) and isinstance(after, str) and before[:1] == after[:1] == "{":
        before, after = _parse(before), _parse(after)  # a body in planned.jsonl
    if before == after:
        return
    if isinstance(before, dict) and isinstance(after, dict):
        for key in before | after:
            if key in before and key in after:
                yield from _compare_values(f"{path}.{key}", before[key], after[key])
            else:
                yield f"{path}.{key}", _text(before.get(key)), _text(after.get(key))
    elif isinstance(before, list) and isinstance(after, list):
        for place, one, other in pair(*([json.dumps(each) for each in values] for values in (before, after))):
            if one is None or other is None:
                yield f"{path}[{place}]", one, other
            else:
                yield from _compare_values(f"{path}[{place}]", _parse(one), _parse(other))
    else:
        yield path, _text(before), _text(after)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str | None) else json.dumps(value)


def pair(before: Sequence[str], after: Sequence[str]) -> Iterator[tuple[int, str | None, str | None]]:
    """Give the lines that differ, those that stand at the same place together, with their number from 1."""
    start = _common(before, after)
    before, after = before[start:], after[start:]
    blocks: Iterable[tuple[str, int, int, int, int]] = [("replace", 0, len(before), 0, len(after))]
    if len(before) * len(after) <= MOST_COMPARED:
        blocks = SequenceMatcher(None, before, after, autojunk=False).get_opcodes()
    for what, first, end, other_first, other_end in blocks:
        if what != "equal":
            both = zip_longest(before[first:end], after[other_first:other_end])
            for place, (one, other) in enumerate(both, start + first + 1):
                if one != other:
                    yield place, one, other


def changed_part(before: str, after: str) -> tuple[str, str]:
    """Give the words in which two texts differ, from the first to the last."""
    words, others = (re.findall(r"\w+|\s+|[^\w\s]", text) for text in (before, after))
    start = _common(words, others)
    end = _common(words[start:][::-1], others[start:][::-1])
    return "".join(words[start : len(words) - end]), "".join(others[start : len(others) - end])


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    """Count what two lists or texts have in common at their start."""
    both = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in both if left != right), min(len(one), len(other)))


def show(before: str | None, after: str | None) -> str:
    """Show both texts on a line each, of long ones where they begin to differ."""
    start = 0
    if before is not None and after is not None:
        start = max(0, _common(before, after) - SHOWN // 2)
    return "\n".join(f"  {sign} {_shorten(text, start)}" for sign, text in (("-", before), ("+", after)))


def _shorten(text: str | None, start: int = 0) -> str:
    if text is None:
        return "absent"
    shown, opening = text[start : start + SHOWN], "…" * (start > 0)
    return opening + repr(shown) + "…" * (len(text) > start + SHOWN)
