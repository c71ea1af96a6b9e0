"""Flags and their types."""

from __future__ import annotations

import pytest

from tests.harness.sandbox_contents import all_flags
from tests.sandbox.conftest import ISSUES, Api


def flagged(api: Api) -> str:
    """Return the path of an issue with the call `c`."""
    return api.path(resource_links=[{"resource_type": "call", "resource_id": "c"}])


def test_flag_is_added_listed_and_removed(api: Api) -> None:
    """A flag is counted while it is there."""
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
    assert api.send("DELETE", f"{path}/flags/{flag['id']}").status_code == 204
    assert api.error("DELETE", f"{path}/flags/{flag['id']}") == (404, "not_found", "Flag not found")
    assert api.data("GET", path)["flag_count"] == 0


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


def test_types_are_listed_by_usage(api: Api) -> None:
    """The most used type comes first, with the note of its newest flag; unused ones are gone."""
    path = flagged(api)
    for type, note in (("rare", "1"), ("often", "2"), ("often", "3")):
        api.data("POST", f"{path}/flags", {"call_id": "c", "type": type, "note": note}, expect=201)
    first = api.data("GET", "/v1/triage/flag-types", limit=1)
    assert [(item["type"], item["description"], item["usage_count"]) for item in first["items"]] == [("often", "3", 2)]
    rest = api.data("GET", "/v1/triage/flag-types", cursor=first["next_cursor"])
    assert [item["type"] for item in rest["items"]] == ["rare"]
    assert api.error("GET", "/v1/triage/flag-types", cursor="other")[0] == 400
    api.send("DELETE", path)
    assert api.data("GET", "/v1/triage/flag-types")["items"] == []


def test_unknown_issue(api: Api) -> None:
    """The documented messages for an issue that isn't there."""
    assert api.error("POST", f"{ISSUES}/none/flags")[2] == api.error("GET", f"{ISSUES}/none/flags")[2]
    assert api.error("DELETE", f"{ISSUES}/none/flags/f")[2] == "Flag not found"
