"""A change set: what a repair or an undo would do to the issues of an earlier run, and the verdict on each.

It is on disk, as a run may have made more issues than fit into memory.
"""

from __future__ import annotations

import pickle
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import orjson

from importer.api import issue_path
from importer.codes import CONFLICT, GONE_AT_TARGET
from importer.ledger.journal import Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import RunKind
from importer.ledger.statements import portions
from importer.ledger.store import Ledger
from importer.load.driver import RunConnection
from importer.load.updates import Updated, Updater
from importer.records import Act, Operation, Outcome, Row
from importer.scratch import Scratch
from importer.triage.answers import Issue
from importer.triage.snapshot import Conflict, Merged, Snapshot, is_gone

UNTOUCHED, TOUCHED, GONE, UNSETTLED = "untouched", "touched", GONE_AT_TARGET, "unsettled"
EDITED, CORRECTED, CLOSED, CLOSED_ALREADY = "edited-elsewhere", "corrected", "closed", "closed-already"
LATER, RESTORABLE, UNKNOWN_VALUE = "changed-later", "restorable", "value-unknown"
OUTCOMES: Mapping[str, Outcome] = {
    **dict.fromkeys((UNTOUCHED, EDITED, RESTORABLE), Outcome.PLANNED),
    **dict.fromkeys((CORRECTED, CLOSED_ALREADY), Outcome.UNCHANGED),
    **dict.fromkeys((CONFLICT, TOUCHED, GONE, LATER), Outcome.SKIPPED),
    UNKNOWN_VALUE: Outcome.REJECTED,
}
"""Code of a verdict → what becomes of the issue's row."""
NO_LATER: Mapping[str, str] = {}

_SCHEMA = """
CREATE TABLE issues (
    place INTEGER PRIMARY KEY, is_left INTEGER NOT NULL, key TEXT NOT NULL, issue_id TEXT NOT NULL,
    restores INTEGER NOT NULL, later BLOB NOT NULL,
    code TEXT, fields BLOB, message TEXT, conflicts BLOB,
    file INTEGER, file_name TEXT, record INTEGER, line INTEGER,
    change BLOB NOT NULL
);
CREATE INDEX by_issue ON issues (issue_id);
CREATE INDEX by_key ON issues (key);
"""
_PLAN = """
INSERT INTO issues (is_left, key, issue_id, restores, later, change, code, fields, message, conflicts)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


class Turn(NamedTuple):
    """A correction of a field by a repair: its value as it was sent, and the one that the mapping gives now."""

    field: str
    before: str
    after: str


class ChangeVerdict(NamedTuple):
    """What would become of an issue: a code as in results.csv, the fields or traces that decide it, its conflicts."""

    code: str
    fields: tuple[str, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    message: str = ""


class PlannedChange(NamedTuple):
    """A change to an issue of a run.

    verdict   why the issue is left alone whatever Triage says; None where that is to be assessed
    turns     of a repair: what it corrects
    restores  whether it gives fields back, which an undo treats otherwise than what it closes or deletes
    later     field that is left alone → the run that wrote it later
    was_sent  whether an earlier attempt may have carried it out
    place     among all changes
    """

    operation: Operation
    verdict: ChangeVerdict | None = None
    turns: tuple[Turn, ...] = ()
    restores: bool = False
    later: Mapping[str, str] = NO_LATER
    was_sent: bool = False
    place: int = 0


class VerdictCount(NamedTuple):
    """How many issues have the same verdict, but for its message and conflicts; `restores` and `later` as above."""

    code: str
    fields: Sequence[str]
    restores: bool
    later: Mapping[str, str]
    issues: int


def change_of(create: KnownCreate, body: object, *, deletes: bool = False) -> Operation:
    """Make the operation that changes the issue of a create, or deletes it."""
    return Operation(
        create.key,
        "DELETE" if deletes else "PATCH",
        issue_path(create.issue_id),
        b"" if deletes else orjson.dumps(body),
        create.marker,
        create.content,
        Act.DELETE if deletes else Act.UPDATE,
        create.body_sha,
        create.issue_id,
        create.triage_id,
        create.returned,
        create.pending,
        since=create.since,
    )


def judge(merged: Merged, untouched: str, message: str, *, is_edited: bool) -> ChangeVerdict:
    """Return the verdict on an issue that was merged with the values it is to get; `untouched` is that on most."""
    conflicts = tuple(merged.conflicts)
    if merged.patch:
        code = EDITED if is_edited or conflicts else untouched
        return ChangeVerdict(code, tuple(merged.patch), conflicts, message)
    if conflicts:
        return ChangeVerdict(CONFLICT, tuple(conflict.field for conflict in conflicts), conflicts, message)
    return ChangeVerdict(CORRECTED, tuple(merged.already), (), message)


def is_closed_by_undo(snapshot: Snapshot) -> bool:
    """Whether it was an undo that closed an issue: its row stands for the status that it was sent with."""
    return bool(snapshot.fields.get("status") == CLOSED != snapshot.ours.get("status"))


def values_written(snapshot: Snapshot) -> dict[str, Any]:
    """Return the fields of an issue as we last wrote them: as its row says, but for the status if an undo closed it.

    A description of which a part is in comments was written without it.
    """
    written = dict(snapshot.ours)
    if snapshot.moved:
        written["description"] = snapshot.fields.get("description")
    if is_closed_by_undo(snapshot):
        written["status"] = CLOSED
    return written


class ChangeSet(ABC):
    """The changes to the issues of a run: a repair or an undo. Every method raises StorageFull if the disk is full.

    kind       the kind of the run that applies it
    digest     equal for change sets that do the same to one run
    done       what is said of the issues that were changed
    typed      the options that say what it does, as they are typed
    options    what its run keeps beside the digest
    planned    the number of issues to be assessed; `assessed` of them have a verdict
    """

    kind: ClassVar[RunKind]

    def __init__(self, digest: str, deed: str, typed: Sequence[str]) -> None:
        self.digest = digest
        self.done = deed
        self.typed = typed
        self.options: Mapping[str, Any] = {}
        self.planned = self.assessed = 0
        self._scratch = Scratch(_SCHEMA)

    @abstractmethod
    def assess(
        self, listed: Sequence[tuple[PlannedChange, Issue]], *, is_whole: bool = False
    ) -> Sequence[ChangeVerdict | None]:
        """Return the verdict on each issue as a list shows it, None if it must be read, as it is with `is_whole`."""

    def name(self, verdict: str, outcome: Outcome) -> str:
        """Return the code in results.csv of an issue with this verdict that was changed, or needed no change."""
        return self.done if outcome is Outcome.UPDATED else CORRECTED

    async def apply(self, connection: RunConnection, change: PlannedChange) -> Updated:
        """Apply one of the changes, and record it in the run of the connection."""
        return await Updater(connection).update(change.operation)

    async def read(self, connection: RunConnection, change: PlannedChange) -> ChangeVerdict:
        """Read an issue whole and return the verdict on it. Raises CallFailed, and NotYet as `Absence.read_once`."""
        operation = change.operation
        if is_gone(operation.returned):
            return ChangeVerdict(GONE)
        issue = await connection.absence.read_once(operation.issue_id, operation.since)
        if issue is None:
            return ChangeVerdict(GONE)
        (verdict,) = self.assess([(change, issue)], is_whole=True)
        assert verdict is not None  # nothing is missing in a whole issue
        return verdict

    def find_open(self, ledger: Ledger, run: Run) -> Run | None:
        """Return the run of an earlier attempt at the same change set that is still open, None if there is none."""
        for attempt in ledger.list_runs():
            if attempt.kind is not self.kind or not attempt.is_open:
                continue
            if attempt.options.get("of") != run.name:
                continue
            if attempt.options["digest"] == self.digest or self.goes_on(attempt):
                return attempt
        return None

    def goes_on(self, attempt: Run) -> bool:
        """Whether an open run is an attempt at this change set, though its digest is another."""
        return False

    def plan(self, changes: Iterable[PlannedChange]) -> None:
        """Add changes."""
        for portion in portions(changes):
            self._scratch.write(_PLAN, map(_encode, portion))
            self.planned += sum(1 for change in portion if change.verdict is None)

    def leave_unsettled(self, run: Run) -> None:
        """Add the rows of a run of whose create nobody knows yet what became of it."""
        if not run.count()[Outcome.UNKNOWN]:
            return
        for row in run.results():
            if row.outcome is Outcome.UNKNOWN and not row.issue_id:
                command = run.settle_command(row.key, "ISSUE")
                reason = f"it may have an issue; record it with T-… or absent: {command}"
                operation = change_of(KnownCreate(row.key), {})
                verdict = ChangeVerdict(UNSETTLED, message=reason)
                self.plan([PlannedChange(operation, verdict)])

    def find(self, issue_ids: Sequence[str]) -> dict[str, PlannedChange]:
        """Return the changes of those of these issues that have no verdict, by issue id."""
        marks = ", ".join("?" * len(issue_ids))  # of a page of the list
        changes = self._changes(f"code IS NULL AND issue_id IN ({marks})", *issue_ids)
        return {change.operation.issue_id: change for change in changes}

    def find_turns(self, key: str) -> Sequence[Turn]:
        """Return what a repair corrects in the issue of a key."""
        for change in self._changes("key = ?", key):
            return change.turns
        return ()

    def unassessed(self) -> Iterator[PlannedChange]:
        """Yield the changes of issues without a verdict, in the order in which they were planned."""
        return self._changes("code IS NULL ORDER BY place")

    def __iter__(self) -> Iterator[PlannedChange]:
        """Yield all changes that may be applied, in the order in which they were planned."""
        return self._changes("NOT is_left ORDER BY place")

    def _changes(self, condition: str, *values: Any) -> Iterator[PlannedChange]:
        rows = self._scratch.rows(f"SELECT place, change FROM issues WHERE {condition}", values)
        for place, pickled in rows:
            change: PlannedChange = pickle.loads(pickled)
            yield change._replace(place=place)

    def record(self, verdicts: Sequence[tuple[PlannedChange, ChangeVerdict]]) -> None:
        """Record verdicts on issues that have none."""
        put = "UPDATE issues SET code = ?, fields = ?, message = ?, conflicts = ? WHERE place = ?"
        rows = ((*_encode_verdict(verdict), change.place) for change, verdict in verdicts)
        self._scratch.write(put, rows)
        self.assessed += len(verdicts)

    def verdicts(self, code: str = "") -> Iterator[tuple[PlannedChange, ChangeVerdict]]:
        """Yield the issues with the verdicts on them, those that are left alone last, or only those of one code."""
        condition = "WHERE code = ?" if code else ""
        query = f"SELECT change, code, fields, message FROM issues {condition} ORDER BY is_left, place"
        values = (code,) if code else ()
        for change, verdict_code, names, message in self._scratch.rows(query, values):
            fields = tuple(orjson.loads(names))
            yield pickle.loads(change), ChangeVerdict(verdict_code, fields, (), message)

    def conflicts(self) -> Iterator[tuple[str, str, Sequence[Sequence[str]]]]:
        """Yield the issues with conflicts: key, `T-…`, and for each field its name, ours, theirs and new."""
        query = "SELECT change, conflicts FROM issues WHERE conflicts IS NOT NULL ORDER BY place"
        for change, conflicts in self._scratch.rows(query):
            operation = pickle.loads(change).operation
            yield operation.key, operation.triage_id, orjson.loads(conflicts)

    def count(self) -> list[VerdictCount]:
        """Count the verdicts, those first that came first."""
        query = (
            "SELECT code, fields, restores, later, count(*) FROM issues WHERE code IS NOT NULL "
            "GROUP BY code, fields, restores, later ORDER BY min(place)"
        )
        counts = list[VerdictCount]()
        for code, names, restores, later, issues in self._scratch.rows(query):
            fields = orjson.loads(names)
            counts.append(VerdictCount(code, fields, bool(restores), orjson.loads(later), issues))
        return counts

    def count_left(self, limit: int) -> list[tuple[str, int]]:
        """Return the most frequent reasons for which issues are left alone, each with the number of its issues."""
        query = (
            "SELECT message, count(*) FROM issues WHERE is_left AND code != ? GROUP BY message "
            "ORDER BY count(*) DESC, min(place) LIMIT ?"
        )
        rows = self._scratch.rows(query, (UNSETTLED, limit))
        return [(message, issues) for message, issues in rows]

    def find_rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the issues as rows of a run that applies this, each in the place that its row has among those given.

        Of rows with one key it is the last that was not skipped.
        """
        places = (
            (row.file, row.file_name, row.record, row.line, row.key, row.outcome is not Outcome.SKIPPED) for row in rows
        )
        self._scratch.write(
            "UPDATE issues SET file = ?, file_name = ?, record = ?, line = ? "
            "WHERE key = ? AND code != 'unsettled' AND (? OR file IS NULL)",
            places,
        )
        changed_rows = self._scratch.rows(
            "SELECT file, file_name, record, line, key, is_left, code, fields, message FROM issues "
            "WHERE file IS NOT NULL ORDER BY place"
        )
        for file, file_name, record, line, key, is_left, code, names, message in changed_rows:
            outcome = OUTCOMES[code] if is_left else Outcome.PLANNED
            fields = ", ".join(orjson.loads(names))
            yield Row(file, file_name, record, line, key, outcome, (code,), (fields,), (message,), ("",))


def _encode(change: PlannedChange) -> tuple[Any, ...]:
    operation = change.operation
    verdict = (None,) * 4 if change.verdict is None else _encode_verdict(change.verdict)
    later = orjson.dumps(change.later)
    planned = operation.key, operation.issue_id, change.restores, later, pickle.dumps(change)
    return change.verdict is not None, *planned, *verdict


def _encode_verdict(verdict: ChangeVerdict) -> tuple[Any, ...]:
    fields = orjson.dumps(verdict.fields)
    conflicts = None
    if verdict.conflicts:
        conflicts = orjson.dumps(list(map(tuple, verdict.conflicts)))
    return verdict.code, fields, verdict.message, conflicts
