"""`triage-import undo`: takes back what a run created and updated, but for what a person has touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import click

from importer.cli.answers import answers_with_summary
from importer.cli.changes import ApplyOptions, require_terminal, showing
from importer.cli.console import Console
from importer.cli.option_types import RUN
from importer.cli.options import arguments_of, calling, takes
from importer.cli.recorded import Recorded
from importer.library import options as library
from importer.phrases import amounts, counted

if TYPE_CHECKING:
    from importer.library.caller import UndoQuestion
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner
    from importer.runs.change_set import VerdictCount
    from importer.runs.undo import Undo

REPAIR_ADVISED = "If only a field is wrong, `repair` corrects it and keeps the issues' numbers and discussions."
NAMES_SHOWN = 8


class UndoOptions(library.Back, ApplyOptions):
    """The options of `undo`."""


@click.command(cls=Recorded)
@click.argument("name", type=RUN, metavar="RUN")
@takes(UndoOptions)
@answers_with_summary
def undo(options: UndoOptions, name: str) -> Summary:
    """Revert a run's updates; close or delete its new issues.

    Without --apply it only shows what it would do. Fields that people have changed since stay, and so do created issues
    on which people have worked (a field, comment, link, flag, relation or agent); it lists both. Without --close or
    --delete, created issues stay. RUN is the import's name, or `last`. The report goes to ./triage-import-RUN-undo/.
    """
    import importer

    require_terminal(options)
    with Console() as console:
        caller = calling(console, changes=showing(console, describe))
        agreed = importer.YES if options.yes else confirm
        arguments = arguments_of(options, library.UndoOptions)
        return importer.undo(name, confirm=agreed if options.apply else None, caller=caller, **arguments).summary


def confirm(question: UndoQuestion) -> bool | str:
    """Ask; for a deletion the number has to be typed."""
    restores = question.restores
    closes = question.closes
    deletes = question.deletes
    if restores and not click.confirm(
        f"Restore the old values of {counted(restores, 'issue')}?", default=False, err=True
    ):
        return False
    if deletes:
        text = f"{counted(deletes, 'issue')} will be deleted permanently. Type their number to confirm"
        answer = click.prompt(text, default="", show_default=False, err=True)
        if answer.replace(",", "").strip() == str(deletes):
            return True
        return "The number was not typed."
    if not closes:
        return True
    return click.confirm(f"Close {counted(closes, 'issue')}?", default=False, err=True)


def describe(way: ChangeRunner) -> Iterator[str]:
    """Yield the lines that show what an undo would do, and what stays because a person has touched it."""
    from importer.runs.change_set import OUTCOMES, UNTOUCHED
    from importer.runs.undo import Undo

    change_set = way.change_set
    assert isinstance(change_set, Undo)
    created: list[VerdictCount] = []
    updated: list[VerdictCount] = []
    for verdict in way.verdicts:
        if verdict.code in OUTCOMES:
            verdicts = updated if verdict.restores else created
            verdicts.append(verdict)
    if any(verdict.code == UNTOUCHED for verdict in created):
        yield REPAIR_ADVISED
    if change_set.has_updated:
        yield from _describe_updated(change_set, way.run.name, updated)
    if created or change_set.created_before or not change_set.has_updated:
        yield from _describe_created(change_set, way.run.name, created, way.unsettled)
    elif change_set.created and not change_set.way:
        issues = counted(change_set.created, "issue")
        yield f"It created {issues}. Add --close or --delete to undo that too."


def _describe_created(change_set: Undo, name: str, verdicts: Sequence[VerdictCount], unsettled: int) -> Iterator[str]:
    from importer.runs.change_set import CLOSED_ALREADY, GONE, TOUCHED, UNTOUCHED

    counts = _count_by(verdicts, lambda verdict: [verdict.code])
    parts = (
        (change_set.created_before, f"{change_set.done} by an earlier attempt"),
        (counts[UNTOUCHED], f"untouched (will be {change_set.done})"),
        (counts[CLOSED_ALREADY], "closed already"),
        (counts[GONE], "deleted in Triage"),
        (counts[TOUCHED], "changed by a person since (they stay, see results.csv)"),
        (unsettled, "perhaps more, with an unknown outcome (they stay)"),
    )
    created = counts.total() + change_set.created_before
    yield f"{name} created {counted(created, 'issue')}: {amounts(parts)}"
    traces = _count_by(verdicts, lambda verdict: verdict.fields if verdict.code == TOUCHED else ())
    if traces:
        trace_counts = [f"{count:,} × {trace}" for trace, count in traces.most_common(NAMES_SHOWN)]
        yield "  " + ", ".join(trace_counts)


def _describe_updated(change_set: Undo, name: str, verdicts: Sequence[VerdictCount]) -> Iterator[str]:
    from importer.codes import CONFLICT
    from importer.runs.change_set import CORRECTED, EDITED, GONE, LATER, RESTORABLE

    counts = _count_by(verdicts, lambda verdict: [verdict.code])
    parts = (
        (change_set.given_before, "restored by an earlier attempt"),
        (change_set.given_already, "restored by an earlier undo"),
        (counts[RESTORABLE], "will get all their old values back"),
        (counts[EDITED], "some of them, because other fields were changed since: see results.csv and conflicts.csv"),
        (counts[CORRECTED], "have them already"),
        (counts[GONE], "deleted in Triage"),
        (counts[CONFLICT], "changed by a person since: left alone, see conflicts.csv"),
        (counts[LATER], "changed by a later run: left alone, see results.csv"),
        (change_set.kept_none, "without old values in the ledger (only additions): they stay"),
    )
    updated = counts.total() + change_set.given_before + change_set.given_already + change_set.kept_none
    yield f"{name} updated {counted(updated, 'issue')}: {amounts(parts)}"
    given_back = (RESTORABLE, EDITED)
    fields = _count_by(verdicts, lambda verdict: verdict.fields if verdict.code in given_back else ())
    if fields:
        field_counts = [f"{count:,} × {field}" for field, count in fields.most_common()]
        yield "  " + ", ".join(field_counts)
    first = _count_by(verdicts, lambda verdict: [change_set.undo_first(verdict.later)] if verdict.later else ())
    for command, count in first.most_common(NAMES_SHOWN):
        yield f"  {counted(count, 'was', 'were')} changed by a later run as well; first: {command}"


def _count_by(verdicts: Iterable[VerdictCount], names: Callable[[VerdictCount], Sequence[str]]) -> Counter[str]:
    """Count issues by the names that their verdict has."""
    counts = Counter[str]()
    for verdict in verdicts:
        for name in names(verdict):
            counts[name] += verdict.issues
    return counts
