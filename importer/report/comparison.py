"""Compares a run with the last finished one: counts rejections that were there before, and writes vanished.csv."""

from __future__ import annotations

from dataclasses import dataclass

from importer.ledger.journal import Run
from importer.ledger.previous_run import count_rows, find_pair
from importer.ledger.store import Ledger
from importer.report.folder import ReportFolder
from importer.report.tables import write_table

VANISHED = "vanished.csv"


COLUMNS = ("key", "triage_id", "issue_id")


@dataclass(frozen=True)
class Comparison:
    """The result of comparing a run with the one before it.

    known     rejected rows that were rejected for the same reasons in that run
    vanished  issues whose keys were in that run, and that the source has no more; snapshots alone have such keys
    run       name of the run that keys have vanished since; "" if there is none to compare with
    """

    known: int = 0
    vanished: int = 0
    run: str = ""


NOTHING = Comparison()


def compare_with_last(ledger: Ledger, run: Run, folder: ReportFolder, rows: int) -> Comparison:
    """Compare a run with the last finished one, and write vanished.csv if any key has vanished.

    `rows` is how many the source has: where the ledger knows another number, as after a stop or of a source that
    changed, nothing is compared.

    Raises:
        StorageFull: it can't be written.
    """
    if count_rows(ledger.transaction, run.name) != rows:
        return NOTHING
    last = find_pair(ledger.transaction, run.name)
    known = last.count_known() if last else 0
    last = find_pair(ledger.transaction, run.name, snapshots=True)
    if last is None:
        return Comparison(known)
    return Comparison(known, write_table(folder, VANISHED, COLUMNS, last.vanished()), last.name)
