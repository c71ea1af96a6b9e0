"""What is added to an issue: comments and activity, resource links, flags, relations."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.sandbox_contents import all_comments, all_flags, all_relations, all_resources
from tests.sandbox.conftest import BODY, ISSUES, KEY, Api


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


CALL = {"resource_type": "call", "resource_id": "call-1"}


def test_attaching_again_gives_the_link_with_200(api: Api) -> None:
    """The first time is 201, each other one 200 and nothing new."""
    path = api.path("/resources")
    link = api.data("POST", path, CALL, expect=201)
    assert link.items() >= CALL.items()
    assert api.data("POST", path, CALL) == link
    assert api.data("GET", path)["items"] == [link]


def test_a_missing_resource_is_refused(api: Api) -> None:
    """Ids that begin with `missing-` name nothing."""
    body = CALL | {"resource_id": "missing-1"}
    assert api.error("POST", api.path("/resources"), body) == (404, "not_found", "Resource not found")


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
            return [created, *attached]

    with serve_in_thread(options) as sandbox:
        assert ask(sandbox) == [404, 404, 404]
        assert len(sandbox.issues()) == 1
    with serve_in_thread(options) as sandbox:
        assert ask(sandbox) == [201, 201, 200]
        link["resource_id"] = "late-2"
        assert ask(sandbox)[0] == 404


def test_all_resources(api: Api) -> None:
    """The links of all issues, in the order in which they were made."""
    paths = [api.path(), api.path()]
    links = [api.data("POST", f"{path}/resources", CALL, expect=201) for path in reversed(paths)]
    assert all_resources(api.store) == links


def flagged(api: Api) -> str:
    """Return the path of an issue with the call `c`."""
    return api.path(resource_links=[{"resource_type": "call", "resource_id": "c"}])


def test_flag_is_added_and_listed(api: Api) -> None:
    """A flag is counted, and an entry of the activity shows its call."""
    path = flagged(api)
    flag = api.data("POST", f"{path}/flags", {"call_id": "c", "type": "Wrong Answer!", "message_index": 0}, expect=201)
    assert (flag["type"], flag["note"], flag["message_index"], flag["node_id"]) == ("wrong_answer", "", 0, None)
    assert api.data("GET", f"{path}/flags")["items"] == [flag]
    assert api.data("GET", path)["flag_count"] == 1
    (event, *_) = api.data("GET", f"{path}/activity")["items"]
    assert (event["type"], event["detail"], event["resources"][0]["resource_id"]) == (
        "flag_added",
        "Added a flag.",
        "c",
    )


def test_all_flags(api: Api) -> None:
    """Those of all issues, in the order in which they were made; the same again is another one."""
    paths = [flagged(api), flagged(api)]
    flag = {"call_id": "c", "type": "x"}
    made = [api.data("POST", f"{paths[index]}/flags", flag, expect=201) for index in (1, 0, 1)]
    assert all_flags(api.store) == made


def test_call_must_be_attached(api: Api) -> None:
    """A flag on another call is a conflict."""
    refusal = api.error("POST", f"{flagged(api)}/flags", {"call_id": "other", "type": "x"})
    assert refusal == (409, "call_not_attached", "Call must be attached to issue first")


@pytest.mark.parametrize("type", ["", "!?"])
def test_type_must_say_something(api: Api, type: str) -> None:
    """A type without letter or digit is refused."""
    assert api.error("POST", f"{flagged(api)}/flags", {"call_id": "c", "type": type})[:2] == (400, "bad_request")


def test_relation_shows_from_both_sides(api: Api) -> None:
    """It is stored once, goes out of one issue and comes into the other."""
    source, target = api.create(title="source"), api.create(title="target")
    body = {"related_issue_id": target["id"], "relation_type": "blocks"}
    relation = api.data("POST", f"{ISSUES}/{source['id']}/relations", body, expect=201)
    assert (relation["direction"], relation["related_title"]) == ("outgoing", "target")
    assert relation["related_triage_id"] == target["triage_id"]
    (incoming,) = api.data("GET", f"{ISSUES}/{target['id']}/relations")["items"]
    assert (incoming["id"], incoming["direction"]) == (relation["id"], "incoming")
    assert (incoming["related_issue_id"], incoming["issue_id"]) == (source["id"], target["id"])
    assert api.data("GET", f"{ISSUES}/{target['id']}")["relation_count"] == 1


def test_relation_is_removed_from_either_side(api: Api) -> None:
    """The target may break it too, a third issue not."""
    source, target, other = (api.create() for _ in range(3))
    body = {"related_issue_id": target["id"], "relation_type": "related_to"}
    relation = api.data("POST", f"{ISSUES}/{source['id']}/relations", body, expect=201)
    for issue, status in ((other, 404), (target, 204), (source, 404)):
        path = f"{ISSUES}/{issue['id']}/relations/{relation['id']}"
        assert api.send("DELETE", path).status_code == status


@pytest.mark.parametrize(("part", "body"), [("resources", {"resource_type": "call"}), ("flags", {"type": "x"})])
def test_what_was_added_is_removed(api: Api, part: str, body: dict[str, str]) -> None:
    """Once; the activity says so."""
    path = flagged(api)
    made = api.data("POST", f"{path}/{part}", body | {"resource_id": "d", "call_id": "c"}, expect=201)
    assert [api.send("DELETE", f"{path}/{part}/{made['id']}").status_code for _ in range(2)] == [204, 404]
    assert made not in api.data("GET", f"{path}/{part}")["items"]
    assert api.data("GET", f"{path}/activity")["items"][0]["type"] == f"{part[:-1]}_removed"


def test_relations_come_in_pages_and_repeats_show(api: Api) -> None:
    """The same relation again is a second one."""
    path, target = api.path("/relations"), api.create()
    body = {"related_issue_id": target["id"], "relation_type": "duplicate_of"}
    made = [api.data("POST", path, body, expect=201)["id"] for _ in range(3)]
    first = api.data("GET", path, limit=2)
    assert [item["id"] for item in first["items"]] == made[:2]
    second = api.data("GET", path, limit=2, cursor=first["next_cursor"])
    assert [item["id"] for item in second["items"]] == made[2:]
    assert api.error("GET", path, cursor="other")[0] == 400


def test_all_relations(api: Api) -> None:
    """Each once, as its source shows it, in the order in which they were made."""
    issues = [api.create() for _ in range(3)]
    made = []
    for source, target in ((2, 0), (0, 1), (0, 1)):
        body = {"related_issue_id": issues[target]["id"], "relation_type": "blocks"}
        made.append(api.data("POST", f"{ISSUES}/{issues[source]['id']}/relations", body, expect=201))
    assert all_relations(api.store) == made


def test_both_ends_must_exist_and_differ(api: Api) -> None:
    """An unknown end is 404, the same end 400."""
    issue = api.create()
    path = f"{ISSUES}/{issue['id']}/relations"
    for related, status in (("none", 404), (issue["id"], 400)):
        assert api.error("POST", path, {"related_issue_id": related, "relation_type": "blocks"})[0] == status


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("part", ["comments", "activity", "resources", "flags", "relations"])
def test_unknown_issue(api: Api, method: str, part: str) -> None:
    """Nothing can be said of an issue that isn't there."""
    if (method, part) not in (("GET", "comments"), ("POST", "activity")):
        assert api.error(method, f"{ISSUES}/none/{part}") == (404, "not_found", "Issue not found")
