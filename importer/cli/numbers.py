"""Types of options: rows or a share of them (`20`, `5%`), durations (`10m`), finite numbers, addresses of issues."""

from __future__ import annotations

import math
import re
import time
from datetime import datetime
from typing import Any

import click

from importer.library.row_limit import RowLimit
from importer.library.targets import find_slow
from importer.report.results import find_fault


class FiniteRange(click.FloatRange):
    """A number within a range; `nan` and `inf`, which click lets pass, are refused."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number. Raises BadParameter for anything else."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value!r} is not a number that can be used", param, ctx)
        return number


class RateType(FiniteRange):
    """Requests a second: 0 for no limit, else at least LEAST_RATE."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a rate. Raises BadParameter for anything else."""
        rate = super().convert(value, param, ctx)
        if fault := find_slow(rate):
            self.fail(fault, param, ctx)
        return rate


class RowLimitType(click.ParamType[RowLimit]):
    """Reads a `RowLimit`: `20` or `5%`."""

    name = "share"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RowLimit:
        """Read a number. Raises BadParameter for anything else."""
        try:
            return RowLimit.read(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}


class DurationType(click.ParamType[float]):
    """Reads a duration, `90`, `90s`, `10m`, `2h` or `90d`, in seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number. Raises BadParameter for anything else."""
        found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", str(value).strip())
        if found is None:
            self.fail(f"{value!r} is not a time such as 90s, 10m, 2h or 90d", param, ctx)
        return float(found[1]) * SECONDS[found[2]]


class SinceType(DurationType):
    """Reads how long ago something was, `7d`, or when, `2026-11-24` or `2026-11-24T02:00`, in seconds since 1970."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a date or a duration. Raises BadParameter for anything else."""
        try:
            return datetime.fromisoformat(str(value).strip()).timestamp()
        except (ValueError, OverflowError):
            return time.time() - super().convert(value, param, ctx)


class IssueUrlType(click.ParamType[str]):
    """Reads the pattern of an issue's address."""

    name = "url"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it. Raises BadParameter for one that gives no address."""
        if fault := find_fault(str(value)):
            self.fail(f"{fault}. For example: --issue-url 'https://HOST/issues/{{number}}'", param, ctx)
        return str(value)
