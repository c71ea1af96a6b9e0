"""Activity, comments and Norm."""

from __future__ import annotations

import pytest

from .conftest import ISSUES, Api


def dispatches(api: Api) -> int:
    """Count how often Norm was set to work."""
    times: int = api.store.row("SELECT count(*) AS times FROM dispatches")["times"]
    return times


def test_comment_is_shown_and_listed(api: Api) -> None:
    """A comment's answer is its entry in the activity, the newest first."""
    path = api.path()
    entry = api.data("POST", f"{path}/comments", {"detail": "Seen on T-1029"}, expect=201)
    assert entry["entry_kind"] == "issue"
    assert (entry["type"], entry["detail"], entry["actor"]["kind"]) == ("comment", "Seen on T-1029", "user")
    assert (entry["resources"], entry["referenced_issues"], entry["metadata"]) == ([], [], None)
    items = api.data("GET", f"{path}/activity")["items"]
    assert items[0] == entry
    assert [item["type"] for item in items] == ["comment", "created"]
    assert api.data("GET", path)["has_unread_activity"] is True


@pytest.mark.parametrize(("detail", "status"), [("", 400), ("x" * 4000, 201), ("x" * 4001, 400)])
def test_comment_has_1_to_4000_characters(api: Api, detail: str, status: int) -> None:
    """The documented limits hold."""
    assert api.send("POST", api.path("/comments"), {"detail": detail}).status_code == status


@pytest.mark.parametrize(
    ("detail", "times"), [("@norm look", 1), ("x@Norm.com @norm", 1), ("ask norm", 0), ("@\u200bnorm", 0)]
)
def test_norm_is_dispatched_once_by_a_comment(api: Api, detail: str, times: int) -> None:
    """A mention anywhere, in any case, is one dispatch; the text is kept as it is."""
    path = api.path()
    assert api.data("POST", f"{path}/comments", {"detail": detail}, expect=201)["detail"] == detail
    assert dispatches(api) == times
    assert (api.data("GET", path)["latest_agent_session"] is not None) == bool(times)


def test_norm_is_not_dispatched_by_an_issue(api: Api) -> None:
    """Only comments are said to set it to work."""
    api.create(title="@norm", description="@norm")
    assert dispatches(api) == 0


def test_mentions_share_a_session(api: Api) -> None:
    """A session is made only if there is none."""
    path = api.path()
    for _ in range(2):
        api.data("POST", f"{path}/comments", {"detail": "@norm"}, expect=201)
    kinds = [item["type"] for item in api.data("GET", f"{path}/activity")["items"]]
    assert kinds.count("session_started") == 1
    assert kinds.count("prompt") == dispatches(api) == 2


def test_prompt(api: Api) -> None:
    """A session can be started and prompted; its first word is the intent."""
    path = api.path()
    session = api.data("POST", f"{path}/agent-sessions", expect=201)
    assert session["agent_name"] == "Norm"
    prompts = f"{path}/agent-sessions/{session['id']}/prompts"
    for detail, intent in (("/verify it", "verify"), ("debug", "fix"), ("look here", "fix")):
        assert api.data("POST", prompts, {"detail": detail}, expect=202)["intent"] == intent
    assert api.error("POST", f"{path}/agent-sessions/other/prompts", {"detail": "x"})[0] == 404
    assert dispatches(api) == 3


def test_comment_shows_resources_of_its_issue(api: Api) -> None:
    """A link of the issue becomes a chip, another one is refused."""
    path = api.path()
    link = api.data("POST", f"{path}/resources", {"resource_type": "call", "resource_id": "c"}, expect=201)
    body = {"detail": "x", "resource_link_ids": [link["id"]]}
    assert api.data("POST", f"{path}/comments", body, expect=201)["resources"] == [link]
    assert api.error("POST", api.path("/comments"), body) == (404, "not_found", "Resource not found")


def test_activity_comes_in_pages(api: Api) -> None:
    """The cursor is the last entry's id; that of another issue is refused."""
    path = api.path()
    for text in "abc":
        api.data("POST", f"{path}/comments", {"detail": text}, expect=201)
    first = api.data("GET", f"{path}/activity", limit=2)
    assert [item["detail"] for item in first["items"]] == ["c", "b"]
    second = api.data("GET", f"{path}/activity", limit=2, cursor=first["next_cursor"])
    assert [item["detail"] for item in second["items"]] == ["a", "Created the issue."]
    assert second["next_cursor"] is None
    assert api.error("GET", api.path("/activity"), cursor=first["next_cursor"])[0] == 400


@pytest.mark.parametrize("rest", ["comments", "agent-sessions"])
def test_unknown_issue(api: Api, rest: str) -> None:
    """Nothing can be said of an issue that isn't there."""
    assert api.error("POST", f"{ISSUES}/none/{rest}", {"detail": "x"}) == (404, "not_found", "Issue not found")
