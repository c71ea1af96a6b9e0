"""Flags on attached calls, and the catalogue of their types."""

from __future__ import annotations

import re
import sqlite3

from importer.sandbox.body_rules import FLAG
from importer.sandbox.organisation import CALLER_ID
from importer.sandbox.refusals import Refusal, bad_request, not_found
from importer.sandbox.request import NO_CONTENT, Answer, Call, Json, bad_cursor, page, page_of
from importer.sandbox.resources import show_link
from importer.sandbox.storage import Event, new_id

_DEFAULTS: Json = {"note": "", "node_id": None, "node_name": None, "message_index": None, "message_text": None}


def add_flag(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/flags: the call must be attached."""
    number = call.issue_number()
    fields = _DEFAULTS | call.fields(FLAG)
    fields["type"] = re.sub(r"[^a-z0-9]+", "_", fields["type"].lower()).strip("_")
    if not fields["type"]:
        raise bad_request("type: must have a letter or digit")
    find = "SELECT * FROM resources WHERE issue = ? AND resource_type = 'call' AND resource_id = ?"
    link = call.store.row_or_none(find, number, fields["call_id"])
    if link is None:
        raise Refusal(409, "call_not_attached", "Call must be attached to issue first")
    with call.store.writing() as at:
        seq = call.store.insert("flags", id=new_id(), issue=number, **fields, created_at=at)
        snapshot = [show_link(call.store.org_id, call.path["id"], link)]
        call.store.add_event(number, at, Event("flag_added", "Added a flag.", resources=snapshot))
        call.store.touch(number, at)
    flag = call.store.row("SELECT * FROM flags WHERE seq = ?", seq)
    return Answer(show_flag(call.store.org_id, call.path["id"], flag), 201)


def list_flags(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/flags."""
    return page_of(call, "flags", lambda row: show_flag(call.store.org_id, call.path["id"], row))


def remove_flag(call: Call) -> Answer:
    """DELETE /v1/triage/issues/{id}/flags/{flag_id}."""
    number = call.store.number_or_none(call.path["id"])
    flag = call.store.row_or_none("SELECT seq FROM flags WHERE issue = ? AND id = ?", number, call.path["flag_id"])
    if number is None or flag is None:
        raise not_found("Flag")
    with call.store.writing() as at:
        call.store.db.execute("DELETE FROM flags WHERE seq = ?", (flag["seq"],))
        call.store.add_event(number, at, Event("flag_removed", "Removed a flag."))
        call.store.touch(number, at)
    return NO_CONTENT


def list_flag_types(call: Call) -> Answer:
    """GET /v1/triage/flag-types: the types in use, the most used first; the cursor is a type."""
    limit, cursor = call.limit(), call.cursor()
    # SQLite takes the other columns from the row of the maximum, which is the newest flag.
    types = call.store.rows(
        "SELECT type, note, max(seq), created_at AS last_used_at, count(*) AS usage_count"
        " FROM flags GROUP BY type ORDER BY usage_count DESC, type"
    )
    if cursor is not None:
        names = [row["type"] for row in types]
        if cursor not in names:
            raise bad_cursor()
        types = types[names.index(cursor) + 1 :]
    return page(types, limit, _show_type, key="type")


def _show_type(row: sqlite3.Row) -> Json:
    shown = {name: row[name] for name in ("type", "usage_count", "last_used_at")}
    return shown | {"description": row["note"]}


def show_flag(org_id: str, issue_id: str, row: sqlite3.Row) -> Json:
    """Return a flag as the API shows it."""
    return {
        "id": row["id"],
        "org_id": org_id,
        "issue_id": issue_id,
        "call_id": row["call_id"],
        "type": row["type"],
        "note": row["note"],
        "node_id": row["node_id"],
        "node_name": row["node_name"],
        "message_index": row["message_index"],
        "message_text": row["message_text"],
        "author_id": CALLER_ID,
        "created_at": row["created_at"],
    }
