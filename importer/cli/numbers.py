"""Numbers that options take: `20` or `5%` of the rows, `10m` for ten minutes, and numbers that are finite."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any

import click


class FiniteRange(click.FloatRange):
    """A number of a range; `nan` and `inf` are none."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read one; anything else fails with a sentence."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number that can be used", param, ctx)
        return number


@dataclass(frozen=True, slots=True)
class Share:
    """So many rows, or so many percent of all."""

    amount: float
    percent: bool

    def __str__(self) -> str:
        return f"{self.amount:.10g}%" if self.percent else f"{self.amount:.10g}"

    def is_exceeded(self, rows: int, total: int) -> bool:
        """Whether `rows` of `total` are more than this."""
        return rows > (self.amount * total / 100 if self.percent else self.amount)


class ShareType(click.ParamType[Share]):
    """Reads `20` and `5%`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Share:
        """Read one; anything else fails with a sentence."""
        if isinstance(value, Share):
            return value
        found = re.fullmatch(r"\s*([0-9]+(?:\.[0-9]+)?)(%?)\s*", str(value))
        if found is None or (found[2] and float(found[1]) > 100):
            self.fail(f"{value!r} is neither a number of rows nor a share like 5%", param, ctx)
        return Share(float(found[1]), percent=bool(found[2]))


SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600}


class DurationType(click.ParamType[float]):
    """Reads `90`, `90s`, `10m` and `2h`, and gives seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read one; anything else fails with a sentence."""
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is no time like 90s, 10m or 2h", param, ctx)
        return float(found[1]) * SECONDS[found[2]]
