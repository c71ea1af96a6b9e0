"""Writes texts as YAML scalars that are read back unchanged."""

from __future__ import annotations


def quote(text: str) -> str:
    """A text as a double-quoted YAML scalar on one line, whatever characters it has."""
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\U{number:08X}" if number > 0xFFFF else f"\\u{number:04X}"
