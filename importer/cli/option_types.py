"""Types of arguments and options: how what is typed is read, and to what the shell completes it on Tab."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.shell_completion import CompletionItem

from importer.library.options import RowLimit
from importer.library.targets import find_slow
from importer.report.results import find_fault

if TYPE_CHECKING:
    from importer.ledger.store import Ledger


MAPPING_SUFFIXES = (".yaml", ".yml")


class Completed(click.ParamType[str]):
    """A text that the shell completes: to names that `find` gives for what was typed, and with `files` to files.

    Once click completes a command, the shell completes files only if click says so; where no name fits, there may be
    folders.
    """

    def __init__(self, name: str, find: Callable[[click.Context, str], Iterable[str]], *, files: bool = False) -> None:
        self.name = name
        self._find = find
        self._files = files

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """Complete names, or let the shell complete files."""
        names = self._find(ctx, incomplete)
        completions = [CompletionItem(name) for name in names if name.startswith(incomplete)]
        if not completions and self._files:
            return [CompletionItem(incomplete, type="file")]
        return completions


def _presets() -> list[str]:
    from importer.mapping.presets import preset_names

    return list(preset_names())


def _yaml_files(incomplete: str) -> list[str]:
    folder = incomplete[: incomplete.rfind("/") + 1]
    try:
        files = sorted(path.name for path in Path(folder or ".").iterdir() if path.suffix in MAPPING_SUFFIXES)
    except OSError:
        return []
    return [folder + name for name in files]


def _imports(ctx: click.Context, _: str) -> Iterator[str]:
    """Yield the names of imports in the ledger, the newest first."""
    names = _read(ctx.params.get("ledger"), lambda book: [run.name for run in book.list_runs() if run.kind == "import"])
    yield from ("last", *names)


def _sources(ctx: click.Context, _: str) -> Iterator[str]:
    """Yield the names of sources in the ledger, each once."""
    from importer.ledger.source_list import list_sources

    yield from _read(ctx.params.get("ledger"), lambda book: sorted({source.name for source in list_sources(book)}))


def _read(ledger: str | None, find: Callable[[Ledger], list[str]]) -> Iterator[str]:
    """Yield names in a ledger file; none where it can't be read, nor of a server, which may be slow."""
    if ledger is not None and "://" in ledger:
        return
    try:
        from importer.ledger.opening import read_ledger

        with read_ledger(ledger) as book:
            yield from find(book)
    except Exception:  # noqa: BLE001 - in the middle of a line that somebody types, there is no place for an error
        return


FILE = Completed("file", lambda *_: (), files=True)
PRESET = Completed("preset", lambda *_: _presets())
MAPPING = Completed("mapping", lambda _, typed: [*_presets(), *_yaml_files(typed)], files=True)
RUN, SOURCE_NAME = Completed("run", _imports), Completed("source", _sources)


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
        parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smhd]?)", str(value).strip())
        if parts is None:
            self.fail(f"{value!r} is not a time such as 90s, 10m, 2h or 90d", param, ctx)
        return float(parts[1]) * SECONDS[parts[2]]


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
