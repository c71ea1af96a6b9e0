"""The change set of `undo`: closes or deletes what a run created, and gives back what it updated, but for edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import orjson

from importer.api import PATCHABLE_FIELDS
from importer.codes import CONFLICT
from importer.errors import UsageError
from importer.ledger.journal import Run
from importer.ledger.replaced import Replaced
from importer.ledger.schema import RunKind
from importer.ledger.store import Ledger
from importer.load.acts import ACTS, COMMENT, HANGING, Held, fingerprint_shown
from importer.load.addition_reader import AdditionReader, Provenance, count_most, find_miscounts
from importer.load.driver import RunConnection
from importer.load.ours import prove_created
from importer.load.updates import Change, Updated, carry_out_change
from importer.records import ADDITIONS, Act, Operation, Outcome
from importer.runs.change_set import (
    CLOSED,
    CLOSED_ALREADY,
    CORRECTED,
    EDITED,
    GONE,
    LATER,
    RESTORABLE,
    TOUCHED,
    UNTOUCHED,
    ChangeSet,
    ChangeVerdict,
    PlannedChange,
    change_of,
    is_closed_by_undo,
    judge,
)
from importer.scratch import Scratch
from importer.triage.absence import ISSUE, NotYet
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry, Issue
from importer.triage.snapshot import Snapshot, is_like, pending_fields

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
UNMARKED = "no marker"
"""The trace of an issue that shows nothing of ours: the ledger may have its id from the answer to another request."""
UNSEEN = "activity"
"""The trace of an issue whose activity doesn't show what we have added."""
DONE = {"close": CLOSED, "delete": "deleted", "": "given back"}
"""The options of `undo`, without their dashes → what is said of the issues that it was done to."""
GIVEN_BACK = "given-back"
GIVING = (RESTORABLE, EDITED, CONFLICT, LATER, CORRECTED)
"""Codes of verdicts on issues that get old values back."""
NOTHING: Held = {act: Counter() for act in ADDITIONS}


class Undo(ChangeSet):
    """Closes or deletes the issues of a run that nobody touched since, and gives back the fields that it updated.

    way       what becomes of created issues: `close`, `delete`, or "": they stay
    created   the number of issues that the run created and that are not dealt with yet; `created_before` by an earlier
              attempt, as `given_before` of those that it updated are
    has_updated  whether it updated any
    given_already  the number of issues that it updated and that an earlier undo has given their old values back
    kept_none  the number of issues that it updated and of which the ledger has no old values
    """

    kind = RunKind.UNDO

    def __init__(self, ledger: Ledger, run: Run, *, way: str) -> None:
        """Plan it. Raises UsageError if the run only created issues and there is no way for them."""
        super().__init__(way or "fields", DONE[way], [f"--{way}"] if way else [])
        self.way, self._provenance = way, Provenance(run.additions)
        self._replaced, self._command = run.replaced, run.command
        keys = UndoKeys(ledger, run, self.find_open(ledger, run))
        if way:
            deletes = way == "delete"
            taken_back = (PlannedChange(change_of(made, CLOSING, deletes=deletes)) for made in run.made())
            self.plan(keys.choose(taken_back))
            self.leave_unsettled(run)
        self.plan(keys.choose(map(self._give_back, self._replaced.issues())))
        self.created, self.created_before, self.given_before, given, self.given_already, self.kept_none = keys.count()
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

    def _give_back(self, each: Replaced) -> PlannedChange:
        """Plan to give an issue's fields back, each only if this run was the last of ours to write it.

        The body has their names alone: `_fill` reads their values right before they are used, as descriptions are long.
        """
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

    def _fill(self, operation: Operation) -> Operation:
        """Return an operation with the values that are to be given back."""
        before = self._replaced.before(operation.key)
        values: dict[str, Any] = {name: before[name] for name in orjson.loads(operation.body) if name in before}
        return operation._replace(body=orjson.dumps(values))

    def assess(
        self, listed: Sequence[tuple[PlannedChange, Issue]], *, is_whole: bool = False
    ) -> list[ChangeVerdict | None]:
        """Return the verdicts on issues as a list shows them.

        Of one that is to be closed or deleted it shows enough if nothing ever happened to it; of one that gets values
        back, unless it may have cut a description.
        """
        return [self._assess(change, issue, is_whole=is_whole) for change, issue in listed]

    def _assess(self, change: PlannedChange, issue: Issue, *, is_whole: bool) -> ChangeVerdict | None:
        operation, later = change.operation, change.later
        snapshot = Snapshot.parse(operation.returned)
        if not change.restores:
            edits = set(snapshot.edits(issue)) - {"description"}  # the list may have cut it
            is_touched = issue.updated_at != issue.created_at or issue.had_agent
            is_doubtful = edits or is_touched or find_miscounts(snapshot, issue, NOTHING)
            return None if is_doubtful else self._untouched(snapshot)
        merged = snapshot.merge(issue, orjson.loads(self._fill(operation).body), operation.pending)
        if not is_whole and any(each.field == "description" for each in merged.conflicts):
            return None
        verdict = judge(merged, RESTORABLE, self._name_later(later), is_edited=bool(later))
        is_later = later and not (merged.patch or merged.conflicts)
        return verdict._replace(code=LATER, fields=tuple(later)) if is_later else verdict

    async def read(self, connection: RunConnection, change: PlannedChange) -> ChangeVerdict:
        """Read an issue with its activity and return the verdict on it. Raises CallFailed, and NotYet."""
        if change.restores:
            return await super().read(connection, change)
        operation = change.operation
        snapshot, pending = Snapshot.parse(operation.returned), operation.pending
        seen = await inspect(connection, self._provenance, operation, snapshot, pending, pending_fields(pending))
        if seen is None:
            return ChangeVerdict(UNTOUCHED if change.was_sent else GONE)
        _, _, touched = seen
        return ChangeVerdict(TOUCHED, tuple(touched)) if touched else self._untouched(snapshot)

    def _untouched(self, snapshot: Snapshot) -> ChangeVerdict:
        """Only the ledger says that an issue is closed: after a write of unknown outcome it is still to be settled."""
        is_closed = self.way == "close" and snapshot.fields.get("status") == CLOSED
        return ChangeVerdict(CLOSED_ALREADY if is_closed else UNTOUCHED)

    def name(self, verdict: str, outcome: Outcome) -> str:
        """See `ChangeSet.name`."""
        done, not_needed = (GIVEN_BACK, CORRECTED) if verdict in GIVING else (self.done, CLOSED_ALREADY)
        return done if outcome is Outcome.UPDATED else LATER if verdict == LATER else not_needed

    async def apply(self, connection: RunConnection, change: PlannedChange) -> Updated:
        """Close or delete one issue, or give its fields back."""
        if change.restores:
            return await super().apply(connection, change._replace(operation=self._fill(change.operation)))
        take_back = partial(self._take_back, connection, was_sent=change.was_sent)
        return await carry_out_change(connection, change.operation, take_back)

    async def _take_back(self, connection: RunConnection, change: Change, *, was_sent: bool) -> Updated:
        """Read an issue, and close or delete it if nobody has touched it."""
        operation, deletes = change.operation, change.operation.act is Act.DELETE
        seen = await inspect(connection, self._provenance, operation, change.snapshot, change.pending, change.wrote)
        if seen is None:
            # Gone after a request of ours, so most likely by it. The transport may repeat a DELETE, too.
            perhaps_ours = change.requests > 0 or was_sent
            return change.finish() if deletes and perhaps_ours else change.end_gone()
        issue, learned, touched = seen
        change.learn(learned, issue)
        if touched:
            return change.leave(TOUCHED, ", ".join(touched))
        return await (_delete(connection, change, issue) if deletes else _close(change, issue))

    def undo_first(self, later: Mapping[str, str]) -> str:
        """The command that takes the newest of the runs back that have written these fields later."""
        return self._command("undo", [*later.values()][-1])

    def _name_later(self, later: Mapping[str, str]) -> str:
        """Name the fields of an issue that a later run wrote, and what to type first; "" if there are none."""
        if not later:
            return ""
        return f"{', '.join(later)} changed by a later run; first: {self.undo_first(later)}"


async def _delete(connection: RunConnection, change: Change, issue: Issue) -> Updated:
    """Delete an issue, and read it: what is reported as deleted must not be there, or an import would double it."""
    operation = change.operation
    ours = prove_created(issue, operation.marker, change.snapshot)
    assert ours is not None  # else it would have a trace
    await change.delete(ours)
    change.doubt("Triage reported the issue as deleted but still shows it")
    connection.absence.note_deleted(operation.issue_id)
    if await connection.absence.read_once(operation.issue_id, operation.since) is None:
        return change.finish()
    if change.requests >= ACTS[Act.DELETE].attempts:
        return change.give_up()
    raise NotYet(ISSUE.apart)


async def _close(change: Change, issue: Issue) -> Updated:
    operation = change.operation
    if issue.fields["status"] != CLOSED:
        issue = await change.patch(CLOSING)
    # The row still stands for the status that it was sent with, so that no later run takes it for changed.
    before = Snapshot.parse(operation.returned)
    sent = {name: value for name, value in before.ours.items() if name in CLOSING}
    return change.end(issue, {} if before.fields.get("status") == CLOSED else sent, {}, [])


async def inspect(
    connection: RunConnection,
    provenance: Provenance,
    operation: Operation,
    snapshot: Snapshot,
    pending: bytes,
    wrote: Iterable[str],
) -> tuple[Issue, Snapshot, list[str]] | None:
    """Read an issue with its activity and additions; return it, its snapshot after that, and the traces of others.

    snapshot  of our last write to it
    pending   a change of unknown outcome, b"" if there is none
    wrote     the fields that this program may have changed since the snapshot

    It is None if the issue is gone. Raises CallFailed, and NotYet as `Absence.read_once`.
    """
    issue_id, reader = operation.issue_id, AdditionReader(connection.client, connection.calls)
    own, acknowledged = provenance.find([operation.key])[operation.key]
    try:
        entries = await reader.read_entries(issue_id)
        # Compared one by one, except evidence, of which `find_traces` compares the number; only where some are ours.
        held = await reader.read_held(issue_id, {act for act in HANGING.values() if own[act]} - {Act.EVIDENCE})
        issue = await connection.absence.read_once(issue_id, operation.since)  # last, so that nothing is older
    except CallFailed as error:
        if not error.is_gone:
            raise
        await connection.absence.weigh(error, issue_id, operation.since)
        return None
    if issue is None:
        return None
    learned = snapshot.merge(issue, {}, pending).snapshot
    edits = [name for name in learned.edits(issue) if name in PATCHABLE_FIELDS]
    strange = [f"{name}s" for name, act in HANGING.items() if act in held and held[act] - own[act]]
    comments = Counter(fingerprint_shown(issue_id, entry) for entry in entries if entry.type == COMMENT)
    traces = find_traces(learned, issue, entries, comments, wrote, own)
    if not acknowledged[Act.COMMENT] <= comments:
        traces.append(UNSEEN)  # what people did may be hidden as well
    found = list(dict.fromkeys([*edits, *strange, *traces]))
    if not found and prove_created(issue, operation.marker, learned) is None:
        found.append(UNMARKED)
    return issue, learned, found


def find_traces(
    snapshot: Snapshot,
    issue: Issue,
    entries: Sequence[Entry],
    comments: Counter[bytes],
    wrote: Iterable[str],
    own: Held,
) -> list[str]:
    """Return the traces that others left on an issue, by what they touched."""
    traces, most = find_miscounts(snapshot, issue, own), count_most(snapshot, own)
    if issue.had_agent:
        traces.append("agent session")
    if comments - own[Act.COMMENT]:
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


_SCHEMA = """
CREATE TABLE keys (
    key TEXT PRIMARY KEY, became TEXT NOT NULL DEFAULT '', tried TEXT NOT NULL DEFAULT '',
    is_planned INTEGER NOT NULL DEFAULT 0, is_given_back INTEGER NOT NULL DEFAULT 0,
    is_deleted INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""
_COUNT = """
SELECT
    count(*) FILTER (WHERE became = 'created' AND tried != 'updated' AND NOT is_deleted), -- created, and not dealt with
    count(*) FILTER (WHERE became = 'created' AND tried = 'updated'), -- closed or deleted by an earlier attempt
    count(*) FILTER (WHERE became != 'created' AND tried = 'updated'), -- given back by an earlier attempt
    count(*) FILTER (WHERE is_planned), -- to be given back
    count(*) FILTER (WHERE became = 'updated' AND tried != 'updated' AND NOT is_planned AND is_given_back),
    count(*) FILTER (WHERE became = 'updated' AND tried != 'updated' AND NOT is_planned AND NOT is_given_back)
FROM keys
"""


class UndoKeys:
    """The keys of a run: what it has made of them, what an attempt at the same undo has, and what earlier undos have.

    Every method raises StorageFull if the temporary disk is full.
    """

    def __init__(self, ledger: Ledger, run: Run, own: Run | None) -> None:
        """Read them; `own` is the run of an attempt at the same undo that is still open."""
        self._scratch = Scratch(_SCHEMA)
        made, done = (Outcome.CREATED, Outcome.UPDATED), (Outcome.UPDATED, Outcome.UNCHANGED)
        self._put("became", ((row.key, row.outcome.value) for row in run.results() if row.outcome in made))
        if own is not None:
            self._put("tried", ((row.key, row.outcome.value) for row in own.results()))
        for each in ledger.list_runs():
            if each.kind is RunKind.UNDO and each.options.get("of") == run.name:
                deletes = each.options.get("digest") == "delete"
                dealt_with = ((deletes, row.key) for row in each.results() if row.outcome in done)
                note = "UPDATE keys SET is_given_back = 1, is_deleted = max(is_deleted, ?) WHERE key = ?"
                self._scratch.write(note, dealt_with)

    def _put(self, column: str, values: Iterator[tuple[str, str]]) -> None:
        put = f"INSERT INTO keys (key, {column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET {column} = excluded.{column}"
        self._scratch.write(put, values)

    def choose(self, changes: Iterable[PlannedChange]) -> Iterator[PlannedChange]:
        """Yield the changes that are still to be made; what the run created is not given back, but taken back."""
        for change in changes:
            key = (change.operation.key,)
            found = self._scratch.rows("SELECT became, tried FROM keys WHERE key = ?", key)
            became, tried = next(found, ("", ""))
            if change.restores != (became == Outcome.CREATED) and tried != Outcome.UPDATED:
                if change.restores:
                    self._scratch.execute("UPDATE keys SET is_planned = 1 WHERE key = ?", key)
                yield change._replace(was_sent=tried == Outcome.UNKNOWN)

    def count(self) -> tuple[int, ...]:
        """Count the keys as `_COUNT` says."""
        return self._scratch.row(_COUNT)
