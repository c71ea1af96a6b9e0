"""Rewriting of texts on request: a target that stores other characters than it was sent."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable
from typing import Any

TEXTS = frozenset({"title", "description", "detail", "note"})
"""The fields that people read."""

_QUOTED = re.compile(r'"([^"\n]*)"')


def rewrite(fields: dict[str, Any], way: str | None) -> dict[str, Any]:
    """Return the fields of a body with their texts rewritten in one of the WAYS; None changes nothing."""
    if way is None:
        return fields
    change = WAYS[way]
    return {name: change(value) if name in TEXTS and value else value for name, value in fields.items()}


def _escape(text: str) -> str:
    """`<` becomes `&lt;`, and so do `>` and `&`."""
    return html.escape(text, quote=False)


def _fold_blanks(text: str) -> str:
    """Each run of white space becomes one blank, or one line break if it has one."""
    return re.sub(r"\s+", lambda run: "\n" if "\n" in run[0] else " ", text).strip()


def _name_emoji(text: str) -> str:
    """Pictures become words: `:headphone:`."""
    return "".join(
        f":{unicodedata.name(sign, 'emoji').lower().replace(' ', '_')}:" if unicodedata.category(sign) == "So" else sign
        for sign in text
    )


def _trim(text: str) -> str:
    """White space at the ends of lines and of the text is removed, and lines end with CR LF."""
    return "\r\n".join(line.rstrip() for line in text.strip().splitlines())


def _polish(text: str) -> str:
    """Characters get their compatibility form (NFKC), quotes are curled, and three hyphens become a dash."""
    return _QUOTED.sub("“\\1”", unicodedata.normalize("NFKC", text)).replace("'", "’").replace("---", "—")


WAYS: dict[str, Callable[[str], str]] = {
    "escape": _escape,
    "blanks": _fold_blanks,
    "emoji": _name_emoji,
    "trim": _trim,
    "polish": _polish,
}
