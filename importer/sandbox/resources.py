"""Resource links: the calls, SMS conversations and files attached to issues.

Every id exists except `missing-…`, and `late-…` in the run of the sandbox that sees it first.
"""

from __future__ import annotations

import sqlite3
from typing import NamedTuple

from importer.sandbox.body_rules import LATE, MISSING, RESOURCE
from importer.sandbox.organisation import CALLER_ID
from importer.sandbox.refusals import not_found
from importer.sandbox.request import NO_CONTENT, Answer, Call, Json, page_of
from importer.sandbox.storage import Event, Store, new_id


class Attached(NamedTuple):
    """A resource link, and whether it is new."""

    link: sqlite3.Row
    is_new: bool


def require_resource(store: Store, resource_id: str) -> None:
    """Raise Refusal 404 for a resource that doesn't exist. Call it outside of `writing`: it records `late-…` ids."""
    is_there = not resource_id.startswith(MISSING)
    if resource_id.startswith(LATE):
        store.db.execute("INSERT OR IGNORE INTO late (resource_id) VALUES (?)", (resource_id,))
        is_there = bool(store.row("SELECT is_there FROM late WHERE resource_id = ?", resource_id)["is_there"])
    if not is_there:
        raise not_found("Resource")


def attach(store: Store, number: int, at: str, resource_type: str, resource_id: str) -> Attached:
    """Link an existing resource to an issue; a link that exists is returned."""
    find = "SELECT * FROM resources WHERE issue = ? AND resource_type = ? AND resource_id = ?"
    link = store.row_or_none(find, number, resource_type, resource_id)
    if link is not None:
        return Attached(link, False)
    values = {"resource_type": resource_type, "resource_id": resource_id}
    store.insert("resources", id=new_id(), issue=number, **values, created_at=at)
    return Attached(store.row(find, number, resource_type, resource_id), True)


def attach_and_note(call: Call, resource_type: str, resource_id: str) -> Attached:
    """Link a resource to the issue in the path; a new link gets an entry in its activity."""
    number = call.issue_number()
    require_resource(call.store, resource_id)
    with call.store.writing() as at:
        attached = attach(call.store, number, at, resource_type, resource_id)
        if attached.is_new:
            snapshot = [_show_here(call, attached.link)]
            call.store.add_event(number, at, Event("resource_added", "Added a resource.", resources=snapshot))
            call.store.touch(number, at)
    return attached


def attach_resource(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/resources: 201, or 200 with the existing link."""
    call.issue_number()
    attached = attach_and_note(call, **call.fields(RESOURCE))
    return Answer(_show_here(call, attached.link), 201 if attached.is_new else 200)


def list_resources(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/resources."""
    return page_of(call, "resources", lambda row: _show_here(call, row))


def remove_resource(call: Call) -> Answer:
    """DELETE /v1/triage/issues/{id}/resources/{resource_link_id}."""
    return _remove(call, "SELECT * FROM resources WHERE issue = ? AND id = ?", call.path["resource_link_id"])


def detach_call(call: Call) -> Answer:
    """DELETE /v1/triage/issues/{id}/calls/{call_id}."""
    find = "SELECT * FROM resources WHERE issue = ? AND resource_type = 'call' AND resource_id = ?"
    return _remove(call, find, call.path["call_id"])


def _remove(call: Call, find: str, wanted: str) -> Answer:
    number = call.store.number_or_none(call.path["id"])
    link = call.store.row_or_none(find, number, wanted)
    if number is None or link is None:
        raise not_found("Resource")
    with call.store.writing() as at:
        call.store.db.execute("DELETE FROM resources WHERE seq = ?", (link["seq"],))
        snapshot = [_show_here(call, link)]
        call.store.add_event(number, at, Event("resource_removed", "Removed a resource.", resources=snapshot))
        call.store.touch(number, at)
    return NO_CONTENT


def list_affected(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/affected: the attached calls; the sandbox knows no pathways or personas."""
    number = call.issue_number()
    links = call.store.rows("SELECT * FROM resources WHERE issue = ? AND resource_type = 'call' ORDER BY seq", number)
    calls = [_affected_call(link["resource_id"]) for link in links]
    return Answer({"issue_id": call.path["id"], "calls": calls, "pathways": [], "personas": []})


def _affected_call(call_id: str) -> Json:
    unknown = ("started_at", "pathway_id", "pathway_name", "pathway_version_id", "version_number", "version_label")
    return {"call_id": call_id, "title": call_id[:8], **dict.fromkeys((*unknown, "persona_id", "persona_name"))}


def _show_here(call: Call, row: sqlite3.Row) -> Json:
    return show_link(call.store.org_id, call.path["id"], row)


def show_link(org_id: str, issue_id: str, row: sqlite3.Row) -> Json:
    """Return a resource link as the API shows it."""
    return {
        "id": row["id"],
        "issue_id": issue_id,
        "org_id": org_id,
        "resource_type": row["resource_type"],
        "resource_id": row["resource_id"],
        "title": row["resource_id"][:8],
        "status": "available",
        "metadata": None,
        "attached_by_id": CALLER_ID,
        "created_at": row["created_at"],
    }
