"""Ids that a program has changed on their way: rounded, written as decimals, taken for dates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_EXPONENT = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d{2,3}")
DIGITS = 15
"""What a spreadsheet keeps of a number."""
_LONG, _EMPTIED = re.compile(rf"\d{{{DIGITS}}}\d+"), re.compile(rf"\d{{{DIGITS}}}0+")
"""A number with more digits, and one that has nothing in those behind them."""
LONG_AT_LEAST = 3
"""So many long numbers that all end so are no chance."""
_DECIMAL = re.compile(r"\d+\.0")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = "|".join(_MONTHS)
_DAY = re.compile(rf"(?:\d\d?(?:-|\. )(?:{_MONTH})|(?:{_MONTH})[- ]\d\d)")
"""`12-Mar`, in German `12. Sep`; as no day of a month `Mar-45`. Ids of trackers have capitals."""

WHAT_BECAME = {
    "approximate": "a rounded number instead of an id in {}: spreadsheets round long ids, and different ones become "
    "equal.",
    "decimal": "a decimal instead of an id in {}: some programs write whole numbers this way. In an export without the "
    "`.0`, they would be different issues.",
    "date": "a date instead of an id in {}: spreadsheets turn ids like MAR-12 and SEP-3 into dates.",
}
"""What became of ids; `{}` is where, with a sample."""


def find_damaged_ids(column: Sequence[str], blocks: Sequence[str]) -> Iterator[tuple[str, dict[int, str]]]:
    """Find what became of ids, a key of WHAT_BECAME, and row → id; `blocks` are the column, many cells in each."""
    exponents = matching(column, _EXPONENT) if contain(blocks, "E+", "e+") else {}
    if rounded := exponents | (_find_emptied(column) if max(map(len, column)) > DIGITS else {}):
        yield "approximate", rounded
    if contain(blocks, ".0") and (decimals := matching(column, _DECIMAL)):
        yield "decimal", decimals
    # Names of people have months in them, too, but no day behind these.
    if contain(blocks, *_MONTHS) and any(map(_DAY.search, blocks)) and (dates := matching(column, _DAY)):
        yield "date", dates


def _find_emptied(column: Sequence[str]) -> dict[int, str]:
    """The long numbers, if nothing is in the digits of any that a spreadsheet doesn't keep."""
    long = matching(column, _LONG)
    return long if len(long) >= LONG_AT_LEAST and all(map(_EMPTIED.fullmatch, long.values())) else {}


def contain(texts: Iterable[str], *needles: str) -> bool:
    """Whether any of the texts has one of the needles."""
    return any(needle in text for text in texts for needle in needles)


def matching(column: Sequence[str], pattern: re.Pattern[str]) -> dict[int, str]:
    """The rows of a column whose text has this form, each with its text."""
    return {row: text.strip() for row, text in enumerate(column) if pattern.fullmatch(text.strip())}
