"""Finds the texts that have Jira's wiki markup among many: most have none, and needn't be parsed.

A sign such as `*` is markup only between certain neighbours. All texts are searched as one for signs that have them,
and only there the parser's own patterns are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray

from importer.transform.formats.jira import MACRO, has_block, pieces
from importer.transform.scan import join_encoded

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
    data, sizes = join_encoded(("", *texts, ""))
    places = np.frombuffer(data.translate(_SIGNS), dtype=np.bool_).nonzero()[0]
    codes = np.frombuffer(data, dtype=np.uint8)
    sign, before, behind = (codes.take(places + step) for step in (0, -1, 1))  # faster than codes[places]
    is_first = _MAY_BE_SPACE.take(before)
    inline = _PAIRED.take(sign) & ~_WORD.take(before) & (before != sign) & (behind != sign) & ~_SPACES.take(behind)
    for opening, following in _BEHIND.items():
        inline |= (sign == ord(opening)) & following.take(behind)
    brackets = ((sign == ord("[")) | (sign == ord("|"))).nonzero()[0]  # a link with a label has a bar before all others
    inline[brackets[:-1]] |= (sign[brackets[:-1]] == ord("[")) & (sign[brackets[1:]] == ord("|"))
    block = is_first & _ITEM.take(sign) & (_ITEM | _MAY_BE_SPACE).take(behind)
    block |= is_first & ((sign == ord("|")) | ((sign == ord("-")) & (behind == ord("-"))))
    dots = (sign == ord(".")).nonzero()[0]
    heads = _BEFORE_DOT.take(before[dots]) & _HEAD.take(codes.take(places[dots] - 2))
    block[dots] = heads & _MAY_BE_SPACE.take(behind[dots])
    starts = np.fromiter(accumulate(size + 1 for size in sizes), dtype=np.intp)
    marked = _with_inline(texts, data, places[inline], starts)
    _add_with_blocks(marked, data, places[block], starts)
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


def _add_with_blocks(
    marked: dict[int, set[str]], data: bytes, places: NDArray[np.intp], starts: NDArray[np.intp]
) -> None:
    """Add the rows that have a block in a line with one of these places, which are in order."""
    rows, end = starts.searchsorted(places, "right") - 1, 0
    for row, place in zip(rows.tolist(), places.tolist(), strict=True):
        if row not in marked and place >= end:
            start, end = data.rfind(b"\n", 0, place) + 1, data.find(b"\n", place)
            if has_block(data[start:end].decode("utf-8", "surrogatepass")):
                marked[row] = set()
