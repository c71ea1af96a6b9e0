"""Import markers: two words in an issue's footer that identify its source and its record."""

from __future__ import annotations

import hashlib
import re

MARKER_NOTE = "(leave this line: it identifies the import)"
_MARKER_LINE = re.compile(r"^(tis[0-9a-f]{12}) (tir[0-9a-f]{20})\b", re.MULTILINE)


def source_marker(source_name: str) -> str:
    """The word in all issues of a source: `tis` and 12 hex digits of its name's SHA-256."""
    return "tis" + hex_digest(source_name)[:12]


def record_marker(key: str) -> str:
    """The word by which a record's issue is found in Triage: `tir` and 20 hex digits of its key's SHA-256."""
    return "tir" + hex_digest(key)[:20]


def find_marker(description: str) -> str:
    """The record marker in an issue's description, `""` if it has none.

    The last one counts: people may have quoted another issue above the footer. Text below it does no harm.
    """
    return find_marker_line(description)[1]


def find_marker_line(description: str) -> tuple[str, str]:
    """The source and the record marker in an issue's description, each `""` if it has none."""
    lines = _MARKER_LINE.findall(description)
    return lines[-1] if lines else ("", "")


def hex_digest(text: str) -> str:
    """SHA-256 of a text in hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
