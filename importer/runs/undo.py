"""The change set of `undo`: closes or deletes what a run created, and gives back what it updated, but for edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import NamedTuple

from importer.api import PATCHABLE_FIELDS
from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.known_create import KnownCreate
from importer.ledger.schema import RunKind
from importer.ledger.statements import portions
from importer.ledger.store import Ledger
from importer.load.acts import ACTS, COMMENT, HANGING, Held, fingerprint_shown
from importer.load.addition_reader import AdditionReader, Provenance, count_most, find_miscounts
from importer.load.driver import RunConnection
from importer.load.updates import Change, Updated, carry_out_change
from importer.records import ADDITIONS, Act, Operation, Outcome
from importer.runs.change_set import (
    CLOSED,
    CLOSED_ALREADY,
    CORRECTED,
    GONE,
    TOUCHED,
    UNTOUCHED,
    Apply,
    Listed,
    find_open,
    leave_unsettled,
)
from importer.runs.give_back import GIVEN_BACK, LATER, VERDICTS, GiveBack
from importer.runs.planned_changes import ChangePart, ChangeVerdict, PlannedChange, PlannedChanges, change_of
from importer.scratch import Scratch
from importer.triage.absence import ISSUE, NotYet
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry, Issue
from importer.triage.snapshot import Snapshot, pending_fields

CLOSE_ADVISED = (
    "--close is recommended: closed issues keep their numbers, and `repair RUN -m MAPPING --fields status` opens them "
    "again."
)
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
UNSEEN = "activity"
"""The trace of an issue whose activity doesn't show what we have added."""
DONE = {"close": CLOSED, "delete": "deleted", "": "given back"}
"""The options of `undo`, without their dashes → what is said of the issues that it was done to."""
NOTHING: Held = {act: Counter() for act in ADDITIONS}


class Undo:
    """Closes or deletes the issues of a run that nobody touched since, and gives back the fields that it updated.

    See `change_set.ChangeSet`.

    way       what becomes of created issues: `close`, `delete`, or "": they stay
    created   the number of issues that the run created and that are not dealt with yet
    giving    gives the fields back of those that it updated; `has_updated` says whether there are any
    given_already  the number of issues that it updated and that an earlier undo has given their old values back
    kept_none  the number of issues that it updated and of which the ledger has no old values
    """

    kind = RunKind.UNDO
    outcomes: Mapping[str, Outcome] = {
        UNTOUCHED: Outcome.PLANNED,
        CLOSED_ALREADY: Outcome.UNCHANGED,
        TOUCHED: Outcome.SKIPPED,
        GONE: Outcome.SKIPPED,
        **VERDICTS,
    }

    def __init__(self, ledger: Ledger, run: Run, *, way: str) -> None:
        """Plan it. Raises UsageError if the run only created issues and there is no way for them."""
        self.way, self.digest, self.done = way, way or "fields", DONE[way]
        self.typed: Sequence[str] = [f"--{way}"] if way else []
        self.changes = PlannedChanges()
        self.giving = GiveBack(run)
        self._provenance = Provenance(run.additions)
        keys = UndoKeys(ledger, run, find_open(ledger, run, self))
        self.created = keys.count(CREATED)
        if way:
            self._plan(map(self._take_back, run.made()), keys)
            leave_unsettled(self.changes, run)
        given = self._plan(self.giving.plan(), keys)
        self.created_before, self.given_before = keys.count(CREATED_BEFORE), keys.count(GIVEN_BEFORE)
        self.given_already = keys.count(GIVEN_ALREADY)
        self.kept_none = keys.count(OTHERS) - self.given_already
        self.has_updated = bool(given or self.given_before or self.given_already or self.kept_none)
        if self.created and not way and not given and not self.done_before:
            what = "has no field left to restore" if self.given_already else "updated no field"
            raise UsageError(
                f"{run.name} {what}, and what it created needs --close or --delete.",
                hint=f"To close them, which `repair` can revert: {run.command('undo', run.name, '--close')}",
            )

    @property
    def done_before(self) -> int:
        """The number of issues that an earlier attempt has dealt with."""
        return self.created_before + self.given_before

    def _plan(self, changes: Iterable[PlannedChange], keys: UndoKeys) -> int:
        """Plan those of these changes that are still to be made; return how many they are."""
        before = self.changes.numbers[ChangePart.CHANGED]
        self.changes.plan(keys.choose(changes))
        return self.changes.numbers[ChangePart.CHANGED] - before

    def _take_back(self, made: KnownCreate) -> PlannedChange:
        """Return what closes or deletes an issue."""
        return PlannedChange(change_of(made, CLOSING, deletes=self.way == "delete"))

    def assess(self, listed: Listed) -> list[ChangeVerdict | None]:
        """Return the verdicts on issues to which nothing ever happened; None for any other, which must be read."""
        return [self._assess(change, issue) for change, issue in listed]

    def _assess(self, change: PlannedChange, issue: Issue) -> ChangeVerdict | None:
        if change.restores:
            return self.giving.assess(change, issue)
        snapshot = Snapshot.parse(change.operation.returned)
        edits = set(snapshot.edits(issue)) - {"description"}  # the list may have cut it
        is_touched = issue.updated_at != issue.created_at or issue.had_agent
        if edits or is_touched or find_miscounts(snapshot, issue, NOTHING):
            return None
        return self._untouched(snapshot)

    async def read(self, connection: RunConnection, change: PlannedChange) -> ChangeVerdict:
        """Read an issue with its activity and return the verdict on it. Raises CallFailed, and NotYet."""
        if change.restores:
            return await self.giving.read(connection, change)
        operation = change.operation
        snapshot, pending = Snapshot.parse(operation.returned), operation.pending
        inspector = Inspector(connection, self._provenance)
        seen = await inspector.inspect(operation, snapshot, pending, pending_fields(pending))
        if seen is None:
            return ChangeVerdict(UNTOUCHED if change.was_sent else GONE)
        return ChangeVerdict(TOUCHED, tuple(seen.touched)) if seen.touched else self._untouched(snapshot)

    def _untouched(self, snapshot: Snapshot) -> ChangeVerdict:
        """Only the ledger says that an issue is closed: after a write of unknown outcome it is still to be settled."""
        is_closed = self.way == "close" and snapshot.fields.get("status") == CLOSED
        return ChangeVerdict(CLOSED_ALREADY if is_closed else UNTOUCHED)

    def name(self, verdict: str, outcome: Outcome) -> str:
        """Return the code in results.csv of an issue with this verdict that was changed, or needed no change."""
        if verdict in VERDICTS:
            if outcome is Outcome.UPDATED:
                return GIVEN_BACK
            return LATER if verdict == LATER else CORRECTED
        return self.done if outcome is Outcome.UPDATED else CLOSED_ALREADY

    def applier(self, connection: RunConnection) -> Apply:
        """Return what closes or deletes one issue, or gives its fields back."""
        undo, give_back = Undoer(connection, self._provenance).undo, self.giving.applier(connection)

        def apply(change: PlannedChange) -> Awaitable[Updated]:
            return (give_back if change.restores else undo)(change)

        return apply


class Undoer:
    """Closes or deletes issues."""

    def __init__(self, connection: RunConnection, provenance: Provenance) -> None:
        self._client, self._absence = connection.client, connection.absence
        self._connection = connection
        self._inspector = Inspector(connection, provenance)

    async def undo(self, planned: PlannedChange) -> Updated:
        """Read an issue, and close or delete it if nobody has touched it; the outcome is recorded.

        Raises:
            RunStopped: the answer ends the run.
            Interrupted: the run was interrupted.
        """
        read_and_write = partial(self._read_and_write, was_sent=planned.was_sent)
        return await carry_out_change(self._connection, planned.operation, read_and_write)

    async def _read_and_write(self, change: Change, *, was_sent: bool) -> Updated:
        operation, deletes = change.operation, change.operation.act is Act.DELETE
        seen = await self._inspector.inspect(operation, change.snapshot, change.pending, change.wrote)
        if seen is None:
            # Gone after a request of ours, so most likely by it. The transport may repeat a DELETE, too.
            perhaps_ours = change.requests > 0 or was_sent
            return change.finish() if deletes and perhaps_ours else change.end_gone()
        change.learn(seen.snapshot, seen.issue)
        if seen.touched:
            return change.leave(TOUCHED, ", ".join(seen.touched))
        return await (self._delete(change) if deletes else self._close(change, seen.issue))

    async def _delete(self, change: Change) -> Updated:
        """Delete an issue, and read it: what is reported as deleted must not be there, or an import would double it."""
        operation = change.operation
        await change.write(partial(self._client.delete_issue, operation.issue_id), {})
        change.doubt("Triage reported the issue as deleted but still shows it")
        self._absence.note_deleted(operation.issue_id)
        if await self._absence.read_once(operation.issue_id, operation.since) is None:
            return change.finish()
        if change.requests >= ACTS[Act.DELETE].attempts:
            return change.give_up()
        raise NotYet(ISSUE.apart)

    async def _close(self, change: Change, issue: Issue) -> Updated:
        operation = change.operation
        if issue.fields["status"] != CLOSED:
            send = partial(self._client.update_issue, operation.issue_id, operation.body)
            issue = await change.write(send, CLOSING)
        # The row still stands for the status that it was sent with, so that no later run takes it for changed.
        before = Snapshot.parse(operation.returned)
        sent = {name: value for name, value in before.ours.items() if name in CLOSING}
        return change.end(issue, {} if before.fields.get("status") == CLOSED else sent, {}, [])


class Inspected(NamedTuple):
    """An issue as it was read, its snapshot after this reading, and the traces of others."""

    issue: Issue
    snapshot: Snapshot
    touched: list[str]


class Inspector:
    """Reads issues with their activity and additions, and tells what of these people or agents did."""

    def __init__(self, connection: RunConnection, provenance: Provenance) -> None:
        self._absence, self._provenance = connection.absence, provenance
        self._reader = AdditionReader(connection.client, connection.calls)

    async def inspect(
        self, operation: Operation, snapshot: Snapshot, pending: bytes, wrote: Iterable[str]
    ) -> Inspected | None:
        """Read an issue; None if it is gone.

        snapshot  of our last write to it
        pending   a change of unknown outcome, b"" if there is none
        wrote     the fields that this program may have changed since the snapshot

        Raises CallFailed, and NotYet as `Absence.read_once`.
        """
        own, acknowledged = self._provenance.find([operation.key])[operation.key]
        try:
            issue, entries, held = await self._read(operation, own)
        except CallFailed as error:
            if not error.is_gone:
                raise
            await self._absence.weigh(error, operation.issue_id, operation.since)
            return None
        if issue is None:
            return None
        learned = snapshot.merge(issue, {}, pending).snapshot
        edits = [name for name in learned.edits(issue) if name in PATCHABLE_FIELDS]
        strange = [f"{name}s" for name, act in HANGING.items() if act in held and held[act] - own[act]]
        traces = find_traces(learned, issue, entries, wrote, own)
        if not acknowledged[Act.COMMENT] <= _count_comments(issue, entries):
            traces.append(UNSEEN)  # what people did may be hidden as well
        return Inspected(issue, learned, list(dict.fromkeys([*edits, *strange, *traces])))

    async def _read(self, operation: Operation, own: Held) -> tuple[Issue | None, list[Entry], Held]:
        """Read the activity, the additions as far as some are ours, and last the issue itself."""
        issue_id = operation.issue_id
        entries = await self._reader.read_entries(issue_id)
        # Compared one by one, except evidence, of which `find_traces` compares the number.
        acts = {act for act in HANGING.values() if own[act]} - {Act.EVIDENCE}
        held = await self._reader.read_held(issue_id, acts)
        return await self._absence.read_once(issue_id, operation.since), entries, held


def find_traces(
    snapshot: Snapshot, issue: Issue, entries: Sequence[Entry], wrote: Iterable[str], own: Held
) -> list[str]:
    """Return the traces that others left on an issue, by what they touched."""
    traces, most = find_miscounts(snapshot, issue, own), count_most(snapshot, own)
    if issue.had_agent:
        traces.append("agent session")
    if _count_comments(issue, entries) - own[Act.COMMENT]:
        traces.append(COMMENT)
    writes = Counter(snapshot.writes) + Counter(wrote)
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


def _count_comments(issue: Issue, entries: Iterable[Entry]) -> Counter[bytes]:
    return Counter(fingerprint_shown(issue.id, entry) for entry in entries if entry.type == COMMENT)


_SCHEMA = """
CREATE TABLE keys (
    key TEXT PRIMARY KEY, became TEXT NOT NULL DEFAULT '', tried TEXT NOT NULL DEFAULT '',
    is_planned INTEGER NOT NULL DEFAULT 0, is_given_back INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""
CREATED = "became = 'created' AND tried != 'updated'"
"""Keys whose issues the run created, and no earlier attempt has closed or deleted."""
CREATED_BEFORE = "became = 'created' AND tried = 'updated'"
"""Those that it has closed or deleted."""
GIVEN_BEFORE = "became != 'created' AND tried = 'updated'"
"""Keys whose issues an earlier attempt has given their old values back."""
OTHERS = "became = 'updated' AND tried != 'updated' AND NOT is_planned"
"""Keys whose issues the run updated, and of which there is nothing to give back."""
GIVEN_ALREADY = f"{OTHERS} AND is_given_back"
"""Those that another undo has given their old values back."""


class UndoKeys:
    """The keys of a run. Every method raises StorageFull if the temporary disk is full."""

    def __init__(self, ledger: Ledger, run: Run, own: Run | None) -> None:
        """Read them; `own` is the run of an attempt at the same undo that is still open."""
        self._scratch = Scratch(_SCHEMA)
        became = (row for row in run.results() if row.outcome in (Outcome.CREATED, Outcome.UPDATED))
        self._put("became", ((row.key, row.outcome.value) for row in became))
        if own is not None:
            self._put("tried", ((row.key, row.outcome.value) for row in own.results()))
        self._scratch.write("UPDATE keys SET is_given_back = 1 WHERE key = ?", find_given_back(ledger, run))

    def _put(self, column: str, values: Iterator[tuple[str, str]]) -> None:
        put = f"INSERT INTO keys (key, {column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET {column} = excluded.{column}"
        self._scratch.write(put, values)

    def choose(self, changes: Iterable[PlannedChange]) -> Iterator[PlannedChange]:
        """Yield the changes that are still to be made; what the run created is not given back, but taken back."""
        for some in portions(changes):
            known = self._find([change.operation.key for change in some])
            chosen = list[PlannedChange]()
            for change in some:
                became, tried = known.get(change.operation.key, ("", ""))
                if change.restores != (became == Outcome.CREATED) and tried != Outcome.UPDATED:
                    chosen.append(change._replace(was_sent=tried == Outcome.UNKNOWN))
            restored = ((change.operation.key,) for change in chosen if change.restores)
            self._scratch.write("UPDATE keys SET is_planned = 1 WHERE key = ?", restored)
            yield from chosen

    def _find(self, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return for each known key what the run has made of it, and what the open attempt."""
        query = f"SELECT key, became, tried FROM keys WHERE key IN ({', '.join('?' * len(keys))})"
        return {key: (became, tried) for key, became, tried in self._scratch.rows(query, keys)}

    def count(self, condition: str) -> int:
        """Count the keys that meet one of the conditions above."""
        (number,) = self._scratch.row(f"SELECT count(*) FROM keys WHERE {condition}")
        return int(number)


def find_given_back(ledger: Ledger, run: Run) -> Iterator[tuple[str]]:
    """Yield the keys of the issues that earlier undos of a run have dealt with, or found dealt with."""
    undos = (each for each in ledger.list_runs() if each.kind is RunKind.UNDO and each.options.get("of") == run.name)
    done = (Outcome.UPDATED, Outcome.UNCHANGED)
    return ((row.key,) for each in undos for row in each.results() if row.outcome in done)
