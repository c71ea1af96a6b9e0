"""Amending: changes to issues that are in. Each is read first, and what a person changed since is left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import orjson

from importer.codes import UNSETTLED
from importer.errors import RunStopped
from importer.ledger.journal import Decision, Run, Snapshot
from importer.ledger.schema import State
from importer.load.connection import FAILURE_CODES
from importer.records import Operation, Outcome
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.paced import Interrupted, PacedCalls
from importer.triage.snapshot import (
    Conflict,
    assume_applied,
    mark_gone,
    merge,
    pending_fields,
    record_pending_patch,
    update_snapshot,
)

T = TypeVar("T")
OUTCOMES = {State.DONE: Outcome.UPDATED, State.LEFT: Outcome.SKIPPED, State.SAME: Outcome.UNCHANGED}
WRITES = "writes"
"""Where an issue's memory has how often we may have changed each field since it was made."""
ATTEMPTS = 5
"""Writes of one change without a clear answer, each preceded by a look."""


class Updated(NamedTuple):
    """What became of a change, and what there is to say about it."""

    outcome: Outcome
    message: str = ""


class Updater:
    """Carries out the changes of one run. With `force` it also overwrites what a person changed."""

    def __init__(self, client: TriageClient, run: Run, calls: PacedCalls, *, force: bool = False) -> None:
        self._client, self._run, self._calls, self._force = client, run, calls, force

    async def update(self, operation: Operation) -> Updated:
        """Bring an issue to the fields in the operation's body, as far as no person changed them.

        The outcome is recorded: updated, unchanged, skipped (`conflict`, `gone-at-target`), failed or unknown.

        Raises:
            RunStopped: the answer ends the run.
            Interrupted: everything ends.
        """
        new = orjson.loads(operation.body)
        change = Change(self._run, operation)
        for _ in range(ATTEMPTS):
            try:
                issue = await self._calls.call(partial(self._client.get_issue, operation.issue_id))
                merged = merge(assume_applied(change.returned, change.pending), issue, new)
                change.learn(merged.returned, issue)
                conflicts = [] if self._force else merged.conflicts
                left = {*merged.already, *(conflict.field for conflict in conflicts)}
                patch = {name: value for name, value in new.items() if name not in left}
                if patch:
                    send = partial(self._client.update_issue, operation.issue_id, orjson.dumps(patch))
                    issue = await change.write(self._calls, send, patch)
            except CallFailed as error:
                if error.action is not Action.SETTLE:
                    return change.conclude(error)
                change.doubt(error.message)
            else:
                return change.end(issue, patch, merged.already, conflicts)
        return change.give_up()


class Change:
    """One change: its requests, each preceded by its intent, and how it ends.

    `returned` is the issue's memory with what the looks have taught; `pending` is what may have been executed since;
    `wrote` are the fields that this change, or an unknown one before it, may have changed; `requests` counts its
    writes.
    """

    def __init__(self, run: Run, operation: Operation) -> None:
        self._run = run
        self.operation = operation
        self.returned = operation.returned
        self.pending = operation.pending
        self._leaving = b""  # what the present write has written down
        self._seen_at = ""
        self.wrote = set(pending_fields(operation.pending))
        self.requests = 0
        self._message = ""

    def learn(self, returned: bytes, issue: Issue) -> None:
        """A look at the issue has shown what became of what was pending."""
        self.returned, self.pending, self._seen_at = returned, b"", issue.updated_at

    async def write(self, calls: PacedCalls, send: Callable[[], Awaitable[T]], patch: Mapping[str, Any]) -> T:
        """Make a request that changes the issue: before it leaves, these fields are written down as perhaps sent.

        Raises CallFailed, and Interrupted and RunStopped as `PacedCalls.call`.
        """
        try:
            return await calls.call(send, partial(self._begin, patch))
        except (Interrupted, RunStopped) as stop:
            cause = stop.__cause__
            if not (isinstance(cause, CallFailed) and cause.action is Action.SETTLE):
                self._withdraw()
            raise

    async def _begin(self, patch: Mapping[str, Any]) -> None:
        self._leaving = record_pending_patch(self.operation.returned, self.returned, patch, self._seen_at)
        self.wrote |= patch.keys()
        await self._run.intend(self.operation, self._leaving)
        self.requests += 1

    def doubt(self, message: str) -> None:
        """The present write may have been executed, or not."""
        self.pending, self._leaving, self._message = self._leaving, b"", message

    def _withdraw(self) -> None:
        """The present write, if it was begun, was surely not executed."""
        if self.requests and self._leaving:
            self.record(State.UNSENT, snapshot=self._learned())

    def conclude(self, error: CallFailed) -> Updated:
        """End a change whose look or write was refused. Raises RunStopped if the next would fare no better."""
        if error.action is Action.STOP:
            self._withdraw()
            raise error.as_stop() from error
        if error.is_gone:
            message = "the issue is not there any more"
            memory = Snapshot(mark_gone(self.returned), self.operation.whole_sha, self.operation.content)
            self.record(State.LEFT, code="gone-at-target", message=message, snapshot=memory)
            return Updated(Outcome.SKIPPED, message)
        if self.pending:
            self._message = error.message
            return self.give_up()
        code = FAILURE_CODES[error.action]
        self.record(State.REFUSED, code=code, message=error.message, snapshot=self._learned())
        return Updated(Outcome.FAILED, error.message)

    def end(
        self, issue: Issue, patch: Mapping[str, Any], already: Mapping[str, Any], conflicts: Sequence[Conflict]
    ) -> Updated:
        """The issue is now as far as it may be; what a person changed stays, and is looked at again next time."""
        changed = bool(patch) or self._learned() is not None
        state = State.DONE if changed else State.LEFT if conflicts else State.SAME
        message = "; ".join(f"{each.field} was changed in Triage" for each in conflicts)
        returned = update_snapshot(self.returned, issue, {**patch, **already})
        stands_for = (b"", b"") if conflicts else (self.operation.whole_sha, self.operation.content)
        self.record(
            state,
            code="conflict" if conflicts else "",
            message=message,
            details=orjson.dumps(list(map(tuple, conflicts))) if conflicts else None,
            snapshot=Snapshot(count_writes(returned, self.wrote), *stands_for),
        )
        return Updated(OUTCOMES[state], message)

    def finish(self) -> Updated:
        """It was done, and there is nothing to remember."""
        self.record(State.DONE)
        return Updated(Outcome.UPDATED)

    def leave(self, code: str, message: str) -> Updated:
        """The issue stays as it is, for a reason that is looked at again next time."""
        self.record(State.LEFT, code=code, message=message, snapshot=self._learned())
        return Updated(Outcome.SKIPPED, message)

    def give_up(self) -> Updated:
        """Nobody knows whether the last write was executed; the next run looks again."""
        self.record(State.UNKNOWN, code=UNSETTLED, message=self._message, details=self.pending)
        return Updated(Outcome.UNKNOWN, self._message)

    def _learned(self) -> Snapshot | None:
        """What the looks have taught of an earlier change, if anything; the issue is between two rows then."""
        if self.returned == self.operation.returned:
            return None
        return Snapshot(self.returned, b"", b"")

    def record(self, state: State, *, code: str = "", message: str = "", **more: Any) -> None:
        """Hand in how it ended."""
        operation = self.operation
        self._run.record(
            Decision(
                operation.key,
                state,
                self.requests,
                issue_id=operation.issue_id,
                triage_id=operation.triage_id,
                code=code,
                message=message,
                operation=operation,
                **more,
            )
        )


def count_writes(returned: bytes, fields: Iterable[str]) -> bytes:
    """Note in an issue's memory that we changed these fields once more: each change leaves a trace at the target."""
    memory = orjson.loads(returned)
    writes = Counter(memory.get(WRITES, {})) + Counter(fields)
    return orjson.dumps(memory | ({WRITES: writes} if writes else {}))
