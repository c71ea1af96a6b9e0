"""What becomes of an issue that the ledger knows, as its row comes again.

`decide` has a branch for each case. Its steps say whether the row is that issue at all (`_identify`), in what the two
differ (`_compare`), and what is to be done about it. What asks the ledger is in `check.history`. What was last sent is
compared, not what Triage has: what a person has changed there is found by `load.updates` when it reads the issue.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from importer.api import ISSUE_FIELDS, PATCHABLE_FIELDS, issue_path
from importer.check.held import DESCRIPTION, NOTHING_EMPTIED, Held, Judged, judge
from importer.check.knowledge import ChangePolicy, Difference, FindAbsence, LedgerStatus, OnChange
from importer.check.sameness import describe_stranger, is_certain, issue_facts, row_facts
from importer.codes import CODES, COLUMN_MISSING, GONE_AT_TARGET, KEY_TAKEN, REPAIR_KEPT, VALUE_HELD
from importer.ledger.known_create import KnownCreate
from importer.records import Act, Finding, Operation, Outcome, is_same_row, unlike_rows
from importer.transform.description_parts import Digests, decode_parts, digest_parts
from importer.triage.snapshot import Snapshot, find_moved, is_gone, is_missing, pending_fields


def remark(code: str, message: str) -> Finding:
    """Say something of a whole row, which is sent all the same."""
    return Finding(code, "", message, rejects=False)


def hold(code: str, message: str) -> LedgerStatus:
    """Hold a row, and what it would add to its issue."""
    return LedgerStatus(Outcome.SKIPPED, remark(code, message), takes_additions=False)


UNCHANGED = LedgerStatus(Outcome.UNCHANGED)
GONE = hold(GONE_AT_TARGET, CODES[GONE_AT_TARGET])
LEAVING = hold("undo-open", CODES["undo-open"])
OLDER = hold("older-than", "its issue has a newer row, by their dates")


class Terms(NamedTuple):
    """What decides about all issues of a source alike.

    policy       what to do about changed rows
    conflicting  keys whose conflicts an earlier attempt of the run has met: they wait for the next run
    has_row      whether an issue that recurs has the deciding row already, with another severity
    own_command  gives the command that says of a key that an issue, by its number, is its own
    """

    policy: ChangePolicy
    conflicting: Collection[str]
    has_row: Callable[[Operation], bool]
    own_command: Callable[[str, str], str]


def decide(create: Operation, issue: KnownCreate, find_absence: FindAbsence, terms: Terms) -> LedgerStatus:
    """Say what becomes of an issue whose row comes again, made into a create: the first case that holds.

    find_absence  says what is to be known of the row to judge what it lacks
    """
    policy = terms.policy
    recurs = bool(policy.recurring)
    # Leaving: an undo may have deleted it.
    if issue.is_leaving:
        return LEAVING
    # The row is older than the one that is there. Those of an issue that recurs come in any order.
    if 0 < create.dated < issue.dated and not recurs:
        return OLDER
    # A stranger under this key: Triage has another issue there.
    identity = _identify(create, issue, policy)
    if identity.doubt:
        return _hold_stranger(create, issue, identity, terms)
    standing = GONE if is_gone(issue.returned) else UNCHANGED
    # A row that only withdraws an occurrence says nothing else of the issue.
    if not create.body:
        return standing
    # Its last update has no known outcome, or one run alone has found it deleted.
    is_perhaps_gone = standing is UNCHANGED and is_missing(issue.returned)
    must_read = is_perhaps_gone or bool(issue.pending)
    # Same as last sent.
    is_same = issue.body_sha == sha256(create.body).digest()
    if not must_read and is_same:
        return standing
    # In conflict: an earlier attempt of this run has left it to a person.
    if not must_read and create.key in terms.conflicting:
        return standing
    # Gone at the target, and it recurs: each night has other rows of it, which is no reason to read it again.
    if not must_read and standing is GONE and recurs:
        return standing
    comparison = _compare(create, issue, find_absence, terms, has_certain_issue=identity.is_certain)
    # Only held values, repaired ones, or some that aren't compared: what counts is the same as last sent.
    if not must_read and not comparison.fields:
        return _leave(standing, comparison)
    # A change to be written. If only the mapping changed, somebody has to accept that; one that is read goes on anyway.
    is_accepted = policy.accept_mapping or not comparison.only_mapping
    if policy.writes and (must_read or is_accepted):
        return _update(create, comparison, must_read=must_read)
    # Gone at the target, and nothing is written: that it has changed matters no more.
    if not policy.writes and standing is GONE:
        return GONE._replace(differs=comparison.difference)
    # Perhaps gone: it is read again, though nothing is written.
    if is_perhaps_gone and not issue.pending:
        return _read_again(create, comparison)
    # An issue that recurs: what becomes of its rows is decided by what they add to it.
    if recurs:
        return _report(Outcome.UNCHANGED, comparison)
    # A change to be skipped.
    if policy.on_change is OnChange.SKIP:
        return _skip(comparison)
    # A change to be reported: of the row, or of the mapping only.
    return _report(Outcome.CHANGED, comparison)


class _Identity(NamedTuple):
    """Whether a row is the issue that Triage has under its key.

    doubt       why it isn't; "" if nothing speaks against it
    is_certain  whether it is certain, whatever the title says
    """

    doubt: str = ""
    is_certain: bool = False


def _identify(create: Operation, issue: KnownCreate, policy: ChangePolicy) -> _Identity:
    """Compare what tells issues from others. The rows of an issue that recurs have each a title and date of its own."""
    if not create.body or policy.recurring:
        return _Identity()
    row = row_facts(create)
    known_issue = issue_facts(issue)
    return _Identity(describe_stranger(row, known_issue), is_certain(row, known_issue))


def _hold_stranger(create: Operation, issue: KnownCreate, identity: _Identity, terms: Terms) -> LedgerStatus:
    """Hold a row whose key has another issue in Triage, as far as anybody can see."""
    number = issue.triage_id
    command = terms.own_command(create.key, number)
    message = (
        f"{number} has this key, and seems to be another issue: {identity.doubt}. Another site, or another product's "
        f"list, needs a source of its own: --source-name NAME. If it is {number} all the same, type this:\n{command}"
    )
    snapshot = Snapshot.parse(issue.returned)
    changes = snapshot.changes(create.body)
    counting = terms.policy.limit(snapshot.ours, changes)
    difference = find_difference(snapshot, counting, is_certain=identity.is_certain)
    return hold(KEY_TAKEN, message)._replace(differs=difference)


class _Comparison(NamedTuple):
    """How a row differs from what was last sent for its issue.

    issue         what the ledger knows of it
    snapshot      what was last sent
    fields        those that are to be changed or, where nothing is written, reported; in the order of ISSUE_FIELDS
    differing     all fields that differ, and those that an update of unknown outcome was to write
    repaired      of these, those that stay as a person has corrected them by `repair`
    judged        what becomes of the rest: which values stay, and which are emptied
    only_mapping  whether the same cells make another body: not the row has changed, but the mapping
    difference    how the row has changed; None if only the mapping has, and of an issue that recurs
    """

    issue: KnownCreate
    snapshot: Snapshot
    fields: Sequence[str]
    differing: frozenset[str]
    repaired: Collection[str]
    judged: Judged
    only_mapping: bool
    difference: Difference | None

    def complete(self, status: LedgerStatus) -> LedgerStatus:
        """Complete how a row stands with how it has changed, and with the values that are held."""
        return status._replace(differs=self.difference, held=self.judged.staying)

    @property
    def stays(self) -> Finding | None:
        """What is to be said of values that differ, and stay as they are in Triage."""
        return _say_held(self.judged.staying) or _say_repaired(self.repaired)

    @property
    def code(self) -> str:
        return "mapping-changed" if self.only_mapping else "changed"


def _compare(
    create: Operation, issue: KnownCreate, find_absence: FindAbsence, terms: Terms, *, has_certain_issue: bool
) -> _Comparison:
    """Compare a row with the last body that was sent for its issue, field by field."""
    policy = terms.policy
    # Of an issue that discovery found, what a person changed is only known with the row's body.
    known_snapshot = Snapshot.parse(issue.returned, was_found=issue.was_found)
    snapshot = known_snapshot.adopt(create.body)
    changes = snapshot.changes(create.body)
    changes = policy.limit(snapshot.ours, changes)
    parts = _parts_of(snapshot)
    # Its lines may be in another order, or other white space be around its text.
    if DESCRIPTION in changes and digest_parts(changes[DESCRIPTION] or "") == parts:
        del changes[DESCRIPTION]
    differing = pending_fields(issue.pending).union(changes)
    # Repaired values: until the mapping agrees, or the source says something else, they stay as a person has put them.
    repaired = snapshot.find_repaired(changes)
    if policy.on_change is OnChange.OVERWRITE:
        repaired = []
    for name in repaired:
        del changes[name]
    # Held values: what the source has lost isn't empty.
    judged = _judge(create.key, snapshot, changes, find_absence, policy)
    staying = changes.keys() - judged.changes.keys()
    compared = policy.fields - staying - set(repaired)
    to_change = compared & differing
    fields = [name for name in ISSUE_FIELDS if name in to_change]
    # Only the mapping changed: the issue comes from this very row.
    only_mapping = is_same_row(issue.content, create.content)
    if policy.recurring and fields and not only_mapping:
        only_mapping = terms.has_row(create)
    difference = None
    if not only_mapping and not policy.recurring:
        changes = dict(judged.changes)
        # Where nobody knows the parts of the description, it may be the same.
        if not judged.is_sure:
            changes.pop(DESCRIPTION, None)
        is_newer = 0 < issue.dated < create.dated
        difference = find_difference(snapshot, changes, is_certain=has_certain_issue, is_newer=is_newer)
    return _Comparison(issue, snapshot, fields, differing, repaired, judged, only_mapping, difference)


def _parts_of(snapshot: Snapshot) -> Digests | None:
    """Return the digests of the parts of an issue's description; None where nobody knows them."""
    encoded = snapshot.known_parts
    return None if encoded is None else decode_parts(encoded)


def _judge(
    key: str, snapshot: Snapshot, changes: Mapping[str, Any], find_absence: FindAbsence, policy: ChangePolicy
) -> Judged:
    """Judge what becomes of the fields that differ and are compared; the others stay as they are."""
    remaining = dict(changes)
    compared = {name: changes[name] for name in changes if name in policy.fields}
    row = find_absence(key) if compared else None
    if row is None:
        return Judged(remaining)
    parts = _parts_of(snapshot)
    judged = judge(row, snapshot.ours, parts, compared, let_go=policy.let_go, writes=policy.writes)
    for name in compared.keys() - judged.changes.keys():
        del remaining[name]
    # What isn't written isn't emptied.
    emptied = judged.emptied if policy.writes else NOTHING_EMPTIED
    return judged._replace(changes=remaining, emptied=emptied)


def _leave(standing: LedgerStatus, comparison: _Comparison) -> LedgerStatus:
    """Leave an issue as it is, and say why values stay that differ."""
    finding = standing.finding or comparison.stays
    return comparison.complete(standing)._replace(finding=finding)


def _read_again(create: Operation, comparison: _Comparison) -> LedgerStatus:
    """Have an issue read, and nothing written."""
    status = _change(create, comparison, (), must_read=True)
    return status._replace(differs=comparison.difference)


def _skip(comparison: _Comparison) -> LedgerStatus:
    """Skip a row that has changed, with what it would add to its issue."""
    code = comparison.code
    finding = remark(code, CODES[code])
    return comparison.complete(LedgerStatus(Outcome.CHANGED, finding, takes_additions=False))


def _report(outcome: Outcome, comparison: _Comparison) -> LedgerStatus:
    """Say which fields differ, and write none."""
    code = comparison.code
    names = ", ".join(comparison.fields)
    finding = remark(code, f"{CODES[code]} It differs in: {names}.")
    return comparison.complete(LedgerStatus(outcome, finding))


def _update(create: Operation, comparison: _Comparison, *, must_read: bool) -> LedgerStatus:
    """Update an issue to its row, and say which values stay that differ."""
    status = _change(create, comparison, comparison.fields, must_read=must_read)
    finding = status.finding or comparison.stays
    emptied = comparison.judged.emptied
    status = comparison.complete(status)._replace(finding=finding, emptied=emptied)
    difference = comparison.difference
    if difference is None:
        return status
    patchable = [name for name in comparison.fields if name in PATCHABLE_FIELDS]
    written = [name for name in patchable if name in difference.fields]
    return status._replace(differs=difference._replace(written=written))


def _change(create: Operation, comparison: _Comparison, fields: Sequence[str], *, must_read: bool) -> LedgerStatus:
    """Make the update of an issue to its row that changes these fields.

    Those that a repair has corrected stay as they are: the next run compares them again.

    With `must_read` it gets one in any case, as carrying it out reads the issue first: its last update has no known
    outcome, or one run alone has found it deleted.
    """
    issue = comparison.issue
    row = orjson.loads(create.body)
    patch = {name: row.get(name) for name in fields if name in PATCHABLE_FIELDS}
    finding = None
    if "source" in fields:
        finding = remark("source-fixed", CODES["source-fixed"])
    if not patch and not must_read:
        return LedgerStatus(Outcome.UNCHANGED, finding)
    kept_parts = comparison.judged.labels if DESCRIPTION in patch else ()
    # Not with `--fields`, nor where `source` differs: it can't be patched.
    is_whole = patch.keys() == comparison.differing.difference(comparison.repaired)
    is_as_row = is_whole and not kept_parts
    # An issue that gets only some of the changes equals neither the old row nor the new one.
    content = create.content
    if not is_as_row and not is_same_row(issue.content, content):
        content = unlike_rows(content)
    whole_sha = b""
    # Once its columns are back, and empty, a row that is as this one takes away what stays now.
    if is_as_row and not comparison.repaired:
        whole_sha = sha256(create.body).digest()
    returned = comparison.snapshot.without_repaired(fields).dump()
    change = create._replace(
        method="PATCH",
        path=issue_path(issue.issue_id),
        body=orjson.dumps(patch),
        content=content,
        act=Act.UPDATE,
        whole_sha=whole_sha,
        issue_id=issue.issue_id,
        triage_id=issue.triage_id,
        returned=returned,
        pending=issue.pending,
        since=issue.since,
        kept=tuple(kept_parts),
    )
    return LedgerStatus(Outcome.PLANNED, finding, change)


def with_issue(status: LedgerStatus, issue: KnownCreate) -> LedgerStatus:
    """Add to how a row stands what is known of its issue."""
    return status._replace(
        issue_id=issue.issue_id,
        triage_id=issue.triage_id,
        attempts=issue.attempts,
        content=issue.content,
        moved=find_moved(issue.returned),
        fixed_id=issue.fixed_id,
        born=issue.born,
    )


def _say_held(held: Sequence[Held]) -> Finding | None:
    """Say which values stay as they are in Triage, and why; None if none does."""
    if not held:
        return None
    lacking = [value for value in held if value.columns]
    names = dict.fromkeys(value.name for value in lacking or held)
    verb = "stays as it is" if len(names) == 1 else "stay as they are"
    staying = f"{', '.join(names)} {verb}"
    if not lacking:
        return remark(VALUE_HELD, f"too many would be emptied at once: {staying}")
    columns = set[str]()
    for value in lacking:
        columns.update(value.columns)
    return remark(COLUMN_MISSING, f"the source has no {', '.join(sorted(columns))}: {staying}")


def _say_repaired(fields: Collection[str]) -> Finding | None:
    """Say which values a repair has corrected and the mapping still gives as before; None if there are none."""
    if not fields:
        return None
    names = ", ".join(fields)
    return remark(REPAIR_KEPT, f"{CODES[REPAIR_KEPT]} It has: {names}.")


def find_difference(
    snapshot: Snapshot, changes: Mapping[str, Any], *, is_certain: bool = False, is_newer: bool = False
) -> Difference | None:
    """Put what was last sent beside what differs from it: field → new value."""
    if not changes:
        return None
    ours = snapshot.ours
    fields = {name: (ours.get(name), changes[name]) for name in changes}
    return Difference(fields, is_certain=is_certain, is_newer=is_newer)
