"""The activity of an issue, and comments, which are entries of it."""

from __future__ import annotations

import sqlite3

import orjson

from importer.sandbox.agent import listen, session
from importer.sandbox.body_rules import COMMENT
from importer.sandbox.organisation import CALLER_ID, NORM_ID
from importer.sandbox.refusals import not_found
from importer.sandbox.request import Answer, Call, Json, page_of
from importer.sandbox.resources import show_link
from importer.sandbox.storage import Event

_USER = {"kind": "user", "id": CALLER_ID, "label": "Robin Sand", "avatar_url": None}
_NORM = {"kind": "agent", "id": NORM_ID, "label": "Norm", "avatar_url": None}


def list_activity(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/activity: the newest first."""
    return page_of(call, "events", lambda row: show_entry(call.path["id"], row), newest_first=True)


def add_comment(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/comments: `@norm` in it dispatches Norm."""
    number = call.issue_number()
    fields = call.fields(COMMENT)
    detail, link_ids = fields["detail"], fields.get("resource_link_ids", [])
    resources = [_chip(call, number, link_id) for link_id in link_ids]
    with call.store.writing() as at:
        seq = call.store.add_event(number, at, Event("comment", detail, resources=resources))
        call.store.touch(number, at)
        listen(call.store, number, at, detail)
    return Answer(show_entry(call.path["id"], call.store.row("SELECT * FROM events WHERE seq = ?", seq)), 201)


def _chip(call: Call, number: int, link_id: str) -> Json:
    row = call.store.row_or_none("SELECT * FROM resources WHERE id = ? AND issue = ?", link_id, number)
    if row is None:
        raise not_found("Resource")
    return show_link(call.store.org_id, call.path["id"], row)


def show_entry(issue_id: str, row: sqlite3.Row) -> Json:
    """Return an entry of the activity as the API shows it."""
    entry: Json = {
        "entry_kind": "agent" if row["session_id"] else "issue",
        "id": row["id"],
        "issue_id": issue_id,
        "type": row["type"],
        "actor": _NORM if row["session_id"] else _USER,
        "detail": row["detail"],
        "metadata": None,
        "created_at": row["created_at"],
    }
    if row["session_id"]:
        return entry | {"agent_session": session(row["session_id"]), "artifact": None}
    return entry | {
        "from_status": row["from_status"],
        "to_status": row["to_status"],
        "resources": orjson.loads(row["resources"]),
        "referenced_issues": [],
    }
