"""Fits lines to a terminal: breaks them between words, and leaves whole what a person copies."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os import get_terminal_size
from typing import IO
from unicodedata import east_asian_width

UNBROKEN = 10_000
"""The width of what is no terminal: nothing is broken there."""
_WORDS = re.compile(r"\s*(?:`[^`]*`\S*|triage-import .*|\S+)")
"""Words with the white space before them. A command goes on to the end of its line: a break in it would be pasted,
too, while those that a terminal makes itself are not."""


def size_of(stream: IO[str]) -> tuple[int, int]:
    """Return how many columns and lines a terminal has: where there is none, no line is broken, and none is fitted."""
    try:
        columns, lines = get_terminal_size(stream.fileno())
    except (OSError, ValueError):  # no terminal; no file at all
        return UNBROKEN, 0
    return columns or UNBROKEN, lines


def wrap(line: str, width: int) -> list[str]:
    """Break a line between words, so that no part is wider than `width` but one that is a single word or command."""
    if measure(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    lines, used = [""], 0
    for word in _WORDS.findall(line):
        taken = measure(word)
        if used + taken > width and lines[-1].strip():
            word = indent + word.lstrip()
            lines.append("")
            used, taken = 0, measure(word)
        lines[-1] += word
        used += taken
    return lines


def count_lines(lines: Iterable[str], width: int) -> int:
    """Return how many lines of a terminal these take: one that can't be wrapped takes several."""
    return sum(max(1, -(-measure(part) // width)) for line in lines for part in wrap(line, width))


def measure(text: str) -> int:
    """Return how many columns of a terminal a text takes: a Chinese sign takes two."""
    return len(text) if text.isascii() else sum(1 + (east_asian_width(sign) in "WF") for sign in text)
