"""Activity and comments."""

from __future__ import annotations

import pytest

from tests.harness.sandbox_contents import all_comments
from tests.sandbox.conftest import ISSUES, Api


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


def test_all_comments(api: Api) -> None:
    """Those of all issues in the order in which they were made; nothing else of the activity."""
    one, other = api.path(), api.path()
    for path, text in ((one, "a"), (other, "@norm"), (one, "a")):
        api.data("POST", f"{path}/comments", {"detail": text}, expect=201)
    issues = [path.rsplit("/", 1)[1] for path in (one, other, one)]
    assert [item["issue_id"] for item in all_comments(api.store)] == issues
    assert [item["detail"] for item in all_comments(api.store)] == ["a", "@norm", "a"]


def test_unknown_issue(api: Api) -> None:
    """Nothing can be said of an issue that isn't there."""
    assert api.error("POST", f"{ISSUES}/none/comments", {"detail": "x"}) == (404, "not_found", "Issue not found")
