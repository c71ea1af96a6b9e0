"""Names of columns and keys, in `mappings/shared/headers.yaml`; and how much a header says that a column is a field."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache

from importer.mapping.yaml_tree import Node, parse_shared
from importer.phrases import tokens_of

IS, ENDS, BEGINS = 4, 1, -1
"""What is added to the weight of a word where the header is that word, ends with it, or begins with it."""


def words_under(*path: str) -> tuple[str, ...]:
    """The words under these keys of the file, in their order."""
    node = _read().child(*path)
    assert node is not None, path
    return tuple(str(node.value).split(", "))


@cache
def listed_under(group: str) -> dict[str, tuple[str, ...]]:
    """What stands in a group of the file: key → its words."""
    return {key: words_under(group, key) for key in _read().keys[group].keys}


@cache
def names_of(*groups: str) -> frozenset[str]:
    """The words of these groups of `names`."""
    return frozenset(word for group in groups for word in words_under("names", group))


def has(words: Iterable[str], *groups: str) -> bool:
    """Whether one of these words is in one of these groups."""
    return not names_of(*groups).isdisjoint(words)


@cache
def leaves() -> tuple[str, ...]:
    """Last keys that name an object; better ones first."""
    return words_under("names", "leaves")


def may_discuss(array: str) -> bool:
    """Whether an array's name says that there may be comments in it."""
    words = tokens_of(array)
    return has((" ".join(words), *words[-1:]), "comments", "repeated_comments", "discussions")


def weigh(tokens: tuple[str, ...], field: str) -> int:
    """Return the weight of a header by the words of a field, 0 if it has none of them."""
    best = 0
    joined = " ".join(tokens)
    for word, own, weight in _weighted(field):
        if joined == word or "".join(tokens) == word:
            best = max(best, weight + IS)
        elif tokens[-len(own) :] == own or (tokens and tokens[-1].endswith(word) and word in names_of("compound_ends")):
            best = max(best, weight + ENDS)
        elif tokens[: len(own)] == own or (not word.isascii() and len(own) == 1 and len(word) > 1 and word in joined):
            best = max(best, weight + BEGINS)
    return best


@cache
def _weighted(field: str) -> list[tuple[str, tuple[str, ...], int]]:
    """The words of a field, each also as it is split within a header, and with its weight."""
    return [
        (word, tuple(re.findall(r"[^\W_]+", word)), int(weight))
        for weight in _read().keys["columns"].keys[field].keys
        for word in words_under("columns", field, weight)
    ]


@cache
def _read() -> Node:
    return parse_shared("headers.yaml")
