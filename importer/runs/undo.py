"""The change set of `undo`: closes or deletes what a run created, and gives back what it updated, but for edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Collection, Iterable, Mapping, Sequence
from functools import partial

import orjson

from importer.api import PATCHABLE_FIELDS, issue_path
from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.schema import RunKind
from importer.ledger.store import Ledger
from importer.load.fingerprint import COMMENT, Held, fingerprint_shown
from importer.load.provenance import HANGING, Provenance, count_most, find_miscounts
from importer.load.reconcile import Reconciler
from importer.load.updates import ATTEMPTS, WRITES, Change, Updated
from importer.records import ADDITIONS, Act, Operation, Outcome
from importer.runs.change_set import CLOSED, CORRECTED, GONE, TOUCHED, UNTOUCHED, Apply, ChangeVerdict, Left, find_open
from importer.runs.give_back import GIVEN_BACK, LATER, VERDICTS, GiveBack
from importer.triage.actions import Action, CallFailed
from importer.triage.answers import Entry, Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import assume_applied, find_edits, merge, pending_fields

CLOSING = {"status": CLOSED}
CHANGED = {f"{name.removesuffix('_id')}_changed": name for name in PATCHABLE_FIELDS}
"""Type of an activity entry → the field that was changed. Source: get/triage-issues-id-activity."""
ADDED = {f"{name}_added": name for name in HANGING}
"""Type of an activity entry → what was added to the issue."""
TRACES = {
    **{f"{name}_{what}": f"{name}s" for name in HANGING for what in ("added", "removed")},
    **dict.fromkeys(
        ("session_started", "prompt", "thought", "action", "response", "artifact", "error", "session_stopped"),
        "agent session",
    ),
}
"""Type of an activity entry → the trace that an undo reports; any other type is reported by its own name."""
DONE = {"close": CLOSED, "delete": "deleted", "": "given back"}
"""The options of `undo`, without their dashes → what is said of the issues that it was done to."""
NOTHING: Held = {act: Counter() for act in ADDITIONS}


class Undo:
    """Closes or deletes the issues of a run that nobody touched since, and gives back the fields that it updated.

    See `change_set.ChangeSet`.

    way       what becomes of created issues: `close`, `delete`, or "": they stay
    created   the number of issues that the run created and that are not dealt with yet
    giving    the issues that it updated
    kept_none  the number of issues that it updated and of which the ledger has no old values
    """

    kind = RunKind.UNDO
    outcomes: Mapping[str, Outcome] = {
        UNTOUCHED: Outcome.PLANNED,
        CLOSED: Outcome.UNCHANGED,
        TOUCHED: Outcome.SKIPPED,
        GONE: Outcome.SKIPPED,
        **VERDICTS,
    }

    def __init__(self, ledger: Ledger, run: Run, *, way: str) -> None:
        """Plan it. Raises UsageError if the run only created issues and there is no way for them."""
        self.way, self.digest, self.done = way, way or "fields", DONE[way]
        self.operations: dict[str, Operation] = {}
        self.left: list[Left] = []
        self._provenance = Provenance(run.additions)
        own = find_open(ledger, run, self)
        earlier = {row.key: row.outcome for row in own.results()} if own else {}
        done = {key for key, outcome in earlier.items() if outcome is Outcome.UPDATED}
        self._sent = {key for key, outcome in earlier.items() if outcome is Outcome.UNKNOWN}
        became = {row.key: row.outcome for row in run.results() if row.outcome in (Outcome.CREATED, Outcome.UPDATED)}
        created = {key for key, outcome in became.items() if outcome is Outcome.CREATED}
        self.created_before, self.given_before = len(done & created), len(done - created)
        self.created = len(created - done)
        if way:
            self._plan(run, created - done)
        self.giving = GiveBack(run, created | done)
        self.operations |= self.giving.operations
        given = {operation.key for operation in self.giving.operations.values()}
        self.kept_none = len(became.keys() - created - given - done)
        if created and not way and not given and not done:
            raise UsageError(
                f"{run.name} updated no field, and what it created needs one of --close and --delete.",
                hint="--close is advised: it can itself be undone.",
            )

    @property
    def done_before(self) -> int:
        """The number of issues that an earlier attempt has dealt with."""
        return self.created_before + self.given_before

    def _plan(self, run: Run, keys: Collection[str]) -> None:
        """Plan to close or delete the issues of these keys."""
        delete = self.way == "delete"
        for each in run.made():
            if each.key in keys:
                self.operations[each.issue_id] = Operation(
                    each.key,
                    "DELETE" if delete else "PATCH",
                    issue_path(each.issue_id),
                    b"" if delete else orjson.dumps(CLOSING),
                    each.marker,
                    each.content,
                    Act.DELETE if delete else Act.UPDATE,
                    each.body_sha,
                    each.issue_id,
                    each.triage_id,
                    each.returned,
                    each.pending,
                )

    def assess(self, operation: Operation, issue: Issue) -> ChangeVerdict | None:
        """Return the verdict on an issue to which nothing ever happened; None for any other, which must be read."""
        if operation.issue_id in self.giving.operations:
            return self.giving.assess(operation, issue)
        edits = set(find_edits(operation.returned, issue)) - {"description"}  # the list may have cut it
        if edits or issue.updated_at != issue.created_at or find_traces(operation.returned, issue, (), (), NOTHING):
            return None
        return self._untouched(operation)

    async def read(self, client: TriageClient, calls: PacedCalls, operation: Operation) -> ChangeVerdict:
        """Read an issue with its activity and return the verdict on it. Raises CallFailed."""
        if operation.issue_id in self.giving.operations:
            return await self.giving.read(client, calls, operation)
        returned, pending = operation.returned, operation.pending
        try:
            inspector = Inspector(client, calls, self._provenance)
            *_, touched = await inspector.inspect(operation, returned, pending, pending_fields(pending))
        except CallFailed as error:
            if error.is_gone and operation.key in self._sent:
                return ChangeVerdict(UNTOUCHED)
            raise
        return ChangeVerdict(TOUCHED, tuple(touched)) if touched else self._untouched(operation)

    def _untouched(self, operation: Operation) -> ChangeVerdict:
        """Only the ledger says that an issue is closed: after a write of unknown outcome it is still to be settled."""
        is_closed = self.way == "close" and _status_of(operation) == CLOSED
        return ChangeVerdict(CLOSED if is_closed else UNTOUCHED)

    def name(self, verdict: str, outcome: Outcome) -> str:
        """Return the code in results.csv of an issue with this verdict that was changed, or needed no change."""
        if verdict in VERDICTS:
            if outcome is Outcome.UPDATED:
                return GIVEN_BACK
            return (
                verdict if verdict == LATER else CORRECTED
            )  # the fields that are this run's have their values already
        return self.done if outcome is Outcome.UPDATED else CLOSED

    def applier(self, client: TriageClient, run: Run, calls: PacedCalls) -> Apply:
        """Return what closes or deletes one issue, or gives its fields back."""
        undo = Undoer(client, run, calls, self._provenance, self._sent).undo
        give_back = self.giving.applier(client, run, calls)

        def apply(operation: Operation) -> Awaitable[Updated]:
            return (give_back if operation.issue_id in self.giving.operations else undo)(operation)

        return apply


class Undoer:
    """Closes or deletes issues. `sent` are the keys whose issues an earlier attempt may have deleted."""

    def __init__(
        self, client: TriageClient, run: Run, calls: PacedCalls, provenance: Provenance, sent: Collection[str] = ()
    ) -> None:
        self._client, self._run, self._calls, self._sent = client, run, calls, sent
        self._inspector = Inspector(client, calls, provenance)

    async def undo(self, operation: Operation) -> Updated:
        """Read an issue, and close or delete it if nobody has touched it; the outcome is recorded.

        Raises:
            RunStopped: the answer ends the run.
            Interrupted: the run was interrupted.
        """
        change = Change(self._run, operation)
        deletes = operation.act is Act.DELETE
        for _ in range(ATTEMPTS):
            try:
                issue, touched = await self._inspect(change)
                if touched:
                    return change.leave(TOUCHED, ", ".join(touched))
                return await (self._delete(change) if deletes else self._close(change, issue))
            except CallFailed as error:
                # Gone after a request of ours, so most likely by it. The transport may repeat a DELETE, too.
                perhaps_ours = change.requests > 0 or operation.key in self._sent
                if deletes and perhaps_ours and error.is_gone:
                    return change.finish()
                if error.action is not Action.SETTLE:
                    return change.conclude(error)
                change.doubt(error.message)
        return change.give_up()

    async def _delete(self, change: Change) -> Updated:
        await change.write(self._calls, partial(self._client.delete_issue, change.operation.issue_id), {})
        return change.finish()

    async def _close(self, change: Change, issue: Issue) -> Updated:
        operation = change.operation
        if issue.fields["status"] != CLOSED:
            send = partial(self._client.update_issue, operation.issue_id, operation.body)
            issue = await change.write(self._calls, send, CLOSING)
        snapshot = orjson.loads(operation.returned)
        # The row still stands for the status that it was sent with, so that no later run takes it for changed.
        sent = {name: value for name, value in (snapshot | snapshot.get("sent", {})).items() if name in CLOSING}
        return change.end(issue, {} if _status_of(operation) == CLOSED else sent, {}, [])

    async def _inspect(self, change: Change) -> tuple[Issue, list[str]]:
        operation, returned, pending = change.operation, change.returned, change.pending
        issue, learned, touched = await self._inspector.inspect(operation, returned, pending, change.wrote)
        change.learn(learned, issue)
        return issue, touched


class Inspector:
    """Reads issues with their activity and additions, and tells what of these people or agents did."""

    def __init__(self, client: TriageClient, calls: PacedCalls, provenance: Provenance) -> None:
        self._client, self._calls, self._provenance = client, calls, provenance
        self._reconciler = Reconciler(client, calls)

    async def inspect(
        self, operation: Operation, returned: bytes, pending: bytes, wrote: Iterable[str]
    ) -> tuple[Issue, bytes, list[str]]:
        """Read an issue; return it, its snapshot after this reading, and the traces of others.

        returned  its snapshot
        pending   a change of unknown outcome, b"" if there is none
        wrote     the fields that this program may have changed since the snapshot

        Raises CallFailed.
        """
        issue_id, own = operation.issue_id, self._provenance.of(operation.key)
        entries = await self._reconciler.read_entries(issue_id)
        issue = await self._calls.call(partial(self._client.get_issue, issue_id))
        # Compared one by one, except evidence: ledgers of earlier versions only know how much came with a create.
        hanging = {name: act for name, act in HANGING.items() if own[act] and getattr(issue, f"{name}_count")}
        held = await self._reconciler.read_held(issue_id, set(hanging.values()) - {Act.EVIDENCE}, own[Act.FLAG])
        learned = merge(assume_applied(returned, pending), issue, {}).returned
        edits = [name for name in find_edits(learned, issue) if name in PATCHABLE_FIELDS]
        strange = [f"{name}s" for name, act in hanging.items() if act in held and held[act] - own[act]]
        traces = find_traces(learned, issue, entries, wrote, own)
        return issue, learned, list(dict.fromkeys([*edits, *strange, *traces]))


def find_traces(returned: bytes, issue: Issue, entries: Sequence[Entry], wrote: Iterable[str], own: Held) -> list[str]:
    """Return the traces that others left on an issue, by what they touched; `returned` is its snapshot."""
    traces, most = find_miscounts(returned, issue, own), count_most(returned, own)
    if issue.had_agent:
        traces.append("agent session")
    said = Counter(fingerprint_shown(issue.id, entry) for entry in entries if entry.type == COMMENT)
    if said - own[Act.COMMENT]:
        traces.append(COMMENT)
    writes = Counter(orjson.loads(returned).get(WRITES, {})) + Counter(wrote)
    writes["description"] += own[Act.REFER].total()
    for type_, times in Counter(entry.type for entry in entries).items():
        if type_ in CHANGED:
            if times > writes[CHANGED[type_]]:
                traces.append(CHANGED[type_])
        elif type_ in ADDED:
            if times > most[ADDED[type_]]:
                traces.append(TRACES[type_])
        elif type_ not in ("created", COMMENT):
            traces.append(TRACES.get(type_, type_))
    return traces


def _status_of(operation: Operation) -> str:
    return str(orjson.loads(operation.returned).get("status"))
