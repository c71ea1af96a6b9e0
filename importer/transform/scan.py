"""One look at many texts for what is rare in them: which rows a rule concerns, so that it leaves the others alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from itertools import accumulate

_OTHER_DIGITS = bytes((0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0, *range(0x80, 0xC0)))
"""Bytes that a digit of another script than ours may have in UTF-8: for a pattern, such a digit is one."""


class Scan:
    """Many texts as one, in UTF-8. A row is the index of a text; each search yields a row, or a line, once."""

    def __init__(self, texts: Sequence[str]) -> None:
        encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        self._data = b"\n".join(encoded)
        self._is_ascii = self._data.isascii()
        self._ends = list(accumulate(len(text) + 1 for text in encoded))

    def rows_with(self, needle: bytes) -> Iterator[int]:
        """Yield the rows that have these bytes, which have no line end."""
        place = self._data.find(needle) if needle.isascii() or not self._is_ascii else -1
        while place >= 0:
            row = bisect_right(self._ends, place)
            yield row
            place = self._data.find(needle, self._ends[row])

    def lines_with(self, needle: bytes) -> Iterator[tuple[int, str]]:
        """Yield the lines that have these bytes, each with its row."""
        return self._lines(self._data, needle)

    def lines_with_run(self, signs: bytes, length: int) -> Iterator[tuple[int, str]]:
        """Yield the lines that have so many of the signs one after the other; `signs` is a table of `sign_table`."""
        return self._lines(self._data.translate(signs), b"x" * length)

    def _lines(self, data: bytes, needle: bytes) -> Iterator[tuple[int, str]]:
        place = data.find(needle)
        while place >= 0:
            end = self._data.find(b"\n", place)
            end = len(data) if end < 0 else end
            line = self._data[self._data.rfind(b"\n", 0, place) + 1 : end]
            yield bisect_right(self._ends, place), line.decode("utf-8", "surrogatepass")
            place = data.find(needle, end)


def sign_table(belongs: Callable[[str], bool], others: str = "") -> bytes:
    """Make the table of a class of ASCII characters, to which digits of other scripts are added, and `others`."""
    members = {*(code for code in range(128) if belongs(chr(code))), *_OTHER_DIGITS, *others.encode()}
    return bytes(ord("x") if code in members else ord(" ") for code in range(256))
