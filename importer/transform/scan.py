"""One look at many texts for what is rare in them: which rows a rule concerns, so that it leaves the others alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

_OTHER_DIGITS = bytes((0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0, *range(0x80, 0xC0)))
"""Bytes that a digit of another script than ours may have in UTF-8: for a pattern, such a digit is one."""


class Scan:
    """Texts as the lines of one, in UTF-8. A row is the index of a text, and is yielded once by each search."""

    def __init__(self, texts: Sequence[str]) -> None:
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        self._data = b"\n".join(encoded)
        self._ends = list(accumulate(len(text) + 1 for text in encoded))

    def rows_with(self, needle: bytes) -> Iterator[int]:
        """Yield the rows that have these bytes, which have no line end."""
        return self._search(self._data, needle)

    def rows_with_run(self, signs: bytes, length: int) -> Iterator[int]:
        """Yield the rows that have so many of the signs one after the other; `signs` is a table of `sign_table`."""
        return self._search(self._data.translate(signs), b"x" * length)

    def _search(self, data: bytes, needle: bytes) -> Iterator[int]:
        place = data.find(needle)
        while place >= 0:
            row = bisect_right(self._ends, place)
            yield row
            place = data.find(needle, self._ends[row])


def sign_table(belongs: Callable[[str], bool], others: str = "") -> bytes:
    """Make the table of a class of ASCII characters, to which digits of other scripts are added, and `others`."""
    members = {*(code for code in range(128) if belongs(chr(code))), *_OTHER_DIGITS, *others.encode()}
    return bytes(ord("x") if code in members else ord(" ") for code in range(256))
