"""The endpoints of a single issue: create, get, update, delete, mark as viewed, attach a call."""

from __future__ import annotations

import sqlite3

from importer.sandbox.agent import session
from importer.sandbox.body_rules import CREATE_ISSUE, PATCH_ISSUE
from importer.sandbox.organisation import CALLER_ID
from importer.sandbox.request import NO_CONTENT, Answer, Call, Json
from importer.sandbox.resources import attach, attach_and_note, require_resource
from importer.sandbox.storage import Event, new_id

_DEFAULTS: Json = {"description": "", "status": "todo", "source": "manual", "owner_id": None, "assignee_id": None}

SELECT_ISSUES = """
SELECT issues.*,
    (SELECT count(*) FROM resources WHERE issue = number) AS resource_count,
    (SELECT count(*) FROM flags WHERE issue = number) AS flag_count,
    (SELECT count(*) FROM relations WHERE issue = number OR target = number) AS relation_count,
    (SELECT id FROM sessions WHERE issue = number ORDER BY seq DESC LIMIT 1) AS session_id
FROM issues
"""
"""Selects what `show_issue` needs; a condition and an order may be appended."""


def create_issue(call: Call) -> Answer:
    """POST /v1/triage/issues."""
    fields = _DEFAULTS | call.fields(CREATE_ISSUE)
    links = fields.pop("resource_links", [])
    for link in links:
        require_resource(call.store, link["resource_id"])
    issue_id = new_id()
    with call.store.writing() as at:
        number = call.store.insert("issues", id=issue_id, **fields, created_at=at, updated_at=at, last_activity_at=at)
        call.store.add_event(number, at, Event("created", "Created the issue."))
        for link in links:
            attach(call.store, number, at, **link)
        call.store.learn_category(fields["category"], at)
    return Answer(_find_issue(call, issue_id), 201)


def get_issue(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}."""
    call.issue_number()
    return Answer(_find_issue(call, call.path["id"]))


def patch_issue(call: Call) -> Answer:
    """PATCH /v1/triage/issues/{id}: writes only fields that change."""
    number = call.issue_number()
    old = call.store.row("SELECT * FROM issues WHERE number = ?", number)
    changes = {name: value for name, value in call.fields(PATCH_ISSUE).items() if value != old[name]}
    if changes:
        _change(call, old, changes)
    return Answer(_find_issue(call, old["id"]))


def _change(call: Call, old: sqlite3.Row, changes: Json) -> None:
    store, number = call.store, old["number"]
    with store.writing() as at:
        store.touch(number, at)
        for name, value in changes.items():
            store.db.execute(f"UPDATE issues SET {name} = ? WHERE number = ?", (value, number))
        if "title" in changes or "description" in changes:
            new_text = f"{changes.get('title', old['title'])} {changes.get('description', old['description'])}"
            store.db.execute("UPDATE words SET text = ? WHERE rowid = ?", (new_text, number))
        if "status" in changes:
            detail = f"Changed the status to {changes['status']}."
            store.add_event(
                number, at, Event("status_changed", detail, from_status=old["status"], to_status=changes["status"])
            )
        for name in ("severity", "category", "assignee_id", "owner_id"):
            if name in changes:
                what = name.removesuffix("_id")
                store.add_event(number, at, Event(f"{what}_changed", f"Changed the {what}."))
        if "category" in changes:
            store.learn_category(changes["category"], at)


def delete_issue(call: Call) -> Answer:
    """DELETE /v1/triage/issues/{id}: with its activity, resources, flags and relations."""
    number = call.issue_number()
    with call.store.writing():
        call.store.db.execute("DELETE FROM words WHERE rowid = ?", (number,))
        call.store.db.execute("DELETE FROM issues WHERE number = ?", (number,))
    return NO_CONTENT


def view_issue(call: Call) -> Answer:
    """PUT /v1/triage/issues/{id}/view."""
    call.store.db.execute("UPDATE issues SET unread = 0 WHERE number = ?", (call.issue_number(),))
    return Answer({"issue_id": call.path["id"], "last_viewed_at": call.store.now()})


def attach_call(call: Call) -> Answer:
    """PUT /v1/triage/issues/{id}/calls/{call_id}: answers with the issue."""
    attach_and_note(call, "call", call.path["call_id"])
    return Answer(_find_issue(call, call.path["id"]))


def _find_issue(call: Call, issue_id: str) -> Json:
    return show_issue(call.store.org_id, call.store.row(f"{SELECT_ISSUES} WHERE id = ?", issue_id))


def show_issue(org_id: str, row: sqlite3.Row) -> Json:
    """Return an issue as the API shows it."""
    return {
        "id": row["id"],
        "triage_id": f"T-{row['number']}",
        "org_id": org_id,
        "number": row["number"],
        "title": row["title"],
        "description": row["description"],
        "status": row["status"],
        "severity": row["severity"],
        "source": row["source"],
        "category": row["category"],
        "owner_id": row["owner_id"],
        "assignee_id": row["assignee_id"],
        "author_id": CALLER_ID,
        "external_link": None,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "last_activity_at": row["last_activity_at"],
        "resource_count": row["resource_count"],
        "flag_count": row["flag_count"],
        "relation_count": row["relation_count"],
        "latest_agent_session": session(row["session_id"]) if row["session_id"] else None,
        "is_processing": False,
        "has_unread_activity": bool(row["unread"]),
    }
