"""What names of columns and keys say: that they are a field (headers.yaml), or for the team alone (internal.yaml)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache, lru_cache

from importer.mapping.patterns import compiled
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
        # Where a language writes no spaces, or joins its words, one may stand anywhere in a header.
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


_CONDITION = re.compile(r"\[\?[^\]]*\]")
"""Of a path: `comments[?!internal]` says itself which ones it takes."""
_OPENING = re.compile(r"\W{0,4}+([^\W\d_][^\n:()\[\]]{2,40}+)[:)\]]")
"""What a text begins with: `[Internal]`, `Internal note:`."""
_LABEL = re.compile(r"\(([^()\n]{2,40}+)\)")
_TIME = re.compile(r"\d[.:/-]\d")
_BEFORE = 150
"""How far before its label the header of a journal's entry has its date: `2026-03-02 9:14 - Ann (Work notes)`."""
_FLAGS = ("flags", "opposites", "audiences", "types")


@lru_cache(maxsize=4096)
def is_internal(name: str, value: str | None = None, *, alone: bool = False) -> bool:
    """Whether a name says that its texts are for the team alone; or with a value, whether a flag of that name says so.

    With `alone`, a name may say no more than that: a sheet `Internal` can have nothing else, a column may be a flag.
    """
    if value is None:
        return _says("names", name, within=True) or (alone and _says("inside", name))
    match next((kind for kind in _FLAGS if _says(kind, name)), ""):
        case "flags":
            return bool(_plain(value)) and not _says("no", value)
        case "opposites":
            return _says("no", value)
        case "audiences":
            return bool(_plain(value)) and (is_internal(value, alone=True) or not _says("everybody", value))
        case "types":
            return is_internal(value, alone=True) or _says("kinds", value)
    return False


@lru_cache
def find_flags(names: tuple[str, ...]) -> tuple[str, ...]:
    """Those names of an element's parts that are flags."""
    return tuple(name for name in names if any(_says(kind, name) for kind in _FLAGS))


def has_internal_header(text: str) -> bool:
    """Whether a text, or an entry of a journal in one, says above it that it is for the team alone."""
    opening = _OPENING.match(text)
    if opening and is_internal(opening[1], alone=opening[0][-1] != ":"):
        return True
    if "(" not in text:
        return False
    return any(is_internal(label[1], alone=True) for label in _LABEL.finditer(text) if _is_dated(text, label.start()))


def _is_dated(text: str, end: int) -> bool:
    start = max(0, end - _BEFORE)
    return _TIME.search(text, max(start, text.rfind("\n", start, end) + 1), end) is not None


def _says(words: str, text: str, *, within: bool = False) -> bool:
    pattern = compiled(_pattern_of(words))
    return (pattern.search if within else pattern.fullmatch)(_plain(text)) is not None


def _plain(text: str) -> str:
    return " ".join(tokens_of(_CONDITION.sub(" ", text)))


@cache
def _pattern_of(words: str) -> str:
    found = parse_shared("internal.yaml").keys[words]
    patterns = "|".join(str(pattern.value) for _, pattern in found.children)
    return re.sub(r"%\((\w+)\)s", lambda other: _pattern_of(other[1]), patterns)
