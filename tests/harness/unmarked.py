"""Comments without the markers in their opening lines, for what is compared with the source."""

from __future__ import annotations

import re

_MARKER = re.compile(r"^tic[a-z2-7]{10}\n\n| · tic[a-z2-7]{10}$", re.MULTILINE)


def unmarked(detail: str) -> str:
    """A comment as it would be without markers."""
    return _MARKER.sub("", detail)
