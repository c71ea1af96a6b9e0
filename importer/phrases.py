"""Two phrases that most messages use: a number with its noun, and the first few of many names."""

from __future__ import annotations

from collections.abc import Sequence


def counted(number: int, what: str) -> str:
    """`1 row`, `2,000 rows`: a number with its noun, whose plural takes an s."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def listed(names: Sequence[str], shown: int) -> str:
    """`a, b and 3 more`: the first names, and how many there are beside them."""
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return f"{', '.join(names[:shown])}{more}"
