"""Texts for the team alone: the names of columns, sheets, files and headers that say so, and an element's own flags."""

from __future__ import annotations

import re
from functools import cache, lru_cache

from importer.mapping.patterns import compiled
from importer.mapping.shared_words import internal_words
from importer.phrases import tokens_of

_CONDITION = re.compile(r"\[\?[^\]]*\]")
"""Of a path: `comments[?!internal]` says itself which ones it takes."""
_HEADER = re.compile(
    r"(?:^[^\n(\[]{0,100}\d[.:/-]\d[^\n(\[]{0,60}|\A\W{0,3})[(\[]([^()\[\]\n]{2,40})[)\]]|\A\W{0,4}([^\W\d][^\n:()\[\]]{2,40}):",
    re.MULTILINE,
)
"""What a text begins with, `[Internal]` or `Internal note:`; or in a journal, `2026-03-02 9:14 - Ann (Work notes)`."""
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
    return any(is_internal(said[1] or said[2], alone=bool(said[1])) for said in _HEADER.finditer(text))


def _says(words: str, text: str, *, within: bool = False) -> bool:
    pattern = compiled(_pattern_of(words))
    return (pattern.search if within else pattern.fullmatch)(_plain(text)) is not None


def _plain(text: str) -> str:
    return " ".join(tokens_of(_CONDITION.sub(" ", text)))


@cache
def _pattern_of(words: str) -> str:
    return re.sub(r"%\((\w+)\)s", lambda other: _pattern_of(other[1]), "|".join(internal_words(words)))
