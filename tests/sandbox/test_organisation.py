"""Members, memberships, categories."""

from __future__ import annotations

from tests.sandbox.conftest import Api

CATEGORIES = "/v1/triage/categories"


def names(api: Api) -> list[str]:
    return [item["name"] for item in api.data("GET", CATEGORIES, limit=100)["items"]]


def test_members_of_the_one_organisation(api: Api) -> None:
    """The caller's organisation has members; another one is unknown."""
    (membership,) = api.data("GET", "/v1/orgs/self/memberships")
    assert membership["org_id"] == api.store.org_id
    members = api.data("GET", f"/v1/orgs/{membership['org_id']}/members")
    assert all(member["user_id"] and "@" in member["member_email"] for member in members)
    assert api.create()["author_id"] in {member["user_id"] for member in members}
    assert api.error("GET", "/v1/orgs/other/members")[0] == 404


def test_categories_in_use_join_the_catalogue(api: Api) -> None:
    """Creating or changing an issue with a new category makes it known; spelling counts."""
    assert len(names(api)) == 8
    path = api.path(category="Billing")
    api.data("PATCH", path, {"category": "billing"})
    assert set(names(api)) >= {"Billing", "billing"}


def test_categories_come_in_pages_by_name(api: Api) -> None:
    """The cursor is the last name."""
    first = api.data("GET", CATEGORIES, limit=3)
    assert first["next_cursor"] == first["items"][-1]["name"] == "Latency"
    assert first["items"][0]["id"] == "built-in:bug"
    rest = api.data("GET", CATEGORIES, cursor="Latency")
    assert rest["next_cursor"] is None
    assert len(rest["items"]) == 5
