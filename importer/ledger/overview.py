"""The list of runs: which one a process is working on, and which import a repair or an undo changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from importer.errors import UsageError
from importer.ledger import sqlite
from importer.ledger.journal import Run
from importer.ledger.pruning import PRUNED
from importer.ledger.schema import RunKind, attempts, runs, starts
from importer.ledger.starts import Note, is_running, read_notes
from importer.ledger.store import Ledger
from importer.phrases import shell_join

CHANGES = (RunKind.REPAIR, RunKind.UNDO)
"""Kinds of runs that change the issues of an earlier import."""


class Overview(NamedTuple):
    """A run in the list.

    works_on  the name of the import that a repair or an undo changes, else ""
    attempt   number of its last attempt among those of all runs
    """

    run: Run
    is_running: bool
    works_on: str
    attempt: int


def list_overviews(ledger: Ledger) -> list[Overview]:
    """Return all runs, the newest first, without disturbing a process that holds the ledger."""
    holder, every = _find_holder(ledger), ledger.list_runs()
    last = select(func.max(attempts.c.id)).group_by(attempts.c.run_id)
    statement = (
        select(runs.c.name, runs.c.source_digest, attempts.c.id, attempts.c.pid, attempts.c.ended_at)
        .join(attempts, attempts.c.run_id == runs.c.id)
        .where(attempts.c.id.in_(last))
    )
    with ledger.transaction() as connection:
        kept = {each.name: each for each in connection.execute(statement)}
    overviews = []
    for run in every:
        attempt = kept[run.name]  # every run has one, also one that has begun since
        is_running = holder is not None and (attempt.pid, attempt.ended_at) == (holder, None)
        works_on = attempt.source_digest if run.kind in CHANGES else ""
        overviews.append(Overview(run, is_running, works_on, attempt.id))
    return overviews


def list_starts(ledger: Ledger, place: str | Path | None) -> list[Note]:
    """Return all starts, also those in the file beside the ledger, which is at this place.

    One without an exit code that `is_running` is not over yet; any other one didn't end.
    """
    with ledger.transaction() as connection:
        found = connection.execute(select(starts).order_by(starts.c.started_at)).mappings()
        kept, notes = {each["id"]: dict(each) for each in found}, read_notes(place)
    holder = _find_holder(ledger)
    held = [name for name, each in kept.items() if each["exit_code"] is None and each["pid"] == holder]
    alive = {*held[-1:], *(name for name, note in notes.items() if is_running(note))}
    blank = dict.fromkeys(starts.c.keys(), "") | {"seconds": None, "exit_code": None}
    every = (blank | kept.get(name, {}) | notes.get(name, {}) for name in {**kept, **notes})
    return [each | {"is_running": each["exit_code"] is None and each["id"] in alive} for each in every]


def find_import(ledger: Ledger, name: str, command: str, options: Sequence[str] = ()) -> Overview:
    """Return the import of this name, or the newest for `last`; `command` is named in the hint, with its options.

    Raises:
        UsageError: there is no run of this name, or it is no import, or it was pruned.
    """
    wanted = ledger.find_run(name).name
    (found,) = (overview for overview in list_overviews(ledger) if overview.run.name == wanted)
    if found.works_on and (command, found.run.kind) == ("undo", RunKind.UNDO):
        raise _refuse_undo_of_undo(ledger, found)
    if found.works_on:
        raise UsageError(
            f"{wanted} is no import but the {found.run.kind} of {found.works_on}.",
            hint=found.run.command(command, found.works_on, *options),
        )
    if found.run.kind is not RunKind.IMPORT:
        hint = "Name an import: `triage-import runs` lists them."
        raise UsageError(f"{wanted} is no import but a {found.run.kind}.", hint=hint)
    if found.run.options.get(PRUNED):
        hint = "What it wrote at its end is in its folder: " + str(found.run.out)
        raise UsageError(f"The rows of {wanted} were pruned: there is nothing to {command} any more.", hint=hint)
    return found


def name_last_change(ledger: Ledger, run: Run, command: str, options: Iterable[str]) -> str:
    """Give the same command for the newest import of the run's source that changed something; "" if there is none."""
    source = (run.target, run.source_name)
    overviews = list_overviews(ledger)
    imports = (each.run for each in overviews if each.run.kind == "import" and not each.run.options.get(PRUNED))
    same = (each for each in imports if (each.target, each.source_name) == source)
    last = next((each.name for each in same if each.summary.get("created") or each.summary.get("updated")), "")
    return f" The last run that did something: {shell_join(['triage-import', command, last, *options])}" if last else ""


def _refuse_undo_of_undo(ledger: Ledger, undo: Overview) -> UsageError:
    """Return the error that says how to apply again what an undo has reverted."""
    of, way = undo.works_on, undo.run.options.get("digest")
    mapping = ledger.find_run(of).summary.get("mapping") or "MAPPING"
    ways = {
        "close": f"What it closed, a repair opens again: "
        f"{undo.run.command('repair', of, '-m', mapping, '--fields', 'status')}\n",
        "delete": "What it deleted, the same import makes anew, as after a first run of it.\n",
    }
    return UsageError(
        f"{undo.run.name} is no import but the undo of {of}: there is no undo of an undo.",
        hint=f"{ways.get(way or '', '')}What it gave back, the same import writes again with --on-change update.",
    )


def _find_holder(ledger: Ledger) -> int | None:
    """Return the id of the process that holds a ledger, None if there is none."""
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql":
            from importer.ledger import postgres

            return postgres.find_holder(connection)
    return sqlite.find_holder(Path(ledger.name))
