"""`triage-import undo`: closes or deletes the issues that a run created, but for those that a person has touched."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from importer.cli.changes import WAY_OPTIONS, Given, go_back
from importer.cli.completion import RunType
from importer.cli.options import answers_with_summary, with_options
from importer.errors import UsageError

if TYPE_CHECKING:
    from importer.ledger.journal import Run
    from importer.ledger.store import Ledger
    from importer.report.summary import Summary
    from importer.runs.change_runner import ChangeRunner
    from importer.runs.undo import Undo

FIRST_LINE = "A wrong field? `repair` keeps numbers and discussion."
NAMES_SHOWN = 8


@click.command()
@click.argument("name", type=RunType(), metavar="RUN")
@click.option("--close", is_flag=True, help="Close them (advised): they keep their numbers, and count as imported.")
@click.option("--delete", is_flag=True, help="Delete them for good: their keys may be imported again.")
@click.option(
    "--expect", type=click.IntRange(min=0), metavar="N", help="Do nothing unless it is so many issues; for scripts."
)
@with_options(*WAY_OPTIONS)
@answers_with_summary
def undo(name: str, close: bool, delete: bool, expect: int | None, **given: Any) -> Summary:
    """Close or delete the issues that a run created and that nobody has touched since.

    It only shows what it would do, unless --apply is given. What a person has had a hand in stays, and is named: a
    field that was changed, a comment, a link, a flag, a relation, an agent at work. What the import itself added is no
    person's. RUN is the import's name, or `last`. The report goes to ./triage-import-RUN-undo/.
    """
    click.echo(FIRST_LINE, err=True)
    if close == delete:
        raise UsageError("undo needs one of --close and --delete.", hint="--close is advised: it can itself be undone.")
    if delete and given["apply"] and given["yes"] and expect is None:
        raise UsageError(
            "--delete --yes needs --expect N: how many issues are to be deleted.",
            hint="Without --apply the command says how many it would be.",
        )

    from importer.runs.undo import Undo

    def make(ledger: Ledger, run: Run) -> Undo:
        return Undo(ledger, run, delete=delete)

    return go_back(name, Given(**given), make, describe, lambda way: confirm(way, expect, yes=given["yes"]))


def confirm(way: ChangeRunner, expect: int | None, *, yes: bool) -> str:
    """Compare with `--expect`, then ask, and return the refusal, or ""; for a deletion the number has to be typed."""
    change_set = _undo_of(way)
    total = way.to_change + change_set.done_before
    if expect is not None and expect != total:
        return f"--expect says {expect:,} issues, and it would be {total:,}."
    if yes:
        return ""
    if change_set.delete:
        question = f"{way.to_change:,} issues will be deleted for good. Type their number to do it"
        answer = click.prompt(question, default="", show_default=False, err=True)
        return "" if answer.replace(",", "").strip() == str(way.to_change) else "The number was not typed."
    asked = click.confirm(f"Close {way.to_change:,} issues?", default=False, err=True)
    return "" if asked else "The answer was no."


def describe(way: ChangeRunner) -> Iterator[str]:
    """Yield the lines that show what an undo would do, and which issues stay because a person has touched them."""
    from importer.runs.change_set import GONE, TOUCHED, UNTOUCHED
    from importer.runs.undo import CLOSED

    change_set, counts = _undo_of(way), way.count()
    parts = (
        (change_set.done_before, f"{change_set.done} by an earlier attempt"),
        (counts[UNTOUCHED], f"untouched, will be {change_set.done}"),
        (counts[CLOSED], "closed already"),
        (counts[GONE], "deleted in Triage"),
        (counts[TOUCHED], "touched by a person since: they stay, see results.csv"),
    )
    said = ", ".join(f"{count:,} {what}" for count, what in parts if count)
    created = len(change_set.operations) + change_set.done_before
    yield f"{way.run.name} created {created:,} issues: {said or 'none is left'}"
    traces = Counter(trace for verdict in way.verdicts.values() if verdict.code == TOUCHED for trace in verdict.fields)
    if traces:
        yield "  " + ", ".join(f"{count:,} × {trace}" for trace, count in traces.most_common(NAMES_SHOWN))


def _undo_of(way: ChangeRunner) -> Undo:
    from importer.runs.undo import Undo

    assert isinstance(way.change_set, Undo)
    return way.change_set
