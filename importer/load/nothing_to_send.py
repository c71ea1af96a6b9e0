"""Imports that send nothing: one that would repeat the last one, and one whose check finds nothing to send.

A run that had nothing to do leaves a fingerprint of all that decides what is written. Where it is found again, hashing
the source is all that is left to do. What depends on the time is asked anew: the age of the source. Of any other run
that has nothing to send, the rows of the check become its rows, without another reading.
"""

from __future__ import annotations

import json
import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from typing import Any

from importer import __version__
from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.check.history import LedgerHistory
from importer.check.observers.source_age import SourceAge
from importer.errors import RunStopped
from importer.ledger.journal import Run
from importer.ledger.previous_run import find_fingerprint
from importer.ledger.stored_rows import BLOCK_ROWS, Block, is_plain, pack
from importer.load.attempt import Sent
from importer.load.context import ImportContext
from importer.records import Outcome, Row
from importer.scratch import Scratch

KEPT = "(place INTEGER PRIMARY KEY, kept BLOB NOT NULL)"


class SettledRows:
    """Keeps the rows of one reading on disk, until the first rows of which something is to be sent."""

    def __init__(self) -> None:
        self._scratch: Scratch | None = None
        self._known: LedgerHistory | None = None

    @contextmanager
    def open(self, known: LedgerHistory) -> Iterator[SettledRows]:
        """Begin a reading that asks this history; its rows replace those of an earlier one."""
        self.close()
        self._known = known
        self._scratch = Scratch(f"CREATE TABLE rows {KEPT}; CREATE TABLE taken {KEPT}; CREATE TABLE lessons {KEPT};")
        yield self

    def add(self, run: RowRun) -> None:
        """Keep the rows of a run. Raises StorageFull if the temporary disk is full."""
        if any(row.operation is not None or row.additions for row in run.rows):
            self.close()
        if self._scratch is None:
            return
        self._scratch.write("INSERT INTO rows (kept) VALUES (?)", [(pickle.dumps(block),) for block in _pack(run)])
        if self._known is not None and self._known.taken[0]:
            self._scratch.write("INSERT INTO taken (kept) VALUES (?)", [(pickle.dumps(self._known.taken),)])
        lessons = [row.lesson for row in run.rows if row.lesson is not None]
        if lessons:
            self._scratch.write("INSERT INTO lessons (kept) VALUES (?)", [(pickle.dumps(lessons),)])

    def are_all(self, run: Run, known: LedgerHistory) -> bool:
        """Whether they make up the whole run: nothing is to be sent or settled."""
        return self._scratch is not None and run.attempts == 1 and not known.undecided

    def hand_over(self, run: Run, sent: Sent) -> Sent:
        """Write what discovery found of them, and the rows of a run. An error that stops this is in the result."""
        assert self._scratch is not None
        try:
            for taken in self._kept(self._scratch, "taken"):
                run.decide(*taken)
            for lessons in self._kept(self._scratch, "lessons"):
                run.learn(lessons)
            run.settle(self._kept(self._scratch, "rows"))
        except RunStopped as error:
            return replace(sent, stopped=sent.stopped or error)
        finally:
            self.close()
        return sent

    @staticmethod
    def _kept(scratch: Scratch, table: str) -> Iterator[Any]:
        return (pickle.loads(kept) for (kept,) in scratch.rows(f"SELECT kept FROM {table} ORDER BY place"))

    def close(self) -> None:
        """Forget all rows."""
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None


def _pack(run: RowRun) -> Iterator[Block | list[Row]]:
    """Pack the rows of a run, but for blocks of which a row has more to say."""
    for start in range(0, len(run.rows), BLOCK_ROWS):
        rows = [_settle(row) for row in run.rows[start : start + BLOCK_ROWS]]
        is_plain_block = all(is_plain(row) and not row.additions_planned and not row.follows for row in rows)
        yield pack(rows) if is_plain_block else rows


def _settle(row: CheckedRow) -> Row:
    """The row as a run has it that sends nothing; an unchanged one has its title in the ledger."""
    if row.outcome is not Outcome.UNCHANGED or row.status is None:
        return row.result
    return row.result._replace(attempts=row.status.attempts, title="")


def find_same_run(context: ImportContext, organisation: str) -> Run | None:
    """Return the last run if this one would be the same, including the exit code.

    Raises:
        SourceNotReady: the source has become too old since, or it changes.
    """
    job, target = context.job, context.target
    name, fingerprint = find_fingerprint(context.ledger.transaction, target.name, job.source_name)
    if not fingerprint or not context.settings.deciding:
        return None
    if make_fingerprint(context, organisation, job.source.digest()) != fingerprint:
        return None
    job.source.check_unchanged()
    run = context.ledger.find_run(name)
    age = SourceAge(job, time.time(), run.options.get("newest"))
    age.check_files()
    age.check_dates()
    return run


def make_fingerprint(context: ImportContext, organisation: str, digest: str) -> str:
    """Hash everything that decides what an import writes, except the ledger and the time."""
    job = context.job
    parts = [
        __version__,
        digest,
        [file.name for file in job.source.every_file],
        job.mapping.digest,
        job.mapping.name,
        job.source_name,
        job.name_given,
        job.limit,
        None if job.only is None else sorted(job.only),
        sorted(job.holds.items()),
        organisation,
        context.settings.deciding,
    ]
    return sha256(json.dumps(parts).encode()).hexdigest()
