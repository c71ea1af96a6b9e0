"""The changes that a repair or an undo plans: on disk, as a run may have made more issues than fit into memory."""

from __future__ import annotations

import pickle
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from importer.api import issue_path
from importer.ledger.known_create import KnownCreate
from importer.ledger.statements import portions
from importer.records import Act, Operation, Outcome, Row
from importer.scratch import Scratch
from importer.triage.snapshot import Conflict

_SCHEMA = """
CREATE TABLE issues (
    place INTEGER PRIMARY KEY, part TEXT NOT NULL, key TEXT NOT NULL, triage_id TEXT NOT NULL, issue_id TEXT NOT NULL,
    turns BLOB, restores INTEGER, later BLOB,
    code TEXT, fields BLOB, conflicts BLOB, message TEXT,
    file INTEGER, file_name TEXT, record INTEGER, line INTEGER
);
CREATE INDEX by_issue ON issues (issue_id);
CREATE INDEX by_key ON issues (key);
CREATE TABLE changes (place INTEGER PRIMARY KEY, change BLOB NOT NULL);
"""
_CHANGED = """
INSERT INTO issues (part, place, key, triage_id, issue_id, turns, restores, later)
VALUES ('changed', ?, ?, ?, ?, ?, ?, ?)
"""
_LEFT = "INSERT INTO issues (part, key, triage_id, issue_id, code, fields, message) VALUES (?, ?, ?, ?, ?, ?, ?)"
_UNASSESSED = "part = 'changed' AND code IS NULL"
_ASSESSED = "key, triage_id, issue_id, code, fields, message, turns"
NO_LATER: Mapping[str, str] = {}


class ChangePart(StrEnum):
    """The parts of a change set, in the order in which they are reported."""

    CHANGED = "changed"  # unless the verdict on the issue says otherwise
    LEFT = "left"  # issues that can't be changed
    OUTDATED = "outdated"  # issues whose fields a later run wrote
    UNSETTLED = "unsettled"  # rows of which nobody knows yet whether the run made an issue


OUTCOMES: Mapping[ChangePart, Outcome] = {ChangePart.LEFT: Outcome.REJECTED, ChangePart.OUTDATED: Outcome.SKIPPED}
"""What becomes of the issues of a part, where that is the same for all."""


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

    turns     of a repair: what it corrects
    restores  whether it gives fields back, which an undo treats otherwise than what it closes or deletes
    later     field that is left alone → the run that wrote it later
    was_sent  whether an earlier attempt may have carried it out
    place     among all changes
    """

    operation: Operation
    turns: tuple[Turn, ...] = ()
    restores: bool = False
    later: Mapping[str, str] = NO_LATER
    was_sent: bool = False
    place: int = 0


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


class Assessed(NamedTuple):
    """An issue with the verdict on it, and what a repair corrects in it."""

    key: str
    triage_id: str
    issue_id: str
    verdict: ChangeVerdict
    turns: Sequence[Turn] = ()


class VerdictCount(NamedTuple):
    """How many issues have the same verdict, but for its message and conflicts; `restores` and `later` as above."""

    code: str
    fields: Sequence[str]
    restores: bool
    later: Mapping[str, str]
    issues: int


class PlannedChanges:
    """All issues of a change set: what is to be done to each, and the verdict on it, once assessed.

    `numbers` counts the issues of each part, `assessed` those that can be changed and have a verdict. Every method
    raises StorageFull if the temporary disk is full.
    """

    def __init__(self) -> None:
        self._scratch = Scratch(_SCHEMA)
        self.numbers = Counter[ChangePart]()
        self.assessed = 0

    def plan(self, changes: Iterable[PlannedChange]) -> None:
        """Add changes."""
        for some in portions(changes):
            placed = list(enumerate(some, self.numbers.total() + 1))
            self._scratch.write(_CHANGED, (_encode(place, change) for place, change in placed))
            self._scratch.write(
                "INSERT INTO changes VALUES (?, ?)", ((place, pickle.dumps(it)) for place, it in placed)
            )
            self.numbers[ChangePart.CHANGED] += len(some)

    def leave(self, part: ChangePart, issue: Assessed) -> None:
        """Add an issue that can't be changed, with a verdict that says why."""
        verdict = issue.verdict
        its = (issue.key, issue.triage_id, issue.issue_id, verdict.code, orjson.dumps(verdict.fields), verdict.message)
        self._scratch.execute(_LEFT, (part.value, *its))
        self.numbers[part] += 1

    def find(self, issue_ids: Iterable[str]) -> dict[str, PlannedChange]:
        """Return the changes of those of these issues that have no verdict, by issue id."""
        return {
            change.operation.issue_id: change
            for some in portions(issue_ids)
            for change in self._changes(f"{_UNASSESSED} AND issue_id IN ({', '.join('?' * len(some))})", *some)
        }

    def unassessed(self) -> Iterator[PlannedChange]:
        """Yield the changes of issues without a verdict, in the order in which they were planned."""
        return self._changes(f"{_UNASSESSED} ORDER BY place")

    def __iter__(self) -> Iterator[PlannedChange]:
        """Yield all changes in the order in which they were planned."""
        return self._changes("part = 'changed' ORDER BY place")

    def _changes(self, condition: str, *values: Any) -> Iterator[PlannedChange]:
        query = f"SELECT place, change FROM issues JOIN changes USING (place) WHERE {condition}"
        for place, change in self._scratch.rows(query, values):
            yield pickle.loads(change)._replace(place=place)

    def record(self, verdicts: Sequence[tuple[PlannedChange, ChangeVerdict]]) -> None:
        """Record verdicts on issues that have none."""
        self._scratch.write(
            "UPDATE issues SET code = ?, fields = ?, message = ?, conflicts = ? WHERE place = ?",
            (
                (code, orjson.dumps(fields), message, _pack(conflicts), change.place)
                for change, (code, fields, conflicts, message) in verdicts
            ),
        )
        self.assessed += len(verdicts)

    def issues(self, *parts: ChangePart) -> Iterator[Assessed]:
        """Yield the issues of these parts, all of them if none is named."""
        for part in parts or ChangePart:
            query = f"SELECT {_ASSESSED} FROM issues WHERE part = ? ORDER BY place"
            for key, triage_id, issue_id, code, fields, message, turns in self._scratch.rows(query, (part.value,)):
                verdict = ChangeVerdict(code, tuple(orjson.loads(fields)), (), message)
                yield Assessed(key, triage_id, issue_id, verdict, _read_turns(turns))

    def find_turns(self, key: str) -> Sequence[Turn]:
        """Return what a repair corrects in the issue of a key."""
        found = self._scratch.rows("SELECT turns FROM issues WHERE key = ? AND turns IS NOT NULL", (key,))
        return next((_read_turns(turns) for (turns,) in found), ())

    def conflicts(self) -> Iterator[tuple[str, str, Sequence[Sequence[str]]]]:
        """Yield the issues with conflicts: key, `T-…`, and for each field its name, ours, theirs and new."""
        query = "SELECT key, triage_id, conflicts FROM issues WHERE conflicts IS NOT NULL ORDER BY place"
        return ((key, triage_id, orjson.loads(kept)) for key, triage_id, kept in self._scratch.rows(query))

    def count(self) -> list[VerdictCount]:
        """Count the verdicts, those first that came first."""
        query = (
            "SELECT code, fields, restores, later, count(*) FROM issues WHERE code IS NOT NULL "
            "GROUP BY code, fields, restores, later ORDER BY min(place)"
        )
        return [
            VerdictCount(code, orjson.loads(fields), bool(restores), orjson.loads(later or b"{}"), issues)
            for code, fields, restores, later, issues in self._scratch.rows(query)
        ]

    def count_messages(self, part: ChangePart, most: int) -> list[tuple[str, int]]:
        """Return the most frequent messages of a part, each with the number of its issues."""
        query = (
            "SELECT message, count(*) FROM issues WHERE part = ? GROUP BY message "
            "ORDER BY count(*) DESC, min(place) LIMIT ?"
        )
        return [(message, issues) for message, issues in self._scratch.rows(query, (part.value, most))]

    def find_rows(self, rows: Iterable[Row]) -> Iterator[Row]:
        """Yield the issues as planned or rejected rows, each in the place that its row has among those of the run.

        Of rows with one key it is the last that was not skipped.
        """
        places = (
            (row.file, row.file_name, row.record, row.line, row.key, row.outcome is not Outcome.SKIPPED) for row in rows
        )
        self._scratch.write(
            "UPDATE issues SET file = ?, file_name = ?, record = ?, line = ? "
            "WHERE key = ? AND part != 'unsettled' AND (? OR file IS NULL)",
            places,
        )
        found = self._scratch.rows(
            "SELECT file, file_name, record, line, key, part, code, fields, message FROM issues "
            "WHERE file IS NOT NULL ORDER BY place"
        )
        for file, file_name, record, line, key, part, code, fields, message in found:
            outcome = OUTCOMES.get(ChangePart(part), Outcome.PLANNED)
            named = ", ".join(orjson.loads(fields))
            yield Row(file, file_name, record, line, key, outcome, (code,), (named,), (message,), ("",))


def _encode(place: int, change: PlannedChange) -> tuple[Any, ...]:
    its, later = change.operation, orjson.dumps(change.later)
    return place, its.key, its.triage_id, its.issue_id, _pack(change.turns), change.restores, later


def _pack(many: Sequence[tuple[str, ...]]) -> bytes | None:
    return orjson.dumps(list(map(tuple, many))) if many else None


def _read_turns(turns: bytes | None) -> Sequence[Turn]:
    return [Turn(*turn) for turn in orjson.loads(turns)] if turns else ()
