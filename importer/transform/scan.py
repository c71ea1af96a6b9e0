"""One look at many texts for what is rare in them: which rows a rule concerns, so that it leaves the others alone."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import accumulate

import numpy as np

Signs = frozenset[int]
"""A class of characters: their bytes in UTF-8."""

_RARE = 1
_OTHER_DIGITS = bytes((0xD9, 0xDB, 0xDF, 0xE0, 0xE1, 0xEA, 0xEF, 0xF0, *range(0x80, 0xC0)))
"""Bytes that a digit of another script than ours may have in UTF-8: for a pattern, such a digit is one."""


class Scan:
    """Many texts as one, in UTF-8. A row is the index of a text, a place an offset in all of them.

    places  where each needle is
    """

    def __init__(self, texts: Sequence[str], needles: Mapping[bytes, int], classes: Sequence[Signs] = ()) -> None:
        """Look for the needles, each given with the offset in it of the byte that is rarest in texts.

        `classes` are those of which runs may be asked for.
        """
        self._data, self._sizes = join_encoded(texts)
        self._bits = {signs: 2 << number for number, signs in enumerate(classes)}
        likely = {needle: needle[place] for needle, place in needles.items() if needle[place] in self._data}
        table = _table_of(frozenset(likely.values()), tuple(classes))
        self._marks = np.frombuffer(self._data.translate(table), dtype=np.uint8)
        self.places: dict[bytes, list[int]] = {needle: [] for needle in needles}
        self.places.update(self._find(likely, needles))

    @cached_property
    def _ends(self) -> list[int]:
        """Behind each text; wanted only where something is found."""
        return list(accumulate(size + 1 for size in self._sizes))

    def _find(self, likely: Mapping[bytes, int], needles: Mapping[bytes, int]) -> Iterator[tuple[bytes, list[int]]]:
        """Yield each needle whose rarest byte occurs, with the offsets where it stands."""
        places = (self._marks & _RARE).view(np.bool_).nonzero()[0]  # a bit that is 0 or 1: as fast as it gets
        codes = np.frombuffer(self._data, dtype=np.uint8)
        signs = codes[places]
        places_of = {sign: places[signs == sign] for sign in set(likely.values())}
        for needle, sign in likely.items():
            begins = places_of[sign] - needles[needle]
            begins = begins[(begins >= 0) & (begins <= len(codes) - len(needle))]
            for offset, code in enumerate(needle):
                if not begins.size:
                    break
                begins = begins[codes[begins + offset] == code]
            yield needle, begins.tolist()

    def rows_with(self, needles: Iterable[bytes]) -> set[int]:
        """The rows that have any of these needles."""
        return {bisect_right(self._ends, place) for needle in needles for place in self.places[needle]}

    def lines_with(self, needle: bytes) -> Iterator[tuple[int, str]]:
        """Yield the lines that have a needle, each with its row."""
        return self._lines(self.places[needle])

    def lines_with_run(self, signs: Signs, length: int, first: Signs) -> Iterator[tuple[int, str]]:
        """Yield the lines that have so many of the signs one after the other, beginning with one of the first."""
        return self._lines(self._find_runs(signs, length, first))

    def words_with_run(self, signs: Signs, length: int) -> Iterator[tuple[int, str]]:
        """Yield what stands between two blanks, of the same: a line may be a long paragraph. No sign is a blank."""
        return self._lines(self._find_runs(signs, length), is_word=True)

    def _lines(self, places: Iterable[int], *, is_word: bool = False) -> Iterator[tuple[int, str]]:
        """Yield the lines, or words, that have these places, which are in order, each once."""
        data, end = self._data, 0
        for place in places:
            if place < end:
                continue
            end = data.find(b"\n", place)
            end = len(data) if end < 0 else end
            start = data.rfind(b"\n", 0, place) + 1
            if is_word:
                start = max(start, data.rfind(b" ", start, place) + 1)
                blank = data.find(b" ", place, end)
                end = end if blank < 0 else blank
            yield bisect_right(self._ends, place), data[start:end].decode("utf-8", "surrogatepass")

    def _find_runs(self, signs: Signs, length: int, first: Signs | None = None) -> list[int]:
        """Find where runs of at least so many of the signs begin, or the parts of such runs that begin with `first`."""
        within = (self._marks & self._bits[signs]) != 0
        width = 1  # of the runs that begin where `within` is true
        while width < length and len(within):
            step = min(width, length - width)
            within = within[:-step] & within[step:]
            width += step
        if first is not None:
            within &= (self._marks[: len(within)] & self._bits[first]) != 0
        places = within.nonzero()[0]
        return [*places[:1].tolist(), *places[1:][places[1:] > places[:-1] + 1].tolist()]


def join_encoded(texts: Sequence[str]) -> tuple[bytes, Iterable[int]]:
    """All texts in UTF-8 with a line end between them, and the size of each."""
    if all(map(str.isascii, texts)):
        return "\n".join(texts).encode(), map(len, texts)
    # Joined first, one emoji would make all of them four bytes a sign.
    encoded = [text.encode("utf-8", "surrogatepass") for text in texts]
    return b"\n".join(encoded), map(len, encoded)


def find_signs(belongs: Callable[[str], bool]) -> Signs:
    """The class of the ASCII characters that belong to it, to which digits of other scripts are added."""
    return frozenset((*(code for code in range(128) if belongs(chr(code))), *_OTHER_DIGITS))


@lru_cache
def _table_of(rare: frozenset[int], classes: Sequence[Signs]) -> bytes:
    """Make the table of what a byte is: bit 0 for a rare one, and one for each class that it belongs to."""
    return bytes(
        (code in rare) * _RARE + sum((code in signs) * (2 << number) for number, signs in enumerate(classes))
        for code in range(256)
    )
