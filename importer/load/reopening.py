"""Reopening: looks whether a known issue that got a new occurrence is finished, and sets it to `todo` where wanted."""

from __future__ import annotations

from functools import partial
from math import inf

import orjson

from importer.api import FINISHED, issue_path
from importer.codes import ADDED_TO_FINISHED, CONFLICT
from importer.ledger.schema import UNDECIDED, State
from importer.load.addition_log import AdditionLog, IssueGone, IssueWork, Result
from importer.load.driver import RunConnection, Write, carry_out, make_decision, send_again
from importer.load.updates import make_replacement, send_patch
from importer.records import Addition
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry
from importer.triage.listing import created_seconds
from importer.triage.pages import follow_pages
from importer.triage.snapshot import Snapshot

TODO = "todo"
STATUS_CHANGED = "status_changed"
"""Type of an entry in the activity. Source: get/triage-issues-id-activity."""


class Reopening:
    """Reopens finished issues of a run; `log` records what became of each."""

    def __init__(self, connection: RunConnection, log: AdditionLog) -> None:
        self._connection = connection
        self._run = connection.run
        self._calls = connection.calls
        self._absence = connection.absence
        self._log = log

    async def look(self, work: IssueWork, addition: Addition) -> None:
        """Look at an issue, and reopen it if its status and the time of its newest occurrence want that.

        No outcome has to be settled: the issue is read before each request.

        Raises:
            IssueGone: the issue was deleted.
            NotYet: whether it was deleted isn't sure yet: to be called again then.
        """
        condition = orjson.loads(addition.body)
        at = condition["at"] or inf
        operation = work.operation(addition)._replace(method="PATCH", path=issue_path(work.place.issue_id))
        write = Write(self._run, self._calls, operation)
        earlier = work.known.get((addition.act, addition.name))
        was_sent = earlier is not None and earlier.state in UNDECIDED

        def refuse(error: CallFailed) -> None:
            self._log.refuse(work, operation, error, Result(State.REFUSED))

        async def read_and_write() -> None:
            nonlocal was_sent
            issue = await self._absence.read_once(operation.issue_id, work.place.since)
            if issue is None:
                raise IssueGone
            status = str(issue.fields["status"] or "")
            if was_sent and status == TODO:
                snapshot = Snapshot.parse(work.place.returned)
                self._end(work, write, snapshot.after_write(issue, {"status": TODO}))
                return
            if status not in FINISHED:
                result = Result(State.SAME, requests=0)
                if was_sent:
                    message = f"the status was changed to {status} in Triage; it is left"
                    result = Result(State.LEFT, CONFLICT, message, requests=0)
                self._log.note(work, operation, result)
                return
            changed = await self._find_change(operation.issue_id, at)
            if changed is not None and changed.to_status not in ("", status):
                message = f"the status was changed to {changed.to_status} in Triage; it is left"
                result = Result(State.LEFT, CONFLICT, message, requests=0)
                self._log.note(work, operation, result)
                return
            is_later = changed is None or at > created_seconds(changed, -inf)
            if status not in condition["reopens"] or not is_later:
                reason = f"it is {status}" if is_later else f"it was {status} when its new calls had been made"
                result = Result(State.LEFT, ADDED_TO_FINISHED, f"{reason}, so its findings were only added", requests=0)
                self._log.note(work, operation, result)
                return
            patch = {"status": TODO}
            was_sent = True
            snapshot = Snapshot.parse(work.place.returned)
            replacement = make_replacement(snapshot, issue, patch)
            intend = partial(self._run.intend, operation, replacement=replacement)
            answer = await send_patch(self._connection, write, issue, patch, intend)
            completed = answer.completed(patch)
            self._end(work, write, snapshot.after_write(completed, patch))

        turn = partial(self._calls.in_turn, read_and_write)
        await carry_out(write, turn, refuse=refuse, doubt=write.doubt, look=send_again)

    async def _find_change(self, issue_id: str, at: float) -> Entry | None:
        """Find the last change of an issue's status, reading back to `at`; None if there is none."""
        ask = partial(self._connection.client.list_activity, issue_id)
        async for page in follow_pages(self._calls, ask, f"entries of issue {issue_id}", lambda entry: entry.id):
            for entry in page:
                if entry.type == STATUS_CHANGED:
                    return entry
            if page and created_seconds(page[-1], inf) < at:
                return None
        return None

    def _end(self, work: IssueWork, write: Write, after: Snapshot) -> None:
        """Record that an issue was reopened, and what it is like since."""
        work.place = work.place._replace(returned=after.with_writes(["status"]).dump())
        operation = write.operation
        requests = max(write.requests, 1)
        self._log.note(work, operation, Result(State.DONE, requests=requests))
        self._run.record(make_decision(operation, State.DONE, 0, remember=work.place))
