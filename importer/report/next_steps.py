"""What to do after a check, the best step first, each with a command that can be pasted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from importer.check.job import Job
from importer.codes import UNDECIDED_CODES, VALUE_UNDECIDED
from importer.mapping.presets import preset_path
from importer.mapping.reader import open_targets
from importer.report.summary import Summary
from importer.sources.command_line import SAVED

DECIDE = "Check again with your decisions"


class NextStep(NamedTuple):
    """Why to go on with a command, and what a person does before they type it; "" where that is nothing."""

    why: str
    before: str
    command: str


def find_steps(job: Job, summary: Summary) -> Iterator[NextStep]:
    """Yield what comes next after a check: decide what is open, take the proposals, correct values or rows, rehearse.

    It looks into the folder of the reports for files that a person can fill in. A fixes.csv that is older than the
    results is of an earlier check: it is kept because somebody filled it in.
    """
    typed = job.typed
    save = f"save the piped input as {SAVED}" if typed.is_piped else ""
    out = Path(summary.out)
    decided = typed.repeat("validate", "-m", summary.mapping)
    open_files = list(dict.fromkeys(target.file for target in open_targets(job.mapping)))
    if open_files:
        yield NextStep(DECIDE, _join(save, f"replace each `?` in {', '.join(open_files)}"), decided)
    if summary.suggestion:
        command = typed.repeat("validate", "-m", summary.suggestion)
        is_open = not UNDECIDED_CODES.isdisjoint(summary.findings)
        before = f"replace each `?` in {summary.suggestion}" if is_open else f"read {summary.suggestion}"
        yield NextStep("Check again with the proposals", _join(save, before), command)
    fixes = max(out.glob("fixes*.csv"), key=_changed, default=None)
    if fixes and _changed(fixes) >= _changed(out / "results.csv"):
        command = typed.repeat("validate", "--fixes", str(fixes))
        before = _join(save, f"fill in `new value` in {fixes}")
        yield NextStep("Check again with your corrected values", before, command)
    if summary.rejected:
        errors = [str(out / name) for name in summary.errors]
        correct = f"correct the rows in {', '.join(errors)}"
        yield NextStep("Check your corrected rows", correct, typed.check_command(*errors))
    is_own = not open_files and preset_path(summary.mapping) is None
    if is_own and not summary.findings.keys().isdisjoint(VALUE_UNDECIDED.values()):
        yield NextStep(
            DECIDE, _join(save, f"make the missing decision, with the line above in {summary.mapping}"), decided
        )
    yield NextStep("Rehearse in a sandbox", save, typed.repeat("run", "--sandbox"))


def _changed(path: Path) -> int:
    return path.stat().st_mtime_ns


def _join(*what: str) -> str:
    return "; ".join(filter(None, what))
