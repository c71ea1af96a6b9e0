"""A limit of rows: a number of them, or a share."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RowLimit:
    """A limit of rows: a number of them, or a percentage of all; `least` are allowed in any case."""

    amount: float
    percent: bool
    least: int = 0

    def __str__(self) -> str:
        least = f", at least {self.least}" if self.least else ""
        return (f"{self.amount:.10g}%" if self.percent else f"{self.amount:.10g}") + least

    @classmethod
    def read(cls, value: RowLimit | int | str) -> RowLimit:
        """Read a number of rows or a share of them, `20` or `5%`. Raises ValueError for anything else."""
        if isinstance(value, RowLimit):
            return value
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+(?=%))?)(%?)\s*", str(value))
        if found is None or (found[2] and float(found[1]) > 100):
            raise ValueError(f"{value!r} is neither a number of rows nor a share like 5%")
        return cls(float(found[1]), percent=bool(found[2]))

    @property
    def is_everything(self) -> bool:
        """Whether it is 100 %."""
        return self.percent and self.amount >= 100

    def is_exceeded(self, rows: int, total: int) -> bool:
        """Whether `rows` of `total` are more than this limit."""
        return rows > max(self.least, self.amount * total / 100 if self.percent else self.amount)
