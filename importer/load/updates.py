"""Sends updates: reads each issue and merges three ways, so that people's changes are kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

import orjson

from importer.api import DESCRIPTION_LIMIT, count_units
from importer.codes import CONFLICT, EDITED_MEANWHILE, MARKER_CUT, OUTCOME_UNKNOWN, TEXT_CUT
from importer.ledger.known_create import KnownCreate
from importer.ledger.replaced import Replacement
from importer.ledger.schema import State
from importer.load.driver import RunConnection, Write, carry_out, send_again
from importer.load.keeping import Fitted, Size, shorten
from importer.load.ours import Ours, delete
from importer.records import Operation, Outcome, unlike_rows
from importer.transform.description_parts import encode_parts, keep_parts
from importer.transform.lengths import CONTINUED
from importer.transform.markers import find_marker
from importer.triage.actions import FAILURE_CODES, Action, CallFailed
from importer.triage.answers import Issue
from importer.triage.redaction import redact
from importer.triage.snapshot import (
    Conflict,
    Snapshot,
    find_ignored,
    find_left,
    find_other_changes,
    keep_value,
    pending_fields,
    record_pending_patch,
)

OUTCOMES = {State.DONE: Outcome.UPDATED, State.LEFT: Outcome.SKIPPED, State.SAME: Outcome.UNCHANGED}
GONE_MESSAGE = "the issue is no longer in Triage"


class Updated(NamedTuple):
    """The outcome of a change, and the message for the reports."""

    outcome: Outcome
    message: str = ""


class Updater:
    """Sends the updates of one run. With `force` it also overwrites what a person changed."""

    def __init__(self, connection: RunConnection, *, force: bool = False) -> None:
        self._connection = connection
        self._force = force

    async def update(self, operation: Operation) -> Updated:
        """Update an issue to the fields in the operation's body, except those that a person changed.

        The outcome is recorded: updated, unchanged, skipped (`conflict`, `gone-at-target`, `perhaps-gone`),
        failed or unknown.
        """
        description = orjson.loads(operation.body).get("description") or ""
        may_cut = partial(self._connection.keeping.descriptions.may_cut, description)
        change = partial(carry_out_change, self._connection, operation, self._read_and_write)
        return await self._connection.workers.alone(may_cut, change)

    async def _read_and_write(self, change: Change) -> Updated:
        operation = change.operation
        new = orjson.loads(change.operation.body)
        issue = await self._connection.absence.read_once(operation.issue_id, operation.since)
        if issue is None:
            return change.end_gone()
        if operation.kept and "description" in new:
            described_anew = _keep_parts(operation, change.snapshot, new["description"] or "", issue)
            new = {name: value for name, value in new.items() if name != "description"}
            new |= described_anew
        # The pending patch may or may not have been executed: merging decides that for each field.
        merged = change.snapshot.merge(issue, new, change.pending)
        change.learn(merged.snapshot, issue)
        conflicts = [] if self._force else merged.conflicts
        unsent = {*merged.already, *(conflict.field for conflict in conflicts)}
        patch = {name: value for name, value in new.items() if name not in unsent}
        keeping = self._connection.keeping.descriptions
        described: Fitted | None = None
        if patch.get("description"):
            described = keeping.fit(patch["description"])
        if described is not None and not described.text:
            return change.leave(MARKER_CUT, keeping.why_held(described.whole))
        if patch:
            fitted_patch = patch
            if described is not None:
                fitted_patch = patch | {"description": described.text}
            issue = await change.patch(fitted_patch)
        return change.end(issue, patch, merged.already, conflicts, described)


def _keep_parts(operation: Operation, snapshot: Snapshot, new: str, issue: Issue) -> dict[str, str]:
    """Return the description with the parts that stay as the issue has them; {} where it is to stay whole.

    So it is if it has no footer, goes on in comments, or would be too long.
    """
    if snapshot.moved:
        return {}
    description = keep_parts(operation.kept, new, issue.description)
    if description is None or count_units(description) > DESCRIPTION_LIMIT:
        return {}
    return {"description": description}


async def carry_out_change(
    connection: RunConnection, operation: Operation, read_and_write: Callable[[Change], Awaitable[Updated]]
) -> Updated:
    """Carry out one change: read and write in one turn, and again while its outcome is unknown.

    `read_and_write` reads the issue, makes one request at most, and ends the change. It may raise NotYet, and is called
    again then. Raises RunStopped and Interrupted as `Updater.update`.
    """
    change = Change(connection, operation)
    turn = partial(connection.calls.in_turn, partial(read_and_write, change))

    async def send() -> Updated:
        updated = await connection.workers.when_sure(turn)
        if change.look is not None:
            await change.look()
        return updated

    ended = await carry_out(change.requested, send, refuse=change.refuse, doubt=change.doubt_after, look=send_again)
    return ended or change.give_up()


class Change:
    """One update of an issue: its requests, each preceded by its intent in the ledger, and its outcome.

    snapshot  the issue's snapshot, brought up to date by each reading
    pending   the patch that may have been executed since the last reading, as JSON; b"" if there is none
    wrote     fields that this change, or an earlier one without an outcome, may have changed
    look      looks at what the target has kept of the description that was written; None if none was
    """

    def __init__(self, connection: RunConnection, operation: Operation) -> None:
        self._run = connection.run
        self._connection = connection
        self.look: Callable[[], Awaitable[None]] | None = None
        self.requested = Write(connection.run, connection.calls, operation, lambda: {"remember": self._learned()})
        self.operation = operation
        self.snapshot = self._before = Snapshot.parse(operation.returned)
        self.pending = operation.pending
        self._leaving = b""  # the pending patch that the present request has recorded
        self._seen: Issue | None = None
        self.wrote = set(pending_fields(operation.pending))
        self._message = ""

    @property
    def requests(self) -> int:
        """How many requests that change the issue were sent."""
        return self.requested.requests

    def learn(self, snapshot: Snapshot, issue: Issue) -> None:
        """Use a reading of the issue, which shows whether the pending patch was executed."""
        self.snapshot = snapshot
        self.pending = b""
        self._seen = issue

    async def patch(self, patch: Mapping[str, Any]) -> Issue:
        """Change fields of the issue that was read; return the answer. Raises as `send_patch` within a turn."""
        assert self._seen is not None
        intend = partial(self._intend, patch)
        return await send_patch(self._connection, self.requested, self._seen, patch, intend)

    async def delete(self, own_issue: Ours) -> None:
        """Delete the issue for good. Raises as `Write.send` within a turn."""
        request = partial(delete, self._connection.client, own_issue)
        await self.requested.send(request, partial(self._intend, {}))

    async def _intend(self, patch: Mapping[str, Any]) -> None:
        """Record, before a request leaves, that these fields have perhaps changed."""
        assert self._seen is not None
        self._leaving = record_pending_patch(self._before, self.snapshot, patch, self._seen.updated_at)
        self.wrote |= patch.keys()
        replacement = make_replacement(self.snapshot, self._seen, patch)
        await self._run.intend(self.operation, self._leaving, replacement)

    def doubt(self, message: str) -> None:
        """Note that the outcome of the current request is unknown."""
        self.pending = self._leaving or self.pending
        self._leaving = b""
        self._message = message
        self.requested.doubt()

    def doubt_after(self, error: CallFailed) -> None:
        """Note that only a reading of the issue shows what became of the current request, or whether it exists."""
        self.doubt(error.message)
        self.requested.doubt(error)

    def refuse(self, error: CallFailed) -> Updated:
        """End a change whose reading or PATCH was refused."""
        if self.pending:
            self._message = error.message
            return self.give_up()
        code = FAILURE_CODES[error.action]
        self.requested.end(State.REFUSED, code=code, message=error.message, remember=self._learned())
        return Updated(Outcome.FAILED, error.message)

    def end_gone(self) -> Updated:
        """End a change whose issue is not in Triage any more."""
        snapshot = self.snapshot.without_issue(self._run.name)
        remember = self._remember(snapshot, self.operation.whole_sha, self.operation.content)
        self.requested.end(State.LEFT, code=snapshot.gone_code, message=GONE_MESSAGE, remember=remember)
        return Updated(Outcome.SKIPPED, GONE_MESSAGE)

    def end(
        self,
        issue: Issue,
        patch: Mapping[str, Any],
        already: Mapping[str, Any],
        conflicts: Sequence[Conflict],
        described: Fitted | None = None,
    ) -> Updated:
        """End a change after sending what may be sent; the next run compares conflicting fields again.

        `issue` is the answer to the request, or what was read if there was nothing to send, and `described` the
        description that was sent, if one was.
        """
        answer = issue
        if self._seen is not None:
            before = {**self._seen.fields, "description": self._seen.description}
            # What an answer leaves out is as it was sent, or else as it was read.
            issue = issue.completed({**before, **patch})
        # What this reading has shown may be an earlier update without an answer, which is done then.
        changed = bool(patch) or self._learned() is not None
        state = State.SAME
        if changed:
            state = State.DONE
        elif conflicts:
            state = State.LEFT
        other_changes = list[str]()
        if self._seen is not None:
            other_changes = find_other_changes(self._seen, issue, patch)
        sentences = [f"{conflict.field} was changed in Triage" for conflict in conflicts]
        sentences += [f"{name} was changed in Triage during the update" for name in other_changes]
        message = "; ".join(sentences)
        moved = () if described is None else described.moved
        written = {**patch, **already}
        after = self.snapshot.after_write(issue, written, moved).with_writes(self.wrote)
        if written.get("description"):
            parts = encode_parts(written["description"])
            after = after.with_parts(parts)
        # With a conflict the issue equals no row, so that the next run finds a change again.
        row = self.operation.content
        equals = (self.operation.whole_sha, row)
        details: bytes | None = None
        code = EDITED_MEANWHILE if other_changes else ""
        if conflicts:
            equals = (b"", unlike_rows(row))
            details = orjson.dumps(list(map(tuple, conflicts)))
            code = CONFLICT

        def record(snapshot: Snapshot, cut: str = "", loss: str = "") -> None:
            texts = "; ".join(filter(None, (message, loss)))
            remember = self._remember(snapshot, *equals, self.operation.dated)
            self.requested.end(state, code=cut or code, message=texts, details=details, remember=remember)

        record(after)
        if described is not None:
            key = self.operation.key
            self.look = partial(look_at_description, self._connection, key, answer, described, after, record)
        return Updated(OUTCOMES[state], message)

    def finish(self) -> Updated:
        """End a change as done, without a new snapshot."""
        self.requested.end(State.DONE)
        return Updated(Outcome.UPDATED)

    def leave(self, code: str, message: str) -> Updated:
        """End a change that is not sent, for a reason that the next run checks again."""
        self.requested.end(State.LEFT, code=code, message=message, remember=self._learned())
        return Updated(Outcome.SKIPPED, message)

    def give_up(self) -> Updated:
        """End a change whose last request has an unknown outcome; the next run reads it back."""
        self.requested.end(State.UNKNOWN, code=OUTCOME_UNKNOWN, message=self._message, details=self.pending)
        return Updated(Outcome.UNKNOWN, self._message)

    def _learned(self) -> KnownCreate | None:
        """The new snapshot, if a reading has changed it; the issue equals no row then."""
        if self.snapshot == self._before:
            return None
        return self._remember(self.snapshot, b"", unlike_rows(self.operation.content))

    def _remember(self, snapshot: Snapshot, body_sha: bytes, content: bytes, dated: float = 0.0) -> KnownCreate:
        returned = snapshot.dump()
        return KnownCreate(self.operation.key, returned=returned, body_sha=body_sha, content=content, dated=dated)


async def send_patch(
    connection: RunConnection,
    write: Write,
    issue: Issue,
    patch: Mapping[str, Any],
    intend: Callable[[], Awaitable[None]],
) -> Issue:
    """Send a patch of an issue that was just read, and return its answer.

    Raises as `Write.send`, and CallFailed, as for a refusal, if the answer shows fields of it as they were read before.
    """
    send = partial(connection.client.update_issue, write.operation.issue_id, orjson.dumps(patch))
    answer = await write.send(send, intend)
    ignored = find_ignored(issue, answer, patch)
    if ignored:
        names = ", ".join(ignored)
        raise CallFailed(Action.REFUSE, f"Triage reported success, but still has the old {names}")
    return answer


def make_replacement(snapshot: Snapshot, issue: Issue, patch: Mapping[str, Any]) -> Replacement | None:
    """Return what a patch is about to replace in an issue as it was read, None if nothing of it may be kept.

    A text with the API key in it is left out: the ledger may not have it, and without it it is another text.
    """
    before = dict[str, Any]()
    for name in patch:
        value = issue.description if name == "description" else issue.fields[name]
        if redact(str(value)) == str(value):
            before[name] = value
    if not before:
        return None
    wrote = {name: keep_value(name, patch[name], snapshot.numbers) for name in before}
    return Replacement(before, snapshot.values_before(issue, before), wrote)


async def look_at_description(
    connection: RunConnection,
    key: str,
    issue: Issue,
    fitted: Fitted,
    before: Snapshot,
    record: Callable[[Snapshot, str, str], None],
) -> None:
    """Look at the answer to a create or an update, and write its description again, shorter, if its marker is lost.

    `before` is the snapshot that was recorded; with a better one, and what is cut, `record` is called with its code and
    message. Raises Interrupted, and RunStopped.
    """
    keeping = connection.keeping.descriptions
    if "description" in issue.unanswered:  # and couldn't be read: it counts as sent
        issue = issue._replace(description=fitted.text)
    answer = issue

    def end(code: str = "", message: str = "") -> None:
        connection.keeping.continued.update([key] if fitted.moved else ())
        record(before.after_write(issue, {"description": fitted.whole}, fitted.moved), code, message)

    async def read() -> str | None:
        nonlocal issue
        issue = await read_back(connection, answer) or answer
        return None if issue is answer else issue.description

    if find_left(fitted.text, issue.description) is not None:  # the ledger says so until somebody has looked
        end(MARKER_CUT, "Triage's answer lacks the end of the description")
    cut_text = await keeping.look(fitted.text, issue.description, read)
    # An attempt whose outcome was lost had shortened it.
    is_begun = CONTINUED in issue.description and CONTINUED not in fitted.text
    if cut_text is None and not is_begun:
        if issue is not answer or fitted.moved:
            end()
        return
    marker = find_marker(fitted.whole)
    loss = (
        "" if cut_text is None else f"Triage kept {Size.of(cut_text)} of the {Size.of(fitted.text)} of the description"
    )
    if find_marker(issue.description) == marker and not is_begun:
        end(TEXT_CUT, loss)
        return
    fitted = shorten(fitted.whole, keeping.takes if cut_text is None else Size.of(cut_text).takes)
    with suppress(CallFailed):
        if fitted.text:
            body = orjson.dumps({"description": fitted.text})
            update = partial(connection.client.update_issue, issue.id, body)
            issue = answer = await connection.calls.call(update)
            left_again = await keeping.look(fitted.text, issue.description, read)
            if left_again is None or find_marker(issue.description) == marker:
                code = "" if cut_text is None else TEXT_CUT
                end(code, code and f"{loss}; it was written again, shorter, and goes on in comments")
                return
    fitted = fitted._replace(moved=())
    end(MARKER_CUT, f"{loss}, and its marker is lost")


async def read_back(connection: RunConnection, issue: Issue) -> Issue | None:
    """Read an issue that was just written; None if it can't be read."""
    read_issue = partial(connection.absence.read_once, issue.id, connection.now())
    try:
        return await connection.workers.when_sure(read_issue)
    except CallFailed:
        return None
