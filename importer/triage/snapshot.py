"""Snapshots of issues and the three-way merge: which fields a person has changed in Triage since our last write.

A snapshot is JSON that the ledger keeps for each issue, in its column `returned`: the fields as the target returned
them for our last write, the description as a digest. Where the target returned another value than we sent, ours stands
under `sent`. A field whose value in Triage differs from the snapshot was changed by a person; so, to be safe, was a
field that the snapshot doesn't have. Triage may trim texts and rewrite line ends, so such differences never count. Nor
do the numbers that references get, as ` (T-1042)` after the key of another issue: a text with those that we put in is
the same text. They stand under `numbers`; without it, as where discovery found the issue or an earlier version wrote
the snapshot, nobody knows which are ours, and none counts.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import orjson

from importer.api import ISSUE_FIELDS
from importer.codes import GONE_AT_TARGET, PERHAPS_GONE
from importer.records import NUMBER_BESIDE
from importer.triage.answers import Issue
from importer.triage.redaction import redact

COUNTS = ("resource_count", "flag_count", "relation_count")
DESCRIPTION_KEPT = "(kept as its digest only)"
SEEN_AT = "seen_at"
NUMBERS = "numbers"
Numbers = Collection[str] | None
"""Numbers of issues, `T-1042`, that count as ours in a description; None where nobody knows which are."""
RUNS_THAT_AGREE = 2
"""So many runs must have found an issue deleted before none asks for it again."""
_GONE, _TOUCHED = b'"gone":', b'"touched":true'  # within a JSON text their quotes would be escaped


class Conflict(NamedTuple):
    """A field that a person changed: the value that we wrote, the one that is there, and the one we would write now."""

    field: str
    ours: str
    theirs: str
    new: str


class Merged(NamedTuple):
    """The result of a merge.

    patch      field → value to send
    already    field → value that the issue has already
    conflicts  fields that a person changed, which are left alone
    returned   the snapshot after this reading, in which an earlier change of unknown outcome is resolved
    """

    patch: dict[str, Any]
    already: dict[str, Any]
    conflicts: list[Conflict]
    returned: bytes


def take_snapshot(issue: Issue, body: bytes | None = None) -> bytes:
    """Make the snapshot of an issue from the API's answer and, if it is known, the body that created it.

    If the issue was changed since it was created (its times differ), a field that is not as sent was changed by a
    person: the snapshot has it as sent, so that it counts as changed. Without a body `adopt_snapshot` decides that
    later.
    """
    snapshot = _values(issue, None) | {"updated_at": issue.updated_at} | {name: getattr(issue, name) for name in COUNTS}
    touched = issue.updated_at != issue.created_at
    if body is None:
        return orjson.dumps(snapshot | ({"touched": True} if touched else {}))
    snapshot["description"] = digest(issue.description)
    unlike = {name: value for name, value in values_of(body).items() if not is_like(value, snapshot[name])}
    snapshot[NUMBERS] = []
    if touched:
        snapshot |= unlike
    elif unlike:
        snapshot["sent"] = unlike
    return orjson.dumps(snapshot)


def adopt_snapshot(returned: bytes, body: bytes) -> bytes:
    """Complete the snapshot of an issue that discovery found, now that the body of its row is known.

    If the issue was changed since it was created, nobody knows who changed the fields that differ from the body: they
    are left out of the snapshot, and so count as a person's.
    """
    snapshot = orjson.loads(returned)
    if snapshot.pop("touched", False):
        for name in find_changes(returned, body):
            snapshot.pop(name, None)
    return orjson.dumps(snapshot)


def values_of(body: bytes, numbers: Numbers = ()) -> dict[str, Any]:
    """Return the compared fields of a create's body as a snapshot holds them: the description as its digest."""
    document = orjson.loads(body)
    return {name: _kept(name, document.get(name), numbers) for name in ISSUE_FIELDS}


def digest(text: str, numbers: Numbers = ()) -> str:
    """Return what a snapshot holds instead of a description: SHA-256 in hex of the text, without our numbers in it."""
    return hashlib.sha256(_without(text, numbers).encode()).hexdigest()


def _without(text: str, numbers: Numbers) -> str:
    text = text.strip()  # first, as a target that trims it may take away the blank before a bracket
    if numbers is None or numbers:
        ours = NUMBER_BESIDE if numbers is None else re.compile(rf" \((?:{'|'.join(map(re.escape, numbers))})\)")
        while (shorter := ours.sub("", text)) != text:  # again: what is left may make another
            text = shorter
    return _normal(text)


def is_like(one: Any, other: Any) -> bool:
    """Whether two values are equal but for outer white space, line ends and Unicode composition."""
    return bool(one == other) or _normal(one) == _normal(other)


def _normal(value: Any) -> str:
    # What is kept was redacted, and what was just read was not.
    return unicodedata.normalize("NFC", redact(str(value or "")).replace("\r\n", "\n")).strip()


def _kept(name: str, value: Any, numbers: Numbers) -> Any:
    return digest(value or "", numbers) if name == "description" else value


def _values(issue: Issue, numbers: Numbers = ()) -> dict[str, Any]:
    return {**issue.fields, "description": digest(issue.description, numbers)}


def numbers_of(snapshot: Mapping[str, Any]) -> Numbers:
    """Return the numbers that we put into the description of an issue with this snapshot."""
    return snapshot.get(NUMBERS)


def knows_numbers(returned: bytes) -> bool:
    """Whether a snapshot says which numbers in the issue's description are ours."""
    return numbers_of(orjson.loads(returned)) is not None


def is_as_it_was(returned: bytes, issue: Issue, description: str) -> bool:
    """Whether an issue has the description of its snapshot, or this one, but for numbers that we put in."""
    snapshot = orjson.loads(returned)
    numbers = numbers_of(snapshot)
    return digest(issue.description, numbers) in (snapshot.get("description"), digest(description, numbers))


def allow_numbers(returned: bytes, issue: Issue, description: str, numbers: Collection[str]) -> bytes:
    """Return the snapshot of an issue, which was just read, into whose description these numbers are to be put.

    `description` is the one without them that we sent.
    """
    snapshot = orjson.loads(returned)
    snapshot[NUMBERS] = sorted({*(numbers_of(snapshot) or ()), *numbers})
    if "description" in snapshot:
        theirs, ours = (digest(text, snapshot[NUMBERS]) for text in (issue.description, description))
        _take(snapshot, "description", theirs, ours)
    return orjson.dumps(snapshot)


def sent_values(returned: bytes) -> dict[str, Any]:
    """Return the fields of a snapshot as we last sent them."""
    snapshot = orjson.loads(returned)
    return {**snapshot, **snapshot.get("sent", {})}


def keep_values(fields: Mapping[str, Any], numbers: Numbers = ()) -> dict[str, Any]:
    """Return fields as a snapshot holds them: a description as its digest."""
    return {name: _kept(name, value, numbers) for name, value in fields.items()}


def standing_values(returned: bytes, issue: Issue, fields: Collection[str]) -> dict[str, Any]:
    """Return what we last sent for these fields of an issue; of one that a person changed, what the issue has now."""
    snapshot, sent = orjson.loads(returned), sent_values(returned)
    now = _values(issue, numbers_of(snapshot))
    edited = {name for name in fields if name not in snapshot or not is_like(now[name], snapshot[name])}
    return {name: now[name] if name in edited else sent[name] for name in fields}


def find_changes(returned: bytes, body: bytes, fields: Collection[str] = ISSUE_FIELDS) -> dict[str, Any]:
    """Return which of `fields` differ between a create's body and what we last sent: field → new value, texts whole."""
    sent, new = sent_values(returned), orjson.loads(body)
    values = values_of(body, numbers_of(sent))
    return {
        name: new.get(name) for name in ISSUE_FIELDS if name in fields and not is_like(values[name], sent.get(name))
    }


def find_edits(returned: bytes, issue: Issue) -> list[str]:
    """Return the compared fields of an issue that are no longer as the target returned them for our last write."""
    snapshot = orjson.loads(returned)
    now = _values(issue, numbers_of(snapshot))
    return [name for name in ISSUE_FIELDS if name not in snapshot or not is_like(now[name], snapshot[name])]


def find_other_changes(read: Issue, answered: Issue, patch: Collection[str]) -> list[str]:
    """Return the fields that were not written and are not in the answer to a write as they were read right before."""
    before, after = _values(read), _values(answered)
    return [name for name in ISSUE_FIELDS if name not in patch and not is_like(before[name], after[name])]


def merge(returned: bytes, issue: Issue, new: Mapping[str, Any]) -> Merged:
    """Merge new values into an issue, field by field: what a person changed is a conflict, unless it is equal."""
    known, reverted = _resolve_pending(returned, issue), _find_reverted(returned, issue)
    snapshot = orjson.loads(known)
    numbers = numbers_of(snapshot)
    now = _values(issue, numbers)
    merged = Merged({}, {}, [], known)
    for name, value in new.items():
        if is_like(now[name], _kept(name, value, numbers)):
            merged.already[name] = value
        elif name in snapshot and is_like(now[name], snapshot[name]) and name not in reverted:
            merged.patch[name] = value
        else:
            theirs = issue.description if name == "description" else now[name]
            ours = DESCRIPTION_KEPT if name == "description" else snapshot.get(name)
            merged.conflicts.append(Conflict(name, *(str(text or "") for text in (ours, theirs, value))))
    return merged


def _find_reverted(returned: bytes, issue: Issue) -> set[str]:
    """Return the fields of a pending change that have their old value, if somebody wrote to the issue meanwhile.

    A person may have reverted them, so they must not be sent again. Our own comments move `updated_at` as well: what
    counts is whether it moved since the issue was read right before the change.
    """
    snapshot = orjson.loads(returned)
    now, pending = _values(issue, numbers_of(snapshot)), snapshot.get("pending", {})
    if issue.updated_at == pending.get(SEEN_AT, snapshot.get("updated_at")):
        return set()
    return {name for name in pending if name in snapshot and is_like(now.get(name), snapshot[name])}


def _resolve_pending(returned: bytes, issue: Issue) -> bytes:
    """Resolve a pending change in a snapshot: see which of its values, or of those before it, the issue has."""
    snapshot = orjson.loads(returned)
    now, pending = _values(issue, numbers_of(snapshot)), snapshot.pop("pending", {})
    for name in find_edits(returned, issue):
        ours = (each[name] for each in (pending, pending.get("held", {})) if name in each)
        if any(is_like(now[name], value) for value in ours):
            _take(snapshot, name, now[name], now[name])
    return orjson.dumps(snapshot)


def _take(snapshot: dict[str, Any], name: str, theirs: Any, ours: Any) -> None:
    """Set a field of a snapshot to the target's value; where ours differs, it is kept under `sent`."""
    snapshot[name] = theirs
    sent = {other: value for other, value in snapshot.pop("sent", {}).items() if other != name}
    if not is_like(theirs, ours):
        sent[name] = ours
    if sent:
        snapshot["sent"] = sent


def update_snapshot(returned: bytes, issue: Issue, written: Mapping[str, Any]) -> bytes:
    """Return the snapshot after a write: only the written fields are taken from the issue, ours beside them."""
    snapshot = orjson.loads(returned)
    numbers = numbers_of(snapshot)
    now = _values(issue, numbers)
    snapshot.pop("gone", None)
    for name, value in written.items():
        _take(snapshot, name, now[name], _kept(name, value, numbers))
    snapshot["updated_at"] = issue.updated_at
    return orjson.dumps(snapshot)


def record_pending_patch(returned: bytes, learned: bytes, patch: Mapping[str, Any], seen_at: str) -> bytes:
    """Return the JSON that the ledger keeps while a change is under way: its fields, and what reading back taught.

    returned  the snapshot that the ledger has
    learned   the snapshot after the issue was read for this change; where it differs, it is kept under `held`
    seen_at   the issue's `updated_at` at that reading
    """
    before, after = orjson.loads(returned), orjson.loads(learned)
    held = {name: after[name] for name in ISSUE_FIELDS if name in after and after[name] != before.get(name)}
    return orjson.dumps({**patch, SEEN_AT: seen_at, **({"held": held} if held else {})})


def assume_applied(returned: bytes, pending: bytes) -> bytes:
    """Return a snapshot that allows for a change of unknown outcome: its fields may have the old or the new value.

    `pending` is what `record_pending_patch` returned; for b"" the snapshot is returned unchanged. See `merge`.
    """
    if not pending:
        return returned
    values, snapshot = orjson.loads(pending), orjson.loads(returned)
    kept = {name: _kept(name, value, numbers_of(snapshot)) for name, value in values.items()}
    return orjson.dumps(snapshot | {"pending": kept})


def pending_fields(pending: bytes) -> frozenset[str]:
    """Return the fields that a change of unknown outcome was to write; none for b""."""
    return frozenset(orjson.loads(pending)).intersection(ISSUE_FIELDS) if pending else frozenset()


def mark_gone(returned: bytes, run: str) -> bytes:
    """Mark a snapshot as that of an issue which a run has found deleted in Triage."""
    snapshot = orjson.loads(returned)
    return orjson.dumps(snapshot | {"gone": sorted({*_runs_without(snapshot), run})})


def _runs_without(snapshot: Mapping[str, Any]) -> list[str]:
    """Return the runs that found an issue deleted; earlier versions kept no name, and only one of them."""
    gone = snapshot.get("gone", [])
    return gone if isinstance(gone, list) else [""]


def is_touched(returned: bytes) -> bool:
    """Whether an issue that discovery found was changed since it was created, nobody knows by whom."""
    return _TOUCHED in returned


def is_missing(returned: bytes) -> bool:
    """Whether the issue was found deleted when it was last read; see `is_gone`."""
    return _GONE in returned


def is_gone(returned: bytes) -> bool:
    """Whether the issue is deleted for good, as so many runs as that takes have found: nobody asks for it again."""
    return is_missing(returned) and len(_runs_without(orjson.loads(returned))) >= RUNS_THAT_AGREE


def gone_code(returned: bytes) -> str:
    """Return the code of an issue that was just found deleted: only once runs agree is it decided."""
    return GONE_AT_TARGET if is_gone(returned) else PERHAPS_GONE
