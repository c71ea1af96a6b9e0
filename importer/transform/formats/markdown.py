"""Leaves out of Markdown what nobody sees: the HTML comments of issue templates."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"(^ {0,3}(`{3,}|~{3,}).*?^ {0,3}\2|`[^`\n]+`)|[ \t]*<!--.*?-->(?:[ \t]*\n)?", re.MULTILINE | re.DOTALL
)
_GAP = re.compile(r"\n(?:[ \t]*\n){2,}")


def leave_out_hidden(text: str) -> str:
    """The text without its HTML comments; in code they are no comments."""
    if "<!--" not in text:
        return text
    shown = _HIDDEN.sub(lambda match: match[1] or "", text)
    return text if shown == text else _GAP.sub("\n\n", shown).strip("\n")
