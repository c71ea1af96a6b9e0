"""What to do after a check, the best step first, each with a command that can be pasted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from importer.api import VALUE_FIELDS
from importer.mapping.presets import preset_path
from importer.report.summary import Summary
from importer.sources.command_line import SAVED, CommandLine

UNDECIDED = [f"{name}-undecided" for name in VALUE_FIELDS]
"""Codes of rows with a value that the mapping leaves to a person."""


class Step(NamedTuple):
    """Why to go on with a command, and what a person does before they type it; "" where that is nothing."""

    why: str
    before: str
    command: str


def find_steps(typed: CommandLine, summary: Summary) -> Iterator[Step]:
    """Yield what comes next after a check: take the proposals, correct values, mend rows, decide values, rehearse.

    It looks into the folder of the reports for files that a person can fill in. A fixes.csv that is older than the
    results is of an earlier check: it is kept because somebody filled it in.
    """
    save = f"save the piped input as {SAVED}" if typed.is_piped else ""
    out = Path(summary.out)
    if summary.suggestion:
        command = typed.repeat("validate", "-m", summary.suggestion)
        yield Step("Check again with the proposals", _join(save, f"read {summary.suggestion}"), command)
    if (fixes := _find_newest(out, "fixes*.csv")) and _changed(fixes) >= _changed(out / "results.csv"):
        command = typed.repeat("validate", "--fixes", str(fixes))
        before = _join(save, f"fill in `new value` in {fixes}")
        yield Step("Check again with your corrected values", before, command)
    if summary.rejected:
        errors = _find_newest(out, "errors*.*") or out / "errors.csv"
        yield Step("Check your corrected rows", f"correct the rows in {errors}", typed.check_command(str(errors)))
    if not summary.findings.keys().isdisjoint(UNDECIDED) and preset_path(summary.mapping) is None:
        before = _join(save, f"make the missing decision, with the line above in {summary.mapping}")
        yield Step("Check again with your decisions", before, typed.repeat("validate", "-m", summary.mapping))
    yield Step("Rehearse in a sandbox", save, typed.repeat("run", "--sandbox"))


def _find_newest(folder: Path, pattern: str) -> Path | None:
    return max(folder.glob(pattern), key=_changed, default=None)


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


def _join(*what: str) -> str:
    return "; ".join(filter(None, what))
