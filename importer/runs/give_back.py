"""Gives back what the fields of issues were before a run updated them: the part of `undo` that needs no new issue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from importer.codes import CONFLICT
from importer.ledger.journal import Run
from importer.ledger.replaced import Replaced
from importer.records import Operation, Outcome
from importer.runs.change_set import (
    CORRECTED,
    EDITED,
    LATER,
    ChangeVerdict,
    PlannedChange,
    change_of,
    is_closed_by_undo,
    judge,
)
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot, is_like, pending_fields

RESTORABLE, GIVEN_BACK = "restorable", "given-back"
GIVING: Mapping[str, Outcome] = {
    RESTORABLE: Outcome.PLANNED,
    EDITED: Outcome.PLANNED,
    CONFLICT: Outcome.SKIPPED,
    LATER: Outcome.SKIPPED,
    CORRECTED: Outcome.UNCHANGED,
}
"""Code of a verdict on an issue that gets old values back → outcome of its row, once applied."""


class GiveBack:
    """Sets the fields that a run has updated to what they were before; what a person changed since is left alone.

    A field is given back only if this run was the last of ours to write it. The bodies of the operations have names of
    fields alone: `fill` reads their values, as descriptions are long.
    """

    def __init__(self, run: Run) -> None:
        self._replaced, self._command = run.replaced, run.command

    def plan(self) -> Iterator[PlannedChange]:
        """Yield the change of each issue that the run has updated."""
        return map(self._plan, self._replaced.issues())

    def _plan(self, each: Replaced) -> PlannedChange:
        snapshot = Snapshot.parse(each.create.returned)
        sent = snapshot.ours
        # What else was written since, by a run that has been undone meanwhile or by `undo --close`, is not its own.
        own = {name for name, value in each.wrote.items() if is_like(sent.get(name), value)}
        own |= pending_fields(each.create.pending)
        if is_closed_by_undo(snapshot):
            own.discard("status")
        names = [name for name in each.wrote if name in own and name not in each.later]
        is_whole = len(names) == len(each.wrote) and not each.later
        create = each.create if is_whole else each.create._replace(content=b"", body_sha=b"")
        change = PlannedChange(change_of(create, names), restores=True, later=each.later)
        if names or not each.later:
            return change
        return change._replace(verdict=ChangeVerdict(LATER, tuple(each.later), (), self._name_later(each.later)))

    def fill(self, operation: Operation) -> Operation:
        """Return an operation with the values that are to be given back."""
        before = self._replaced.before(operation.key)
        values: dict[str, Any] = {name: before[name] for name in orjson.loads(operation.body) if name in before}
        return operation._replace(body=orjson.dumps(values))

    def assess(self, change: PlannedChange, issue: Issue, *, is_whole: bool) -> ChangeVerdict | None:
        """Return the verdict on an issue; None where only a description that a list has cut may be an edit."""
        operation = change.operation
        new = orjson.loads(self.fill(operation).body)
        merged = Snapshot.parse(operation.returned).merge(issue, new, operation.pending)
        if not is_whole and any(each.field == "description" for each in merged.conflicts):
            return None
        verdict = judge(merged, RESTORABLE, self._name_later(change.later), is_edited=bool(change.later))
        is_later = change.later and not (merged.patch or merged.conflicts)
        return verdict._replace(code=LATER, fields=tuple(change.later)) if is_later else verdict

    def undo_first(self, later: Mapping[str, str]) -> str:
        """The command that takes the newest of the runs back that have written these fields later."""
        return self._command("undo", [*later.values()][-1])

    def _name_later(self, later: Mapping[str, str]) -> str:
        """Name the fields of an issue that a later run wrote, and what to type first; "" if there are none."""
        if not later:
            return ""
        return f"{', '.join(later)} changed by a later run; first: {self.undo_first(later)}"
