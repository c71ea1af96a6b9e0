"""Presets bring the whole issue along: made-up records of each tracker, and what follows their issues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.mapping.identities import Identity
from tests.harness.brought import Bring
from tests.harness.running import Program, write_csv

JIRA = [
    "Summary",
    "Issue key",
    "Issue id",
    "Issue Type",
    "Status",
    "Priority",
    "Description",
    "Assignee",
    "Assignee Id",
]
JIRA_PEOPLE = ["Reporter", "Reporter Id"]


def test_jira_csv_comments(bring: Bring) -> None:
    """Cells are `date;account;text`: in order of their dates, accounts by their names, markup as Markdown."""
    people = ["Ann Meyer", "5f1", "Ben", "5f2"]
    row = ["Echo", "VO-1", "10001", "Bug", "To Do", "High", "h2. Seen\n see VO-2", *people]
    comments = [
        "05/Sep/25 7:24 AM;5f1;[~accountid:5f2] *twice*",
        "04/Sep/25 7:24 PM;5f2;first; with a semicolon",
        "no date",
    ]
    found = bring("jira", [[*JIRA, *JIRA_PEOPLE, "Comment", "Comment"], [*row, *comments[:2]]])["VO-1"]
    assert found.comments == [
        ("Ben", "04/Sep/25 7:24 PM", "first; with a semicolon"),
        ("Ann Meyer", "05/Sep/25 7:24 AM", "(at)Ben **twice**"),
    ]
    assert found.description == "## Seen\n\nsee VO-2"
    assert found.names == [("VO-2", "VO-2")]
    assert found.assignee == Identity("Ann Meyer", "5f1")
    lone = bring("jira", [[*JIRA, *JIRA_PEOPLE, "Comment"], [*row, comments[2]]])["VO-1"]
    assert lone.comments == [("", "", "no date")]


def test_jira_csv_links(bring: Bring) -> None:
    """A parent by its id or key, and each kind of link in its direction."""
    links = ["Parent", "Outward issue link (Blocks)", "Outward issue link (Blocks)", "Inward issue link (Blocks)"]
    links += ["Outward issue link (Duplicate)", "Inward issue link (Duplicate)", "Inward issue link (Relates)"]
    story = ["Story", "VO-1", "10001", "Story", "To Do", "High", "", "", "", *[""] * 7]
    task = [
        "Task",
        "VO-2",
        "10002",
        "Task",
        "To Do",
        "High",
        "",
        "",
        "",
        "10001",
        "VO-3",
        "VO-4",
        "VO-5",
        "VO-6",
        "VO-7",
        "VO-8",
    ]
    found = bring("jira", [[*JIRA, *links], story, task, [*task[:1], "VO-9", "10009", *task[3:9], "VO-1", *[""] * 6]])
    assert found["VO-2"].relations == [
        ("VO-1", "related_to", "VO-2"),
        ("VO-2", "blocks", "VO-3"),
        ("VO-2", "blocks", "VO-4"),
        ("VO-5", "blocks", "VO-2"),
        ("VO-2", "duplicate_of", "VO-6"),
        ("VO-7", "duplicate_of", "VO-2"),
        ("VO-2", "related_to", "VO-8"),
    ]
    assert found["VO-9"].relations == [("VO-1", "related_to", "VO-9")]


def test_jira_rest(bring: Bring) -> None:
    """Wiki markup and ADF, restricted comments, sub-tasks and links."""
    adf = {"type": "doc", "content": [{"type": "paragraph", "content": [{"type": "text", "text": "Tree of VO-3"}]}]}
    ann = {"accountId": "5f1", "displayName": "Ann Meyer", "emailAddress": "ann@acme.example"}
    comments = [
        {"body": "h3. wiki", "created": "2020-06-17T13:04:03.848+0800", "author": ann, "jsdPublic": False},
        {"body": adf, "created": "2020-06-16T13:04:03.848+0800", "author": ann},
        {
            "body": "secret",
            "created": "2020-06-18T00:00:00.000+0800",
            "visibility": {"type": "role", "value": "Admins"},
        },
    ]
    links = [
        {"type": {"name": "Blocks"}, "outwardIssue": {"key": "VO-3"}},
        {"type": {"name": "Duplicate"}, "inwardIssue": {"key": "VO-4"}},
        {"type": {"name": "Tests"}, "inwardIssue": {"key": "VO-5"}},
    ]
    fields: dict[str, Any] = {"summary": "Echo", "status": {"name": "To Do"}, "description": adf, "assignee": ann}
    fields |= {"comment": {"comments": comments}, "issuelinks": links, "parent": {"key": "VO-9"}}
    found = bring("jira", [{"key": "VO-1", "fields": {**fields, "subtasks": [{"key": "VO-2"}]}}])["VO-1"]
    assert [text for *_, text in found.comments] == ["Tree of VO-3", "### wiki", "secret"]
    assert found.comments[0][:2] == ("Ann Meyer", "2020-06-16T13:04:03.848+0800")
    assert found.private == [False, True, True]
    assert found.relations == [
        ("VO-1", "related_to", "VO-9"),
        ("VO-1", "related_to", "VO-2"),
        ("VO-1", "blocks", "VO-3"),
        ("VO-4", "duplicate_of", "VO-1"),
        ("VO-1", "related_to", "VO-5"),
    ]
    assert found.names == [("VO-3", "VO-3")]
    assert found.assignee == Identity("Ann Meyer", "5f1", "ann@acme.example")


URL = "https://github.com/o/r/issues"


def test_github_through_gh(bring: Bring) -> None:
    """Comments, sub-issues, dependencies, and numbers of the issue's own repository and of others."""
    comment = {"body": "Same in #3", "author": {"login": "ann"}, "createdAt": "2024-01-02T03:04:05Z"}
    record = {"number": 1, "title": "T", "state": "OPEN", "url": f"{URL}/1", "body": f"#2, x/y#3, {URL}/4#c and &#5;"}
    record |= {"comments": [comment], "assignees": [{"login": "ben", "name": "Ben"}], "parent": {"url": f"{URL}/9"}}
    record |= {"subIssues": {"nodes": [{"url": f"{URL}/8"}]}, "blockedBy": {"nodes": [{"url": f"{URL}/7"}]}}
    found = bring("github", [record])["o/r#1"]
    assert found.comments == [("ann", "2024-01-02T03:04:05Z", "Same in #3")]
    assert found.relations == [
        ("o/r#1", "related_to", "o/r#9"),
        ("o/r#1", "related_to", "o/r#8"),
        ("o/r#7", "blocks", "o/r#1"),
    ]
    assert found.names == [("#2", "o/r#2"), ("x/y#3", "x/y#3"), (f"{URL}/4", "o/r#4")]
    assert found.assignee == Identity("Ben", "ben")


def test_github_comments_of_their_own(bring: Bring) -> None:
    """The REST API lists an issue's number of comments with it, and the comments apart."""
    api = "https://api.github.com/repos/o/r/issues"
    record = {"number": 1, "title": "T", "state": "open", "html_url": f"{URL}/1", "url": f"{api}/1", "comments": 1}
    record |= {"parent_issue_url": f"{api}/2", "labels_url": "x", "node_id": "x"}
    comment = {"issue_url": f"{api}/1", "body": "Hello", "user": {"login": "ann"}, "created_at": "2024-01-02T03:04:05Z"}
    found = bring("github", [record], [comment])["o/r#1"]
    assert found.comments == [("ann", "2024-01-02T03:04:05Z", "Hello")]
    assert found.relations == [("o/r#1", "related_to", "o/r#2")]


def test_numbers_without_a_repository(bring: Bring) -> None:
    """Where a row's own key is a number alone, so is that of an issue that it names."""
    rows = [["number", "title", "state", "body"], ["1", "T", "open", "As #2 says"]]
    assert bring("github", rows, source_name="github-o")["1"].names == [("#2", "2")]


def test_gitlab(bring: Bring) -> None:
    """Notes that people wrote, internal ones as such; duplicates by the API's address, and moved issues by an id."""
    web = "https://gitlab.com/g/p/-/issues"
    notes = [
        {"note": "Second", "created_at": "2024-01-03", "author": {"name": "Ann"}, "internal": True},
        {"note": "First", "created_at": "2024-01-02", "author": {"name": "Ben"}, "system": False},
        {"note": "closed", "created_at": "2024-01-04", "author": {"name": "Ben"}, "system": True},
    ]
    one = {"id": 11, "iid": 1, "project_id": 5, "title": "T", "state": "closed", "web_url": f"{web}/1", "notes": notes}
    one |= {"_links": {"closed_as_duplicate_of": "https://gitlab.com/api/v4/projects/5/issues/2"}}
    one |= {"description": f"#2 and {web}/3", "assignees": [{"name": "Ann", "username": "ann"}]}
    two = {
        "id": 12,
        "iid": 2,
        "project_id": 5,
        "title": "U",
        "state": "closed",
        "web_url": f"{web}/2",
        "moved_to_id": 11,
    }
    found = bring("gitlab", [one, two])
    assert found["g/p#1"].comments == [("Ben", "2024-01-02", "First"), ("Ann", "2024-01-03", "Second")]
    assert found["g/p#1"].private == [False, True]
    assert found["g/p#1"].relations == [("g/p#1", "duplicate_of", "g/p#2")]
    assert found["g/p#1"].names == [("#2", "g/p#2"), (f"{web}/3", "g/p#3")]
    assert found["g/p#1"].assignee == Identity("Ann", "ann")
    assert found["g/p#2"].relations == [("g/p#2", "duplicate_of", "g/p#1")]
    assert "Duplicate of: https://gitlab.com/api/v4/projects/5/issues/2" in found["g/p#1"].footer
    assert "Moved to id: 11" in found["g/p#2"].footer


def test_gitlab_notes_of_their_own(bring: Bring) -> None:
    """Notes name their project and the issue's number in it."""
    record = {
        "id": 11,
        "iid": 1,
        "project_id": 5,
        "title": "T",
        "state": "opened",
        "web_url": "https://x.y/g/p/-/issues/1",
    }
    note = {"project_id": 5, "noteable_iid": 1, "noteable_type": "Issue", "system": False, "body": "Hello"}
    found = bring("gitlab", [record], [note, {**note, "noteable_type": "MergeRequest"}])
    assert found["g/p#1"].comments == [("", "", "Hello")]


def test_zendesk(bring: Bring) -> None:
    """All comments but the first, which is the description; authors that the ticket names; private ones as such."""
    comments = [
        {"body": "Third", "author_id": 4, "public": False, "created_at": "2024-01-03T00:00:00Z"},
        {"body": "The line is dead.", "author_id": 3, "public": True, "created_at": "2024-01-01T00:00:00Z"},
        {"body": "Second", "author_id": 7, "public": True, "created_at": "2024-01-02T00:00:00Z"},
    ]
    ticket = {"id": 17, "subject": "Dead", "status": "open", "requester_id": 3, "assignee_id": 4, "problem_id": 9}
    ticket |= {"comments": comments, "description": "The line is dead."}
    document = {"tickets": [ticket], "users": [{"id": 3, "name": "Ann"}, {"id": 4, "name": "Ben"}]}
    found = bring("zendesk", document)["17"]
    assert found.comments == [("7", "2024-01-02T00:00:00Z", "Second"), ("Ben", "2024-01-03T00:00:00Z", "Third")]
    assert found.private == [False, True]
    assert found.relations == [("17", "related_to", "9")]
    assert found.assignee == Identity("Ben", "4")
    del ticket["description"]
    assert bring("zendesk", document)["17"].description == "The line is dead."


def test_zendesk_comments_of_their_own(bring: Bring) -> None:
    """Rows of a capture that name their ticket; a ticket may have none, or their number alone."""
    ticket = {"id": 17, "subject": "Dead", "status": "open", "requester_id": 3, "submitter_id": 3, "comments": "2"}
    comments = [{"ticket_id": 17, "plain_body": "Hello", "author_id": 3}, {"ticket_id": 17, "events": []}]
    assert bring("zendesk", [ticket])["17"].comments == []
    assert bring("zendesk", [ticket], comments)["17"].comments == [("3", "", "Hello")]


def test_zendesk_ticket_events(bring: Bring) -> None:
    """Of the incremental export of events the comments; what else happened is none."""
    ticket = {"id": 17, "subject": "Dead", "status": "open", "requester_id": 3, "submitter_id": 3}
    said = {"event_type": "Comment", "body": "Hello", "public": False}
    events = [
        {"id": 1, "ticket_id": 17, "updater_id": 3, "child_events": [{"event_type": "Change"}, said]},
        {"id": 2, "ticket_id": 17, "updater_id": 3, "child_events": [{"event_type": "Change", "status": "open"}]},
    ]
    found = bring("zendesk", [ticket], events)["17"]
    assert found.comments == [("3", "", "Hello")]
    assert found.private == [True]


def test_trello(bring: Bring) -> None:
    """The discussion is among the board's actions, newest first; checklists follow it; cards name others by address."""
    action = {"type": "commentCard", "memberCreator": {"fullName": "Ann"}}
    actions = [
        {**action, "date": "2024-01-02T00:00:00Z", "data": {"card": {"id": "c1"}, "text": "Second"}},
        {**action, "date": "2024-01-01T00:00:00Z", "data": {"card": {"id": "c1"}, "text": "First"}},
        {**action, "type": "updateCard", "data": {"card": {"id": "c1"}, "text": "no comment"}},
    ]
    items = [{"name": "Call", "state": "complete"}, {"name": "Hang up", "state": "incomplete"}]
    card: dict[str, Any] = {
        "id": "c1",
        "idList": "l",
        "idBoard": "b",
        "name": "Voice",
        "idMembers": ["m1"],
        "shortLink": "s1",
    }
    card["attachments"] = [{"url": "https://trello.com/c/s2/9-other"}, {"url": "https://acme.example/x.png"}]
    other = {"id": "c2", "idList": "l", "idBoard": "b", "name": "Other", "shortLink": "s2"}
    board = {"cards": [card, other], "actions": actions, "members": [{"id": "m1", "fullName": "Ann Meyer"}]}
    board["checklists"] = [{"idCard": "c1", "name": "Steps", "checkItems": items}, {"idCard": "c2", "name": "None"}]
    found = bring("trello", board)
    assert found["c1"].comments == [
        ("Ann", "2024-01-01T00:00:00Z", "First"),
        ("Ann", "2024-01-02T00:00:00Z", "Second"),
        ("", "", "**Steps**\n\n- [x] Call\n- [ ] Hang up"),
    ]
    assert found["c1"].relations == [("c1", "related_to", "c2")]
    assert found["c1"].assignee == Identity("Ann Meyer", "m1")
    assert found["c2"].comments == [("", "", "**None**\n")]


def test_linear_csv(bring: Bring) -> None:
    """A parent, and several others in one cell."""
    header = ["ID", "Team", "Title", "Description", "Status", "Priority", "Assignee", "Cycle Name"]
    row = ["ENG-1", "Eng", "T", "See ENG-2, not UTF-0", "Todo", "High", "ann@acme.example", ""]
    found = bring("linear", [[*header, "Parent issue", "Blocked by"], [*row, "ENG-9", "ENG-3, ENG-4"]])["ENG-1"]
    assert found.relations == [
        ("ENG-1", "related_to", "ENG-9"),
        ("ENG-3", "blocks", "ENG-1"),
        ("ENG-4", "blocks", "ENG-1"),
    ]
    assert found.names == [("ENG-2", "ENG-2")]
    assert found.assignee == Identity(mail="ann@acme.example")


def test_linear_api(bring: Bring) -> None:
    """Comments, children, and relations of both sides."""

    def to(kind: str, side: str, key: str) -> dict[str, Any]:
        return {"type": kind, side: {"identifier": key}}

    record = {"id": "5d", "identifier": "ENG-1", "title": "T", "priority": 1, "state": {"name": "Todo"}}
    record["comments"] = {"nodes": [{"body": "Hello", "user": {"displayName": "ann"}, "createdAt": "2024-01-01"}]}
    record["children"] = {"nodes": [{"identifier": "ENG-2"}]}
    relations = [to("blocks", "relatedIssue", "ENG-3"), to("duplicate", "relatedIssue", "ENG-4")]
    record["relations"] = {"nodes": [*relations, to("related", "relatedIssue", "ENG-5")]}
    record["inverseRelations"] = {"nodes": [to("blocks", "issue", "ENG-6")]}
    found = bring("linear", [record])["ENG-1"]
    assert found.comments == [("ann", "2024-01-01", "Hello")]
    assert found.relations == [
        ("ENG-1", "related_to", "ENG-2"),
        ("ENG-1", "blocks", "ENG-3"),
        ("ENG-1", "duplicate_of", "ENG-4"),
        ("ENG-1", "related_to", "ENG-5"),
        ("ENG-6", "blocks", "ENG-1"),
    ]


def test_sentry(bring: Bring) -> None:
    """Notes among the activity, and who it is assigned to unless that is a team."""
    note = {"type": "note", "data": {"text": "Hello"}, "user": {"name": "Ann"}, "dateCreated": "2024-01-01T00:00:00Z"}
    record: dict[str, Any] = {
        "id": "1",
        "shortId": "WEB-1A",
        "title": "TypeError",
        "culprit": "app",
        "status": "unresolved",
    }
    record |= {"activity": [note, {"type": "set_resolved", "data": {}}], "metadata": {"value": "as in WEB-2B"}}
    ann = {"type": "user", "id": "7", "name": "Ann", "email": "ann@acme.example"}
    found = bring("sentry", [{**record, "assignedTo": ann}])["WEB-1A"]
    assert found.comments == [("Ann", "2024-01-01T00:00:00Z", "Hello")]
    assert found.names == [("WEB-2B", "WEB-2B")]
    assert found.assignee == Identity("Ann", "7", "ann@acme.example")
    team = {"type": "team", "id": "9", "name": "Voice"}
    assert bring("sentry", [{**record, "assignedTo": team}])["WEB-1A"].assignee == Identity()


def test_columns_of_ones_own_stand_in_the_footer(program: Program, tmp_path: Path) -> None:
    """What a site has added to its tracker's table is lost in no preset: no column goes nowhere."""
    header = [*JIRA, "Environment", "Custom field (Team)", "Custom field (Cause)", "Votes"]
    cells = ["Echo", "VO-1", "10001", "Bug", "To Do", "High", "text", "Ann", "5f1", "e" * 38_116, "Voice: EU", "", "3"]
    ended = program("validate", write_csv(tmp_path / "jira.csv", [cells], header), "--strict", "--json")
    assert ended.outcomes() == {"planned": 1}
    assert ended.summary["findings"] == {"footer-continued": 1}
    requests = (Path(program.folder) / "triage-import-check" / "planned.jsonl").read_text(encoding="utf-8").splitlines()
    description = json.loads(json.loads(requests[0])["body"])["description"]
    assert "\nCustom field (Team): Voice: EU\n" in description
    assert "Cause" not in description
    assert "Votes" not in description
    said = "".join(json.loads(json.loads(line)["body"])["detail"] for line in requests[1:])
    assert said.count("e") >= 38_116


def test_trac_change_log(bring: Bring) -> None:
    """Comments are changes of the field `comment` that have a text; other changes are none."""
    ticket = {"id": 31, "summary": "T", "status": "new", "type": "defect", "component": "core", "reporter": "bob"}
    at = {"__jsonclass__": ["datetime", "2026-01-02T10:00:00"]}
    log = [
        [at, "ada", "comment", "1", "See #30", 1],
        [at, "ada", "status", "new", "assigned", 1],
        [at, "bob", "comment", "2", "", 1],
        ["2026-01-03T10:00:00", "bob", "comment", "3", "Yes", 1],
    ]
    found = bring("trac", [ticket], [{"id": 31, "error": None, "result": log}])["31"]
    assert found.comments == [("ada", "2026-01-02T10:00:00", "See #30"), ("bob", "2026-01-03T10:00:00", "Yes")]


def test_a_salesforce_report_with_a_row_for_each_comment(bring: Bring, tmp_path: Path) -> None:
    """With the lines that the documents give, the rows of a case are one issue, and its comments are all there."""
    mine = tmp_path / "mine.yaml"
    mine.write_text("extends: salesforce\ngroup: [Case Number]\ncomments: {from: [{column: Body}]}\n", encoding="utf-8")
    header = ["Case Number", "Subject", "Status", "Priority", "Case Owner", "Body"]
    case = ["00001001", "Caller is cut off", "New", "High", "Ann Meyer"]
    rows = [[*case, "Called back"], [*case, "No answer"], ["00001002", "Echo", "Closed", "Low", "Ben", ""]]
    found = bring(str(mine), [header, *rows])
    assert list(found) == ["00001001", "00001002"]
    assert [text for _, _, text in found["00001001"].comments] == ["Called back", "No answer"]
    assert not [each.codes for each in found.values() if each.codes]


@pytest.mark.parametrize(
    ("description", "expected"),
    [("As filed", ["Me too"]), ("As edited since", ["As filed", "Me too"]), ("", ["Me too"]), (None, ["Me too"])],
)
def test_launchpad_keeps_what_a_description_was_at_first(
    bring: Bring, description: str | None, expected: list[str]
) -> None:
    """The first message is the description, and a comment where that was edited later: nothing else has its words."""
    said = [
        {"content": text, "owner_data": {"name": "ann"}, "date_created": "2026-03-02"}
        for text in ("As filed", "Me too")
    ]
    task: dict[str, Any] = {
        "web_link": "https://bugs.launchpad.net/shop/+bug/9",
        "status": "New",
        "importance": "High",
        "title": "T",
    }
    task |= {"bug_data": {"id": 9, "description": description}, "messages_data": said}
    assert [text for *_, text in bring("launchpad", [task])["shop#9"].comments] == expected
