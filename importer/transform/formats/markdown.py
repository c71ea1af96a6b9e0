"""Leaves out of Markdown what nobody sees: the HTML comments of issue templates."""

from __future__ import annotations

import re

_HIDDEN = re.compile(
    r"(?P<code>^ {0,3}(?P<fence>`{3,}|~{3,}).*?(?:^ {0,3}(?P=fence)|\Z)|`[^`\n]+`)"
    r"|(?<![ \t])[ \t]*+<!--(?:.*?-->(?:[ \t]*+\n)?|(?P<unclosed>.*\Z))",
    re.MULTILINE | re.DOTALL,
)
"""What is unclosed goes to the end of the text, so that nobody looks there again."""
_GAP = re.compile(r"\n(?:[ \t]*\n){2,}")


def leave_out_hidden(text: str) -> str:
    """The text without its HTML comments; in code they are no comments."""
    if "<!--" not in text:
        return text
    shown = _HIDDEN.sub(lambda match: match[0] if match["code"] or match["unclosed"] is not None else "", text)
    return text if shown == text else _GAP.sub("\n\n", shown).strip("\n")
