"""Texts as a target keeps them: compared however it rewrites them, and what is left of one that it has cut."""

from __future__ import annotations

import html
import re
import unicodedata
from bisect import bisect_left
from typing import Any

from importer.triage.redaction import redact

_SIGNS = re.compile(r"[\W_]+")

END = 16
"""Letters and digits by which the end of a text is known."""
TAIL = 200
"""Characters in which these are looked for."""


def find_left(sent: str, shown: str) -> str | None:
    """Return the beginning of a text that is left of it where it was cut; None where its end is there.

    The target may rewrite what it stores, and add an ellipsis: then its letters and digits say how much that is.
    """
    one, other = (sent, shown) if sent == shown else (normalise(sent), normalise(shown))
    if one == other:
        return None
    if one.startswith(other):
        return other
    one, other = letters_of(one), letters_of(other)
    if len(other) >= len(one) or other.endswith(one[-END:]):
        return None
    return sent[: bisect_left(range(len(sent)), len(other) - END, key=lambda end: len(letters_of(sent[:end])))]


def find_end(text: str) -> str:
    """Return the last letters and digits of a text, by which it is seen later whether its end is there."""
    return letters_of(text[-TAIL:])[-END:]


def normalise(value: Any) -> str:
    """Return a value as it is compared."""
    # What is kept was redacted, and what was just read was not.
    text = redact(str(value or "")).replace("\r\n", "\n")
    return (text if text.isascii() else unicodedata.normalize("NFC", text)).strip()  # ASCII is composed as it is


def letters_of(text: Any) -> str:
    """Return the letters and digits of a text."""
    return _SIGNS.sub("", unicodedata.normalize("NFKC", html.unescape(str(text or ""))))
