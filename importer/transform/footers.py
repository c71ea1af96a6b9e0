"""Finds the footer in a description: where the issue comes from, lines of the mapping, and the import marker."""

from __future__ import annotations

import re

from importer.transform.markers import record_marker

_NAMING = "Imported from "
FOOTER_OPENING = f"---\n{_NAMING}"
_KEY = re.compile(f"^{_NAMING}(.+)$", re.MULTILINE)
_FOOTER = re.compile(rf"^{FOOTER_OPENING}.*\n(?:.+\n)*tis[0-9a-f]{{12}} tir[0-9a-f]{{20}}\b", re.MULTILINE)


def find_footer(text: str) -> int:
    """Where the footer begins, or the end of a text that has none."""
    # The last one: the text above may quote the footer of another issue.
    start = text.rfind(FOOTER_OPENING)
    return start if start >= 0 and _FOOTER.match(text, start) else len(text)


def find_key(description: str, marker: str) -> str:
    """The key that the footer of an issue names, "" if it isn't the one of its record marker."""
    keys = _KEY.findall(description)
    return keys[-1] if keys and record_marker(keys[-1]) == marker else ""
