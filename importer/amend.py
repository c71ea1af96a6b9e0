"""Amending: changes to issues that are in. Each is read first, and what a person changed since is left alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import orjson

from importer.calls import Interrupted, PacedCalls
from importer.client import Action, CallFailed, Issue, TriageClient
from importer.compare import Conflict, assume, merge, update_memory
from importer.errors import RunStopped
from importer.ledger import Decision, Memory, Run, State
from importer.records import Operation, Outcome

OUTCOMES = {State.DONE: Outcome.UPDATED, State.LEFT: Outcome.SKIPPED, State.SAME: Outcome.UNCHANGED}
FAILURE_CODES = {Action.REFUSE: "refused", Action.RETRY: "gave-up"}
ATTEMPTS = 5
"""Writes of one change without a clear answer, each preceded by a look."""


class Amended(NamedTuple):
    """What became of a change, and what there is to say about it."""

    outcome: Outcome
    message: str = ""


class Amender:
    """Carries out the changes of one run. With `force` it also overwrites what a person changed."""

    def __init__(self, client: TriageClient, run: Run, calls: PacedCalls, *, force: bool = False) -> None:
        self._client, self._run, self._calls, self._force = client, run, calls, force

    async def amend(self, operation: Operation) -> Amended:
        """Bring an issue to the fields in the operation's body, as far as no person changed them.

        The outcome is recorded: updated, unchanged, skipped (`conflict`, `gone-at-target`), failed or unknown.

        Raises:
            RunStopped: the answer ends the run.
            Interrupted: everything ends.
        """
        new = orjson.loads(operation.body)
        change = _Change(self._run, operation)
        for _ in range(ATTEMPTS):
            try:
                issue = await self._calls.call(partial(self._client.get_issue, operation.issue_id))
                merged = merge(assume(operation.returned, change.pending), issue, new)
                conflicts = [] if self._force else merged.conflicts
                patch = {name: value for name, value in new.items() if name not in merged.already}
                for conflict in conflicts:
                    del patch[conflict.field]
                if patch:
                    issue = await self._write(change, orjson.dumps(patch))
            except CallFailed as error:
                if error.action is not Action.SETTLE:
                    return _conclude(change, error)
                change.message = error.message
            else:
                return change.end(issue, patch, merged.already, conflicts)
        return change.give_up()

    async def _write(self, change: _Change, body: bytes) -> Issue:
        send = partial(self._client.update_issue, change.operation.issue_id, body)
        try:
            return await self._calls.call(send, partial(change.begin, body))
        except (Interrupted, RunStopped) as stop:
            cause = stop.__cause__
            if not (isinstance(cause, CallFailed) and cause.action is Action.SETTLE):
                change.record(State.UNSENT)
            raise


def _conclude(change: _Change, error: CallFailed) -> Amended:
    """End a change whose look or write was refused."""
    if error.action is Action.STOP:
        raise error.as_stop() from error
    if error.status in (404, 410):
        message = "the issue is not there any more"
        change.record(State.LEFT, code="gone-at-target", message=message)
        return Amended(Outcome.SKIPPED, message)
    if change.pending:
        return change.give_up()
    change.record(State.REFUSED, code=FAILURE_CODES[error.action], message=error.message)
    return Amended(Outcome.FAILED, error.message)


class _Change:
    """One change: its requests, each preceded by its intent, and how it ends."""

    def __init__(self, run: Run, operation: Operation) -> None:
        self._run = run
        self.operation = operation
        self.pending = operation.pending
        self.requests = 0
        self.message = ""

    async def begin(self, body: bytes) -> None:
        """Write down that this body may have been sent."""
        await self._run.intend(self.operation, body)
        self.pending = body
        self.requests += 1

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

    def end(
        self, issue: Issue, patch: Mapping[str, Any], already: Mapping[str, Any], conflicts: Sequence[Conflict]
    ) -> Amended:
        """The issue is now as far as it may be; what a person changed stays, and is looked at again next time."""
        sure = bool(patch) or self.requests > 0
        state = State.DONE if sure else State.LEFT if conflicts else State.SAME
        message = "; ".join(f"{each.field} was changed in Triage" for each in conflicts)
        returned = update_memory(self.operation.returned, issue, {**patch, **already})
        whole_sha = b"" if conflicts else self.operation.whole_sha
        self.record(
            state,
            code="conflict" if conflicts else "",
            message=message,
            details=orjson.dumps(list(map(tuple, conflicts))) if conflicts else None,
            memory=Memory(returned, whole_sha, self.operation.content),
        )
        return Amended(OUTCOMES[state], message)

    def give_up(self) -> Amended:
        """Nobody knows whether the last write was executed; the next run looks again."""
        self.record(State.UNKNOWN, code="fate-unknown", message=self.message, details=self.pending)
        return Amended(Outcome.UNKNOWN, self.message)
