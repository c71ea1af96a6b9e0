"""The simplest file there is: Triage's own fields, and what Triage itself answers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.running import SAMPLES, Program, read_csv, write_csv

CALL = "c3f1d6a0-52b7-4c1e-9a55-0d2f6b7e8a11"
COMMENT = {"entry_kind": "issue", "id": "e1", "issue_id": "i1", "type": "comment", "actor": {"label": "Ann"}}
ISSUE = {
    **{
        "id": "i1",
        "triage_id": "T-1001",
        "org_id": "o1",
        "number": 1001,
        "title": "Cut off",
        "description": "Since Monday",
    },
    **{
        "description": "Since Monday",
        "status": "in_review",
        "severity": "high",
        "source": "client",
        "category": "Bug",
        "owner_id": "u1",
    },
    **{"assignee_id": None, "author_id": "u2", "external_link": {"url": "https://github.com/o/r/issues/1"}},
    **{"created_at": "2026-01-01T00:00:00.000Z", "updated_at": "2026-01-02T00:00:00.000Z", "resource_count": 1},
    **{"last_activity_at": "2026-01-03T00:00:00.000Z", "latest_agent_session": None, "has_unread_activity": False},
}
WHOLE = {
    **ISSUE,
    "activity": {
        "items": [
            {**COMMENT, "detail": "I heard it too", "created_at": "2026-01-02T00:00:00.000Z"},
            {**COMMENT, "id": "e0", "type": "created", "detail": "Created the issue."},
        ]
    },
    "resources": [{"id": "r1", "resource_type": "call", "resource_id": CALL}],
    "flags": {"data": {"items": [{"call_id": CALL, "type": "slow", "note": "", "message_index": 3}]}},
    "relations": [{"issue_id": "i1", "related_issue_id": "i2", "relation_type": "blocks", "direction": "outgoing"}],
}
OTHER = {**ISSUE, "id": "i2", "triage_id": "T-1002", "number": 1002, "relations": [
    {"issue_id": "i2", "related_issue_id": "i1", "relation_type": "blocks", "direction": "incoming"}
]}  # fmt: skip


NAMES = (
    *("ticket", "Task ID", "legacy_id", "external-id", "GUID", "jira_key", "Incident Number"),
    *("task_id", "Case No.", "bug #", "workItemId", "defect_key", "old_id"),
)


def planned(program: Program, source: Path | str, *options: str) -> list[dict[str, Any]]:
    """The requests that a check plans, their bodies read."""
    assert program("validate", source, "--out", "out", *options).code == 0
    lines = (Path(program.folder) / "out" / "planned.jsonl").read_text(encoding="utf-8").splitlines()
    requests = [json.loads(line) for line in lines]
    return [{**request, "body": json.loads(request["body"])} for request in requests]


@pytest.mark.parametrize("name", ["plain.csv", "plain.jsonl"])
def test_the_samples(program: Program, name: str) -> None:
    """Two rows are sent as they are, with the API's defaults, one by a word; one shows what a finding looks like."""
    ended = program("validate", SAMPLES / name, "--json", "--out", "out")
    assert ended.outcomes() == {"planned": 3, "rejected": 1}
    assert ended.summary["findings"] == {"title-too-long": 1}
    first, second, third = (
        json.loads(json.loads(line)["body"])
        for line in (Path(program.folder) / "out" / "planned.jsonl").read_text(encoding="utf-8").splitlines()
    )
    assert third["severity"] == "critical"
    assert first["resource_links"] == [{"resource_type": "call", "resource_id": CALL}]
    assert "\ncustomer: Harbour Dental\n" in first["description"]
    assert (second["status"], second["source"], second["severity"]) == ("todo", "manual", "medium")


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("resource_links", f"call:{CALL}; sms_conversation: s1, file:f-1"),
        ("resource_links", json.dumps([
            {"resource_type": "call", "resource_id": CALL},
            {"resource_id": "s1", "resource_type": "sms_conversation"},
            {"resource_type": "file", "resource_id": "f-1"},
        ])),
        ("resource_links", str([
            {"resource_type": "call", "resource_id": CALL},
            {"resource_type": "sms_conversation", "resource_id": "s1"},
            {"resource_type": "file", "resource_id": "f-1"},
        ])),
    ],
)  # fmt: skip
def test_resource_links(program: Program, tmp_path: Path, header: str, cell: str) -> None:
    """As JSON, in either order of keys, as Python writes it, or as texts."""
    path = write_csv(
        tmp_path / "a.csv", [["1", "a", "low", "Bug", cell]], ["id", "title", "severity", "category", header]
    )
    (request,) = planned(program, path)
    assert request["body"]["resource_links"] == [
        {"resource_type": kind, "resource_id": name}
        for kind, name in (("call", CALL), ("sms_conversation", "s1"), ("file", "f-1"))
    ]


def test_columns_of_ids(program: Program, tmp_path: Path) -> None:
    """Calls, conversations and files in columns of their own, several in a cell."""
    header = ["Title", "Severity", "Category", "call_id", "sms_conversation_id", "file_id"]
    path = write_csv(tmp_path / "a.csv", [["a", "Low", "bug", f"{CALL} c2", "s1", "f1"]], header)
    (request,) = planned(program, path)
    names = [(link["resource_type"], link["resource_id"]) for link in request["body"]["resource_links"]]
    assert names == [("call", CALL), ("call", "c2"), ("sms_conversation", "s1"), ("file", "f1")]
    assert request["body"]["category"] == "Bug"  # in Triage's spelling
    assert request["key"].startswith("triage:row-")


def test_an_id_of_unknown_type_is_said(program: Program, tmp_path: Path) -> None:
    """It is not sent, and nothing is guessed."""
    header = ["id", "title", "severity", "category", "resource_links"]
    path = write_csv(tmp_path / "a.csv", [["1", "a", "low", "Bug", f"{CALL}, call:c2"]], header)
    (request,) = planned(program, path)
    assert request["body"]["resource_links"] == [{"resource_type": "call", "resource_id": "c2"}]
    (row,) = read_csv(Path(program.folder) / "out" / "results.csv")
    assert row["code"] == "evidence-malformed"


@pytest.mark.parametrize("header", ["id", "Key", "external_id", "Ticket ID", "number", "#", "ref"])
def test_any_column_of_ids_is_the_key(program: Program, tmp_path: Path, header: str) -> None:
    """And what is no field of Triage stands in the footer, other ids too."""
    names = [header, "title", "severity", "category", "Customer: name", "site id"]
    path = write_csv(tmp_path / "a.csv", [["A-7", "a", "low", "Bug", "Harbour", "u-u"]], names)
    (request,) = planned(program, path)
    assert request["key"] == "triage:A-7"
    assert "\nCustomer name: Harbour\nsite id: u-u\n" in request["body"]["description"]


def test_ids_of_users_are_taken_as_they_are(program: Program, tmp_path: Path) -> None:
    """They are those of this organisation."""
    header = ["id", "title", "severity", "category", "owner_id", "assignee_id"]
    (request,) = planned(program, write_csv(tmp_path / "a.csv", [["1", "a", "low", "Bug", "u1", "u2"]], header))
    assert (request["body"]["owner_id"], request["body"]["assignee_id"]) == ("u1", "u2")
    assert "u1" not in request["body"]["description"]


@pytest.mark.parametrize(
    "documents",
    [
        [{"data": {"items": [WHOLE, OTHER], "next_cursor": None}, "errors": None}],
        [{"data": {"items": [each], "next_cursor": "x"}, "errors": None} for each in (WHOLE, OTHER)],
        [{"data": each, "errors": None} for each in (WHOLE, OTHER)],
        [[WHOLE, OTHER]],
    ],
    ids=["list", "pages", "single issues", "array"],
)
def test_what_triage_answers(program: Program, tmp_path: Path, documents: list[Any]) -> None:
    """A list, pages, single issues: each with its comments, flags, evidence, and its relation once."""
    path = tmp_path / "issues.json"
    path.write_text("\n".join(map(json.dumps, documents)), encoding="utf-8")
    found = planned(program, path)
    assert [request["path"].rpartition("/")[2] for request in found][:4] == ["issues", "issues", "flags", "comments"]
    first, _, flag, comment, relation = (request["body"] for request in found[:5])
    assert {request["key"] for request in found[4:]} == {"triage:i1"}
    assert first["resource_links"] == [{"resource_type": "call", "resource_id": CALL}]
    values = [first[name] for name in ("severity", "status", "source", "category")]
    assert values == ["high", "in_review", "client", "Bug"]
    assert flag == {"call_id": CALL, "type": "slow", "message_index": 3}
    assert comment["detail"].endswith("I heard it too")
    assert comment["detail"].startswith("Ann · 2026-01-02")
    assert relation == {"related_issue_id": "{id:triage:i2}", "relation_type": "blocks"}
    for line in ("Number: T-1001", "Created: 2026-01-01", "external_link.url: https://github.com", "Owner: u1"):
        assert f"\n{line}" in first["description"]
    assert "owner_id" not in first  # a user of another organisation


def test_users_csv_says_who_they_are_here(program: Program, tmp_path: Path) -> None:
    """The ids of the other organisation's users are accounts to this one."""
    (tmp_path / "issues.json").write_text(json.dumps([ISSUE]), encoding="utf-8")
    (tmp_path / "users.csv").write_text("name,account,mail,triage_user_id\n,u1,,u-here\n", encoding="utf-8")
    (request,) = planned(program, tmp_path / "issues.json", "--users", str(tmp_path / "users.csv"))
    assert request["body"]["owner_id"] == "u-here"


def test_comments_of_a_file_of_their_own(program: Program, tmp_path: Path) -> None:
    """The answers of List Activity, one after another."""
    (tmp_path / "issues.json").write_text(json.dumps([ISSUE]), encoding="utf-8")
    pages = [{"data": {"items": WHOLE["activity"]["items"], "next_cursor": None}, "errors": None}]  # type: ignore[index]
    (tmp_path / "activity.json").write_text("\n".join(map(json.dumps, pages)), encoding="utf-8")
    requests = planned(program, tmp_path / "issues.json", "--comments", str(tmp_path / "activity.json"))
    assert [request["body"]["detail"].endswith("I heard it too") for request in requests[1:]] == [True]


def test_a_preset_of_before_sends_nothing(program: Program, tmp_path: Path) -> None:
    """Where only the footer is another since, the next run says so, and leaves the issues as they are."""
    header = ["id", "title", "severity", "category", "team"]
    path = write_csv(tmp_path / "a.csv", [["1", "a", "low", "Bug", "Harbour"]], header)
    (tmp_path / "before.yaml").write_text("extends: triage\nrest: drop\n", encoding="utf-8")
    assert program("run", path, "-m", tmp_path / "before.yaml", "--sandbox").code == 0
    ended = program("run", path, "--sandbox", "--json")
    assert ended.outcomes() == {"changed": 1}
    assert ended.summary["findings"] == {"mapping-changed": 1}


@pytest.mark.parametrize("name", NAMES)
def test_columns_that_are_keys(program: Program, name: str) -> None:
    """Whatever ids are called: a row is known again after somebody has edited it."""
    source = write_csv(Path("plain.csv"), [("A-1", "Cut off", "high", "Bug")], (name, "title", "severity", "category"))
    assert [request["key"] for request in planned(program, source)] == ["triage:A-1"]
