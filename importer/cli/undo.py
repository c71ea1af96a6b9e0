"""`triage-import undo`: takes back what a run created and updated, but for what a person has touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from importer.cli.changes import ChangeOptions, go_back
from importer.cli.completion import RUN
from importer.cli.declared import Section, option, takes
from importer.cli.options import answers_with_summary
from importer.cli.recorded import Recorded
from importer.errors import UsageError
from importer.phrases import counted

if TYPE_CHECKING:
    from importer.ledger.journal import Run
    from importer.ledger.store import Ledger
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner
    from importer.runs.planned_changes import VerdictCount
    from importer.runs.undo import Undo

REPAIR_ADVISED = "If only a field is wrong, `repair` corrects it and keeps the issues' numbers and discussions."
NAMES_SHOWN = 8


# fmt: off
@dataclass(frozen=True)
class Back(Section):
    """How far back."""

    title = "What is done"
    close: bool = option("--close", is_flag=True, variable=False, configurable=False,
        help="Close created issues (recommended): they count as imported.")
    delete: bool = option("--delete", is_flag=True, variable=False, configurable=False,
        help="Delete created issues permanently; their keys can be imported again.")
    expect: int | None = option("--expect", type=click.IntRange(min=0), metavar="N", variable=False, configurable=False,
        help="Do nothing unless this many issues are affected.")
# fmt: on


@dataclass(frozen=True)
class UndoOptions(Back, ChangeOptions):
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
    from importer.runs.undo import CLOSE_ADVISED, Undo

    close, delete, expect = options.close, options.delete, options.expect
    if close and delete:
        raise UsageError("--close and --delete can't be used together.", hint=CLOSE_ADVISED)
    if delete and options.apply and options.yes and expect is None:
        raise UsageError(
            "--delete --yes needs --expect N: how many issues are to be changed or deleted.",
            hint="Without --apply the command says how many there are.",
        )

    def make(ledger: Ledger, run: Run) -> Undo:
        return Undo(ledger, run, way="close" if close else "delete" if delete else "")

    return go_back(name, options, make, describe, lambda way: confirm(way, expect, yes=options.yes))


def confirm(way: ChangeRunner, expect: int | None, *, yes: bool) -> str:
    """Compare with `--expect`, then ask, and return the refusal, or ""; for a deletion the number has to be typed."""
    from importer.runs.change_set import UNTOUCHED

    change_set = _undo_of(way)
    total = way.to_change + change_set.done_before
    if expect is not None and expect != total:
        return f"--expect says {counted(expect, 'issue')}, but {total:,} would be affected."
    created = way.count()[UNTOUCHED]
    updated = way.to_change - created
    no = "The answer was no."
    if yes or not way.to_change:
        return ""
    if updated and not click.confirm(
        f"Restore the old values of {counted(updated, 'issue')}?", default=False, err=True
    ):
        return no
    if created and change_set.way == "delete":
        question = f"{counted(created, 'issue')} will be deleted permanently. Type their number to confirm"
        answer = click.prompt(question, default="", show_default=False, err=True)
        return "" if answer.replace(",", "").strip() == str(created) else "The number was not typed."
    if created and not click.confirm(f"Close {counted(created, 'issue')}?", default=False, err=True):
        return no
    return ""


def describe(way: ChangeRunner) -> Iterator[str]:
    """Yield the lines that show what an undo would do, and what stays because a person has touched it."""
    from importer.runs.change_set import UNTOUCHED

    change_set = _undo_of(way)
    assessed = [each for each in way.verdicts if each.code in change_set.outcomes]
    created, updated = ([each for each in assessed if each.restores is restores] for restores in (False, True))
    if any(each.code == UNTOUCHED for each in created):
        yield REPAIR_ADVISED
    if change_set.has_updated:
        yield from _describe_updated(change_set, way.run.name, updated)
    if created or change_set.created_before or not change_set.has_updated:
        yield from _describe_created(change_set, way.run.name, created, way.unsettled)
    elif change_set.created and not change_set.way:
        made = counted(change_set.created, "issue")
        yield f"It created {made}. Add --close or --delete to undo that too."


def _describe_created(change_set: Undo, name: str, verdicts: Sequence[VerdictCount], unsettled: int) -> Iterator[str]:
    from importer.runs.change_set import CLOSED_ALREADY, GONE, TOUCHED, UNTOUCHED

    counts = _count_by(verdicts, lambda each: [each.code])
    parts = (
        (change_set.created_before, f"{change_set.done} by an earlier attempt"),
        (counts[UNTOUCHED], f"untouched (will be {change_set.done})"),
        (counts[CLOSED_ALREADY], "closed already"),
        (counts[GONE], "deleted in Triage"),
        (counts[TOUCHED], "changed by a person since (they stay, see results.csv)"),
        (unsettled, "perhaps more, with an unknown outcome (they stay)"),
    )
    created = counts.total() + change_set.created_before
    yield f"{name} created {counted(created, 'issue')}: {_join(*parts)}"
    traces = _count_by(verdicts, lambda each: each.fields if each.code == TOUCHED else ())
    if traces:
        yield "  " + ", ".join(f"{count:,} × {trace}" for trace, count in traces.most_common(NAMES_SHOWN))


def _describe_updated(change_set: Undo, name: str, verdicts: Sequence[VerdictCount]) -> Iterator[str]:
    from importer.codes import CONFLICT
    from importer.runs.change_set import CORRECTED, EDITED, GONE
    from importer.runs.give_back import LATER, RESTORABLE

    counts = _count_by(verdicts, lambda each: [each.code])
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
    yield f"{name} updated {counted(updated, 'issue')}: {_join(*parts)}"
    fields = _count_by(verdicts, lambda each: each.fields if each.code in (RESTORABLE, EDITED) else ())
    if fields:
        yield "  " + ", ".join(f"{count:,} × {field}" for field, count in fields.most_common())
    first = _count_by(verdicts, lambda each: [change_set.giving.undo_first(each.later)] if each.later else ())
    for command, count in first.most_common(NAMES_SHOWN):
        yield f"  {counted(count, 'was', 'were')} changed by a later run as well; first: {command}"


def _count_by(verdicts: Iterable[VerdictCount], names: Callable[[VerdictCount], Sequence[str]]) -> Counter[str]:
    """Count issues by the names that their verdict has."""
    counts = Counter[str]()
    for each in verdicts:
        for name in names(each):
            counts[name] += each.issues
    return counts


def _join(*parts: tuple[int, str]) -> str:
    return ", ".join(f"{count:,} {what}" for count, what in parts if count)


def _undo_of(way: ChangeRunner) -> Undo:
    from importer.runs.undo import Undo

    assert isinstance(way.change_set, Undo)
    return way.change_set
