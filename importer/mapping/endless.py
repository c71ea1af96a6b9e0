"""Finds patterns and expressions of a mapping that would never end, or take all memory, before they are used."""

from __future__ import annotations

import re
from re import _constants as sre  # type: ignore[attr-defined] # no public name for what a pattern consists of
from re import _parser  # type: ignore[attr-defined]
from typing import Any

COPIES_LIMIT = 1_000
"""Copies of one value that a JMESPath expression may make: `[@,@]|[@,@]` makes four."""

MANY = 20
"""From so many repetitions on one is as good as endless."""

_REPEATED_GROUP = re.compile(r"\)[*+{]")
_Items = list[tuple[Any, Any]]


def is_endless(pattern: str, flags: int = 0) -> bool:
    """Whether a pattern has a repetition that can divide the same text in ever so many ways.

    That is a repetition of nothing but another one, `(a+)+`, or of such a choice, `(a+|b)*`. Possessive ones and atomic
    groups don't try again.
    """
    if _REPEATED_GROUP.search(pattern) is None:  # as of nearly all patterns: they aren't parsed once more
        return False
    return _has_endless(list(_parser.parse(pattern, flags)))


def _has_endless(items: _Items) -> bool:
    for code, value in items:
        if code in (sre.MAX_REPEAT, sre.MIN_REPEAT) and value[1] >= MANY and _is_divisible(list(value[2])):
            return True
        if any(_has_endless(list(body)) for body in _bodies(code, value)):
            return True
    return False


def _bodies(code: Any, value: Any) -> list[Any]:
    if code in (sre.MAX_REPEAT, sre.MIN_REPEAT):
        return [value[2]]
    if code is sre.SUBPATTERN:
        return [value[3]]
    if code is sre.BRANCH:
        return list(value[1])
    if code in (sre.ASSERT, sre.ASSERT_NOT):
        return [value[1]]
    if code is sre.GROUPREF_EXISTS:
        return [body for body in value[1:] if body is not None]
    return []


def _is_divisible(items: _Items) -> bool:
    """Whether a body may be one repetition alone: all else in it can be empty."""
    endless = 0
    for code, value in items:
        if code is sre.AT or code in (sre.ASSERT, sre.ASSERT_NOT):
            continue
        if code is sre.SUBPATTERN:
            if not _is_divisible(list(value[3])):
                return False
            endless += 1
        elif code is sre.BRANCH:
            if not any(_is_divisible(list(body)) for body in value[1]):
                return False
            endless += 1
        elif code in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            least, most, _ = value
            endless += most >= MANY
            if most < MANY and least:
                return False
        else:
            return False
    return endless > 0


def count_copies(node: Any) -> int:
    """How many copies of a value a parsed JMESPath expression makes at the most.

    Raises RecursionError if it is nested too deeply.
    """
    if not isinstance(node, dict):  # a place in a slice
        return 1
    kind, children = node["type"], node["children"]
    if kind in ("multi_select_list", "multi_select_dict", "function_expression"):
        return max(1, sum(count_copies(child) for child in children))
    copies = 1
    for child in children:
        copies *= count_copies(child)
    return copies
