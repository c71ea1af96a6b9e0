"""The organisation: memberships, members, and the catalogue of categories."""

from __future__ import annotations

import sqlite3

from importer.sandbox.body_rules import not_found
from importer.sandbox.request import Answer, Call, Json, page

CALLER_ID = "5a9d0000-0000-4000-8000-000000000001"
"""The user to whom every key belongs, and so the author of everything that is created."""

_MEMBERS = (
    (CALLER_ID, "Robin", "Sand", "robin.sand@example.com", "owner"),
    ("5a9d0000-0000-4000-8000-000000000002", "Kim", "Shore", "kim.shore@example.com", "admin"),
    ("5a9d0000-0000-4000-8000-000000000003", "Alex", "Dune", "alex.dune@example.com", "operator"),
)


def memberships(call: Call) -> Answer:
    """GET /v1/orgs/self/memberships: the sandbox has one organisation."""
    return Answer([_membership(call, "owner")])


def members(call: Call) -> Answer:
    """GET /v1/orgs/{org_id}/members: the sandbox has three."""
    if call.path["org_id"] != call.store.org_id:
        raise not_found("Organization")
    return Answer(
        [
            _membership(call, permission)
            | {"user_id": user_id, "first_name": first, "last_name": last, "member_email": email}
            | {"combo_id": f"{call.store.org_id}::{user_id}", "member_phone_number": None}
            for user_id, first, last, email, permission in _MEMBERS
        ]
    )


def _membership(call: Call, permission: str) -> Json:
    return {
        "org_id": call.store.org_id,
        "org_slug": call.store.org_id,
        "org_display_name": "Sandbox",
        "permissions": [permission],
        "is_owner": permission == "owner",
        "is_org_creator": permission == "owner",
        "joined_at": call.store.created_at,
    }


def list_categories(call: Call) -> Answer:
    """GET /v1/triage/categories: the built-in ones and those in use, by name; the cursor is a name."""
    limit = call.limit()
    sql = "SELECT * FROM categories WHERE name > ? ORDER BY name LIMIT ?"

    def show(row: sqlite3.Row) -> Json:
        return {"org_id": call.store.org_id, **dict(row)}

    return page(call.store.rows(sql, call.cursor() or "", limit + 1), limit, show, key="name")
