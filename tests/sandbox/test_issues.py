"""Issues: create, get, update, delete; their list with pages, orders, search."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.harness.running import wait_for
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


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/v1/nothing", 404), ("PATCH", ISSUES, 405), ("POST", "/v1/triage/categories", 405)],
)
def test_what_is_no_endpoint_is_refused_in_the_envelope(api: Api, method: str, path: str, status: int) -> None:
    """Unknown paths and methods get the envelope too."""
    assert api.error(method, path)[0] == status


def pages(api: Api, **query: Any) -> list[list[str]]:
    """Return the ids of all pages."""
    found, cursor = [], ""
    while True:
        data = api.data("GET", ISSUES, cursor=cursor, **query)
        found.append([issue["id"] for issue in data["items"]])
        if data["next_cursor"] is None:
            return found
        cursor = data["next_cursor"]
        assert cursor == found[-1][-1]


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    count=st.integers(0, 12),
    sort=st.sampled_from(["last_activity_at", "created_at"]),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 5),
)
def test_pages_give_every_issue_once_in_order(make_api: MakeApi, count: int, sort: str, order: str, limit: int) -> None:
    """Whatever the order and the size, the pages together are the sorted whole."""
    api = make_api()
    times = {issue["id"]: issue["created_at"] for issue in (api.create() for _ in range(count))}
    found = pages(api, sort=sort, order=order, limit=limit)
    assert all(len(page) == limit for page in found[:-1])
    expected = sorted(times, key=lambda issue_id: (times[issue_id], issue_id), reverse=order == "desc")
    assert [issue_id for page in found for issue_id in page] == expected


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 101}, "limit"),
        ({"limit": "x"}, "limit"),
        ({"sort": "title"}, "sort"),
        ({"order": "up"}, "order"),
        ({"cursor": "nothing"}, "cursor"),
        ({"status": "open"}, "status"),
    ],
)
def test_bad_queries_are_refused(api: Api, query: dict[str, Any], field: str) -> None:
    """A bad parameter is named."""
    status, code, message = api.error("GET", ISSUES, **query)
    assert (status, code, message.split(":")[0]) == (400, "bad_request", field)


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ("login", True),
        ("LOGIN fails", True),
        ("tir1a2b3c", True),
        ("jira-acme:PROJ-123", True),
        ("PROJ-12", False),
        ("log", False),
        ("login works", False),
        ('"fails" OR (NOT', False),
        ("*", False),
        ("login - fails *", True),
        ("", True),
    ],
)
def test_search_finds_whole_words_in_title_and_description(api: Api, search: str, found: bool) -> None:
    """Every word must be there; signs have no meaning of their own."""
    api.create(title="Login fails", description="Imported: jira-acme:PROJ-123 tir1a2b3c")
    assert api.titles(search=search) == (["Login fails"] if found else [])


def test_search_follows_changes(api: Api) -> None:
    """An issue is found by the text that it has now, and not once it is deleted."""
    api.create(title="other")
    path = api.path(title="before")
    assert api.titles(search="before") == ["before"]
    api.data("PATCH", path, {"title": "after"})
    assert (api.titles(search="before"), api.titles(search="after")) == ([], ["after"])
    api.create(title="after too")
    assert api.titles(search="after", sort="created_at", order="asc") == ["after", "after too"]
    api.send("DELETE", path)
    assert api.titles(search="after") == ["after too"]


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.sampled_from(["create", "change", "delete", "search"]), st.sampled_from("xyz")), max_size=20)
)
def test_search_knows_the_texts_of_now(make_api: MakeApi, steps: list[tuple[str, str]]) -> None:
    """Whenever the index catches up, a search finds exactly the issues that have the word."""
    api = make_api()
    texts: dict[str, str] = {}
    for step, word in [*steps, ("search", "x")]:
        if step == "create":
            texts[api.create(description=word)["id"]] = word
        elif step == "search":
            found = {issue["id"] for issue in api.data("GET", ISSUES, search=word)["items"]}
            assert found == {issue_id for issue_id, text in texts.items() if text == word}
        elif texts:
            issue_id = list(texts)[-1]
            if step == "change":
                texts[issue_id] = word
                api.data("PATCH", f"{ISSUES}/{issue_id}", {"description": word})
            else:
                del texts[issue_id]
                api.send("DELETE", f"{ISSUES}/{issue_id}")


def test_search_can_lag(make_api: MakeApi) -> None:
    """A search doesn't find what is newer than the lag; a list does."""
    api = make_api(search_lag=0.5)
    path = api.path(title="fresh")
    assert (api.titles(search="fresh"), api.titles()) == ([], ["fresh"])
    wait_for(lambda: api.titles(search="fresh") == ["fresh"])
    api.data("PATCH", path, {"description": "more"})
    assert api.titles(search="fresh") == []


def test_lists_can_cut_descriptions(make_api: MakeApi) -> None:
    """A list then gives the beginning, the issue itself the whole."""
    api = make_api(cut_descriptions=True)
    issue = api.create(description="x" * 101)
    (item,) = api.data("GET", ISSUES)["items"]
    assert item["description"] == "x" * 100 + "..."
    assert api.data("GET", f"{ISSUES}/{issue['id']}")["description"] == "x" * 101
