"""Texts in pieces: put together again, and measured character by character."""

from __future__ import annotations

import re

CLOSED = re.compile(r"\n(`{3,8})\Z")
OPENED = re.compile(r"(`{3,8})[^`\n]*?(?=[^\S\n]*\n)")
CLOSED_WITHIN_A_LINE = re.compile(r"\n(`{3,8})`\Z")
OPENED_WITHIN_A_LINE = re.compile(r"(`{3,8})[^`\n]*\n")


def put_together(pieces: list[str]) -> str:
    """The text that pieces come from: a fence that ends one and opens the next was added to both, as in a line."""
    text, *others = pieces
    for piece in others:
        text = _join(text, piece)
    return text


def _join(text: str, piece: str) -> str:
    for closing, opening in ((CLOSED, OPENED), (CLOSED_WITHIN_A_LINE, OPENED_WITHIN_A_LINE)):
        closed, opened = closing.search(text), opening.match(piece)
        if closed and opened and closed[1] == opened[1]:
            return text[: closed.start()] + piece[opened.end() :]
    return text + piece


def utf16_units(text: str) -> int:
    """Length in UTF-16 units, counted character by character."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)
