"""What we sent, what the target made of it, and what it holds now: who changed which field of an issue.

The ledger keeps an issue's *memory*: JSON of what the target returned for our last write, field by field, the
description as its SHA-256; under `sent` stand our own values where the target returned others (it may trim a text).
A field whose value is no longer the returned one was changed by a person.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

import orjson

from importer.client import FIELDS, Issue

PATCHABLE = ("title", "description", "severity", "status", "category", "owner_id", "assignee_id")
"""Source: patch/triage-issues-id."""
COMPARED = (*FIELDS, "description")
COUNTS = ("resource_count", "flag_count", "relation_count")
DESCRIPTION_KEPT = "(kept as its digest only)"


class Conflict(NamedTuple):
    """A field that a person changed: what we wrote, what is there, and what we would have written."""

    field: str
    ours: str
    theirs: str
    new: str


class Merged(NamedTuple):
    """What is to be done about a change: `patch` may be sent, `already` is so, `conflicts` are left alone."""

    patch: dict[str, Any]
    already: dict[str, Any]
    conflicts: list[Conflict]


def remember(issue: Issue, body: bytes | None = None) -> bytes:
    """Make the memory of an issue from what a write returned and, if it is known, the body that made it.

    Where the issue was changed since it was made (its times differ), a field that is not as sent is a person's: it is
    remembered as sent, so that it counts as changed.
    """
    memory: dict[str, Any] = _values(issue)
    memory["updated_at"] = issue.updated_at
    for name in COUNTS:
        memory[name] = getattr(issue, name)
    if body is not None:
        sent = values_of(body)
        unlike = {name: sent[name] for name in COMPARED if sent[name] != memory[name]}
        if unlike and issue.updated_at != issue.created_at:
            memory |= unlike
        elif unlike:
            memory["sent"] = unlike
    return orjson.dumps(memory)


def values_of(body: bytes) -> dict[str, Any]:
    """Read a create's body as a memory holds it: each compared field, the description as its digest."""
    document = orjson.loads(body)
    values = {name: document.get(name) for name in FIELDS}
    values["description"] = digest(document.get("description") or "")
    return values


def digest(text: str) -> str:
    """Give what a memory holds in place of a description."""
    return hashlib.sha256(text.encode()).hexdigest()


def _values(issue: Issue) -> dict[str, Any]:
    return {**issue.fields, "description": digest(issue.description)}


def find_changes(returned: bytes, body: bytes, fields: Collection[str] = COMPARED) -> dict[str, Any]:
    """Say which of `fields` a create's body has otherwise than we last sent them: field → new value, texts whole."""
    memory, new = orjson.loads(returned), orjson.loads(body)
    sent = memory | memory.get("sent", {})
    values = values_of(body)
    return {name: new.get(name) for name in COMPARED if name in fields and values[name] != sent.get(name)}


def find_edits(returned: bytes, issue: Issue) -> list[str]:
    """Say which compared fields of an issue are no longer as the target returned them for our last write."""
    memory, now = orjson.loads(returned), _values(issue)
    return [name for name in COMPARED if now[name] != memory.get(name)]


def merge(returned: bytes, issue: Issue, new: Mapping[str, Any]) -> Merged:
    """Decide field by field: what a person changed is left alone, unless it is as we want it."""
    memory, now = orjson.loads(returned), _values(issue)
    pending = memory.get("pending", {})
    merged = Merged({}, {}, [])
    for name, value in new.items():
        wanted = digest(value or "") if name == "description" else value
        if now[name] == wanted:
            merged.already[name] = value
        elif now[name] in (memory.get(name), pending.get(name, memory.get(name))):
            merged.patch[name] = value
        else:
            theirs = issue.description if name == "description" else now[name]
            ours = DESCRIPTION_KEPT if name == "description" else memory.get(name)
            merged.conflicts.append(Conflict(name, *(str(text or "") for text in (ours, theirs, value))))
    return merged


def update_memory(returned: bytes, issue: Issue, written: Mapping[str, Any]) -> bytes:
    """Make the memory after a write of some fields: only they are taken from the issue, and our values kept beside."""
    memory, now = orjson.loads(returned), _values(issue)
    sent = {name: value for name, value in memory.pop("sent", {}).items() if name not in written}
    for name, value in written.items():
        memory[name] = now[name]
        ours = digest(value or "") if name == "description" else value
        if ours != now[name]:
            sent[name] = ours
    memory["updated_at"] = issue.updated_at
    return orjson.dumps(memory | ({"sent": sent} if sent else {}))


def assume(returned: bytes, pending: bytes) -> bytes:
    """Make the memory as it is if a change, whose body is `pending` and whose fate is unknown, was executed.

    Gives the memory as it is for b"". A field may then hold either value and still be ours: see `merge`.
    """
    if not pending:
        return returned
    values = orjson.loads(pending)
    if "description" in values:
        values["description"] = digest(values["description"] or "")
    return orjson.dumps(orjson.loads(returned) | {"pending": values})
