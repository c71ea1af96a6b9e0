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
    **{f"{name}_{verb}": f"{name}s" for name in HANGING for verb in ("added", "removed")},
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
        typed = [f"--{way}"] if way else []
        super().__init__(way or "fields", DONE[way], typed)
        self.way = way
        self._provenance = Provenance(run.additions)
        self._replaced = run.replaced
        self._command = run.command
        attempt = self.find_open(ledger, run)
        keys = UndoKeys(ledger, run, attempt)
        if way:
            deletes = way == "delete"
            taken_back = (
                PlannedChange(change_of(create, CLOSING, deletes=deletes)) for create in run.written_creates()
            )
            self.plan(keys.choose(taken_back))
            self.leave_unsettled(run)
        given_back = map(self._give_back, self._replaced.issues())
        self.plan(keys.choose(given_back))
        counts = keys.count()
        self.created, self.created_before, self.given_before, to_give, self.given_already, self.kept_none = counts
        self.has_updated = bool(to_give or self.given_before or self.given_already or self.kept_none)
        if self.created and not way and not to_give and not self.done_before:
            reason = "has no field left to restore" if self.given_already else "updated no field"
            raise UsageError(
                f"{run.name} {reason}, and what it created needs --close or --delete.",
                hint=f"To close them, which `repair` can revert: {run.command('undo', run.name, '--close')}",
            )

    @property
    def done_before(self) -> int:
        """The number of issues that an earlier attempt has dealt with."""
        return self.created_before + self.given_before

    def _give_back(self, replaced: Replaced) -> PlannedChange:
        """Plan to give an issue's fields back, each only if this run was the last of ours to write it.

        The body has their names alone: `_fill` reads their values right before they are used, as descriptions are long.
        """
        create = replaced.create
        later = replaced.later
        snapshot = Snapshot.parse(create.returned)
        # What else was written since, by a run that has been undone meanwhile or by `undo --close`, is not its own.
        names = set(pending_fields(create.pending))
        for name, value in replaced.wrote.items():
            if is_like(snapshot.ours.get(name), value):
                names.add(name)
        if is_closed_by_undo(snapshot):
            names.discard("status")
        body = [name for name in replaced.wrote if name in names and name not in later]
        if len(body) != len(replaced.wrote) or later:
            create = create._replace(content=b"", body_sha=b"")
        change = PlannedChange(change_of(create, body), restores=True, later=later)
        if body or not later:
            return change
        verdict = ChangeVerdict(LATER, tuple(later), (), self._name_later(later))
        return change._replace(verdict=verdict)

    def _fill(self, operation: Operation) -> Operation:
        """Return an operation with the values that are to be given back."""
        before = self._replaced.before(operation.key)
        names = orjson.loads(operation.body)
        values: dict[str, Any] = {name: before[name] for name in names if name in before}
        return operation._replace(body=orjson.dumps(values))

    def assess(
        self, listed: Sequence[tuple[PlannedChange, Issue]], *, is_whole: bool = False
    ) -> list[ChangeVerdict | None]:
        """Return the verdicts on issues as a list shows them.

        Of one that is to be closed or deleted it shows enough if nothing ever happened to it; of one that gets values
        back, unless it may have cut a description.
        """
        verdicts = list[ChangeVerdict | None]()
        for change, issue in listed:
            verdicts.append(self._assess(change, issue, is_whole=is_whole))
        return verdicts

    def _assess(self, change: PlannedChange, issue: Issue, *, is_whole: bool) -> ChangeVerdict | None:
        operation = change.operation
        later = change.later
        snapshot = Snapshot.parse(operation.returned)
        if not change.restores:
            edits = set(snapshot.edits(issue)) - {"description"}  # the list may have cut it
            if edits or issue.had_agent or issue.updated_at != issue.created_at:
                return None
            if find_miscounts(snapshot, issue, NOTHING):
                return None
            return self._untouched(snapshot)
        values = orjson.loads(self._fill(operation).body)
        merged = snapshot.merge(issue, values, operation.pending)
        if not is_whole and any(conflict.field == "description" for conflict in merged.conflicts):
            return None
        verdict = judge(merged, RESTORABLE, self._name_later(later), is_edited=bool(later))
        if later and not merged.patch and not merged.conflicts:
            return verdict._replace(code=LATER, fields=tuple(later))
        return verdict

    async def read(self, connection: RunConnection, change: PlannedChange) -> ChangeVerdict:
        """Read an issue with its activity and return the verdict on it. Raises CallFailed, and NotYet."""
        if change.restores:
            return await super().read(connection, change)
        operation = change.operation
        pending = operation.pending
        snapshot = Snapshot.parse(operation.returned)
        inspected = await inspect(connection, self._provenance, operation, snapshot, pending, pending_fields(pending))
        if inspected is None:
            return ChangeVerdict(UNTOUCHED if change.was_sent else GONE)
        _, _, traces = inspected
        if traces:
            return ChangeVerdict(TOUCHED, tuple(traces))
        return self._untouched(snapshot)

    def _untouched(self, snapshot: Snapshot) -> ChangeVerdict:
        """Only the ledger says that an issue is closed: after a write of unknown outcome it is still to be settled."""
        is_closed = self.way == "close" and snapshot.fields.get("status") == CLOSED
        return ChangeVerdict(CLOSED_ALREADY if is_closed else UNTOUCHED)

    def name(self, verdict: str, outcome: Outcome) -> str:
        """See `ChangeSet.name`."""
        if outcome is not Outcome.UPDATED and verdict == LATER:
            return LATER
        if verdict in GIVING:
            return GIVEN_BACK if outcome is Outcome.UPDATED else CORRECTED
        return self.done if outcome is Outcome.UPDATED else CLOSED_ALREADY

    async def apply(self, connection: RunConnection, change: PlannedChange) -> Updated:
        """Close or delete one issue, or give its fields back."""
        if change.restores:
            operation = self._fill(change.operation)
            return await super().apply(connection, change._replace(operation=operation))
        take_back = partial(self._take_back, connection, was_sent=change.was_sent)
        return await carry_out_change(connection, change.operation, take_back)

    async def _take_back(self, connection: RunConnection, change: Change, *, was_sent: bool) -> Updated:
        """Read an issue, and close or delete it if nobody has touched it."""
        operation = change.operation
        deletes = operation.act is Act.DELETE
        inspected = await inspect(
            connection, self._provenance, operation, change.snapshot, change.pending, change.wrote
        )
        if inspected is None:
            # Gone after a request of ours, so most likely by it. The transport may repeat a DELETE, too.
            perhaps_ours = change.requests > 0 or was_sent
            if deletes and perhaps_ours:
                return change.finish()
            return change.end_gone()
        issue, learned, touched = inspected
        change.learn(learned, issue)
        if touched:
            return change.leave(TOUCHED, ", ".join(touched))
        if deletes:
            return await _delete(connection, change, issue)
        return await _close(change, issue)

    def undo_first(self, later: Mapping[str, str]) -> str:
        """The command that takes the newest of the runs back that have written these fields later."""
        newest = [*later.values()][-1]
        return self._command("undo", newest)

    def _name_later(self, later: Mapping[str, str]) -> str:
        """Name the fields of an issue that a later run wrote, and what to type first; "" if there are none."""
        if not later:
            return ""
        return f"{', '.join(later)} changed by a later run; first: {self.undo_first(later)}"


async def _delete(connection: RunConnection, change: Change, issue: Issue) -> Updated:
    """Delete an issue, and read it: what is reported as deleted must not be there, or an import would double it."""
    operation = change.operation
    proof = prove_created(issue, operation.marker, change.snapshot)
    assert proof is not None  # else it would have a trace
    await change.delete(proof)
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
    closed: dict[str, Any] = {}
    if before.fields.get("status") != CLOSED:
        closed = {name: value for name, value in before.ours.items() if name in CLOSING}
    return change.end(issue, closed, {}, [])


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
    issue_id = operation.issue_id
    reader = AdditionReader(connection.client, connection.calls)
    additions, acknowledged = provenance.find([operation.key])[operation.key]
    try:
        entries = await reader.read_entries(issue_id)
        # Compared one by one, except evidence, of which `find_traces` compares the number; only where some are ours.
        acts = {act for act in HANGING.values() if additions[act]} - {Act.EVIDENCE}
        present = await reader.read_held(issue_id, acts)
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
    strange = list[str]()
    for name, act in HANGING.items():
        if act in present and present[act] - additions[act]:
            strange.append(f"{name}s")
    comments = Counter(fingerprint_shown(issue_id, entry) for entry in entries if entry.type == COMMENT)
    traces = find_traces(learned, issue, entries, comments, wrote, additions)
    if not acknowledged[Act.COMMENT] <= comments:
        traces.append(UNSEEN)  # what people did may be hidden as well
    traces = list(dict.fromkeys([*edits, *strange, *traces]))
    if not traces and prove_created(issue, operation.marker, learned) is None:
        traces.append(UNMARKED)
    return issue, learned, traces


def find_traces(
    snapshot: Snapshot,
    issue: Issue,
    entries: Sequence[Entry],
    comments: Counter[bytes],
    wrote: Iterable[str],
    additions: Held,
) -> list[str]:
    """Return the traces that others left on an issue, by what they touched."""
    traces = find_miscounts(snapshot, issue, additions)
    limits = count_most(snapshot, additions)
    if issue.had_agent:
        traces.append("agent session")
    if comments - additions[Act.COMMENT]:
        traces.append(COMMENT)
    writes = Counter(snapshot.writes) + Counter(wrote)
    writes["description"] += additions[Act.REFER].total()
    entry_types = Counter(entry.type for entry in entries)
    for type_, times in entry_types.items():
        if type_ in CHANGED:
            if times > writes[CHANGED[type_]]:
                traces.append(CHANGED[type_])
        elif type_ in ADDED:
            if times > limits[ADDED[type_]]:
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

    def __init__(self, ledger: Ledger, run: Run, attempt: Run | None) -> None:
        """Read them; `own` is the run of an attempt at the same undo that is still open."""
        self._scratch = Scratch(_SCHEMA)
        changed = (Outcome.CREATED, Outcome.UPDATED)
        self._put("became", ((row.key, row.outcome.value) for row in run.results() if row.outcome in changed))
        if attempt is not None:
            self._put("tried", ((row.key, row.outcome.value) for row in attempt.results()))
        settled = (Outcome.UPDATED, Outcome.UNCHANGED)
        for undo in ledger.list_runs():
            if undo.kind is not RunKind.UNDO:
                continue
            if undo.options.get("of") != run.name:
                continue
            deletes = undo.options.get("digest") == "delete"
            dealt_with = ((deletes, row.key) for row in undo.results() if row.outcome in settled)
            note = "UPDATE keys SET is_given_back = 1, is_deleted = max(is_deleted, ?) WHERE key = ?"
            self._scratch.write(note, dealt_with)

    def _put(self, column: str, values: Iterator[tuple[str, str]]) -> None:
        put = f"INSERT INTO keys (key, {column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET {column} = excluded.{column}"
        self._scratch.write(put, values)

    def choose(self, changes: Iterable[PlannedChange]) -> Iterator[PlannedChange]:
        """Yield the changes that are still to be made; what the run created is not given back, but taken back."""
        for change in changes:
            key = (change.operation.key,)
            rows = self._scratch.rows("SELECT became, tried FROM keys WHERE key = ?", key)
            became, tried = next(rows, ("", ""))
            is_created = became == Outcome.CREATED
            if change.restores == is_created or tried == Outcome.UPDATED:
                continue
            if change.restores:
                self._scratch.execute("UPDATE keys SET is_planned = 1 WHERE key = ?", key)
            is_doubtful = tried == Outcome.UNKNOWN
            yield change._replace(was_sent=is_doubtful)

    def count(self) -> tuple[int, ...]:
        """Count the keys as `_COUNT` says."""
        return self._scratch.row(_COUNT)
