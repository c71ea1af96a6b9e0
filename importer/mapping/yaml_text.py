"""Writes texts as YAML scalars that are read back unchanged."""

from __future__ import annotations

from importer.records import Ref

_QUOTED = {ord(sign): f"\\{sign}" for sign in '"\\'}


def quote(text: str) -> str:
    """A text as a double-quoted YAML scalar on one line, whatever characters it has."""
    escaped = text.translate(_QUOTED)
    return f'"{escaped if text.isprintable() else "".join(map(_escape, escaped))}"'


def as_source(ref: Ref) -> str:
    """What a mapping says to read something: `column: "Due"`."""
    return f"{ref.kind}: {quote(ref.name)}"


def as_placeholder(ref: Ref) -> str:
    """The same within a template: `{Due}`, `{path:fields.due}`."""
    return f"{{{'path:' * (ref.kind == 'path')}{ref.name}}}"


def _escape(character: str) -> str:
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\U{number:08X}" if number > 0xFFFF else f"\\u{number:04X}"
