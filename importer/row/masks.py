"""Which rows of a chunk: a mask has a byte for each, 1 or 0."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import compress
from typing import Self


class Mask(bytes):
    """The rows of a chunk for which something holds; `Mask(length)` is none of them.

    A whole number joins all bytes at once, as fast as numpy, which takes a tenth of the start of a check to load.
    """

    @classmethod
    def full(cls, length: int) -> Self:
        """All rows."""
        return cls(b"\1" * length)

    @classmethod
    def of(cls, rows: Iterable[int], length: int) -> Self:
        """These rows."""
        flags = bytearray(length)
        for row in rows:
            flags[row] = 1
        return cls(flags)

    @classmethod
    def where(cls, verdicts: Collection[object]) -> Self:
        """The rows whose verdict is true: none of a column without text, which most are that rules read."""
        return cls(map(bool, verdicts)) if any(verdicts) else cls(len(verdicts))

    def __bool__(self) -> bool:
        return 1 in self

    @property
    def rows(self) -> list[int]:
        """The numbers of the rows, in order."""
        return list(compress(range(len(self)), self))

    @property
    def _bits(self) -> int:
        return int.from_bytes(self, "little")

    def _with(self, bits: int) -> Self:
        return type(self)(bits.to_bytes(len(self), "little"))

    def __and__(self, other: Mask) -> Self:
        return self._with(self._bits & other._bits)

    def __or__(self, other: Mask) -> Self:
        return self._with(self._bits | other._bits)

    def __invert__(self) -> Self:
        return self._with(self._bits ^ self.full(len(self))._bits)
