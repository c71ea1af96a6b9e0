"""Relations."""

from __future__ import annotations

from tests.harness.sandbox_contents import all_relations
from tests.sandbox.conftest import ISSUES, Api


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
    assert api.error("DELETE", f"{ISSUES}/none/relations/r") == (404, "not_found", "Relation not found")


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
