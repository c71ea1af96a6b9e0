"""What `repair` and `undo` have in common on the screen: options, what they show, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from importer.cli.options import Applied, Json
from importer.cli.terminal import can_ask
from importer.errors import UsageError
from importer.library.declared import option
from importer.library.options import Concurrency, KeyFile, LedgerFile, Out
from importer.phrases import counted

if TYPE_CHECKING:
    from importer.cli.console import Console
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner


# fmt: off
class Applying(Applied):
    """Whether anything is done, and whether somebody is asked first."""

    title = "What is done"
    yes: bool = option("--yes", default=False, variable=False, configurable=False,
        help="With --apply, don't ask, for scripts.")
# fmt: on


class ApplyOptions(Applying, KeyFile, LedgerFile, Concurrency, Out, Json):
    """The options of `repair` and `undo`."""


def showing(
    console: Console, describe: Callable[[ChangeRunner], Iterable[str]]
) -> Callable[[ChangeRunner, Summary | None], None]:
    """Make what shows what a change set would do, in the lines that `describe` gives, and how it ended."""

    def show(way: ChangeRunner, summary: Summary | None) -> None:
        console.say_all(describe(way) if summary is None else _end(summary, way))

    return show


def require_terminal(options: ApplyOptions) -> None:
    """Raise UsageError where there is to be a question and no terminal."""
    if options.apply and not options.yes and not can_ask():
        raise UsageError(
            "There is no terminal to ask for confirmation before changing anything.",
            hint="--apply --yes changes without asking; without --apply it only shows what it would do.",
        )


def _end(summary: Summary, way: ChangeRunner) -> Iterable[str]:
    """Yield the last lines: how it ended, where the report is, and what to type next."""
    if summary.run_id:
        counts = (f"{count:,} {verdict}" for verdict, count in summary.findings.items())
        yield f"{counted(summary.rows, 'issue')}: {', '.join(counts) or 'nothing to do'}"
    yield f"Report: {Path(summary.out) / 'report.html'}"
    if summary.is_cut_short:
        yield f"Stopped: {summary.stopped_because}"
        still_planned = f"{counted(summary.planned, 'issue')} still to be {way.change_set.done}"
        sentence = ": ".join(filter(None, (still_planned, summary.how_on)))
        yield f"{sentence}."
    elif summary.stopped_because:
        yield f"Nothing was changed: {summary.stopped_because}"
    elif not summary.run_id:
        if way.left:
            advice = " Add --apply to do it." if way.to_change else ""
            yield f"Nothing was changed.{advice}"
        else:
            yield "There is nothing left to change."
    for notice in summary.notices:
        yield notice.line
    if unknown := summary.unknown - way.unsettled:
        yield f"The outcome of {counted(unknown, 'change')} is not known yet: the same command settles it."
    if settle := way.settle_first():
        yield (
            f"The outcome of {counted(way.unsettled, 'row')} of the run is unknown: an issue that Triage may have "
            "for such a row is left alone. The same import settles it; or do it by hand, with T-… or `absent`: "
            f"{settle}"
        )
