"""Resource links, calls, affected context."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.sandbox_contents import all_resources
from tests.sandbox.conftest import BODY, ISSUES, KEY, Api

CALL = {"resource_type": "call", "resource_id": "call-1"}
NOT_FOUND = (404, "not_found", "Resource not found")


def test_attaching_again_gives_the_link_with_200(api: Api) -> None:
    """The first time is 201, each other one 200 and nothing new."""
    path = api.path("/resources")
    link = api.data("POST", path, CALL, expect=201)
    assert link.items() >= CALL.items()
    assert api.data("POST", path, CALL) == link
    assert api.data("GET", path)["items"] == [link]


def test_a_missing_resource_is_refused(api: Api) -> None:
    """Ids that begin with `missing-` name nothing."""
    path = api.path()
    assert api.error("POST", f"{path}/resources", CALL | {"resource_id": "missing-1"}) == NOT_FOUND
    assert api.error("PUT", f"{path}/calls/missing-1") == NOT_FOUND


def test_a_late_resource_is_there_after_the_next_start(tmp_path: Path) -> None:
    """Until then it is refused as often as it is asked for, on a create too; another one begins anew."""
    options = HostileOptions(db=tmp_path / "s.db")
    link = {"resource_type": "call", "resource_id": "late-1"}

    def ask(sandbox: RunningSandbox) -> list[int]:
        with httpx.Client(base_url=sandbox.url, headers=KEY) as client:
            created = client.post(ISSUES, json=BODY | {"resource_links": [link]}).status_code
            issue = client.post(ISSUES, json=BODY).json()["data"]
            path = f"{ISSUES}/{issue['id']}"
            attached = [client.post(f"{path}/resources", json=link).status_code for _ in range(2)]
            return [created, *attached, client.put(f"{path}/calls/c").status_code]

    with serve_in_thread(options) as sandbox:
        assert ask(sandbox) == [404, 404, 404, 200]
        assert len(sandbox.issues()) == 1
    with serve_in_thread(options) as sandbox:
        assert ask(sandbox) == [201, 201, 200, 200]
        link["resource_id"] = "late-2"
        assert ask(sandbox)[0] == 404


def test_all_resources(api: Api) -> None:
    """The links of all issues, in the order in which they were made."""
    paths = [api.path(), api.path()]
    links = [api.data("POST", f"{path}/resources", CALL, expect=201) for path in reversed(paths)]
    assert all_resources(api.store) == links


def test_call_is_attached_and_detached(api: Api) -> None:
    """Attaching a call answers with the issue, as often as it is done."""
    path = api.path()
    for _ in range(2):
        issue = api.data("PUT", f"{path}/calls/c1")
        assert (issue["resource_count"], issue["has_unread_activity"]) == (1, True)
    assert api.send("DELETE", f"{path}/calls/c1").status_code == 204
    assert api.error("DELETE", f"{path}/calls/c1") == NOT_FOUND
    types = [item["type"] for item in api.data("GET", f"{path}/activity")["items"]]
    assert types == ["resource_removed", "resource_added", "created"]


def test_link_is_removed_by_its_own_id(api: Api) -> None:
    """The id of the resource is not that of the link."""
    path = api.path("/resources")
    link = api.data("POST", path, CALL, expect=201)
    assert api.error("DELETE", f"{path}/{CALL['resource_id']}") == NOT_FOUND
    assert api.send("DELETE", f"{path}/{link['id']}").status_code == 204
    assert api.data("GET", path) == {"items": [], "next_cursor": None}


def test_affected_lists_the_calls(api: Api) -> None:
    """Of a call its id is known and a short title."""
    path = api.path()
    api.data("PUT", f"{path}/calls/0123456789")
    api.data("POST", f"{path}/resources", {"resource_type": "file", "resource_id": "f"}, expect=201)
    (call,) = api.data("GET", f"{path}/affected")["calls"]
    assert (call["call_id"], call["title"], call["pathway_id"]) == ("0123456789", "01234567", None)


@pytest.mark.parametrize(
    ("method", "rest", "what"),
    [
        ("GET", "resources", "Issue"),
        ("GET", "affected", "Issue"),
        ("POST", "resources", "Issue"),
        ("PUT", "calls/c", "Issue"),
        ("DELETE", "calls/c", "Resource"),
        ("DELETE", "resources/r", "Resource"),
    ],
)
def test_unknown_issue(api: Api, method: str, rest: str, what: str) -> None:
    """The documented messages for an issue that isn't there."""
    assert api.error(method, f"{ISSUES}/none/{rest}") == (404, "not_found", f"{what} not found")
