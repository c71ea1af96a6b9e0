"""What we sent, what the target made of it, and what it holds now: who changed which field of an issue.

The ledger keeps an issue's *memory*: JSON of what the target returned for our last write, field by field, the
description as its digest; under `sent` stand our own values where the target returned others. A field whose value is
no longer the returned one was changed by a person; so was one that the memory doesn't have, for all we know. Targets
may trim texts and rewrite line ends: such differences count nowhere. Nor do the numbers that references get, as
` (T-1042)` behind the name of another issue: whoever puts them into a text, it stays the same one.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import orjson

from importer.triage.answers import FIELDS, Issue

PATCHABLE = ("title", "description", "severity", "status", "category", "owner_id", "assignee_id")
"""Source: patch/triage-issues-id."""
COMPARED = (*FIELDS, "description")
COUNTS = ("resource_count", "flag_count", "relation_count")
DESCRIPTION_KEPT = "(kept as its digest only)"
SEEN_AT = "seen_at"
_NUMBER = re.compile(r" \(T-\d+\)")
_GONE, _TOUCHED = b'"gone":true', b'"touched":true'  # within a JSON text their quotes would be escaped


class Conflict(NamedTuple):
    """A field that a person changed: what we wrote, what is there, and what we would have written."""

    field: str
    ours: str
    theirs: str
    new: str


class Merged(NamedTuple):
    """What is to be done about a change: `patch` may be sent, `already` is so, `conflicts` are left alone.

    `returned` is the memory after this look: an earlier change of unknown fate was executed, or it was not.
    """

    patch: dict[str, Any]
    already: dict[str, Any]
    conflicts: list[Conflict]
    returned: bytes


def take_snapshot(issue: Issue, body: bytes | None = None) -> bytes:
    """Make the memory of an issue from what a write returned and, if it is known, the body that made it.

    Where the issue was changed since it was made (its times differ), a field that is not as sent is a person's: it is
    remembered as sent, so that it counts as changed. Without a body `adopt` decides that later.
    """
    memory = _values(issue) | {"updated_at": issue.updated_at} | {name: getattr(issue, name) for name in COUNTS}
    touched = issue.updated_at != issue.created_at
    if body is None:
        return orjson.dumps(memory | ({"touched": True} if touched else {}))
    unlike = {name: value for name, value in values_of(body).items() if not is_like(value, memory[name])}
    if touched:
        memory |= unlike
    elif unlike:
        memory["sent"] = unlike
    return orjson.dumps(memory)


def adopt(returned: bytes, body: bytes) -> bytes:
    """Make the memory of an issue that a look has found, now that the body of its row is known.

    Where the issue was changed since it was made, nobody knows who changed the fields that are not as in the body.
    """
    memory = orjson.loads(returned)
    if memory.pop("touched", False):
        for name in find_changes(returned, body):
            memory.pop(name, None)
    return orjson.dumps(memory)


def values_of(body: bytes) -> dict[str, Any]:
    """Read a create's body as a memory holds it: each compared field, the description as its digest."""
    document = orjson.loads(body)
    return {name: _kept(name, document.get(name)) for name in COMPARED}


def digest(text: str) -> str:
    """Give what a memory holds in place of a description."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()


def normalise(text: str) -> str:
    """Give a text as it is compared, however a target spells it: without numbers of other issues."""
    text = text.strip()  # first: a target that trims it may take away what stands before a bracket
    while (shorter := _NUMBER.sub("", text)) != text:  # where a number was put into what looks like one
        text = shorter
    return _normal(text)


def is_like(one: Any, other: Any) -> bool:
    """Say whether two values are the same but for outer white space, line ends and composed characters."""
    return bool(one == other) or _normal(one) == _normal(other)


def _normal(value: Any) -> str:
    return unicodedata.normalize("NFC", str(value or "").replace("\r\n", "\n")).strip()


def _kept(name: str, value: Any) -> Any:
    return digest(value or "") if name == "description" else value


def _values(issue: Issue) -> dict[str, Any]:
    return {**issue.fields, "description": digest(issue.description)}


def find_changes(returned: bytes, body: bytes, fields: Collection[str] = COMPARED) -> dict[str, Any]:
    """Say which of `fields` a create's body has otherwise than we last sent them: field → new value, texts whole."""
    memory, new, values = orjson.loads(returned), orjson.loads(body), values_of(body)
    sent = memory | memory.get("sent", {})
    return {name: new.get(name) for name in COMPARED if name in fields and not is_like(values[name], sent.get(name))}


def find_edits(returned: bytes, issue: Issue) -> list[str]:
    """Say which compared fields of an issue are no longer as the target returned them for our last write."""
    memory, now = orjson.loads(returned), _values(issue)
    return [name for name in COMPARED if name not in memory or not is_like(now[name], memory[name])]


def merge(returned: bytes, issue: Issue, new: Mapping[str, Any]) -> Merged:
    """Decide field by field: what a person changed is left alone, unless it is as we want it."""
    known, reverted = _resolve_pending(returned, issue), _find_reverted(returned, issue)
    memory, now = orjson.loads(known), _values(issue)
    merged = Merged({}, {}, [], known)
    for name, value in new.items():
        if is_like(now[name], _kept(name, value)):
            merged.already[name] = value
        elif name in memory and is_like(now[name], memory[name]) and name not in reverted:
            merged.patch[name] = value
        else:
            theirs = issue.description if name == "description" else now[name]
            ours = DESCRIPTION_KEPT if name == "description" else memory.get(name)
            merged.conflicts.append(Conflict(name, *(str(text or "") for text in (ours, theirs, value))))
    return merged


def _find_reverted(returned: bytes, issue: Issue) -> set[str]:
    """Say which fields of a pending change have their old value again, since somebody wrote: perhaps a person's no.

    Our own comments move an issue's time, too: what counts is whether it moved since the look before the change.
    """
    memory, now = orjson.loads(returned), _values(issue)
    pending = memory.get("pending", {})
    if issue.updated_at == pending.get(SEEN_AT, memory.get("updated_at")):
        return set()
    return {name for name in pending if name in memory and is_like(now.get(name), memory[name])}


def _resolve_pending(returned: bytes, issue: Issue) -> bytes:
    """Take into a memory what a look says of a pending change: which of its values, or those before, are there."""
    memory, now = orjson.loads(returned), _values(issue)
    pending = memory.pop("pending", {})
    for name in find_edits(returned, issue):
        ours = (each[name] for each in (pending, pending.get("held", {})) if name in each)
        if any(is_like(now[name], value) for value in ours):
            _take(memory, name, now[name], now[name])
    return orjson.dumps(memory)


def _take(memory: dict[str, Any], name: str, theirs: Any, ours: Any) -> None:
    """Let a memory have a field as the target has it; our own value stands beside it where that is another."""
    memory[name] = theirs
    sent = {other: value for other, value in memory.pop("sent", {}).items() if other != name}
    if not is_like(theirs, ours):
        sent[name] = ours
    if sent:
        memory["sent"] = sent


def update_memory(returned: bytes, issue: Issue, written: Mapping[str, Any]) -> bytes:
    """Make the memory after a write of some fields: only they are taken from the issue, and our values kept beside."""
    memory, now = orjson.loads(returned), _values(issue)
    memory.pop("gone", None)
    for name, value in written.items():
        _take(memory, name, now[name], _kept(name, value))
    memory["updated_at"] = issue.updated_at
    return orjson.dumps(memory)


def record_pending_patch(returned: bytes, learned: bytes, patch: Mapping[str, Any], seen_at: str) -> bytes:
    """Write down a change that is about to leave: its fields, and what of ours a look found that no memory has yet.

    `learned` is the memory after that look, `returned` the one that the ledger has, `seen_at` the issue's `updated_at`
    at that look.
    """
    before, after = orjson.loads(returned), orjson.loads(learned)
    held = {name: after[name] for name in COMPARED if name in after and after[name] != before.get(name)}
    return orjson.dumps({**patch, SEEN_AT: seen_at, **({"held": held} if held else {})})


def assume_applied(returned: bytes, pending: bytes) -> bytes:
    """Make the memory as it is if a change, written down as `pending` and of unknown fate, was executed.

    Gives the memory as it is for b"". A field may then hold either value and still be ours: see `merge`.
    """
    if not pending:
        return returned
    values = orjson.loads(pending)
    return orjson.dumps(orjson.loads(returned) | {"pending": {name: _kept(name, values[name]) for name in values}})


def pending_fields(pending: bytes) -> frozenset[str]:
    """Say which fields a change of unknown fate was to write; none for b""."""
    return frozenset(orjson.loads(pending)).intersection(COMPARED) if pending else frozenset()


def mark_gone(returned: bytes) -> bytes:
    """Make the memory of an issue that was deleted at the target."""
    return orjson.dumps(orjson.loads(returned) | {"gone": True})


def is_touched(returned: bytes) -> bool:
    """Say whether an issue that a look has found was changed since it was made, nobody knows by whom."""
    return _TOUCHED in returned


def is_gone(returned: bytes) -> bool:
    """Say whether the last look at an issue found that it was deleted."""
    return _GONE in returned
