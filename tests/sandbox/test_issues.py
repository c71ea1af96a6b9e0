"""Issues: create, get, update, delete, view."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest

from tests.sandbox.conftest import ISSUES, Api, MakeApi

NOT_FOUND = (404, "not_found", "Issue not found")


def test_create_shows_the_whole_issue(api: Api) -> None:
    """A new issue has the documented keys, defaults and times."""
    issue = api.create()
    assert UUID(issue["id"])
    assert (issue["number"], issue["triage_id"]) == (1001, "T-1001")
    assert issue["created_at"] == issue["updated_at"] == issue["last_activity_at"]
    assert issue["created_at"].endswith("Z")
    assert issue["org_id"] == api.store.org_id
    assert len(issue) == 23
    defaults = {"description": "", "status": "todo", "source": "manual", "owner_id": None, "has_unread_activity": False}
    assert issue.items() >= defaults.items()


def test_numbers_are_sequential_and_not_used_again(api: Api) -> None:
    """A deleted issue leaves a gap."""
    last = [api.create() for _ in range(3)][-1]
    api.send("DELETE", f"{ISSUES}/{last['id']}")
    assert api.create()["number"] == 1004


@pytest.mark.parametrize("status", [400, 422])
def test_a_bad_create_has_the_status_that_is_asked_for(make_api: MakeApi, status: int) -> None:
    """The reference leaves it open; both can be rehearsed."""
    api = make_api(invalid_status=status)
    assert api.error("POST", ISSUES, {"title": "t"})[:2] == (status, "bad_request")
    assert api.titles() == []


def test_create_attaches_resources_once(api: Api) -> None:
    """The same link twice is one resource."""
    link = {"resource_type": "call", "resource_id": "c1"}
    assert api.create(resource_links=[link, link])["resource_count"] == 1


def test_a_missing_resource_fails_the_whole_create(api: Api) -> None:
    """No issue comes of a create whose link names nothing."""
    body = {"title": "t", "severity": "low", "category": "c"}
    links = [{"resource_type": "call", "resource_id": name} for name in ("c1", "missing-c2")]
    assert api.error("POST", ISSUES, body | {"resource_links": links}) == (404, "not_found", "Resource not found")
    assert api.titles() == []


def test_get_finds_by_uuid_only(api: Api) -> None:
    """Neither the number nor a strange UUID is an id."""
    issue = api.create()
    assert api.data("GET", f"{ISSUES}/{issue['id']}") == issue
    for other in (issue["triage_id"], issue["number"], uuid4()):
        assert api.error("GET", f"{ISSUES}/{other}") == NOT_FOUND


def test_patch_changes_and_leaves_a_trace(api: Api) -> None:
    """Changed fields show in the issue, its times and its activity."""
    issue = api.create()
    path = f"{ISSUES}/{issue['id']}"
    changed = api.data("PATCH", path, {"status": "done", "severity": "low", "owner_id": "u1", "title": "New"})
    assert changed["title"] == "New"
    assert changed["has_unread_activity"] is True
    assert changed["updated_at"] == changed["last_activity_at"] >= issue["updated_at"]
    events = api.data("GET", f"{path}/activity")["items"]
    assert {event["type"] for event in events} == {"created", "status_changed", "severity_changed", "owner_changed"}
    (status,) = [event for event in events if event["type"] == "status_changed"]
    assert (status["from_status"], status["to_status"]) == ("todo", "done")


@pytest.mark.parametrize("body", [None, {}, {"title": "A title"}, {"source": "client"}])
def test_patch_without_a_change_does_nothing(api: Api, body: object) -> None:
    """What stays the same moves no time and leaves no trace."""
    issue = api.create()
    assert api.data("PATCH", f"{ISSUES}/{issue['id']}", body) == issue


def test_patch_clears_people_with_null(api: Api) -> None:
    """Null takes owner and assignee away."""
    path = api.path(owner_id="u1", assignee_id="u2")
    changed = api.data("PATCH", path, {"owner_id": None, "assignee_id": None})
    assert (changed["owner_id"], changed["assignee_id"]) == (None, None)


def test_bad_patch_changes_nothing(api: Api) -> None:
    """One bad field refuses all of them."""
    path = api.path()
    status, code, message = api.error("PATCH", path, {"title": "New", "severity": "bad"})
    assert (status, code, message.split(":")[0]) == (400, "bad_request", "severity")
    assert api.data("GET", path)["title"] == "A title"


def test_delete_is_for_good(api: Api) -> None:
    """A deleted issue is gone with its comments and links, and stays so."""
    path = api.path(resource_links=[{"resource_type": "file", "resource_id": "f"}])
    api.data("POST", f"{path}/comments", {"detail": "x"}, expect=201)
    answer = api.send("DELETE", path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert api.error("DELETE", path) == api.error("GET", path) == api.error("GET", f"{path}/resources") == NOT_FOUND
    assert api.store.row("SELECT (SELECT count(*) FROM events) + (SELECT count(*) FROM resources) AS n")["n"] == 0


def test_view_marks_as_read(api: Api) -> None:
    """Activity is unread until it is viewed."""
    path = api.path()
    api.data("PATCH", path, {"title": "New"})
    assert api.data("PUT", f"{path}/view").keys() == {"issue_id", "last_viewed_at"}
    assert api.data("GET", path)["has_unread_activity"] is False


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("PATCH", ISSUES, 405), ("POST", "/v1/me", 405)]
)
def test_what_is_no_endpoint_is_refused_in_the_envelope(api: Api, method: str, path: str, status: int) -> None:
    """Unknown paths and methods get the envelope too."""
    assert api.error(method, path)[0] == status
