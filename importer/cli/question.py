"""The question before anything is sent: all that is, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from importer.api import BUILT_IN_CATEGORIES
from importer.cli.sentences import describe_additions, how_long
from importer.phrases import counted, listed

if TYPE_CHECKING:
    from importer.check.check_pass import Checked
    from importer.load.questions import Forecast

CAUSES_ASKED, CATEGORIES_SHOWN = 3, 12
"""Causes of rejections that the question repeats, worst first; they are shown with their values above it."""


def describe_question(forecast: Forecast, checked: Checked, doubts: Iterable[str] = ()) -> Iterator[str]:
    """Yield the lines above the question."""
    from importer.check.observers.people_named import count_open

    yield ""
    yield from (f"warning: {doubt}" for doubt in doubts)
    yield f"Target {forecast.target}, organisation {forecast.organisation or 'unknown'}:"
    updates = f", {counted(forecast.updates, 'issue')} to update" if forecast.updates else ""
    yield f"  {counted(forecast.creates, 'issue')} to create{updates}, {how_long(forecast.seconds)}."
    if added := describe_additions(forecast.load):
        yield f"  Then {added}: {counted(forecast.load.requests, 'request')} in all."
    if without_user := count_open(checked.people):
        yield f"  {counted(without_user, 'open issue')} without a Triage user for the people in the source."
    if forecast.first and forecast.first < forecast.creates + forecast.updates:
        yield f"  First {counted(forecast.first, 'issue')} as a canary, to be read back; then you are asked again."
    if forecast.rejected:
        causes = checked.tally.causes(rejects=True)[:CAUSES_ASKED]
        why = ", ".join(f"{cause.rows:,} × {cause.finding.code}" for cause in causes)
        yield f"  {counted(forecast.rejected, 'row')} not to be sent: {why}."
    yield from describe_new_categories(forecast, checked)
    if forecast.page:
        yield f"  Every row and its planned outcome: {forecast.page}"


def describe_new_categories(forecast: Forecast, checked: Checked) -> Iterator[str]:
    """Yield which categories Triage doesn't have yet; it is asked only where some are none of its own."""
    from importer.check.observers.value_flow import new_categories

    if not new_categories(checked.flow, BUILT_IN_CATEGORIES):
        return
    if new := new_categories(checked.flow, forecast.categories()):
        names = listed(new, CATEGORIES_SHOWN)
        yield f"  New categories, which Triage can't rename or delete later: {names}."
