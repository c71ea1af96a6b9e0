"""What `repair` and `undo` have in common: options, and the order of reading, showing, asking and applying."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from importer.cli.declared import Section, option
from importer.cli.options import Json, Out, typed_options
from importer.cli.recorded import SOURCE
from importer.cli.sentences import describe_open, name_last_change
from importer.cli.target_options import Concurrency, KeyFile, LedgerFile
from importer.errors import UsageError
from importer.library.targets import choose_rate, open_target_named
from importer.phrases import counted
from importer.records import Outcome

if TYPE_CHECKING:
    from importer.ledger.journal import Run
    from importer.ledger.store import Ledger
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner
    from importer.runs.change_set import ChangeSet


# fmt: off
@dataclass(frozen=True)
class Applying(Section):
    """Whether anything is done."""

    title = "What is done"
    apply: bool = option("--apply", is_flag=True, variable=False, configurable=False,
        help="Do it, instead of only showing what would be done.")
    yes: bool = option("--yes", is_flag=True, variable=False, configurable=False,
        help="With --apply, don't ask, for scripts.")
# fmt: on


@dataclass(frozen=True)
class ChangeOptions(Applying, KeyFile, LedgerFile, Concurrency, Out, Json):
    """The options of `repair` and `undo`."""


def go_back(
    name: str,
    given: ChangeOptions,
    make: Callable[[Ledger, Run], ChangeSet],
    describe: Callable[[ChangeRunner], Iterable[str]],
    confirm: Callable[[ChangeRunner], str],
) -> Summary:
    """Read the issues of a run, show what a change set would do, and with `--apply` do it.

    make      makes the change set of the run
    describe  gives the lines that show what it would do, once the issues were read
    confirm   asks, and returns why nothing is to be done, or ""

    Raises UsageError where nobody can be asked, and what opening ledger and target raises.
    """
    if given.apply and not given.yes and not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            "There is no terminal to ask for confirmation before changing anything.",
            hint="--apply --yes changes without asking; without --apply it only shows what it would do.",
        )

    from importer.cli.console import Console
    from importer.ledger.opening import open_ledger, read_ledger
    from importer.ledger.overview import find_import
    from importer.load.preflight import claim_source
    from importer.runs.change_runner import ChangeRunner, Pace
    from importer.runs.change_set import find_open

    # Without --apply the ledger is only read, so that a preview needs no lock and can be had beside an import.
    with Console() as console, (open_ledger if given.apply else read_ledger)(given.ledger) as ledger:
        run = find_import(ledger, name, click.get_current_context().info_name or "", typed_options()).run
        click.get_current_context().meta[SOURCE] = run.source_name
        change_set = make(ledger, run)
        with open_target_named(run.target, given.api_key_file) as target:
            # With the key of another organisation all issues would seem to be deleted.
            claim_source(target, ledger, run.source_name, console.say)
            out = given.out or _choose_folder(ledger, run, change_set)
            pace = Pace(choose_rate(given.rate, run.target), given.concurrency)
            way = ChangeRunner(run, change_set, target, pace, out, console)
            way.assess()
            did = run.count()
            did_nothing = not (did[Outcome.CREATED] or did[Outcome.UPDATED] or did[Outcome.UNKNOWN])
            for line in _describe_idle(ledger, way) if did_nothing else describe(way):
                console.say(line)
            refusal = confirm(way) if given.apply else ""
            is_left = way.left or find_open(ledger, run, change_set)
            carries_out = given.apply and not refusal and is_left
            summary = way.apply(ledger) if carries_out else way.preview(refusal)
    for line in _end(summary, way):
        console.say(line)
    return summary


def _describe_idle(ledger: Ledger, way: ChangeRunner) -> Iterable[str]:
    """Say of a run that did nothing that there is nothing to do, and which run did something."""
    other = name_last_change(ledger, way.run, way.change_set.kind.value, typed_options())
    yield f"{way.run.name} created and changed nothing.{other}"


def _choose_folder(ledger: Ledger, run: Run, change_set: ChangeSet) -> Path:
    """Return the folder of the reports: with a number if another one has those of an earlier run that is finished."""
    taken = {each.out for each in ledger.list_runs() if each.kind is change_set.kind and not each.is_open}
    own = folder = run.folder_of(change_set.kind.value)
    number = 1
    while folder.exists() and folder.resolve() in taken:
        number += 1
        folder = own.with_name(f"{own.name}-{number}")
    return folder


def _end(summary: Summary, way: ChangeRunner) -> Iterable[str]:
    """Yield the last lines: how it ended, where the report is, and what to type next."""
    if summary.run_id:
        counts = (f"{count:,} {verdict}" for verdict, count in summary.findings.items())
        yield f"{counted(summary.rows, 'issue')}: {', '.join(counts) or 'nothing to do'}"
    yield f"Report: {Path(summary.out) / 'report.html'}"
    if summary.is_cut_short:
        yield f"Stopped: {summary.stopped_because}"
        left = f"{counted(summary.planned, 'issue')} still to be {way.change_set.done}"
        yield f"{': '.join(filter(None, (left, summary.how_on)))}."
    elif summary.stopped_because:
        yield f"Nothing was changed: {summary.stopped_because}"
    elif not summary.run_id:
        then = " Add --apply to do it." if way.to_change else ""
        yield f"Nothing was changed.{then}" if way.left else "There is nothing left to change."
    yield from describe_open(summary.findings)
    if unknown := summary.unknown - way.unsettled:
        yield f"The outcome of {counted(unknown, 'change')} is not known yet: the same command settles it."
    if settle := way.settle_first():
        yield (
            f"The outcome of {counted(way.unsettled, 'row')} of the run is unknown: an issue that Triage may have "
            "for such a row is left alone. The same import settles it; or do it by hand, with T-… or `absent`: "
            f"{settle}"
        )
