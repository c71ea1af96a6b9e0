"""Issues: create, get, update, delete, and their list with pages, orders and search."""

from __future__ import annotations

import re
import sqlite3
from typing import Any

from importer.sandbox.activity import find_link, require_resource
from importer.sandbox.agent import show_session
from importer.sandbox.body_rules import CREATE_ISSUE, PATCH_ISSUE, bad_request
from importer.sandbox.organisation import CALLER_ID
from importer.sandbox.request import Answer, Call, Json, bad_cursor, page
from importer.sandbox.storage import new_id

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
        call.store.add_event(number, at, "created", "Created the issue.")
        for link in links:
            if find_link(call.store, number, **link) is None:
                call.store.insert("resources", id=new_id(), issue=number, **link, created_at=at)
        call.store.learn_category(fields["category"], at)
    return Answer(_find_issue(call, issue_id), 201)


def get_issue(call: Call) -> Answer:
    """GET /v1/triage/issues/{id}."""
    call.issue_number()
    return Answer(_find_issue(call, call.path["id"]))


def patch_issue(call: Call) -> Answer:
    """PATCH /v1/triage/issues/{id}: writes only fields that change."""
    store, number = call.store, call.issue_number()
    old = store.row("SELECT * FROM issues WHERE number = ?", number)
    changes = {name: value for name, value in call.fields(PATCH_ISSUE).items() if value != old[name]}
    if not changes:
        return Answer(_find_issue(call, old["id"]))
    with store.writing() as at:
        store.touch(number, at)
        for name, value in changes.items():
            store.db.execute(f"UPDATE issues SET {name} = ? WHERE number = ?", (value, number))
        if "title" in changes or "description" in changes:
            new_text = f"{changes.get('title', old['title'])} {changes.get('description', old['description'])}"
            store.db.execute("UPDATE words SET text = ? WHERE rowid = ?", (new_text, number))
        if "status" in changes:
            detail, ways = f"Changed the status to {changes['status']}.", (old["status"], changes["status"])
            store.add_event(number, at, "status_changed", detail, from_status=ways[0], to_status=ways[1])
        for name in ("severity", "category", "assignee_id", "owner_id"):
            if name in changes:
                what = name.removesuffix("_id")
                store.add_event(number, at, f"{what}_changed", f"Changed the {what}.")
        if "category" in changes:
            store.learn_category(changes["category"], at)
    return Answer(_find_issue(call, old["id"]))


def delete_issue(call: Call) -> Answer:
    """DELETE /v1/triage/issues/{id}: with its activity, resources, flags and relations."""
    number = call.issue_number()
    with call.store.writing():
        call.store.db.execute("DELETE FROM words WHERE rowid = ?", (number,))
        call.store.db.execute("DELETE FROM issues WHERE number = ?", (number,))
    return Answer(None, 204)


def _find_issue(call: Call, issue_id: str) -> Json:
    return show_issue(call.store.org_id, call.store.row(f"{SELECT_ISSUES} WHERE id = ?", issue_id))


def show_issue(org_id: str, row: sqlite3.Row) -> Json:
    """Return an issue as the API shows it."""
    shown = dict(row)
    session_id, unread = shown.pop("session_id"), shown.pop("unread")
    return {
        **shown,
        "triage_id": f"T-{row['number']}",
        "org_id": org_id,
        "author_id": CALLER_ID,
        "external_link": None,
        "latest_agent_session": show_session(session_id) if session_id else None,
        "is_processing": False,
        "has_unread_activity": bool(unread),
    }


def list_issues(call: Call) -> Answer:
    """GET /v1/triage/issues: searched, ordered, in pages with a keyset cursor."""
    if unknown := call.query.keys() - {"limit", "cursor", "sort", "order", "search"}:
        raise bad_request(f"{min(unknown)}: the sandbox doesn't have this filter")
    limit, cursor = call.limit(), call.cursor()
    column = call.choice("sort", ("last_activity_at", "created_at"), "last_activity_at")
    order, sign = ("DESC", "<") if call.choice("order", ("asc", "desc"), "desc") == "desc" else ("ASC", ">")
    where, values = ["true"], list[Any]()
    # Each word is quoted, all are required; a word with punctuation is a phrase.
    words = " ".join(f'"{word}"' for word in re.sub(r'["\0]', " ", call.query.get("search", "")).split())
    if words:
        call.store.db.execute(
            "INSERT INTO words (rowid, text) SELECT number, title || ' ' || description FROM issues"
            " WHERE number > (SELECT coalesce(max(rowid), 0) FROM words)"
        )
        # The + makes SQLite walk in list order, so that it stops at a full page even for a word that all issues have.
        where.append("+number IN (SELECT rowid FROM words WHERE words MATCH ?)")
        values.append(words)
    if cursor is not None:
        last = call.store.row_or_none(f"SELECT {column} FROM issues WHERE id = ?", cursor)
        if last is None:
            raise bad_cursor()
        where.append(f"({column}, id) {sign} (?, ?)")
        values += [last[column], cursor]
    ordered = f"ORDER BY {column} {order}, id {order}"
    # The page is chosen in a subquery; otherwise SQLite counts the links of every issue that it sorts.
    chosen = f"SELECT number FROM issues WHERE {' AND '.join(where)} {ordered} LIMIT ?"
    rows = call.store.rows(f"{SELECT_ISSUES} WHERE number IN ({chosen}) {ordered}", *values, limit + 1)
    return page(rows, limit, lambda row: show_issue(call.store.org_id, row))
