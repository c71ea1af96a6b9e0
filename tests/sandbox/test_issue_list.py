"""Listing issues: pages, order, filters, search."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from importer.sandbox.body_rules import SEVERITIES, STATUSES
from importer.sandbox.storage import timestamp
from tests.harness.running import wait_for
from tests.sandbox.conftest import ISSUES, Api, MakeApi


def pages(api: Api, **query: Any) -> list[list[str]]:
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
    issues=st.lists(st.tuples(st.sampled_from(SEVERITIES), st.sampled_from(STATUSES)), max_size=12),
    sort=st.sampled_from(["last_activity_at", "created_at", "severity", "status"]),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 5),
)
def test_pages_give_every_issue_once_in_order(
    make_api: MakeApi, issues: list[tuple[str, str]], sort: str, order: str, limit: int
) -> None:
    """Whatever the order and the size, the pages together are the sorted whole."""
    api = make_api()
    ranks: dict[str, object] = {}
    for severity, status in issues:
        issue = api.create(severity=severity, status=status)
        ranks[issue["id"]] = {
            "severity": SEVERITIES.index(severity),
            "status": STATUSES.index(status),
        }.get(sort, issue["created_at"])
    found = pages(api, sort=sort, order=order, limit=limit)
    assert all(len(page) == limit for page in found[:-1])
    expected = sorted(ranks, key=lambda issue_id: (ranks[issue_id], issue_id), reverse=order == "desc")
    assert [issue_id for page in found for issue_id in page] == expected


@pytest.mark.parametrize(
    ("query", "titles"),
    [
        ({"status": "done"}, "b"),
        ({"status": ["done", "todo"]}, "abc"),
        ({"status": ["done", "todo"], "severity": "low"}, "bc"),
        ({"category": "Speech"}, "c"),
        ({"category": "speech"}, ""),
        ({"owner_id": "u1"}, "a"),
        ({"assignee_id": "u1"}, "b"),
        ({"resource_type": "file"}, "c"),
        ({"date_range": "24h", "date_field": "created_at"}, "abc"),
    ],
)
def test_filters(api: Api, query: dict[str, Any], titles: str) -> None:
    """A key that repeats widens, another key narrows."""
    api.create(title="a", owner_id="u1")
    api.create(title="b", severity="low", status="done", assignee_id="u1")
    links = [{"resource_type": "file", "resource_id": "f"}]
    api.create(title="c", severity="low", category="Speech", resource_links=links)
    assert sorted(api.titles(**query)) == list(titles)


def test_date_range_looks_back(api: Api) -> None:
    """What is older than the window is left out."""
    number = api.create()["number"]
    old = timestamp(datetime.now(UTC) - timedelta(days=8))
    api.store.db.execute("UPDATE issues SET created_at = ? WHERE number = ?", (old, number))
    assert api.titles(date_range="7d", date_field="created_at") == []
    assert api.titles(date_range="30d", date_field="created_at") == api.titles(date_range="7d") == ["A title"]


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
        ({"status": "todo,done"}, "status"),
        ({"resource_type": "email"}, "resource_type"),
        ({"date_range": "1y"}, "date_range"),
        ({"date_field": "updated_at"}, "date_field"),
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
