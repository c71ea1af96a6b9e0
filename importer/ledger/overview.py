"""What ran when, for people who look on: which run a process is at, and which run a repair or an undo worked on."""

from __future__ import annotations

import fcntl
import os
import re
from pathlib import Path
from typing import NamedTuple

from sqlalchemy import func, select

from importer.ledger.run import Run
from importer.ledger.schema import RunKind, attempts, runs
from importer.ledger.store import Ledger


class Overview(NamedTuple):
    """A run as people who look on see it; `works_on` is the import that a repair or an undo changes, else ""."""

    run: Run
    is_running: bool
    works_on: str


def list_overviews(ledger: Ledger) -> list[Overview]:
    """Give all runs, the newest first. Nobody who works on the ledger is disturbed."""
    holder = find_holder(Path(ledger.name))
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
        overviews.append(Overview(run, is_running, "" if run.kind is RunKind.IMPORT else attempt.source_digest))
    return overviews


def find_overview(ledger: Ledger, name: str) -> Overview:
    """Find a run by its name, or the newest by `last`.

    Raises:
        UsageError: there is none, with the last few names.
    """
    wanted = ledger.find_run(name).name
    (found,) = (overview for overview in list_overviews(ledger) if overview.run.name == wanted)
    return found


def find_holder(ledger: Path) -> int | None:
    """Give the id of the process that holds a ledger in a file, None if there is none.

    The lock is only tried while the process that took it last is alive: then somebody else's try can't fail by ours.
    """
    try:
        descriptor = os.open(ledger.with_name(ledger.name + ".lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:  # it was never taken
        return None
    try:
        said = re.match(rb"process (\d+)", os.pread(descriptor, 200, 0))
        if said is None or not _is_alive(int(said[1])):
            return None
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return int(said[1]) if said else None
    finally:
        os.close(descriptor)
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True
