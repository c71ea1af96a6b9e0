"""The texts of a probe's issues: signs of every kind, and as many as a target should take."""

from __future__ import annotations

from collections.abc import Callable

from importer.api import TITLE_LIMIT, count_units
from importer.transform.markers import probe_title
from importer.transform.sanitise import Sanitizer

NORM = Sanitizer().clean("@norm").text
LATIN = "Latin "
MIXED = "жд漢字𠀀 "
WHITE = "two  blanks,\ta tab  \r\n\r\n\r\n  and blanks at both ends  "
SIGNS = "<b>&lt;&amp;</b>&<i>"
ODD = (SIGNS, "🎧👩‍💻☎", "ﬁ½\"q\"'s'---e\u0301", NORM)
"""What a target may rewrite: among it, too, the markers and the ends of texts have to be recognised."""
SHORT = 1000
"""Bytes of a description that any target takes."""


def count_bytes(text: str) -> int:
    return len(text.encode())


def fill(begin: str, word: str, end: str, limit: int, measure: Callable[[str], int] = count_units) -> str:
    """Return a text of this size between a beginning and an end: words, and in the end letters."""
    room = limit - measure(begin + end)
    words = word * (room // measure(word))
    letters = "x" * (room % measure(word))
    return begin + words + letters + end


def _head(marker: str) -> str:
    return f"{marker} was made by triage-import probe, to see what Triage does; the probe deletes it.\n\n"


def odd_texts(marker: str) -> tuple[str, str]:
    """Return title and description with signs of every kind."""
    title = " ".join([probe_title(marker), *ODD])
    text = "\n\n".join([WHITE, *ODD])
    return title, f"{_head(marker)}{text}\n\n---\n{marker} ends it"


def long_title(marker: str) -> str:
    return fill(f"{probe_title(marker)} ", MIXED, "", TITLE_LIMIT)


def long_text(marker: str, word: str, limit: int, measure: Callable[[str], int] = count_units) -> str:
    return fill(_head(marker), word, f"\n\n---\n{marker} ends it", limit, measure)
