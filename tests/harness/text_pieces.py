"""Texts in pieces: put together again, and measured character by character."""

from __future__ import annotations

import re

CLOSED = re.compile(r"\n(`{3,8})\Z")
OPENED = re.compile(r"(`{3,8})[^`\n]*?(?=[^\S\n]*\n)")


def put_together(pieces: list[str]) -> str:
    """The text that pieces come from: a fence that ends one and opens the next was added to both."""
    text, *others = pieces
    for piece in others:
        closed, opened = CLOSED.search(text), OPENED.match(piece)
        if closed and opened and closed[1] == opened[1]:
            text = text[: closed.start()] + piece[opened.end() :]
        else:
            text += piece
    return text


def utf16_units(text: str) -> int:
    """Length in UTF-16 units, counted character by character."""
    return sum(2 if ord(character) > 0xFFFF else 1 for character in text)
