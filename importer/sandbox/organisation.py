"""The endpoints of the organisation: members, memberships, the key's owner, agents, the catalogue of categories."""

from __future__ import annotations

from importer.sandbox.body_rules import CATEGORY
from importer.sandbox.refusals import not_found
from importer.sandbox.request import Answer, Call, Json
from importer.sandbox.storage import BUILT_IN_CATEGORIES

NORM_ID = "0b1a0000-0000-4000-8000-000000000001"
CALLER_ID = "5a9d0000-0000-4000-8000-000000000001"
"""The user to whom every key belongs, and so the author of everything that is created."""

_MEMBERS = (
    (CALLER_ID, "Robin", "Sand", "robin.sand@example.com", "owner"),
    ("5a9d0000-0000-4000-8000-000000000002", "Kim", "Shore", "kim.shore@example.com", "admin"),
    ("5a9d0000-0000-4000-8000-000000000003", "Alex", "Dune", "alex.dune@example.com", "operator"),
)


def me(call: Call) -> Answer:
    """GET /v1/me: says that the key works."""
    return Answer({"status": "active"})


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


def agents(call: Call) -> Answer:
    """GET /v1/triage/agents: only Norm."""
    call.limit()
    norm = {"id": NORM_ID, "provider_type": "blandcode", "display_name": "Norm", "description": None, "is_active": True}
    return Answer({"items": [norm], "next_cursor": None})


def list_categories(call: Call) -> Answer:
    """GET /v1/triage/categories: the built-in ones and those in use, by name; the cursor is a name."""
    limit, cursor = call.limit(), call.cursor() or ""
    names = sorted(name for name in {*BUILT_IN_CATEGORIES, *call.store.categories} if name > cursor)
    items = [_category(call, name) for name in names[:limit]]
    return Answer({"items": items, "next_cursor": items[-1]["name"] if len(names) > limit else None})


def create_category(call: Call) -> Answer:
    """POST /v1/triage/categories: 201, or 200 with the existing one of that name."""
    name = call.fields(CATEGORY)["name"]
    known = name in call.store.categories or name in BUILT_IN_CATEGORIES
    call.store.learn_category(name, call.store.now())
    return Answer(_category(call, name), 200 if known else 201)


def _category(call: Call, name: str) -> Json:
    org_id = call.store.org_id
    if name in BUILT_IN_CATEGORIES:
        built_in = f"built-in:{name.lower()}"
        return {"id": built_in, "org_id": org_id, "name": name, "created_at": call.store.created_at}
    row = call.store.row("SELECT id, created_at FROM categories WHERE name = ?", name)
    return {"id": row["id"], "org_id": org_id, "name": name, "created_at": row["created_at"]}
