"""What is added to an issue: comments, resource links, flags and relations; and its activity, which shows all of them.

Of calls, SMS conversations and files every id exists except `missing-…`, and `late-…` in the run of the sandbox that
sees it first.
"""

from __future__ import annotations

import re
import sqlite3

import orjson

from importer.sandbox.agent import NORM_ID, listen, show_session
from importer.sandbox.body_rules import (
    COMMENT,
    FLAG,
    LATE,
    MISSING,
    RELATION,
    RESOURCE,
    Refusal,
    bad_request,
    not_found,
)
from importer.sandbox.organisation import CALLER_ID
from importer.sandbox.request import Answer, Call, Json, page_of
from importer.sandbox.storage import Store, new_id

_USER = {"kind": "user", "id": CALLER_ID, "label": "Robin Sand", "avatar_url": None}
_NORM = {"kind": "agent", "id": NORM_ID, "label": "Norm", "avatar_url": None}
_NO_FLAG: Json = {"note": "", "node_id": None, "node_name": None, "message_index": None, "message_text": None}

# A relation as seen from the issue in the path (`asked`), with the columns of the other issue.
SELECT_RELATIONS = """
SELECT relations.*, asked.id AS asked_id, asked.number AS asked,
    other.id AS other_id, other.number AS other_number, other.title AS other_title
FROM issues AS asked JOIN relations ON (issue = asked.number OR target = asked.number)
JOIN issues AS other ON other.number = CASE WHEN issue = asked.number THEN target ELSE issue END
"""


def list_activity(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/activity: the newest first."""
    rows = "SELECT * FROM events WHERE issue = ?"
    return page_of(call, rows, lambda row: show_entry(call.path["id"], row), newest_first=True)


def add_comment(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/comments: `@norm` in it dispatches Norm."""
    number, fields = call.issue_number(), call.fields(COMMENT)
    links = []
    for link_id in fields.get("resource_link_ids", []):
        link = call.store.row_or_none("SELECT * FROM resources WHERE id = ? AND issue = ?", link_id, number)
        if link is None:
            raise not_found("Resource")
        links.append(show_link(call.store.org_id, call.path["id"], link))
    with call.store.writing() as at:
        seq = call.store.change(number, at, "comment", fields["detail"], *links)
        listen(call.store, number, at, fields["detail"])
    return Answer(show_entry(call.path["id"], call.store.row("SELECT * FROM events WHERE seq = ?", seq)), 201)


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
        return entry | {"agent_session": show_session(row["session_id"]), "artifact": None}
    return entry | {
        "from_status": row["from_status"],
        "to_status": row["to_status"],
        "resources": orjson.loads(row["resources"]),
        "referenced_issues": [],
    }


def require_resource(store: Store, resource_id: str) -> None:
    """Raise Refusal 404 for a resource that doesn't exist. Call it outside of `writing`: it records `late-…` ids."""
    is_there = not resource_id.startswith(MISSING)
    if resource_id.startswith(LATE):
        store.db.execute("INSERT OR IGNORE INTO late (resource_id) VALUES (?)", (resource_id,))
        is_there = bool(store.row("SELECT is_there FROM late WHERE resource_id = ?", resource_id)["is_there"])
    if not is_there:
        raise not_found("Resource")


def find_link(store: Store, number: int, resource_type: str, resource_id: str) -> sqlite3.Row | None:
    """Return a link of an issue, None if it has none to this resource."""
    find = "SELECT * FROM resources WHERE issue = ? AND resource_type = ? AND resource_id = ?"
    return store.row_or_none(find, number, resource_type, resource_id)


def attach_resource(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/resources: 201, or 200 with the existing link."""
    number, fields = call.issue_number(), call.fields(RESOURCE)
    require_resource(call.store, fields["resource_id"])
    link = find_link(call.store, number, **fields)
    if link is not None:
        return Answer(show_link(call.store.org_id, call.path["id"], link))
    with call.store.writing() as at:
        seq = call.store.insert("resources", id=new_id(), issue=number, **fields, created_at=at)
        link = call.store.row("SELECT * FROM resources WHERE seq = ?", seq)
        shown = show_link(call.store.org_id, call.path["id"], link)
        call.store.change(number, at, "resource_added", "Added a resource.", shown)
    return Answer(shown, 201)


def list_resources(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/resources."""
    rows = "SELECT * FROM resources WHERE issue = ?"
    return page_of(call, rows, lambda row: show_link(call.store.org_id, call.path["id"], row))


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


def add_flag(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/flags: the call must be attached."""
    number, fields = call.issue_number(), _NO_FLAG | call.fields(FLAG)
    fields["type"] = re.sub(r"[^a-z0-9]+", "_", fields["type"].lower()).strip("_")
    if not fields["type"]:
        raise bad_request("type: must have a letter or digit")
    link = find_link(call.store, number, "call", fields["call_id"])
    if link is None:
        raise Refusal(409, "call_not_attached", "Call must be attached to issue first")
    with call.store.writing() as at:
        seq = call.store.insert("flags", id=new_id(), issue=number, **fields, created_at=at)
        shown = show_link(call.store.org_id, call.path["id"], link)
        call.store.change(number, at, "flag_added", "Added a flag.", shown)
    flag = call.store.row("SELECT * FROM flags WHERE seq = ?", seq)
    return Answer(show_flag(call.store.org_id, call.path["id"], flag), 201)


def list_flags(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/flags."""
    rows = "SELECT * FROM flags WHERE issue = ?"
    return page_of(call, rows, lambda row: show_flag(call.store.org_id, call.path["id"], row))


def show_flag(org_id: str, issue_id: str, row: sqlite3.Row) -> Json:
    """Return a flag as the API shows it."""
    said = {name: row[name] for name in ("id", "call_id", "type", *_NO_FLAG, "created_at")}
    return {"org_id": org_id, "issue_id": issue_id, "author_id": CALLER_ID, **said}


def add_relation(call: Call) -> Answer:
    """POST /v1/triage/issues/{id}/relations."""
    number, fields = call.issue_number(), call.fields(RELATION)
    target = call.number_of(fields["related_issue_id"])
    if target == number:
        raise bad_request("related_issue_id: must be another issue")
    ends = {"issue": number, "target": target, "type": fields["relation_type"]}
    with call.store.writing() as at:
        seq = call.store.insert("relations", id=new_id(), **ends, created_at=at)
        call.store.change(number, at, "relation_added", "Added a relation.")
    row = call.store.row(f"{SELECT_RELATIONS} WHERE asked.number = ? AND seq = ?", number, seq)
    return Answer(show_relation(call.store.org_id, row), 201)


def list_relations(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}/relations: both directions."""
    rows = f"{SELECT_RELATIONS} WHERE asked.number = ?"
    return page_of(call, rows, lambda row: show_relation(call.store.org_id, row))


def remove_part(call: Call) -> Answer:
    """DELETE of one of the PARTS of an issue, by its id; a relation from either side."""
    number = call.issue_number()
    name = next(name for name in PARTS if name in call.path)
    table, what, issues = PARTS[name]
    find = f"SELECT seq FROM {table} WHERE id = ? AND ? IN ({issues})"
    found = call.store.row_or_none(find, call.path[name], number)
    if found is None:
        raise not_found(what)
    with call.store.writing() as at:
        call.store.db.execute(f"DELETE FROM {table} WHERE seq = ?", (found["seq"],))
        call.store.change(number, at, f"{what.lower()}_removed", f"Removed a {what.lower()}.")
    return Answer(None, 204)


PARTS = {
    "resource_link_id": ("resources", "Resource", "issue"),
    "flag_id": ("flags", "Flag", "issue"),
    "relation_id": ("relations", "Relation", "issue, target"),
}
"""Name of its id in the path → the table of what can be removed from an issue, what it is, its issues."""


def show_relation(org_id: str, row: sqlite3.Row) -> Json:
    """Return a relation as the API shows it."""
    return {
        "id": row["id"],
        "org_id": org_id,
        "issue_id": row["asked_id"],
        "related_issue_id": row["other_id"],
        "related_triage_id": f"T-{row['other_number']}",
        "related_title": row["other_title"],
        "relation_type": row["type"],
        "created_by_id": CALLER_ID,
        "created_at": row["created_at"],
        "direction": "outgoing" if row["issue"] == row["asked"] else "incoming",
    }
