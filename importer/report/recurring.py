"""What a night has done to issues that recur: recurring.csv, a line for each, and the figures of all of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from importer.codes import ADDED_TO_FINISHED, CONFLICT, EVIDENCE_MISSING, FOUND_AT_TARGET, IS_GONE
from importer.ledger.journal import Run
from importer.ledger.schema import State
from importer.phrases import counted
from importer.records import Act, Outcome, Row
from importer.report.folder import ReportFolder
from importer.report.tables import write_table
from importer.transform.occurrences import is_withdrawal, read_covered, read_said

RECURRING = "recurring.csv"
IS_FINDING = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CHANGED)
IS_SAID = (State.DONE, State.SAME)
SAID = ("new", "known", "corrected", "withdrawn")


class RecurringLine(NamedTuple):
    """A line of recurring.csv: what a run has found of an issue, in occurrences; `left` are those that still stand.

    `issue` is `new`, `recurred` if it got new occurrences, else `known`; `evidence_waiting` and `evidence_given_up`
    count calls and the like. `reopened` and `added_to_closed` are 1 or 0.
    """

    key: str
    triage_id: str
    issue: str
    new: int = 0
    known: int = 0
    corrected: int = 0
    withdrawn: int = 0
    left: int = 0
    reopened: int = 0
    added_to_closed: int = 0
    on_deleted: int = 0
    evidence_waiting: int = 0
    evidence_given_up: int = 0


class Recurring:
    """Counts the rows of a run by issue; one entry an issue."""

    def __init__(self) -> None:
        self._findings, self._deleted = Counter[str](), Counter[str]()
        self._created = set[str]()

    def add(self, rows: Iterable[Row]) -> None:
        for row in rows:
            is_deleted = row.outcome is Outcome.SKIPPED and not IS_GONE.isdisjoint(row.codes)
            if row.outcome in IS_FINDING or CONFLICT in row.codes:
                self._findings[row.key] += 1
            elif is_deleted and not is_withdrawal(row.codes[0]):
                self._deleted[row.key] += 1
            if row.outcome is Outcome.CREATED:
                self._created.add(row.key)

    def write(self, run: Run, folder: ReportFolder) -> Mapping[str, int]:
        """Write recurring.csv, and return the figures. Raises StorageFull."""
        lines = self._lines(run)
        write_table(folder, RECURRING, RecurringLine._fields, (list(map(str, line)) for line in lines))
        issues, names = Counter(line.issue for line in lines), RecurringLine._fields[3:]
        sums = {name: sum(getattr(line, name) for line in lines) for name in names}
        return {
            "issues_new": issues["new"],
            "issues_recurred": issues["recurred"],
            "issues_without_findings": sum(line.withdrawn > 0 and not line.left for line in lines),
            **{f"occurrences_{name}": sums[name] for name in SAID},
            **{name: sums[name] for name in names[5:]},
        }

    def _lines(self, run: Run) -> list[RecurringLine]:
        counts = defaultdict[str, Counter[str]](Counter)
        covered = defaultdict[str, set[str]](set)  # each once, also where a long note has taken several comments
        for key, added in run.additions.find_own():
            if added.act is Act.REOPEN:
                counts[key]["reopened"] |= added.state is State.DONE
                counts[key]["added_to_closed"] |= added.code == ADDED_TO_FINISHED
            elif added.act is Act.EVIDENCE:
                counts[key]["evidence_given_up"] += added.code == EVIDENCE_MISSING
            elif added.act is Act.COMMENT and added.state is State.DONE and added.code != FOUND_AT_TARGET:
                covered[key].update(added.covers)
        for key, names in covered.items():
            counts[key].update(read_said(names))
        for key, waiting in run.additions.find_waiting().items():
            counts[key]["evidence_waiting"] += sum(each.act is Act.EVIDENCE for each in waiting)
        keys = sorted({*counts, *self._findings, *self._deleted})
        places, known = run.additions.places(keys), run.additions.of(keys)
        lines = list[RecurringLine]()
        for key in keys:
            its, findings = counts[key], self._findings[key]
            said = [name for each in known.get(key, ()) if each.state in IS_SAID for name in each.covers]
            its["known"] = max(0, findings - its["new"] - its["corrected"])
            its["left"] = sum(not word.is_withdrawal for word in read_covered(said).values())
            its["on_deleted"] = self._deleted[key]
            issue = "new" if key in self._created else "recurred" if its["new"] else "known"
            number = places[key].triage_id if key in places else ""
            lines.append(RecurringLine(key, number, issue, **{name: its[name] for name in RecurringLine._fields[3:]}))
        return lines


def describe_recurring(figures: Mapping[str, int]) -> str:
    """Say in a line what a night has done to issues that recur."""
    issues = f"{counted(figures['issues_new'], 'new issue')}, {figures['issues_recurred']:,} recurred"
    said = ", ".join(f"{figures[f'occurrences_{name}']:,} {name}" for name in SAID)

    def describe(**rare: str) -> str:
        return ", ".join(f"{figures[name]:,} {what}" for name, what in rare.items() if figures[name])

    others = describe(
        reopened="reopened",
        added_to_closed="added to finished ones",
        issues_without_findings="without any finding left",
        on_deleted=f"{'finding' if figures['on_deleted'] == 1 else 'findings'} on deleted ones",
    )
    evidence = describe(evidence_waiting="waiting", evidence_given_up="given up")
    parts = (f"Recurring: {issues}", f"occurrences: {said}", others, evidence and f"evidence: {evidence}")
    return f"{'; '.join(filter(None, parts))}{f': see {RECURRING}' if any(figures.values()) else ''}."
