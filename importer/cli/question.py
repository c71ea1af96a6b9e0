"""The question before anything is sent: all that is, and what speaks against it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from importer.api import BUILT_IN_CATEGORIES
from importer.cli.sentences import describe_additions, how_long
from importer.errors import ImporterError, UsageError
from importer.phrases import counted, listed

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.cli.console import Console
    from importer.load.questions import Destination

CAUSES_ASKED, CATEGORIES_SHOWN = 3, 12
"""Causes of rejections that the question repeats, worst first; they are shown with their values above it."""


def describe_question(checked: Checked, destination: Destination, page: str, doubts: Iterable[str]) -> Iterator[str]:
    """Yield the lines above the question; `page` is the report of the check, `doubts` speak against sending."""
    from importer.check.observers.causes import Weight
    from importer.check.observers.people_named import count_open

    yield ""
    yield from (f"warning: {doubt}" for doubt in doubts)
    yield f"Target {destination.target}, organisation {destination.organisation or 'unknown'}:"
    updates = f", {counted(checked.updates, 'issue')} to update" if checked.updates else ""
    time = how_long(checked.workload, destination.rate)
    yield f"  {counted(checked.creates, 'issue')} to create{updates}, {time}."
    if added := describe_additions(checked.workload):
        yield f"  Then {added}: {counted(checked.workload.requests, 'request')} in all."
    if without_user := count_open(checked.people):
        yield f"  {counted(without_user, 'open issue')} without a Triage user for the people in the source."
    if checked.sample and len(checked.sample) < checked.planned:
        yield f"  First {counted(len(checked.sample), 'issue')} as a canary, to be read back; then you are asked again."
    if checked.rejected:
        causes = checked.tally.causes.kinds(Weight.HELD)[:CAUSES_ASKED]
        why = ", ".join(f"{cause.rows:,} × {cause.code}" for cause in causes)
        yield f"  {counted(checked.rejected, 'row')} not to be sent: {why}."
    yield from describe_new_categories(checked, destination)
    yield f"  Every row and its planned outcome: {page}"


def describe_new_categories(checked: Checked, destination: Destination) -> Iterator[str]:
    """Yield which categories Triage doesn't have yet; it is asked only where some are none of its own."""
    from importer.check.observers.value_flow import new_categories

    if not new_categories(checked.flow, BUILT_IN_CATEGORIES):
        return
    if new := new_categories(checked.flow, destination.categories()):
        names = listed(new, CATEGORIES_SHOWN)
        yield f"  New categories, which Triage can't rename or delete later: {names}."


@contextmanager
def requiring_terminal(console: Console, *, asks: bool) -> Iterator[Callable[[], None]]:
    """Give what is called once the source is open: it raises UsageError if there is to be a question and no terminal.

    An error before that is shown, too.
    """
    if not asks or (sys.stdin.isatty() and sys.stderr.isatty()):
        yield lambda: None
        return
    refusal = UsageError(
        "There is no terminal to ask for confirmation before sending.",
        hint="Add --yes to send without asking, --dry-run to send nothing, or --sandbox to rehearse.",
    )

    def ready() -> None:
        raise refusal

    try:
        yield ready
    except ImporterError as error:
        if error is not refusal:
            console.show_error(error)
    raise refusal
