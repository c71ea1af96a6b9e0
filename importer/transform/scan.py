"""One look at many texts for what is rare in them: which rows a rule concerns, so that it leaves the others alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import accumulate

import numpy as np

_OTHER_DIGITS = bytes((0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0, *range(0x80, 0xC0)))
"""Bytes that a digit of another script than ours may have in UTF-8: for a pattern, such a digit is one."""


class Scan:
    """Many texts as one, in UTF-8. A row is the index of a text; each search yields a row, or a line, once."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
        self._data = b"\n".join(self._encoded)
        self._is_ascii = self._data.isascii()

    @cached_property
    def _ends(self) -> list[int]:
        """Behind each text; wanted only where something is found."""
        return list(accumulate(len(text) + 1 for text in self._encoded))

    def rows_with_any(self, needles: Mapping[bytes, int]) -> set[int]:
        """Find the rows that have one of these, each given with the place in it of a sign that is rare in texts.

        Only ASCII, and no sign that is the first of its needle.
        """
        signs = bytes(needle[place] for needle, place in needles.items())
        table = bytes(code in signs for code in range(256))
        places = np.frombuffer(self._data.translate(table), dtype=np.bool_).nonzero()[0]
        codes = np.frombuffer(self._data, dtype=np.uint8)
        sign, before = codes[places], codes[places - 1]
        rows = set[int]()
        for needle, place in needles.items():
            found = places[(sign == needle[place]) & (before == needle[place - 1])] - place
            rows.update(
                bisect_right(self._ends, at) for at in found.tolist() if self._data.startswith(needle, max(at, 0))
            )
        return rows

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

    def words_with_run(self, signs: bytes, length: int) -> Iterator[tuple[int, str]]:
        """Yield what stands between two blanks, of the same: a line may be a long paragraph. No sign is a blank."""
        return self._lines(self._data.translate(signs), b"x" * length, is_word=True)

    def _lines(self, data: bytes, needle: bytes, *, is_word: bool = False) -> Iterator[tuple[int, str]]:
        place = data.find(needle)
        while place >= 0:
            end = self._data.find(b"\n", place)
            end = len(data) if end < 0 else end
            start = self._data.rfind(b"\n", 0, place) + 1
            if is_word:
                start = max(start, self._data.rfind(b" ", start, place) + 1)
                blank = self._data.find(b" ", place, end)
                end = end if blank < 0 else blank
            yield bisect_right(self._ends, place), self._data[start:end].decode("utf-8", "surrogatepass")
            place = data.find(needle, end)


def sign_table(belongs: Callable[[str], bool], others: str = "") -> bytes:
    """Make the table of a class of ASCII characters, to which digits of other scripts are added, and `others`."""
    members = {*(code for code in range(128) if belongs(chr(code))), *_OTHER_DIGITS, *others.encode()}
    return bytes(ord("x") if code in members else ord(" ") for code in range(256))
