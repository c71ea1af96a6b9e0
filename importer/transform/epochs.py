"""Unix times, which some trackers' APIs have in place of dates."""

from __future__ import annotations

import re
from datetime import UTC, datetime

_EPOCH = re.compile(r"([0-9]{10}|[0-9]{13})(?:\.[0-9]{1,9})?")


def read_epoch(text: str) -> datetime | None:
    """A Unix time in seconds (10 digits) or milliseconds (13); None for any other text."""
    match = _EPOCH.fullmatch(text.strip())
    if match is None:
        return None
    return datetime.fromtimestamp(float(match[0]) / (1 if len(match[1]) == 10 else 1000), UTC)


def show_epoch(text: str) -> str:
    """The date and time that a Unix time is in UTC; any other text as it is."""
    moment = read_epoch(text)
    return text if moment is None else f"{moment:%Y-%m-%d %H:%M} UTC"
