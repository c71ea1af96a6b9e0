"""What ran when, for people who look on: which run a process is at, and which run a repair or an undo worked on."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from importer.errors import UsageError
from importer.ledger import sqlite
from importer.ledger.journal import Run
from importer.ledger.schema import RunKind, attempts, runs
from importer.ledger.store import Ledger

CHANGES = (RunKind.REPAIR, RunKind.UNDO)
"""What works on an import that ran before."""


class Overview(NamedTuple):
    """A run as people who look on see it; `works_on` is the import that a repair or an undo changes, else ""."""

    run: Run
    is_running: bool
    works_on: str


def list_overviews(ledger: Ledger) -> list[Overview]:
    """Give all runs, the newest first. Nobody who works on the ledger is disturbed."""
    holder = _find_holder(ledger)
    last = select(func.max(attempts.c.id)).group_by(attempts.c.run_id)
    statement = (
        select(runs.c.name, runs.c.source_digest, attempts.c.pid, attempts.c.ended_at)
        .join(attempts, attempts.c.run_id == runs.c.id)
        .where(attempts.c.id.in_(last))
    )
    with ledger.transaction() as connection:
        kept = {each.name: each for each in connection.execute(statement)}
    overviews = []
    for run in ledger.list_runs():
        attempt = kept[run.name]  # a run begins with its first
        is_running = holder is not None and (attempt.pid, attempt.ended_at) == (holder, None)
        overviews.append(Overview(run, is_running, attempt.source_digest if run.kind in CHANGES else ""))
    return overviews


def find_import(ledger: Ledger, name: str, command: str) -> Overview:
    """Find the import that a command is asked about, by its name or `last`.

    Raises:
        UsageError: there is no run of this name, or it is no import.
    """
    wanted = ledger.find_run(name).name
    (found,) = (overview for overview in list_overviews(ledger) if overview.run.name == wanted)
    if found.works_on:
        raise UsageError(
            f"{wanted} is no import but the {found.run.kind} of {found.works_on}.",
            hint=f"triage-import {command} {found.works_on}",
        )
    if found.run.kind is not RunKind.IMPORT:
        hint = "Name an import: triage-import runs lists them."
        raise UsageError(f"{wanted} is no import but a {found.run.kind}.", hint=hint)
    return found


def _find_holder(ledger: Ledger) -> int | None:
    """Give the id of the process that holds a ledger, None if there is none."""
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql":
            from importer.ledger import postgres

            return postgres.find_holder(connection)
    return sqlite.find_holder(Path(ledger.name))
