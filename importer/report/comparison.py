"""Compares a run with the last finished one: what needs somebody for the first time, and which keys have vanished."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from importer.codes import GAVE_UP, INCOMPLETE
from importer.ledger.journal import Run
from importer.ledger.previous_run import Pair, count_rows, find_pair, hash_reason
from importer.ledger.store import Ledger
from importer.records import NEEDS_SOMEBODY, Outcome, Row, Rows
from importer.report.folder import ReportFolder
from importer.report.tables import write_table

VANISHED = "vanished.csv"
NEWS_SHOWN = 10

COLUMNS = ("key", "triage_id", "issue_id")


@dataclass(frozen=True)
class Comparison:
    """Keys that the run before had, in snapshots, and this one has no more; `run` is that one, "" if there is none."""

    vanished: int = 0
    run: str = ""


class News:
    """Tells rows that need somebody for the first time from those that did so in the last run, for the same reason.

    known  rejected, failed and incomplete rows that did: kind → rows. Unknown ones never do, nor rows without a key
    new    the others
    first  the first of these, as they are shown
    tells_known  whether known ones are said again, as once a week
    """

    def __init__(self, last: Pair | None = None) -> None:
        self.known, self.new = Counter[str](), 0
        self.first: list[dict[str, str]] = []
        self._before = last.read_reasons() if last is not None else set[int]()
        self.tells_known = last is not None and last.is_new_week

    def add(self, rows: Rows) -> None:
        of = rows.columns
        for place, (outcome, codes) in enumerate(zip(of["outcome"], of["codes"], strict=True)):
            if outcome in NEEDS_SOMEBODY or INCOMPLETE in codes:
                self._add(rows[place])

    def _add(self, row: Row) -> None:
        kind = row.outcome.value if row.outcome in NEEDS_SOMEBODY else INCOMPLETE
        may_be_known = row.key and row.outcome is not Outcome.UNKNOWN and GAVE_UP not in row.codes
        if may_be_known and hash_reason(row.key, row.outcome, row.codes, row.fields, row.messages) in self._before:
            self.known[kind] += 1
            return
        self.new += 1
        if len(self.first) < NEWS_SHOWN:
            place, said = f"{row.file_name}:{row.line}", "; ".join(row.messages)
            shown = {"outcome": kind, "row": place, "key": row.key, "code": "; ".join(row.codes), "message": said}
            self.first.append(shown)


def find_last(ledger: Ledger, run: Run, rows: int, *, snapshots: bool = False) -> Pair | None:
    """Pair a run with the last finished one, see `find_pair`; `rows` is how many the source has.

    Where the ledger knows another number, as after a stop or of a source that changed, nothing is compared.
    """
    if count_rows(ledger.transaction, run.name) != rows:
        return None
    return find_pair(ledger.transaction, run.name, snapshots=snapshots)


def find_vanished(last: Pair | None, folder: ReportFolder) -> Comparison:
    """Write vanished.csv if any key of the last snapshot has vanished. Raises StorageFull if it can't be written."""
    if last is None:
        return NOTHING
    return Comparison(write_table(folder, VANISHED, COLUMNS, last.vanished()), last.name)


NOTHING = Comparison()
