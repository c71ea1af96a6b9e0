"""Texts that something decoded with a wrong encoding before they came here."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from importer.check.observers.observer import SAMPLE_CHARACTERS
from importer.mapping.patterns import compiled


class _Garble(NamedTuple):
    """A pattern of text that was decoded with a wrong encoding.

    lead     the character that the pattern begins with: `in` finds it faster than the pattern
    pattern  finds the first garbled place
    was      the encoding that the text had
    read_as  the encoding that it was decoded with
    """

    lead: str
    pattern: str
    was: str
    read_as: str


def _tails(encoding: str) -> str:
    """A character class of what the bytes 0x80 to 0xBF, continuation bytes in UTF-8, are decoded to."""
    tails = bytes(range(0x80, 0xC0)).decode(encoding, "ignore")
    return "[" + re.escape(tails + "".join(map(chr, range(0x80, 0xA0)))) + "]"


def _garbles() -> Iterator[_Garble]:
    """Patterns that no language writes. What French or German quotes end with (`CAFÉ»`, `„Ü“`) is not among them."""
    tail = _tails("cp1252")
    single = {
        "Ã": f"Ã(?:[”’»…—](?=\\w)|(?![”’»…—]){tail})",  # é, ü, ß; IRMÃ” is Portuguese
        "Â": "Â[\xa0-\xba\xbc-\xbf]",  # a space that does not break, ©, °
        "Ð": "Ð[\xb0-\xbf]",  # Cyrillic
        "â": f"â(?:[€\x80]{tail}|‚¬|„¢|†’|ˆ’|œ“)",  # ’ “ – … € ™ → − ✓
        "ï": "ï»¿",  # a byte order mark
        "ð": f"ð[Ÿ\x9f]{tail}{{2}}",  # emoji
    }
    for lead, pattern in single.items():
        yield _Garble(lead, pattern, "UTF-8", "cp1252")
    for lead in "ÄÅ":  # Polish, Czech, Turkish: a capital in the middle of a word
        yield _Garble(lead, f"{lead}(?<=[a-z]{lead}){tail}", "UTF-8", "cp1252")
    for lead in "ÐÑÎÏ":  # Cyrillic and Greek: one letter after another
        yield _Garble(lead, f"{lead}{tail}[ÐÑÎÏ]{tail}", "UTF-8", "cp1252")
    for lead in "ãäåæçèéëìí":  # Chinese, Japanese, Korean
        yield _Garble(lead, f"{lead}{tail}{{2}}[ã-í]{tail}{{2}}", "UTF-8", "cp1252")
    for lead in "РС":
        yield _Garble(lead, f"{lead}{_tails('cp1251')}[РС]{_tails('cp1251')}", "UTF-8", "cp1251")
    yield _Garble("√", "√[©®¨†º∂ß°]", "UTF-8", "Mac Roman")
    yield _Garble("‚", "‚Ä[ôúùìîò¶]", "UTF-8", "Mac Roman")
    yield _Garble("縺", r"縺[^\x00-\x7f]", "UTF-8", "Shift JIS")


GARBLES = tuple(_garbles())
REPLACED = "\ufffd"


def find_garbled(column: Sequence[str], others: str) -> Iterator[tuple[str, str, dict[int, str]]]:
    """Find garbled texts: the encoding that they had, the one they were decoded with, and row → the place.

    `others` has the texts of the column that aren't ASCII: no other is garbled.
    """
    causes: dict[tuple[str, str], dict[int, str]] = {}
    for garble in GARBLES:
        if garble.lead in others and (pattern := compiled(garble.pattern)).search(others):
            rows = causes.setdefault((garble.was, garble.read_as), {})
            for row, text in enumerate(column):
                if garble.lead in text and (match := pattern.search(text)):
                    rows.setdefault(row, _around(text, match.start()))
    if REPLACED in others:
        causes["", ""] = {
            row: _around(text, text.find(REPLACED)) for row, text in enumerate(column) if REPLACED in text
        }
    for (was, read_as), rows in causes.items():
        yield was, read_as, rows


def _around(text: str, place: int) -> str:
    start = max(0, place - SAMPLE_CHARACTERS // 2)
    return " ".join(text[start : start + SAMPLE_CHARACTERS].split())
