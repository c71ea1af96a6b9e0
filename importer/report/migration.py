"""Writes migration.csv, the cross-walk of a source over all its runs, and a CSV that brings its numbers back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from importer.ledger.source_list import CrosswalkEntry, KeyState
from importer.phrases import counted
from importer.report.folder import ReportFolder
from importer.report.results import NO_URL, IssueUrl
from importer.report.tables import write_table
from importer.triage.snapshot import is_gone

MIGRATION = "migration.csv"
COLUMNS = (
    "key",
    "title",
    "source_link",
    "state",
    "triage_id",
    "issue_id",
    "code",
    "reason",
    "last_run",
    "url",
    "earlier_keys",
)
GONE = "deleted in Triage"
ENDED = (KeyState.IN_TRIAGE, KeyState.SKIPPED, KeyState.REJECTED)
OPEN = (KeyState.FAILED, KeyState.UNKNOWN, KeyState.PLANNED)
"""States of keys that another run may bring in."""
TRACKERS: Mapping[str, tuple[str, ...]] = {"jira": ("Issue key", "Summary", "Triage")}
"""A tracker → the header of a CSV that its own import takes: key, title, number in Triage.

Source of Jira's: confluence.atlassian.com/adminjiracloud/importing-data-from-csv-776636762.html, which asks for a
summary, and updates the issue that a column mapped to the issue key names.
"""

TRACKER_URL = "Triage URL"


class Written(NamedTuple):
    """How many keys are in each state, and the names of the files that were written."""

    states: Counter[str]
    files: list[str]


def write_migration(
    folder: ReportFolder, walk: Callable[[], Iterable[CrosswalkEntry]], tracker: str | None, url: IssueUrl = NO_URL
) -> Written:
    """Write migration.csv, and with a tracker the CSV for it, `migration-TRACKER.csv`; each walks through all keys.

    With a `url` the second has the address of each issue in a column of its own; the first has that column always.
    """
    states = Counter[str]()

    def lines() -> Iterator[tuple[str, ...]]:
        for each in walk():
            state = name_state(each)
            states[state] += 1
            place = each.triage_id, each.issue_id
            reason = each.code, each.message
            earlier = ", ".join(each.earlier_keys)
            yield each.key, each.title, each.link, state, *place, *reason, each.run, url.of(*place), earlier

    files = [MIGRATION, *([f"migration-{tracker}.csv"] if tracker else [])]
    folder.prepare(files)
    write_table(folder, MIGRATION, COLUMNS, lines())
    if tracker:
        present = (each for each in walk() if name_state(each) == KeyState.IN_TRIAGE)
        numbers = (
            (each.key.partition(":")[2], each.title, each.triage_id, url.of(each.triage_id, each.issue_id))
            for each in present
        )
        columns = (*TRACKERS[tracker], TRACKER_URL)
        shown = len(columns) if url.pattern else len(columns) - 1
        write_table(folder, files[1], columns[:shown], (line[:shown] for line in numbers))
    return Written(states, files)


def name_state(each: CrosswalkEntry) -> str:
    """Name where a key stands; an issue that runs have found deleted is not in Triage any more."""
    return GONE if each.state is KeyState.IN_TRIAGE and is_gone(each.returned) else each.state.value


def describe_states(states: Mapping[str, int]) -> str:
    """Say how far a source is, in parts that add up: `12 keys = 9 in Triage + 0 skipped + 1 rejected + 2 open`."""
    open_ = [f"{states[state]:,} {state}" for state in OPEN if states.get(state)]
    parts = [f"{states.get(state, 0):,} {state}" for state in ENDED]
    parts.append(f"{sum(states.get(state, 0) for state in OPEN):,} open" + (f" ({', '.join(open_)})" if open_ else ""))
    parts += [f"{states[state]:,} {state}" for state in (KeyState.UNDONE, GONE) if states.get(state)]
    return f"{counted(sum(states.values()), 'key')} = {' + '.join(parts)}"
