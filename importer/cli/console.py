"""The console: shows progress, checks, questions and results on stderr; stdout is for data."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

from importer.codes import CONFLICT
from importer.errors import ExitCode
from importer.phrases import counted, format_duration, format_time
from importer.records import Act

if TYPE_CHECKING:
    from tqdm import tqdm

    from importer.check.check_pass import Checked
    from importer.check.job import Job
    from importer.cli.check_screen import View
    from importer.errors import ImporterError
    from importer.ledger.store import Facts
    from importer.load.canary_findings import CanaryFindings
    from importer.report.summary import Summary

from importer.cli.colour import echo_painted
from importer.cli.sentences import ADDED, describe_open, printable

PLAIN_SECONDS = 10.0
"""Seconds between two lines of progress where there is no terminal."""
SILENT_SECONDS = 2.0
"""For how long a bar may stand still before it says so."""
FIGURES_SECONDS = 0.5
"""Seconds between two refreshes of the bar and the figures beside it."""
BAR = "{desc}: {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt}, {rate_noinv_fmt}, {remaining} left{postfix}"
BAR_OF_BYTES = "{desc}: {percentage:3.0f}%|{bar}| {remaining} left{postfix}"
ERASE = "\x1b[J"
"""Erases what follows the cursor: a bar that a narrower window has broken left the rest of it on the next line."""


class Console:
    """Writes to stderr: on a terminal with a progress bar, else with a plain line now and then; a `Progress`.

    As a context manager it removes the bar, whatever ends the block.
    """

    def __init__(self) -> None:
        self.terminal = sys.stderr is not None and sys.stderr.isatty()
        self._bar: tqdm[Any] | None = None
        self._what = ""
        self._done = self._total = 0
        self._next_line = self._next_figures = self._moved = 0.0
        self._beside, self._is_bytes = "", False
        self._erase = ERASE if self.terminal and os.environ.get("TERM", "dumb") != "dumb" else ""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.finish()

    def say(self, text: str = "") -> None:
        """Print lines, above the bar if there is one. If stderr was closed, the work goes on all the same."""
        with suppress(OSError):
            if self._bar is not None:
                self._bar.clear()
                sys.stderr.write(self._erase)
            echo_painted("\n".join(map(printable, text.split("\n"))), sys.stderr)

    def start(self, what: str, total: int, unit: str, done: int = 0) -> None:
        """Begin to show progress towards `total` units, of which some are done already."""
        self.finish()  # else this bar stands a line below the one before, and leaves the cursor at the end of it
        self._what, self._done, self._total, self._beside = what, done, total, ""
        self._is_bytes = unit == "B"  # these say how far it is, but people count rows
        self._moved = time.monotonic()
        self._next_line = self._moved + PLAIN_SECONDS
        if self.terminal:
            from tqdm import tqdm

            self._bar = tqdm(
                desc=what,
                total=total,
                initial=done,
                unit=f" {unit}",
                # It ends at the beginning of its line, so that the `^C` which a terminal shows goes with it.
                bar_format=f"{BAR_OF_BYTES if self._is_bytes else BAR}{self._erase}\r" if total else None,
                mininterval=FIGURES_SECONDS,
                leave=False,
                dynamic_ncols=True,
            )

    def reach(self, done: int) -> None:
        """Show that `done` units are done in all."""
        amount, self._done, self._moved = done - self._done, done, time.monotonic()
        if self._bar is not None:
            self._bar.set_description_str(self._what, refresh=False)
            self._bar.update(amount)
        elif self._moved >= self._next_line:
            self._next_line = self._moved + PLAIN_SECONDS
            share = f"({self._done / self._total:.0%})" if self._total else ""
            shown = self._beside if self._is_bytes else f"{self._done:,}"
            self.say(f"{self._what}: {' '.join(filter(None, (shown, share)))}")

    def figures(self, text: str) -> None:
        """Show figures beside the bar, if the last ones are half a second old."""
        self._beside = text
        if self._bar is not None and time.monotonic() >= self._next_figures:
            self._next_figures = time.monotonic() + FIGURES_SECONDS
            self._bar.set_postfix_str(text)

    def pause(self, seconds: float) -> None:
        """Show at the bar's beginning, which no screen is too narrow for, how long nothing can be sent."""
        if self._bar is not None:
            self._moved = time.monotonic()  # a pause is no standstill
            self._bar.set_description_str(f"paused for {seconds:.0f} s")

    def wait(self) -> None:
        """Show for how long nothing has moved, as where Triage takes its time: to be called each second."""
        still = time.monotonic() - self._moved
        if self._bar is not None and still >= SILENT_SECONDS:
            self._bar.set_description_str(f"{self._what}, waiting for {still:.0f} s")

    def finish(self) -> None:
        """Remove the bar."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
            with suppress(OSError):
                sys.stderr.write(self._erase)

    def show_error(self, error: ImporterError) -> None:
        """Show an error: what happened, where, and what to type next."""
        self.say(f"Error: {error.message}")
        for problem in error.problems:
            self.say(f"  {problem}".replace("\n", "\n  "))
        if error.hint:
            self.say(error.hint)

    def show_opening(self, target: str, ledger: str, facts: Facts) -> None:
        """Show the first line of a run: its target, and what the ledger knows of the source."""
        last = f"last run {facts.last_run} of {format_time(facts.last_started_at)}" if facts.last_run else "no run yet"
        self.say(f"Target {target}; ledger {ledger} knows {facts.known} of this source, {last}.")

    def show_check(self, job: Job, checked: Checked, view: View) -> None:
        """Show a check, as many lines as fit a screen, or all."""
        from importer.cli.check_screen import describe_check

        for line in describe_check(job, checked, view, sys.stderr):
            self.say(line)

    def ask(self) -> bool:
        """Ask before anything is sent. For a terminal only."""
        return click.confirm("Send them?", default=False, err=True)

    def show_canary(self, findings: CanaryFindings) -> None:
        """Show what the canary found out."""
        for sentence in findings.sentences():
            self.say(sentence)

    def ask_again(self, left: int, way_back: str) -> bool:
        """Ask after the canary whether the others are sent, and show the way back. For a terminal only."""
        self.say(way_back)
        return click.confirm(f"Send the remaining {left:,}?", default=False, err=True)

    def show_summary(self, summary: Summary) -> None:
        """Show the outcomes of a run, its speed, and its additions."""
        names = {"rejected": "rejected (not sent)", "failed": "failed (Triage refused)"}
        counts = ", ".join(f"{rows:,} {names.get(name, name)}" for name, rows in summary.outcomes().items() if rows)
        speed = f" at {summary.issues_per_second:,.1f} issues/s" if summary.created else ""
        took = f"   ({format_duration(summary.elapsed_seconds)}{speed})" if summary.elapsed_seconds else ""
        self.say(f"{counted(summary.rows, 'row')}: {counts or 'nothing to do'}{took}")
        if summary.additions:
            added = (counted(number, ADDED[Act(act)]) for act, number in summary.additions.items())
            self.say(f"Added to issues: {', '.join(added)}.")

    def show_rehearsal(self, page: Path) -> None:
        """Show where the page of a rehearsal is."""
        self.say(f"The issues as they will be in Triage: {page}")
        self.say("If they are right, type the same command without --sandbox to send them.")

    def show_folder(self, summary: Summary) -> None:
        """Show where the reports are: the page that has all of them, if it was written."""
        page = Path(summary.out) / "report.html"
        self.say(f"Every row and its outcome: {page}" if page.is_file() else f"Reports: {summary.out}")

    def show_reports(self, summary: Summary) -> None:
        """Show where the reports are, why the run ended, and what to do next."""
        self.show_folder(summary)
        rehearsal = Path(summary.out) / "rehearsal.html"
        if rehearsal.is_file():
            self.show_rehearsal(rehearsal)
        if summary.suggestion:
            self.say(
                f"Proposals for values that are unknown or undecided: check them, then use -m {summary.suggestion}"
            )
        fixes = Path(summary.out) / "fixes.csv"
        if fixes.is_file():
            self.say(f"Values to correct: fill in the column `new value` of {fixes}, then use --fixes {fixes}")
        if summary.rejected or summary.failed:
            self.say(
                f"Rows to correct: {_errors_file(Path(summary.out))}; then give the same command that file as SOURCE."
            )
        found = summary.findings.get("found-changed", 0)
        than = "with other values in Triage than in the source, left as they are"
        if found:
            self.say(
                f"{counted(found, 'row')} found {than}: the next run with --on-change update updates what no "
                "person can have changed there."
            )
        if summary.changed > found:
            accept = " --accept-mapping-change" if summary.findings.get("mapping-changed") else ""
            rows = counted(summary.changed - found, "row")
            self.say(f"{rows} {than}: --on-change update{accept} updates what no person changed there.")
        if summary.known:
            self.say(f"{counted(summary.known, 'row')} of these for the same reason as in the last run.")
        if conflicts := summary.findings.get(CONFLICT):
            issues = counted(conflicts, "issue")
            self.say(f"{issues} changed in Triage too, or perhaps: left as they are there, see conflicts.csv.")
        if summary.vanished:
            self.say(f"{counted(summary.vanished, 'key')} vanished since {summary.vanished_since}: see vanished.csv.")
        if summary.exit_code == ExitCode.UNUSABLE:
            self.say(f"Nothing was sent: {summary.stopped_because}")
        elif summary.stopped_because:
            self.say(f"Stopped: {summary.stopped_because}")
        if summary.exit_code in (ExitCode.STOPPED, ExitCode.INTERRUPTED):
            left = f"{counted(summary.planned, 'row')} still to be sent" if summary.planned else "All rows were sent"
            says_how = "same command" in summary.stopped_because
            self.say(f"{left}{'.' if says_how else ': the same command continues.'}")
        for sentence in describe_open(summary.findings):
            self.say(sentence)
        if summary.unknown:
            when = f" after {datetime.fromisoformat(summary.unknown_until):%H:%M:%S}" if summary.unknown_until else ""
            self.say(
                f"The outcome of {counted(summary.unknown, 'row')} is not known yet: run the same command again{when} "
                "to settle it."
            )


def _errors_file(folder: Path) -> Path:
    """Return the errors file that was written last: an earlier one may be the source of this import."""
    return max(folder.glob("errors*.*"), key=lambda path: path.stat().st_mtime_ns, default=folder)
