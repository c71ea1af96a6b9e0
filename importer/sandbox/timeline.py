"""What happens to an issue: activity, comments, and of Norm what it takes to count how often it is set to work."""

from __future__ import annotations

import sqlite3

import orjson

from importer.sandbox.call import Answer, Call, Json, page_of
from importer.sandbox.errors import not_found
from importer.sandbox.organisation import CALLER_ID, NORM_ID
from importer.sandbox.resources import show_link
from importer.sandbox.rules import COMMENT, PROMPT
from importer.sandbox.store import Store, new_id

_INTENTS = {"fix": "fix", "debug": "fix", "verify": "verify", "status": "status"}
_USER = {"kind": "user", "id": CALLER_ID, "label": "Robin Sand", "avatar_url": None}
_NORM = {"kind": "agent", "id": NORM_ID, "label": "Norm", "avatar_url": None}


def session(session_id: str) -> Json:
    """Show one of Norm's sessions."""
    return {"id": session_id, "agent_profile_id": NORM_ID, "agent_name": "Norm", "status": "active"}


def list_activity(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/activity: the newest first."""
    return page_of(call, "events", lambda row: _show(call.path["id"], row), newest_first=True)


def add_comment(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/comments: `@norm` in it sets Norm to work."""
    number = call.issue_number()
    fields = call.fields(COMMENT)
    detail, link_ids = fields["detail"], fields.get("resource_link_ids", [])
    resources = [_chip(call, number, link_id) for link_id in link_ids]
    with call.store.writing() as at:
        seq = call.store.add_event(number, at, "comment", detail, resources=resources)
        call.store.touch(number, at)
        if "@norm" in detail.lower():
            _dispatch(call.store, number, at, _open_session(call.store, number, at), detail)
    return Answer(_show(call.path["id"], call.store.row("SELECT * FROM events WHERE seq = ?", seq)), 201)


def _chip(call: Call, number: int, link_id: str) -> Json:
    row = call.store.row_or_none("SELECT * FROM resources WHERE id = ? AND issue = ?", link_id, number)
    if row is None:
        raise not_found("Resource")
    return show_link(call, row)


def start_session(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/agent-sessions."""
    number = call.issue_number()
    with call.store.writing() as at:
        session_id = _start_session(call.store, number, at)
    return Answer(session(session_id), 201)


def prompt_norm(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/agent-sessions/{session_id}/prompts: counted; nothing else comes of it."""
    number, session_id = call.issue_number(), call.path["session_id"]
    if call.store.row_or_none("SELECT 1 FROM sessions WHERE id = ? AND issue = ?", session_id, number) is None:
        raise not_found("Session")
    detail = call.fields(PROMPT)["detail"]
    with call.store.writing() as at:
        _dispatch(call.store, number, at, session_id, detail)
    first_word = (detail.split() or [""])[0].lower().removeprefix("/")
    intent = _INTENTS.get(first_word, "fix")
    return Answer({"session_id": session_id, "run_id": new_id(), "intent": intent}, 202)


def _open_session(store: Store, number: int, at: str) -> str:
    row = store.row_or_none("SELECT id FROM sessions WHERE issue = ? ORDER BY seq DESC LIMIT 1", number)
    return row["id"] if row else _start_session(store, number, at)


def _start_session(store: Store, number: int, at: str) -> str:
    session_id = new_id()
    store.insert("sessions", id=session_id, issue=number)
    store.add_event(number, at, "session_started", "Started a session.", session_id=session_id)
    store.touch(number, at)
    return session_id


def _dispatch(store: Store, number: int, at: str, session_id: str, detail: str) -> None:
    store.insert("dispatches", detail=detail)
    store.add_event(number, at, "prompt", detail, session_id=session_id)
    store.touch(number, at)


def _show(issue_id: str, row: sqlite3.Row) -> Json:
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
