"""A draft uses what the engine can do: people, comments, relations, evidence, markup, and what is left over."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.harness.drafts import save, write_json, write_table
from tests.harness.running import Program, write_csv

CALL = "c3f1d6a0-52b7-4c1e-9a55-0d2f6b7e8a11"
HEADER = ["Bug No", "Bug Title", "Steps", "Sev", "Bug Status", "Assigned To", "Comment", "Comment"]
HEADER += ["Dup Of", "Call", "Site code"]
ROWS = [
    ["B-1", "Caller is cut off", "<p>Call <b>the</b> line</p>", "Sev 1", "Open", "Ben Ott", "I heard it", "So did I",
     "", f"https://app.bland.ai/dashboard/call/{CALL}", "7"],
    ["B-2", "Slow answer", "<p>wait</p>", "S2", "Ready for QA", "", "", "", "B-1", "", "8"],
    ["B-3", "Wrong price", "", "3 - Low", "Blocked", "", "", "", "", "", ""],
    ["B-4", "No sound", "", "S1", "Will not fix", "", "", "", "", "", "9"],
    ["B-5", "Beep at the end", "", "1 - Critical", "Almost done", "", "", "", "", "", ""],
    ["B-6", "Two voices", "", "S3", "On hold", "", "", "", "", "", ""],
]  # fmt: skip


def drafted(program: Program, source: Path) -> list[dict[str, Any]]:
    """The requests that a check plans with a draft as it is."""
    assert program("draft", source, "-o", "mine.yaml").code == 0
    ended = program("validate", source, "-m", "mine.yaml", "--severity", "medium", "--strict", "--json")
    assert ended.summary["rejected"] == 0, ended.err
    lines = (Path(program.folder) / "triage-import-check" / "planned.jsonl").read_text(encoding="utf-8").splitlines()
    return [{**json.loads(line), "body": json.loads(json.loads(line)["body"])} for line in lines]


def test_a_table(program: Program, tmp_path: Path) -> None:
    """Nothing is lost, nothing is open, and everything goes where a person would put it."""
    found = drafted(program, write_csv(tmp_path / "bugs.csv", ROWS, HEADER))
    issues = {request["key"]: request["body"] for request in found if request["path"].endswith("/issues")}
    values = [(body["severity"], body["status"]) for body in issues.values()]
    assert values == [
        *(("critical", "todo"), ("high", "in_review"), ("low", "in_progress"), ("critical", "closed")),
        *(("critical", "in_progress"), ("medium", "in_progress")),
    ]
    first = issues["bugs:B-1"]
    assert first["description"].startswith("Call **the** line\n")
    assert first["resource_links"] == [{"resource_type": "call", "resource_id": CALL}]
    assert "\nAssigned To: Ben Ott\n" in first["description"]
    assert "\nSite code: 7\n" in first["description"]
    said = [request["body"]["detail"] for request in found if request["path"].endswith("/comments")]
    assert [text.rpartition("\n")[2] for text in said] == ["I heard it", "So did I"]
    related = [request["body"] for request in found if request["path"].endswith("/relations")]
    assert related == [{"related_issue_id": "{id:bugs:B-1}", "relation_type": "duplicate_of"}]


@pytest.mark.parametrize("form", ["top", "nested", "cell"])
def test_json_with_an_array_of_comments(program: Program, tmp_path: Path, form: str) -> None:
    """Text, author and date are read from the keys that the objects have, however deep, or in a cell of a table."""
    comments = [{"id": 7, "content": "I heard it", "user": {"name": "Ann"}, "created_at": "2026-01-02T10:00:00Z"}]
    records = [
        {"ref": f"R{number}", "headline": f"Title {number}", "prio": "high", "state": "open", "comments": comments}
        for number in range(3)
    ]
    path = tmp_path / "tickets.json"
    if form == "cell":
        simple = json.dumps([{**comments[0], "user": "Ann"}, {"content": "", "user": "Ben"}])
        cells = [[*map(str, list(each.values())[:4]), simple] for each in records]
        path = write_csv(tmp_path / "tickets.csv", cells, list(records[0]))
    else:
        path.write_text(json.dumps([{"n": 1, "bug": each} for each in records] if form == "nested" else records))
    found = drafted(program, path)
    said = [request["body"]["detail"] for request in found if request["path"].endswith("/comments")]
    assert len(said) == 3
    assert said[0].startswith("Ann · 2026-01-02")
    assert said[0].endswith("I heard it")


def test_names_that_are_nearly_so(program: Program, tmp_path: Path) -> None:
    """Columns that are numbered, pointers to other rows, comments as Jira writes them, calls in prose, dates."""
    header = ["Ref", "Headline", "Body", "State", "Remarks 1", "Remarks 2", "Parent ref", "Comment", "Raised"]
    signed = "03/Mar/26 9:12 AM;ann;I heard it;twice"
    link = f"See https://app.bland.ai/dashboard/call/{CALL} and {CALL[::-1]}"
    rows = [
        ["B-1", "Caller is cut off", link, "Open", "One", "Two", "", signed, "03/03/2026"],
        ["B-2", "Slow answer", "text", "dup of B-1", "", "", "B-1", "", "14/03/2026"],
        ["B-3", "Wrong price", "text", "Duplicate of 1", "", "", "", "", "15/03/2026"],
    ]
    found = drafted(program, write_csv(tmp_path / "bugs.csv", rows, header))
    issues = {request["key"]: request["body"] for request in found if request["path"].endswith("/issues")}
    assert [body["status"] for body in issues.values()] == ["todo", "closed", "closed"]
    assert issues["bugs:B-1"]["resource_links"] == [{"resource_type": "call", "resource_id": CALL}]
    said = [request["body"]["detail"] for request in found if request["path"].endswith("/comments")]
    assert [text.rpartition("\n")[2] for text in said] == ["One", "Two", "I heard it;twice"]
    assert said[2].startswith("ann · 03/Mar/26 9:12 AM · ")
    related = [request["body"] for request in found if request["path"].endswith("/relations")]
    assert related == [{"related_issue_id": "{id:bugs:B-2}", "relation_type": "related_to"}]
    assert 'created: {column: "Raised"}' in Path("mine.yaml").read_text(encoding="utf-8")
    assert '"%d/%m/%Y"' in Path("mine.yaml").read_text(encoding="utf-8")


def test_mail_addresses_of_people(program: Program, tmp_path: Path) -> None:
    """They find the users in Triage, in a table and within an object; nothing of a person is lost."""
    header = ["Ref", "Headline", "State", "Handler", "Handler Email"]
    rows = [["B-1", "Cut off", "Open", "Ann", "ann@x.example"], ["B-2", "Slow", "Open", "", ""]]
    drafted(program, write_csv(tmp_path / "bugs.csv", rows, header))
    line = 'assignee: {name: {column: "Handler"}, mail: {column: "Handler Email"}}'
    assert line in Path("mine.yaml").read_text(encoding="utf-8")
    Path("mine.yaml").unlink()
    Path("values.csv").unlink()
    records = [
        {"ref": f"R{n}", "headline": f"T{n}", "state": "open", "assignee": {"name": "Ann", "email": "ann@x.example"}}
        for n in range(3)
    ]
    (tmp_path / "tickets.json").write_text(json.dumps(records), encoding="utf-8")
    drafted(program, tmp_path / "tickets.json")
    assert 'mail: {path: "assignee.email"}' in Path("mine.yaml").read_text(encoding="utf-8")
    assert '"assignee.email": people.' in Path("mine.yaml").read_text(encoding="utf-8")


def test_rows_without_a_title(program: Program, tmp_path: Path) -> None:
    """How many will be rejected is said before anything is checked."""
    rows = [["B-1", "Cut off", "Open"], ["B-2", "", "Open"], ["B-3", "Slow", "Open"]]
    path = write_csv(tmp_path / "bugs.csv", rows, ["Ref", "Headline", "State"])
    assert "1 row without a title: rejected" in program("draft", path, "-o", "mine.yaml").err
    assert "; 1 row without one, to be rejected" in Path("mine.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["h2. Steps\nCall {code}x{code}", "Plain, with a <sign> and *stars*"])
def test_markup(program: Program, tmp_path: Path, text: str) -> None:
    """Jira's wiki markup is known by its signs; a sign alone is no markup."""
    rows = [[f"K-{number}", f"Title {number}", text, "high", "open"] for number in range(4)]
    path = write_csv(tmp_path / "a.csv", rows, ["Ref", "Headline", "Details", "Prio", "State"])
    assert program("draft", path, "-o", "mine.yaml").code == 0
    assert ("format: jira" in Path("mine.yaml").read_text(encoding="utf-8")) is text.startswith("h2.")


def test_who_works_on_it_beside_who_owns_it(tmp_path: Path) -> None:
    """`owner` may be who reported it: the assignee comes first, wherever it stands."""
    rows = [{"id": str(n), "title": f"It broke {n} times", "owner": "ann", "assigned_to": "tom"} for n in range(3)]
    assignee = save(write_table(tmp_path / "a.csv", rows), tmp_path / "mine.yaml").model.assignee
    assert assignee is not None
    assert assignee.name is not None
    assert assignee.name.column == "assigned_to"


def test_arrays_that_are_called_otherwise(tmp_path: Path) -> None:
    """Updates, messages and posts are comments where their objects have a text; others are none."""
    rows = [
        {
            "id": str(n),
            "title": f"It broke {n} times",
            "incident_updates": [{"body": "Looking", "created_at": "2024-01-01T00:00:00Z"}],
            "messages": [{"size": "3"}],
        }
        for n in range(3)
    ]
    comments = save(write_json(tmp_path / "a.json", rows), tmp_path / "mine.yaml").model.comments
    assert comments is not None
    assert [source.path for source in comments.from_] == ["incident_updates"]


def test_notes_in_several_columns(tmp_path: Path) -> None:
    """Of one column they are the description; of two with the same name each cell is a comment."""
    rows = [(f"It broke {n} times", f"First {n}", f"Second {n}") for n in range(4)]
    path = write_csv(tmp_path / "a.csv", rows, ("Title", "Notes", "Notes"))
    model = save(path, tmp_path / "mine.yaml").model
    assert model.description is None
    assert model.comments is not None
    assert [source.column for source in model.comments.from_] == ["Notes"]
    path = write_csv(tmp_path / "b.csv", [row[:2] for row in rows], ("Title", "Notes"))
    description = save(path, tmp_path / "other.yaml").model.description
    assert description is not None
    assert description.column == "Notes"


def test_a_flag_of_each_comment(program: Program, tmp_path: Path) -> None:
    """What marks an element as internal is no comment itself: it is read with the text, and somebody decides."""
    said = [{"text": "We call back", "internal": False}, {"text": "He is rude", "internal": True}]
    records = [{"id": number, "title": f"Title {number}", "state": "open", "messages": said} for number in range(2)]
    path = tmp_path / "tickets.json"
    path.write_text(json.dumps(records), encoding="utf-8")
    assert program("draft", path, "-o", "mine.yaml", "--severity", "low").code == 0
    lines = Path("mine.yaml").read_text(encoding="utf-8")
    assert "each: {text: text, private: internal}" in lines
    Path("mine.yaml").write_text(lines.replace("private: '?'", "private: drop"), encoding="utf-8")
    assert program("validate", path, "-m", "mine.yaml", "--json").summary["forecast"]["comment"] == 2
