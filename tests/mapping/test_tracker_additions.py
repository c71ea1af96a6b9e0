"""Other trackers' presets bring the whole issue along: made-up records of each, and what follows their issues."""

from __future__ import annotations

import json
from typing import Any

import pytest

from importer.mapping.identities import Identity
from tests.harness.brought import Bring

DAY, NEXT = "2026-03-01T08:00:00Z", "2026-03-02T08:00:00Z"
ADDRESS = "https://dev.azure.com/acme/_apis/wit/workItems"


def test_asana_stories_from_a_file(bring: Bring) -> None:
    """Comments are stories of their own; dependencies point both ways, and addresses name tasks."""
    task = {"gid": "120", "name": "T", "completed": False, "notes": "See https://app.asana.com/0/9/121/f"}
    task |= {"parent": {"gid": "119"}, "dependencies": [{"gid": "117"}], "dependents": [{"gid": "118"}]}
    story = {"target": {"gid": "120"}, "created_by": {"name": "Ann"}, "created_at": DAY}
    stories = [story | {"type": "comment", "text": "Hello"}, story | {"type": "system", "text": "Ann added to Sprint"}]
    found = bring("asana", [task], stories)["120"]
    assert found.comments == [("Ann", DAY, "Hello")]
    assert found.relations == [("119", "related_to", "120"), ("117", "blocks", "120"), ("120", "blocks", "118")]
    assert found.names == [("https://app.asana.com/0/9/121/f", "121")]


def test_azuredevops_links_and_html(bring: Bring) -> None:
    """The kinds of links keep their direction, HTML becomes Markdown, a mail stands behind the name."""
    kinds = ("Dependency-Forward", "Dependency-Reverse", "Duplicate-Reverse", "Hierarchy-Reverse")
    links = [{"rel": f"System.LinkTypes.{kind}", "url": f"{ADDRESS}/{number}"} for number, kind in enumerate(kinds, 1)]
    text = "<div>As in <a href='https://dev.azure.com/acme/p/_workitems/edit/7'>#7</a></div>"
    fields = {"System.Title": "T", "System.WorkItemType": "Bug", "System.State": "New", "System.Description": text}
    said = [{"workItemId": 5, "text": "<p>Yes</p>", "createdBy": {"displayName": "Ann"}, "createdDate": DAY}]
    found = bring("azuredevops", [{"id": 5, "rev": 1, "fields": fields, "relations": links}], said)["5"]
    assert found.description == "As in [#7](https://dev.azure.com/acme/p/_workitems/edit/7)"
    assert found.comments == [("Ann", DAY, "Yes")]
    assert found.relations == [
        ("4", "related_to", "5"),
        ("5", "blocks", "1"),
        ("2", "blocks", "5"),
        ("5", "duplicate_of", "3"),
    ]
    assert found.names == [("#7", "7")]
    table = [
        ["ID", "Work Item Type", "Title", "Assigned To", "Parent"],
        ["6", "Bug", "T", "Ann M <ann@acme.test>", "5"],
    ]
    row = bring("azuredevops", table)["6"]
    assert row.assignee == Identity("Ann M", mail="ann@acme.test")
    assert row.relations == [("5", "related_to", "6")]


def test_backlog_parents_by_their_ids(bring: Bring) -> None:
    """A parent is named by an id that is no key; changes of fields are no comments."""
    plain = {"projectId": 1, "keyId": 1, "summary": "T", "status": {"name": "Open"}, "issueType": {"name": "Bug"}}
    said = [{"content": None, "created": DAY}, {"content": "Hm", "createdUser": {"name": "Ann"}, "created": NEXT}]
    parent = plain | {"id": 71, "issueKey": "SHOP-1"}
    child = plain | {"id": 72, "issueKey": "SHOP-2", "parentIssueId": 71, "comments": said}
    found = bring("backlog", [parent, child])["SHOP-2"]
    assert found.comments == [("Ann", NEXT, "Hm")]
    assert found.relations == [("SHOP-1", "related_to", "SHOP-2")]
    row = bring("backlog", [["Key", "Subject", "Issue Type", "Status", "Comment1", "Comment2"], ["S-1", *"TBOxy"]])
    assert [text for *_, text in row["S-1"].comments] == ["x", "y"]


def test_bitbucket_archive(bring: Bring) -> None:
    """Its comments stand beside the issues, among changes of the status; a pull request's number is no issue's."""
    issue = {"id": 7, "title": "T", "kind": "bug", "status": "open", "voters": [], "created_on": DAY}
    issue |= {"content": "As #8, not pull request #9", "assignee": {"display_name": "Ann", "account_id": "557:1"}}
    said = [{"id": 1, "issue": 7, "content": "Hm", "user": {"display_name": "Bo"}, "created_on": NEXT}]
    said += [{"id": 2, "issue": 7, "content": None, "user": None, "created_on": NEXT}]
    logs = [{"issue": 7, "comment": 2, "field": "status", "changed_from": "new", "changed_to": "open", "user": None}]
    archive = {"issues": [issue], "comments": said, "logs": logs, "meta": {"default_kind": "bug"}, "milestones": []}
    found = bring("bitbucket", archive, source_name="app")["7"]
    assert found.comments == [("Bo", NEXT, "Hm")]
    assert found.names == [("#8", "8")]
    assert found.assignee == Identity("Ann", "557:1")
    answer = {"id": 7, "title": "T", "kind": "bug", "state": "open", "content": {"raw": ""}}
    answer["repository"] = {"full_name": "a/b"}
    told = [{"id": 1, "content": {"raw": "Hm"}, "issue": {"id": 7, "repository": {"full_name": "a/b"}}}]
    assert bring("bitbucket", [answer], told)["a/b#7"].comments == [("", "", "Hm")]


def test_bugzilla_comment_0_is_the_description(bring: Bring) -> None:
    """In whatever order they come; nobody is nobody."""
    said = [
        {"count": 1, "text": "Agreed, see bug 4", "creator": "ann", "time": NEXT, "is_private": True},
        {"count": 0, "text": "It hangs", "creator": "bo", "time": DAY},
    ]
    bug = {"id": 5, "summary": "T", "status": "NEW", "severity": "normal", "is_open": True, "creation_time": DAY}
    bug |= {"blocks": [1, 2], "depends_on": [3], "dupe_of": 9, "assigned_to": "nobody@mozilla.org", "comments": said}
    found = bring("bugzilla", [bug])["5"]
    assert found.description == "It hangs"
    assert found.comments == [("ann", NEXT, "Agreed, see bug 4")]
    assert found.private == [True]
    assert found.relations == [
        ("5", "blocks", "1"),
        ("5", "blocks", "2"),
        ("3", "blocks", "5"),
        ("5", "duplicate_of", "9"),
    ]
    assert found.assignee == Identity()


def test_clickup_pairs(bring: Bring) -> None:
    """A dependency names both ends, of which this task may be either; a checklist is a comment."""
    pairs = [{"task_id": "a1", "depends_on": "a2"}, {"task_id": "a3", "depends_on": "a1"}]
    task = {"id": "a1", "name": "T", "status": {"status": "open", "type": "open"}, "date_created": "1567780450202"}
    steps = [{"name": "Steps", "items": [{"name": "x", "resolved": True}, {"name": "y"}]}]
    found = bring("clickup", [task | {"parent": "a0", "dependencies": pairs, "checklists": steps}])["a1"]
    assert found.comments == [("", "", "**Steps**\n\n- [x] x\n- [ ] y")]
    assert found.relations == [("a0", "related_to", "a1"), ("a2", "blocks", "a1"), ("a1", "blocks", "a3")]
    assert found.codes == []
    said = json.dumps([{"text": "Two\nlines", "by": "Ann", "date": "8/10/2021"}])
    header = ["Task ID", "Task Name", "Status", "List Name", "Assignees", "Comments"]
    row = bring("clickup", [header, ["a4", "T", "open", "Web", "[Ann Meyer,Bo]", said]])["a4"]
    assert row.comments == [("Ann", "8/10/2021", "Two\nlines")]
    assert row.assignee == Identity("Ann Meyer")


def test_freshdesk_conversations(bring: Bring) -> None:
    """HTML becomes Markdown; notes for agents are private."""
    said = [
        {"body": "<p>Done &amp; <b>dusted</b></p>", "user_id": 7, "private": True, "created_at": NEXT},
        {"body": "<p>Help</p>", "from_email": "ann@acme.test", "private": False, "created_at": DAY},
    ]
    ticket = {"id": 43, "subject": "T", "status": 2, "priority": 1, "responder_id": 7, "spam": False}
    ticket |= {"description": "<p>Hi<br>all</p>", "associated_tickets_list": [44], "conversations": said}
    found = bring("freshdesk", [ticket])["43"]
    assert found.description == "Hi\nall"
    assert found.comments == [("ann@acme.test", DAY, "Help"), ("7", NEXT, "Done & **dusted**")]
    assert found.private == [False, True]
    assert found.relations == [("43", "related_to", "44")]
    assert found.assignee == Identity(account="7")


def test_intercom_notes_are_private(bring: Bring) -> None:
    """Parts without a body say nothing; a capture's own stream of parts is a file of comments."""
    parts: list[dict[str, Any]] = [
        {"part_type": "assignment", "body": None, "created_at": 1737064620},
        {"part_type": "note", "body": "<p>Ask Bo</p>", "author": {"name": "Ann"}, "created_at": 1737064622},
    ]
    talk = {"type": "conversation", "id": "4", "state": "open", "read": True, "title": "T"}
    found = bring("intercom", [talk | {"conversation_parts": {"conversation_parts": parts}}])["conversation-4"]
    assert found.comments == [("Ann", "1737064622", "Ask Bo")]
    assert found.private == [True]
    part = parts[1] | {"type": "conversation_part", "conversation_id": "4", "part_type": "comment"}
    assert bring("intercom", [talk], [part])["conversation-4"].private == [False]


def test_launchpad_numbers_of_the_same_project(bring: Bring) -> None:
    """`bug 7` is the one of this project; a duplicate is found by its number."""

    def task(number: int, **bug: Any) -> dict[str, Any]:
        link = f"https://bugs.launchpad.net/shop/+bug/{number}"
        return {"web_link": link, "status": "New", "importance": "High", "title": "T", "bug_data": {"id": number} | bug}

    said = [
        {"content": text, "owner_data": {"display_name": "Ann"}, "date_created": DAY}
        for text in ("As LP: #7", "See bug 7")
    ]
    same = task(9, description="As LP: #7", duplicate_of_link="https://api.launchpad.net/1.0/bugs/7")
    found = bring("launchpad", [task(7), same | {"messages_data": said}])["shop#9"]
    assert found.comments == [("Ann", DAY, "See bug 7")]
    assert found.names == [("LP: #7", "shop#7")]
    assert found.relations == [("shop#9", "duplicate_of", "shop#7")]


def test_mantis_relationships(bring: Bring) -> None:
    """Numbers may be padded; parent and child are related."""
    kinds = {"duplicate-of": 1, "has-duplicate": 2, "parent-of": 3}
    issue = {"id": 9, "summary": "T", "description": "See #0000012", "view_state": {"name": "public"}}
    issue |= {"status": {"name": "new"}, "severity": {"name": "minor"}}
    issue |= {"relationships": [{"type": {"name": kind}, "issue": {"id": other}} for kind, other in kinds.items()]}
    note = {"text": "Hm", "reporter": {"name": "ann"}, "created_at": DAY, "view_state": {"name": "private"}}
    found = bring("mantis", [issue | {"notes": [note]}])["9"]
    assert (found.comments, found.private) == ([("ann", DAY, "Hm")], [True])
    assert found.relations == [("3", "related_to", "9"), ("9", "duplicate_of", "1"), ("2", "duplicate_of", "9")]
    assert found.names == [("#0000012", "12")]


def test_monday_updates_and_replies(bring: Bring) -> None:
    """Replies follow their update; a dependency is what the item waits for."""
    reply = {"body": "<p>No</p>", "creator": {"name": "Bo"}, "created_at": NEXT}
    update = {"body": "<p>Ready?</p>", "creator": {"name": "Ann"}, "created_at": DAY, "replies": [reply]}
    values = [
        {"id": "d", "type": "dependency", "linked_item_ids": ["5"]},
        {"id": "p", "type": "people", "text": "Ann, Bo"},
    ]
    found = bring("monday", [{"id": "1", "name": "T", "column_values": values, "updates": [update]}])["1"]
    assert found.comments == [("Ann", DAY, "Ready?"), ("Bo", NEXT, "No")]
    assert found.relations == [("5", "blocks", "1")]
    assert found.assignee == Identity("Ann")


def test_notion_pages(bring: Bring) -> None:
    """A page's comments stand in another file; addresses have ids without dashes."""
    page, other = "59833787-2cf9-4fdf-8782-e53db20768a5", "59833787-2cf9-4fdf-8782-e53db20768a6"
    text = f"See https://www.notion.so/acme/T-{other.replace('-', '')}"
    properties = {"Name": {"title": [{"plain_text": "T"}]}, "Description": {"rich_text": [{"plain_text": text}]}}
    properties |= {"Blocked by": {"relation": [{"id": other}]}}
    said = {
        "parent": {"page_id": page},
        "rich_text": [{"plain_text": "He"}, {"plain_text": "llo"}],
        "created_time": DAY,
    }
    record = {"object": "page", "id": page, "properties": properties, "last_edited_time": DAY, "created_time": DAY}
    found = bring("notion", [record], [said])[page]
    assert found.comments == [("", DAY, "Hello")]
    assert found.relations == [(other, "blocks", page)]
    assert [key for _, key in found.names] == [other]


def test_opsgenie_and_pagerduty_notes(bring: Bring) -> None:
    """What somebody wrote is a comment, what was done is none; a merged incident is a duplicate."""
    written = {"description": {"content": "<p>Rolled back</p>"}, "actor": {"name": "Ann"}, "eventTime": DAY}
    incident = {"id": "i1", "tinyId": "1", "message": "T", "status": "open", "timelines": [{"title": {}}, written]}
    assert bring("opsgenie", [incident])["i1"].comments == [("Ann", DAY, "Rolled back")]
    note = {"type": "annotate_log_entry", "channel": {"summary": "Hm"}, "agent": {"summary": "Bo"}, "created_at": DAY}
    entries = [note, {"type": "trigger_log_entry", "summary": "Triggered"}]
    page = {
        "id": "Q1",
        "incident_number": 1,
        "title": "T",
        "status": "resolved",
        "urgency": "low",
        "service": {"id": "S"},
    }
    page |= {"log_entries": entries, "resolve_reason": {"incident": {"id": "Q2"}}}
    found = bring("pagerduty", [page])["Q1"]
    assert found.comments == [("Bo", DAY, "Hm")]
    assert found.relations == [("Q1", "duplicate_of", "Q2")]


def test_phabricator_transactions(bring: Bring) -> None:
    """Of a comment's versions the newest counts; a task that was merged names the other by its PHID."""

    def task(number: int, *transactions: dict[str, Any]) -> dict[str, Any]:
        fields = {"name": "T", "description": {"raw": "See {T8}"}, "status": {"value": "open"}}
        named = {"id": number, "phid": f"PHID-TASK-{number}", "type": "TASK"}
        return named | {"fields": fields | {"priority": {"value": 80}}, "transactions": list(transactions)}

    said = {"comments": [{"content": {"raw": "new"}}, {"content": {"raw": "old"}}], "dateCreated": 1462306019}
    merged = {"type": "mergedinto", "comments": [], "newValue": "PHID-TASK-7"}
    found = bring("phabricator", [task(7), task(9, said, merged)])["T9"]
    assert found.comments == [("", "1462306019", "new")]
    assert found.relations == [("T9", "duplicate_of", "T7")]
    assert found.names == [("T8", "T8")]


def test_pivotal_comments_in_columns(bring: Bring) -> None:
    """Who and when stand behind the text, in brackets that may have others before them."""
    header = ["Id", "Title", "Current State", "Owned By", "Owned By", "Description", "Blocker", "Comment", "Comment"]
    said = ["Later (see (a)) (Bo (QA) Lee - Mar 2, 2026)", "First (Ann - Feb 1, 2026)"]
    found = bring("pivotal", [header, ["11358027", "T", "started", "Ann", "Bo", "As #11358028", "#11358029", *said]])
    story = found["11358027"]
    assert story.comments == [("Ann", "Feb 1, 2026", "First "), ("Bo (QA) Lee", "Mar 2, 2026", "Later (see (a)) ")]
    assert story.relations == [("11358029", "blocks", "11358027")]
    assert story.names == [("#11358028", "11358028")]


def test_plane_comments_in_a_cell(bring: Bring) -> None:
    """A CSV has them in one cell, a JSON export as a list."""
    cell = "Fine (Tue, 22 Apr 2025 by Ann M), Two, with (brackets) (Wed, 23 Apr 2025 by Bo)"
    found = bring("plane", [["ID", "Name", "State", "Modules", "Comments"], ["V-7", "T", "Done", "", cell]])["V-7"]
    expected = [("Ann M", "Tue, 22 Apr 2025", "Fine"), ("Bo", "Wed, 23 Apr 2025", "Two, with (brackets)")]
    assert found.comments == expected
    said = [{"comment": text, "created_at": date, "created_by": author} for author, date, text in expected]
    record = {"ID": "V-7", "Name": "T", "State": "Done", "Cycle Name": "", "Comments": said}
    assert bring("plane", [record])["V-7"].comments == expected


def test_redmine_journals_and_relations(bring: Bring) -> None:
    """Textile that is sure to be some becomes Markdown, Markdown stays; each relation names both of its ends."""
    journals = [
        {"notes": "h2. Log\n\n<pre>\n#1\n</pre>", "user": {"name": "Ann"}, "created_on": NEXT, "private_notes": True},
        {"notes": "# Not *Textile*", "user": {"name": "Bo"}, "created_on": DAY},
        {"notes": "", "created_on": DAY},
    ]
    ends = [("blocks", 5, 7), ("blocks", 9, 5), ("duplicates", 8, 5), ("relates", 5, 10)]
    issue = {"id": 5, "subject": "T", "tracker": {"name": "Bug"}, "status": {"name": "New"}, "description": "## As #12"}
    issue |= {"priority": {"name": "Normal"}, "project": {"name": "P"}, "created_on": DAY, "journals": journals}
    issue |= {"relations": [{"relation_type": kind, "issue_id": a, "issue_to_id": b} for kind, a, b in ends]}
    found = bring("redmine", [issue])["5"]
    assert found.description == "## As #12"
    assert found.comments == [("Bo", DAY, "# Not *Textile*"), ("Ann", NEXT, "## Log\n\n```\n#1\n```")]
    assert found.private == [False, True]
    assert found.relations == [
        ("5", "blocks", "7"),
        ("9", "blocks", "5"),
        ("8", "duplicate_of", "5"),
        ("10", "related_to", "5"),
    ]
    words = "Related to #2, Blocks #3, Blocks #4, Blocked by #6, Is duplicate of #7, Precedes (1 day) #8"
    header = ["#", "Subject", "Status", "Tracker", "Priority", "Project", "Parent task", "Related issues"]
    row = bring("redmine", [header, ["13", "T", "New", "Bug", "Normal", "P", "12", words]])["13"]
    assert sorted(row.relations) == [
        ("12", "related_to", "13"),
        ("13", "blocks", "3"),
        ("13", "blocks", "4"),
        ("13", "duplicate_of", "7"),
        ("13", "related_to", "2"),
        ("13", "related_to", "8"),
        ("6", "blocks", "13"),
    ]


@pytest.mark.parametrize("columns", [("comments_and_work_notes",), ("comments", "work_notes"), "all"])
def test_servicenow_journal(bring: Bring, columns: Any) -> None:
    """The journal is read once, whichever of its columns are there; work notes are private."""
    note = "2026-03-02 09:14:33 - Ann Meyer (Work notes)\nSee INC0010024.\n\nSecond paragraph\n\n"
    said = "2026-03-01 08:00:00 - Bo (B) Lee (Additional comments)\nIt is broken\n\n"
    cells = {"comments_and_work_notes": note + said, "comments": said, "work_notes": note}
    chosen = {name: cells[name] for name in (cells if columns == "all" else columns)}
    header = ["number", "short_description", "state", "priority", "parent_incident", *chosen]
    found = bring("servicenow", [header, ["INC0010023", "T", "New", "1", "INC0010001", *chosen.values()]])["INC0010023"]
    assert [(author, date, text.strip()) for author, date, text in found.comments] == [
        ("Bo (B) Lee", "2026-03-01 08:00:00", "It is broken"),
        ("Ann Meyer", "2026-03-02 09:14:33", "See INC0010024.\n\nSecond paragraph"),
    ]
    assert found.private == [False, True]
    assert found.relations == [("INC0010001", "related_to", "INC0010023")]


def test_servicenow_parents_by_sys_id(bring: Bring) -> None:
    """Without display values another record is its sys_id."""
    parent = {"number": "INC1000001", "short_description": "P", "state": "1", "sys_id": "c" * 32}
    child: dict[str, Any] = {"number": "INC1000002", "short_description": "C", "state": "1", "sys_id": "d" * 32}
    child |= {"parent": {"link": "https://acme.test", "value": "c" * 32}}
    assert bring("servicenow", [parent, child])["INC1000002"].relations == [("INC1000001", "related_to", "INC1000002")]


def test_shortcut_links(bring: Bring) -> None:
    """A link says which side of it the story is."""
    links = [
        {"type": "subject", "verb": "blocks", "subject_id": 16, "object_id": 17},
        {"type": "object", "verb": "duplicates", "subject_id": 18, "object_id": 16},
        {"type": "object", "verb": "relates to", "subject_id": 19, "object_id": 16},
    ]
    story = {"id": 16, "name": "T", "story_type": "bug", "workflow_state_id": 1, "description": "See sc-41 and [ch42]"}
    said = [{"text": "Hm", "author_id": "u2", "created_at": DAY}, {"text": None, "deleted": True}]
    found = bring("shortcut", [story | {"story_links": links, "comments": said}])["16"]
    assert found.comments == [("u2", DAY, "Hm")]
    assert found.relations == [("16", "blocks", "17"), ("18", "duplicate_of", "16"), ("16", "related_to", "19")]
    assert found.names == [("sc-41", "41"), ("[ch42]", "42")]


def test_tapd_and_trac(bring: Bring) -> None:
    """TAPD's comments are objects of their own, in HTML; Trac's plugins list tickets in a cell."""
    story = {"Story": {"id": "112035578", "name": "T", "status": "open", "parent_id": "112035570", "owner": "甲;乙;"}}
    said = {"Comment": {"entry_id": "112035578", "description": "<p>好</p>", "author": "乙", "created": DAY}}
    found = bring("tapd", [story], [said])["112035578"]
    assert found.comments == [("乙", DAY, "好")]
    assert found.relations == [("112035570", "related_to", "112035578")]
    assert found.assignee == Identity("甲")
    header = ["id", "Summary", "Status", "Type", "Priority", "Owner", "Description", "Blocked By"]
    ticket = bring("trac", [header, ["31", "T", "new", "defect", "major", "ada", "As #14, ticket:15", "#12, 13"]])["31"]
    assert ticket.relations == [("12", "blocks", "31"), ("13", "blocks", "31")]
    assert ticket.names == [("#14", "14"), ("ticket:15", "15")]


def test_youtrack_links(bring: Bring) -> None:
    """OUTWARD is from this issue; kinds of a site's own are related."""
    kinds = [
        ("OUTWARD", "Depend", "2"),
        ("INWARD", "Duplicate", "3"),
        ("BOTH", "Relates", "5"),
        ("INWARD", "Mine", "6"),
    ]
    links = [
        {"direction": way, "linkType": {"name": kind}, "issues": [{"idReadable": f"SP-{other}"}]}
        for way, kind, other in kinds
    ]
    said = [{"text": "Hm", "author": {"login": "bo", "fullName": "Bo"}, "created": 1668006121000, "deleted": False}]
    said += [said[0] | {"text": "Gone", "deleted": True}]
    issue = {"idReadable": "SP-15", "summary": "T", "customFields": [], "description": "As SP-9", "links": links}
    found = bring("youtrack", [issue | {"comments": said}])["SP-15"]
    assert found.comments == [("Bo", "1668006121000", "Hm")]
    assert found.relations == [
        ("SP-15", "blocks", "SP-2"),
        ("SP-15", "duplicate_of", "SP-3"),
        ("SP-15", "related_to", "SP-5"),
        ("SP-15", "related_to", "SP-6"),
    ]
    assert found.names == [("SP-9", "SP-9")]


def test_zentao_actions(bring: Bring) -> None:
    """Only actions with a comment say something, whether they are a list or an object."""
    actions = [{"id": 1, "actor": "A"}, {"id": 2, "actor": "B", "date": DAY, "comment": "<p>ok</p>"}]
    bug = {"id": 4, "title": "T", "severity": 3, "pri": 1, "status": "closed", "duplicateBug": 9, "openedDate": DAY}
    bug |= {"assignedTo": {"account": "closed"}, "steps": "<p>One</p><p>Two</p>"}
    for said in (actions, {str(action["id"]): action for action in actions}):
        found = bring("zentao", [bug | {"actions": said}])["4"]
        assert found.comments == [("B", DAY, "ok")]
    assert found.description == "One\n\nTwo"
    assert found.relations == [("4", "duplicate_of", "9")]
    assert found.assignee == Identity()
