"""Import markers: the words in an issue's footer that say which source and record it is from."""

from __future__ import annotations

import hashlib
import re

MARKER_NOTE = "(leave this line: it identifies the import)"
_MARKER_LINE = re.compile(r"^(tis[0-9a-f]{12}) (tir[0-9a-f]{20})\b", re.MULTILINE)


def source_marker(source_name: str) -> str:
    """The word that all issues of a source have: `tis` and 12 hex digits of its name."""
    return "tis" + hex_digest(source_name)[:12]


def record_marker(key: str) -> str:
    """The word that finds a record's issue again at the target: `tir` and 20 hex digits of its key."""
    return "tir" + hex_digest(key)[:20]


def find_marker(description: str) -> str:
    """The record marker of an issue that was imported, `""` if it has none.

    It stands in the footer's last line; people may have added text below, and quoted other markers above.
    """
    return find_marker_line(description)[1]


def find_marker_line(description: str) -> tuple[str, str]:
    """The markers of an issue's source and record, each `""` if it has none."""
    lines = _MARKER_LINE.findall(description)
    return lines[-1] if lines else ("", "")


def hex_digest(text: str) -> str:
    """SHA-256 of a text in hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
