"""`triage-import repair`: corrects severity, status or category of what a run sent, by another mapping."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

import click

from importer.api import VALUE_FIELDS
from importer.cli.answers import answers_with_summary
from importer.cli.changes import ApplyOptions, require_terminal, showing
from importer.cli.console import Console
from importer.cli.option_types import RUN
from importer.cli.options import arguments_of, calling, takes
from importer.cli.recorded import Recorded
from importer.library.declared import Section, option
from importer.library.options import ChangeOptions, MappingName, Severity
from importer.phrases import amounts, counted

if TYPE_CHECKING:
    from importer.ledger.journal import Run
    from importer.ledger.store import Ledger
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner

LINES_SHOWN = 8


# fmt: off
class Right(Section):
    """What the right values are."""

    title = "What is done"
    mapping: MappingName = option("-m", "--mapping", required=True, metavar="NAME_OR_PATH",
        help="The mapping with the right values.")
    fields: str = option("--fields", required=True, metavar="NAME,...",
        help="Which of severity, status and category to correct.")
# fmt: on


class RepairOptions(Right, Severity, ApplyOptions):
    """The options of `repair`."""


@click.command(cls=Recorded)
@click.argument("name", type=RUN, metavar="RUN")
@takes(RepairOptions)
@answers_with_summary
def repair(options: RepairOptions, name: str) -> Summary:
    """Correct severity, status or category of a run's issues.

    The right values come from another mapping; no export file is needed. Without --apply it only shows what it would
    do. What people have changed in Triage is left alone. RUN is the import's name, or `last`. The report goes to
    ./triage-import-RUN-repair/.
    """
    from importer.check.knowledge import parse_fields
    from importer.library.inputs import with_severity
    from importer.library.past_runs import take_back
    from importer.mapping.reader import load_mapping
    from importer.runs.repair import Repair

    other_fields = "; for others: run SOURCE... --on-change update"
    chosen = parse_fields(options.fields, VALUE_FIELDS, "repaired", other_fields)
    mapping = load_mapping(options.mapping)
    if options.severity is not None:
        mapping = with_severity(mapping, options.severity)

    def make(_ledger: Ledger, run: Run) -> Repair:
        return Repair(run, mapping, chosen)

    require_terminal(options)
    change_options = ChangeOptions(**arguments_of(options, ChangeOptions), apply=options.apply)
    with Console() as console:
        caller = calling(console, changes=showing(console, describe))
        ask = partial(confirm, yes=options.yes)
        return take_back(name, change_options, make, ask, caller)


def confirm(way: ChangeRunner, *, yes: bool) -> str:
    """Ask before issues are changed, if there are any and `--yes` isn't given. Returns a refusal, or ""."""
    if yes or not way.to_change:
        return ""
    if click.confirm(f"Patch {counted(way.to_change, 'issue')}?", default=False, err=True):
        return ""
    return "The answer was no."


def describe(way: ChangeRunner) -> Iterator[str]:
    """Yield the lines that show what a repair would do: changes by value, issues that differ, those left alone."""
    from importer.runs.repair import Repair

    change_set = way.change_set
    assert isinstance(change_set, Repair)
    for turn, issues in change_set.turns.most_common(LINES_SHOWN):
        yield f"  {turn.field}: {turn.before} → {turn.after}   {counted(issues, 'issue')}"
    if len(change_set.turns) > LINES_SHOWN:
        further = len(change_set.turns) - LINES_SHOWN
        yield f"  … and {counted(further, 'more change')}: see results.csv"
    yield say_counts(way.codes, change_set.planned)
    for problem, issues in change_set.count_left(LINES_SHOWN):
        yield f"  {issues:,} left alone: {problem}"


def say_counts(counts: Counter[str], differ: int) -> str:
    """Sum up the verdicts on the issues in one sentence; `differ` is the number of those that differ."""
    from importer.codes import CONFLICT
    from importer.runs.change_set import CORRECTED, EDITED, GONE, UNTOUCHED

    if not differ:
        return "No issue differs: nothing to repair."
    patched = ((counts[UNTOUCHED], "untouched"), (counts[EDITED], "edited elsewhere"))
    will = " and ".join(filter(None, (amounts([pair]) for pair in patched)))
    unpatched = (
        (counts[CORRECTED], "already corrected"),
        (counts[GONE], "deleted in Triage"),
        (counts[CONFLICT], "changed by a person: left alone, see conflicts.csv"),
    )
    parts = filter(None, (will and f"{will} will be patched", amounts(unpatched)))
    return f"{counted(differ, 'differs', 'differ')}: {', '.join(parts)}"
