"""What is new since the last finished run: rejections that were there before, and vanished.csv."""

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
class Since:
    """What a run says against the one before it.

    known     rejected rows that were rejected for the same reasons then
    vanished  issues whose keys the source doesn't have any more
    run       the run before that vanished keys were in; "" where there is none to compare with
    """

    known: int = 0
    vanished: int = 0
    run: str = ""


NOTHING = Since()


def compare_with_last(ledger: Ledger, run: Run, folder: ReportFolder, rows: int) -> Since:
    """Compare a run with the last one; write vanished.csv if any key has. Of a source that changed it says nothing.

    `rows` is how many the source has: after a stop the ledger may not know all of them.

    Raises:
        StorageFull: it can't be written.
    """
    if count_rows(ledger.transaction, run.name) != rows:
        return NOTHING
    last = find_pair(ledger.transaction, run.name)
    known = last.count_known() if last else 0
    last = find_pair(ledger.transaction, run.name, snapshots=True)
    if last is None:
        return Since(known)
    return Since(known, write_table(folder, VANISHED, COLUMNS, last.vanished()), last.name)
