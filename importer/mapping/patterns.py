"""Patterns that are compiled when they are first used: one of hundreds of words takes as long as checking many rows."""

from __future__ import annotations

import re
from functools import cache


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """Compile one of our own patterns; `re` itself would forget it among those of a mapping."""
    return re.compile(pattern)
