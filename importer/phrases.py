"""Phrases that screen and reports share: counted nouns, lists, times, durations, and texts to be shown or pasted."""

from __future__ import annotations

import os
import re
import shlex
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache

_UNSEEN = re.compile("[\\u00ad\\u200b\\u200e\\u200f\\u202a-\\u202e\\u2060\\u2066-\\u2069\\ufeff]")
"""Hyphens and spaces of no width, marks of direction and of byte order. What joins or parts letters can be seen."""


def counted(number: int, what: str, plural: str = "") -> str:
    """`1 row`, `2,000 rows`: a number with its noun, whose plural takes an s unless it is given."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {plural or f'{what}s'}"


def amounts(parts: Iterable[tuple[int, str]]) -> str:
    """List of what there is some: `3 missing, 1,204 the same`."""
    return ", ".join(f"{number:,} {what}" for number, what in parts if number)


def listed(names: Sequence[str], shown: int) -> str:
    """`a, b and 3 more`: the first names, and how many there are beside them."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{more}"


def row_name(key: str, file_name: str, line: int) -> str:
    """A row as people find it: by its key, or as `export.csv:7` if it has none."""
    return key or f"{file_name}:{line}"


def clip(text: str, most: int) -> str:
    """Cut a text for display; it has `most` characters then, the `…` among them."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def clip_counted(text: str, most: int) -> str:
    """Cut a text for display to `most` characters, and say how many it has."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """A name as it looks: its letters composed, one space between words, and without signs that can't be seen."""
    if name.isascii() and name.isprintable() and "  " not in name:
        return name.strip()
    return " ".join(_UNSEEN.sub("", unicodedata.normalize("NFC", name)).split())


def tokens_of(name: str) -> tuple[str, ...]:
    """Return the words of a header: `issueType`, `Issue Type`, `issue_type` and `issue-type` are two words each."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", unicodedata.normalize("NFKC", name))
    return tuple(re.findall(r"[^\W_]+", spaced.casefold()))


def format_time(seconds: float) -> str:
    """Format a time in seconds since 1970 as local date and time."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def format_iso(seconds: float | None) -> str | None:
    """Format a time in seconds since 1970 as ISO 8601 in UTC; None stays None."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def format_duration(seconds: float) -> str:
    """Format a duration: `3 days 8 h`, `2 h 13 min`, `4 min 10 s`, `3.2 s`."""
    if seconds < 59.95:  # what would be shown as 60.0 s is a minute
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours // 24} days {hours % 24} h" if hours >= 48 else f"{hours} h {minutes} min"


def escape_controls(text: str) -> str:
    """Escape characters that would control a terminal, or change the direction of writing."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def readable(name: str) -> str:
    """The name of a file, in which bytes that are not UTF-8 are escaped."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def shell_join(words: Iterable[str]) -> str:
    """Words as a line for the shell."""
    return " ".join(map(shell_quote, words))


def shell_quote(word: str) -> str:
    """A word as a shell reads it, and as it can be shown: `'my export.csv'`.

    One with control characters, or a file name with bytes that are no text, is written as bash, zsh and ksh read it:
    `$'caf\\xe9.csv'`.
    """
    if word.isprintable():
        return shlex.quote(word)
    try:
        raw = os.fsencode(word)
    except UnicodeEncodeError:  # half a character out of a JSON escape: no file has such a name
        raw = word.encode("utf-8", "backslashreplace")
    return "$'" + "".join(chr(c) if 0x20 <= c < 0x7F and c not in b"'\\\\" else f"\\x{c:02x}" for c in raw) + "'"
