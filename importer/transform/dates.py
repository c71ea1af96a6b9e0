"""Dates and times in texts: ISO 8601, a mapping's formats, and the Unix times that some trackers' APIs have instead."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache

FORMAT_HINT = "name its format: `input: {dates: ['%d.%m.%Y']}` in the mapping"

_EPOCH = re.compile(r"([0-9]{10}|[0-9]{13})(?:\.[0-9]{1,9})?")


@lru_cache(maxsize=4096)
def read_date(text: str, formats: tuple[str, ...]) -> datetime | None:
    """A date by ISO 8601 or one of the mapping's formats, in UTC (a date without a zone is taken as UTC)."""
    text = text.strip()
    for reader in (datetime.fromisoformat, *(_reader(form) for form in formats)):
        try:
            date = reader(text)
            if date.tzinfo:
                return date.astimezone(UTC)
            return date.replace(tzinfo=UTC)
        except (ValueError, OverflowError):  # the year 0 of another zone overflows
            continue
    return None


@lru_cache(maxsize=4096)
def read_time(text: str, formats: tuple[str, ...]) -> datetime | None:
    """A date as `read_date` reads it, or a Unix time: where a text is nothing but a date, a number is no id."""
    return read_epoch(text) or read_date(text, formats)


def read_epoch(text: str) -> datetime | None:
    """A Unix time in seconds (10 digits) or milliseconds (13); None for any other text."""
    match = _EPOCH.fullmatch(text.strip())
    if match is None:
        return None
    seconds = float(match[0])
    if len(match[1]) != 10:
        seconds /= 1000
    return datetime.fromtimestamp(seconds, UTC)


def seconds_of(date: datetime | None) -> float:
    """A date in seconds since 1970; 0 if there is none."""
    return 0.0 if date is None else date.timestamp()


def show_epoch(text: str) -> str:
    """The date and time that a Unix time is in UTC; any other text as it is."""
    moment = read_epoch(text)
    if moment is None:
        return text
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _reader(form: str) -> Callable[[str], datetime]:
    return lambda text: datetime.strptime(text, form)
