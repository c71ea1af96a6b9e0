"""Finds the texts that have Jira's wiki markup among many: most have none, and needn't be parsed.

A sign such as `*` is markup only between certain neighbours. All texts are searched as one for signs that have them,
and only there the parser's own patterns are tried.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from importer.transform.formats.jira import MACRO, pieces

_BLOCK = re.compile(r"\s*(?:[*#]+\s|h[1-6]\.\s|bq\.\s|-{4,}\s*\Z|\|)")
"""How a line begins that is no plain text. An item with a dash isn't here: it stays as it is."""

Codes = NDArray[np.bool_]


def _codes(signs: str) -> Codes:
    """A table of bytes: whether each is one of the signs."""
    return np.array([chr(code) in signs for code in range(256)], dtype=np.bool_)


_WORD = _codes("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_MAY_BE_SPACE = _codes(" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f") | (np.arange(256) >= 0x80)
_SPACES = _MAY_BE_SPACE & (np.arange(256) < 0x80)
_PAIRED, _ITEM = _codes("*_-+"), _codes("*#")
_BEHIND = {"{": _codes("{cnqp"), "\\": _codes("{}[]*_+^~!|-\\"), "!": ~_SPACES, "[": _codes("hfmw")}
"""What follows the signs that open something."""
_BEFORE_DOT, _HEAD = _codes("123456q"), _codes("hb")
_SIGNS = (_PAIRED | _ITEM | _codes("|." + "".join(_BEHIND))).tobytes()


def find_marked(texts: Sequence[str]) -> dict[int, set[str]]:
    """The indexes of the texts that may have markup, and with which signs its pieces begin there within a line.

    Of the other texts the conversion changes no word.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    data = b"\n".join((b"", *encoded, b""))
    places = np.frombuffer(data.translate(_SIGNS), dtype=np.bool_).nonzero()[0]
    codes = np.frombuffer(data, dtype=np.uint8)
    sign, before, behind = codes[places], codes[places - 1], codes[places + 1]
    is_first = _MAY_BE_SPACE[before]
    inline = _PAIRED[sign] & ~_WORD[before] & (before != sign) & (behind != sign) & ~_SPACES[behind]
    for opening, following in _BEHIND.items():
        inline |= (sign == ord(opening)) & following[behind]
    brackets = ((sign == ord("[")) | (sign == ord("|"))).nonzero()[0]  # a link with a label has a bar before all others
    inline[brackets[:-1]] |= (sign[brackets[:-1]] == ord("[")) & (sign[brackets[1:]] == ord("|"))
    block = is_first & _ITEM[sign] & (_ITEM | _MAY_BE_SPACE)[behind]
    block |= is_first & ((sign == ord("|")) | ((sign == ord("-")) & (behind == ord("-"))))
    block |= (sign == ord(".")) & _BEFORE_DOT[before] & _HEAD[codes[places - 2]] & _MAY_BE_SPACE[behind]
    starts = np.fromiter(accumulate((len(text) + 1 for text in encoded), initial=1), dtype=np.intp)
    marked = _with_inline(texts, data, places[inline], starts)
    lines = {row: texts[row].splitlines() for row in _rows_of(places[block], starts) if row not in marked}
    marked.update((row, set()) for row, found in lines.items() if any(map(_BLOCK.match, found)))
    return marked


def _with_inline(
    texts: Sequence[str], data: bytes, places: NDArray[np.intp], starts: NDArray[np.intp]
) -> dict[int, set[str]]:
    marked: dict[int, set[str]] = {}
    rows = starts.searchsorted(places, "right") - 1
    begins_piece = pieces().match
    known = at = 0  # a place, and the number of its character in its text
    for row, start, place in zip(rows.tolist(), starts[rows].tolist(), places.tolist(), strict=True):
        sign = chr(data[place])
        if row not in marked or sign not in marked[row]:
            text = texts[row]
            known, at = (known, at) if known >= start else (start, 0)
            at += place - known if text.isascii() else len(data[known:place].decode("utf-8", "surrogatepass"))
            known = place
            if begins_piece(text, at) or MACRO.match(text, at):
                marked.setdefault(row, set()).add(sign)
    return marked


def _rows_of(places: NDArray[np.intp], starts: NDArray[np.intp]) -> list[int]:
    return list(dict.fromkeys((starts.searchsorted(places, "right") - 1).tolist()))  # np.unique loads masked arrays
