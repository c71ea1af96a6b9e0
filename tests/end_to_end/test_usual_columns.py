"""The usual columns and words of trackers of which no export was at hand: recognised, decided, and nothing is lost."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.harness.running import Program, read_csv


class Form(NamedTuple):
    """A form of export: what its rows have in common, the columns that decide, and what is decided for each row."""

    preset: str
    file: str
    same: Mapping[str, Any]
    decisive: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    delimiter: str = ","


# ruff: noqa: E501 - a form is a block
SERVICENOW = {
    "number": "INC{n}", "opened_at": "2026-01-02 10:00:00", "short_description": "Line is dead", "description": "Since noon",
    "caller_id": "Ann Meyer", "priority": "3 - Moderate", "severity": "3 - Low", "urgency": "2 - Medium", "impact": "2 - Medium",
    "state": "New", "incident_state": "New", "category": "Network", "subcategory": "Voice", "assignment_group": "Desk",
    "assigned_to": "Ben Ott", "opened_by": "Ann Meyer", "resolved_by": "", "closed_at": "", "close_notes": "",
    "comments": "", "work_notes": "", "sys_updated_on": "2026-01-03 10:00:00", "sys_updated_by": "ben", "u_site": "Bonn",
}  # fmt: skip
FRESHDESK = {
    "Ticket ID": "{n}", "Subject": "Line is dead", "Description": "Since noon", "Status": "Open", "Priority": "Low",
    "Source": "Email", "Type": "Incident", "Agent": "Ben Ott", "Group": "Desk", "Created time": "2026-01-02 10:00:00",
    "Due by Time": "2026-01-05 10:00:00", "Resolved time": "", "Closed time": "", "Last update time": "2026-01-03 10:00:00",
    "Tags": "voice", "Full name": "Ann Meyer", "Email": "ann@x.example", "Company Name": "Acme",
}  # fmt: skip
AZURE = {
    "ID": "{n}", "Work Item Type": "Bug", "Title": "Line is dead", "Assigned To": "Ben Ott <ben@x.example>", "State": "New",
    "Tags": "voice; edge", "Repro Steps": "<div>Call <b>twice</b></div>", "Severity": "3 - Medium", "Priority": "2",
    "Area Path": "Voice", "Iteration Path": "Voice\\1", "Created Date": "1/2/2026 10:00:00 AM", "Created By": "Ann <ann@x.example>",
}  # fmt: skip
MANTIS = {
    "Id": "{n:07}", "Project": "Voice", "Reporter": "ann", "Assigned To": "ben", "Priority": "normal", "Severity": "minor",
    "Reproducibility": "always", "Product Version": "1.0", "Category": "Audio", "Date Submitted": "2026-01-02", "OS": "Linux",
    "OS Version": "6", "Platform": "PC", "View Status": "public", "Updated": "2026-01-03", "Summary": "Line is dead",
    "Status": "new", "Resolution": "open", "Fixed in Version": "",
}  # fmt: skip
TRAC = {
    "id": "{n}", "Summary": "Line is dead", "Owner": "ben", "Type": "defect", "Status": "new", "Priority": "major",
    "Milestone": "1.0", "Component": "core", "Version": "1", "Severity": "", "Resolution": "", "Keywords": "voice", "Cc": "cy",
    "Reporter": "ann", "Description": "Since noon", "time": "2026-01-02 10:00:00", "changetime": "2026-01-03 10:00:00",
}  # fmt: skip
PIVOTAL = {
    "Id": "{n}", "Title": "Line is dead", "Labels": "voice", "Iteration": "3", "Iteration Start": "Jan 1, 2026",
    "Iteration End": "Jan 8, 2026", "Type": "bug", "Estimate": "2", "Priority": "p2 - Medium", "Current State": "started",
    "Created at": "Jan 2, 2026", "Accepted at": "", "Deadline": "", "Requested By": "Ann Meyer", "Description": "Since noon",
    "URL": "https://www.pivotaltracker.com/story/show/{n}", "Owned By": "Ben Ott", "Blocker": "Waits for #7",
    "Blocker Status": "unresolved", "Comment": "It rings (Ann Meyer - Jan 3, 2026)", "Task": "Ask", "Task Status": "completed",
}  # fmt: skip
JIRA = {
    "Resumen": "Línea muerta", "Clave de incidencia": "VOZ-{n}", "ID de la incidencia": "1000{n}", "Tipo de Incidencia": "Error",
    "Estado": "Por hacer", "Prioridad": "High", "Persona asignada": "Ben Ott", "Informador": "Ann Meyer",
    "Creada": "02/ene/26 10:00", "Actualizada": "03/ene/26 10:00", "Descripción": "Desde el mediodía",
}  # fmt: skip
REDMINE = {
    "#": "{n}", "Projekt": "Sprache", "Tracker": "Fehler", "Übergeordnetes Ticket": "", "Status": "Neu", "Priorität": "Normal",
    "Thema": "Leitung tot", "Autor": "Ann Meyer", "Zugewiesen an": "Ben Ott", "Aktualisiert": "03.01.2026 10:00",
    "Kategorie": "Audio", "Zielversion": "1.0", "Beginn": "02.01.2026", "Abgabedatum": "", "Geschätzter Aufwand": "3,00",
    "% erledigt": "40", "Beschreibung": "Seit Mittag", "Letzte Kommentare": "",
}  # fmt: skip
ZENDESK = {
    "id": "{n}", "subject": "Line is dead", "description": "Since noon", "status": "open", "priority": "normal",
    "type": "incident", "tags": ["voice"], "requester_id": 3, "assignee_id": 4, "created_at": "2026-01-02T10:00:00Z",
    "updated_at": "2026-01-03T10:00:00Z", "via": {"channel": "email"},
}  # fmt: skip
GITHUB = {
    "number": "{n}", "title": "Line is dead", "body": "Since noon", "state": "OPEN", "stateReason": "",
    "labels": [{"name": "bug"}], "assignees": [{"login": "ben"}], "author": {"login": "ann"},
    "comments": [{"author": {"login": "cy"}, "body": "Here too", "createdAt": "2026-01-03T10:00:00Z"}],
    "createdAt": "2026-01-02T10:00:00Z", "closedAt": None, "milestone": {"title": "1.0"}, "url": "https://github.com/o/r/issues/{n}",
}  # fmt: skip
SHORTCUT = {
    "id": "{n}", "name": "Line is dead", "type": "bug", "requester": "ann", "owners": "ben", "description": "Since noon",
    "is_completed": "FALSE", "created_at": "2026/01/02 10:00:00", "started_at": "", "updated_at": "2026/01/03 10:00:00",
    "moved_at": "", "completed_at": "", "estimate": "2", "external_ticket_count": "0", "external_tickets": "",
    "is_blocked": "FALSE", "is_a_blocker": "FALSE", "due_date": "", "labels": "voice", "epic_labels": "", "tasks": "",
    "state": "Unstarted", "epic_id": "", "epic": "", "project_id": "1", "project": "Voice", "iteration_id": "", "iteration": "",
    "utc_offset": "+00:00",
}  # fmt: skip

FORMS = [
    Form("servicenow", "incident.csv", SERVICENOW, ("priority", "state"), [
        ("1 - Critical", "New", "critical", "todo"), ("2 - High", "In Progress", "high", "in_progress"),
        ("3 - Moderate", "On Hold", "medium", "in_progress"), ("4 - Low", "Resolved", "low", "done"),
        ("5 - Planning", "Closed", "low", "closed"), ("3", "Canceled", "medium", "closed"), ("1", "1", "critical", "todo"),
        ("2", "2", "high", "in_progress"), ("4", "6", "low", "done"), ("5", "7", "low", "closed")]),
    Form("freshdesk", "tickets.csv", FRESHDESK, ("Priority", "Status"), [
        ("Low", "Open", "low", "todo"), ("Medium", "Pending", "medium", "in_progress"), ("High", "Resolved", "high", "done"),
        ("Urgent", "Closed", "critical", "closed"), ("Low", "Waiting on Customer", "low", "in_progress"),
        ("Low", "Waiting on Third Party", "low", "in_progress")]),
    Form("azuredevops", "query.csv", AZURE, ("Severity", "State"), [
        ("1 - Critical", "New", "critical", "todo"), ("2 - High", "To Do", "high", "todo"),
        ("3 - Medium", "Active", "medium", "in_progress"), ("4 - Low", "Doing", "low", "in_progress"),
        ("3 - Medium", "Committed", "medium", "in_progress"), ("3 - Medium", "Resolved", "medium", "done"),
        ("3 - Medium", "Closed", "medium", "closed"), ("3 - Medium", "Removed", "medium", "closed")]),
    Form("mantis", "mantis.csv", MANTIS, ("Severity", "Status"), [
        ("feature", "new", "low", "todo"), ("text", "feedback", "low", "in_progress"), ("major", "acknowledged", "high", "todo"),
        ("crash", "assigned", "critical", "in_progress"), ("block", "confirmed", "critical", "todo")]),
    Form("trac", "query.csv", TRAC, ("Priority", "Status"), [
        ("blocker", "new", "critical", "todo"), ("critical", "assigned", "critical", "in_progress"),
        ("major", "accepted", "high", "in_progress"), ("minor", "reopened", "low", "todo"), ("trivial", "closed", "low", "closed")]),
    Form("trac", "query.tsv", TRAC, ("Priority", "Status"), [("major", "new", "high", "todo")], "\t"),
    Form("pivotal", "stories.csv", PIVOTAL, ("Priority", "Current State"), [
        ("p0 - Critical", "unscheduled", "critical", "backlog"), ("p1 - High", "unstarted", "high", "todo"),
        ("p2 - Medium", "started", "medium", "in_progress"), ("p3 - Low", "finished", "low", "in_review"),
        ("none", "delivered", "medium", "in_review"), ("none", "accepted", "medium", "done")]),
    Form("jira", "jira.csv", JIRA, ("Prioridad", "Estado"), [
        ("Highest", "Por hacer", "critical", "todo"), ("High", "En curso", "high", "in_progress"),
        ("Medium", "Finalizada", "medium", "done"), ("Lowest", "Por hacer", "low", "todo"),
        ("Blocker", "Por hacer", "critical", "todo"), ("Major", "Por hacer", "high", "todo"), ("Trivial", "Por hacer", "low", "todo")]),
    Form("redmine", "redmine.csv", REDMINE, ("Priorität", "Status"), [
        ("Normal", "Neu", "medium", "todo"), ("Niedrig", "In Bearbeitung", "low", "in_progress"), ("Hoch", "Gelöst", "high", "done"),
        ("Dringend", "Feedback", "critical", "in_progress"), ("Sofort", "Erledigt", "critical", "closed"),
        ("Normal", "Abgewiesen", "medium", "closed")], ";"),
    Form("zendesk", "tickets.jsonl", ZENDESK, ("priority", "status"), [
        ("low", "new", "low", "todo"), ("normal", "open", "medium", "todo"), ("high", "pending", "high", "in_progress"),
        ("urgent", "hold", "critical", "in_progress"), (None, "solved", "medium", "done"), ("low", "closed", "low", "closed")]),
    Form("github", "issues.json", GITHUB, ("state", "stateReason"), [
        ("OPEN", "", "medium", "todo"), ("CLOSED", "COMPLETED", "medium", "done"), ("CLOSED", "NOT_PLANNED", "medium", "closed"),
        ("open", "", "medium", "todo"), ("closed", "", "medium", "done")]),
    Form("shortcut", "stories.csv", SHORTCUT, ("state", "is_completed"), [
        ("Unstarted", "FALSE", "medium", "todo"), ("In Development", "FALSE", "medium", "in_progress"),
        ("Completed", "TRUE", "medium", "done")]),
]  # fmt: skip

WHOLE = [
    ("servicenow", "list.csv", "Number,Short description,Description,Caller,Priority,State,Category,Assignment group,Assigned to,Updated,Updated by\n"
     "INC1,Line is dead,Since noon,Ann Meyer,2 - High,In Progress,Network,Desk,Ben Ott,2026-01-03 10:00:00,ben\n"),
    ("servicenow", "twice.csv", "number,short_description,priority,state,category,assigned_to,opened_at,sys_updated_on,short_description\n"
     "INC1,Line is dead,2 - High,In Progress,Network,Ben Ott,2026-01-02,2026-01-03,Line is dead\n"),
    ("servicenow", "incident.json", json.dumps({"result": [{"number": "INC1", "short_description": "Line is dead", "priority": {"display_value": "2 - High", "value": "2"},
     "state": {"display_value": "In Progress", "value": "2"}, "assigned_to": {"link": "https://x.example/u/1", "value": "9d3"}, "sys_id": "46e1", "opened_at": "2026-01-02 10:00:00", "category": "network"}]})),
    ("azuredevops", "tree.csv", "ID,Work Item Type,Title 1,Title 2,Assigned To,State,Severity,Tags\n7,Bug,,Line is dead,Ben Ott <ben@x.example>,Active,2 - High,voice\n"),
    ("monday", "board.csv", "Voice board\n\nNow\nName,Person,Status,Priority,Date\nLine is dead,Ben Ott,Working on it,High,2026-01-02\n\nLater\nName,Person,Status,Priority,Date\n"),
]  # fmt: skip


@pytest.mark.parametrize(("preset", "name", "text"), WHOLE, ids=lambda each: each if len(each) < 30 else "")
def test_a_form_as_a_whole(program: Program, preset: str, name: str, text: str) -> None:
    """Other layouts of the same trackers: names of a view, a repeated header, objects for values, trees, groups."""
    Path(name).write_text(text, encoding="utf-8")
    summary = program("validate", name, "--json", "--strict", "--out", "out").summary
    again = ["short_description"] if name == "twice.csv" else []  # the same once more is named
    assert (summary["mapping"], summary["rejected"], summary["losses"]["dropped_columns"]) == (preset, 0, again)
    [body] = (json.loads(json.loads(line)["body"]) for line in Path("out/planned.jsonl").read_text().splitlines())
    assert (body["title"], body["severity"], body["status"]) == ("Line is dead", "high", "in_progress")


def write(form: Form, path: Path) -> None:
    """Write the file of a form, a row for each decision."""
    records = [
        {key: _numbered(value, number) for key, value in form.same.items()}
        | dict(zip(form.decisive, row, strict=False))
        for number, row in enumerate(form.rows, start=1)
    ]
    if path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    elif path.suffix == ".json":
        path.write_text(json.dumps(records), encoding="utf-8")
    else:
        text = io.StringIO(newline="")
        table = csv.DictWriter(text, [*form.same], delimiter=form.delimiter)
        table.writeheader()
        table.writerows(records)
        path.write_text(text.getvalue(), encoding="utf-8", newline="")


def _numbered(value: Any, number: int) -> Any:
    return value.format(n=number) if isinstance(value, str) else value


@pytest.mark.parametrize("form", FORMS, ids=lambda form: f"{form.preset} {form.file}")
def test_a_usual_form(form: Form, program: Program) -> None:
    """The preset is found, each word becomes what it says, and no filled column goes nowhere unnamed."""
    write(form, Path(form.file))
    ended = program("validate", form.file, "--json", "--source-name", "mine", "--strict", "--out", "out")
    summary = ended.summary
    assert summary["mapping"] == form.preset
    assert summary["losses"]["dropped_columns"] == []
    assert (ended.code, summary["rejected"]) == (0, 0), summary["findings"]
    bodies = [json.loads(line) for line in Path("out/planned.jsonl").read_text(encoding="utf-8").splitlines()]
    creates = [json.loads(each["body"]) for each in bodies if each["path"].endswith("/issues")]
    assert [(body["severity"], body["status"]) for body in creates] == [row[-2:] for row in form.rows]
    assert [row["outcome"] for row in read_csv(Path("out/results.csv"))] == ["planned"] * len(form.rows)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        (
            "explore.csv",
            "Ticket ID,Ticket subject,Ticket status,Ticket priority,Ticket type,Requester name,Requester email,Product\n"
            "1,Line is dead,Open,High,Incident,Bob,bob@x.example,VoiceX\n",
            ["Requester: Bob", "Requester mail: bob@x.example", "Product: VoiceX"],
        ),
        (
            "asana.json",
            json.dumps(
                [
                    {
                        **{"gid": "1", "name": "Line is dead", "notes": "n", "completed": False, "memberships": []},
                        **{"resource_type": "task", "created_at": "2026-01-02T10:00:00Z", "projects": []},
                        "subtasks": [{"gid": "2", "name": "Ask", "completed": True}, {"gid": "3", "name": "Call"}],
                    }
                ]
            ),
            ["Subtasks: Ask, Call", "Subtasks done: Ask"],
        ),
        (
            "clickup.csv",
            "Task ID,Task Name,Task Content,Status,Priority,Date Created,Due Date,Assignees,Tags,List Name\n"
            "a1,Line is dead,Since noon\\nOn every phone,Open,2,1/1/2026,,[Ann],[],Voice\n",
            ["Since noon", "On every phone", "List: Voice"],
        ),
    ],
)
def test_what_presets_have_lost(program: Program, name: str, text: str, lines: list[str]) -> None:
    """Mail addresses of those who ask, subtasks, line breaks that are written as two signs: each has a line."""
    Path(name).write_text(text, encoding="utf-8")
    program("validate", name, "--out", "out")
    [planned] = Path("out/planned.jsonl").read_text(encoding="utf-8").splitlines()
    assert set(lines) <= set(json.loads(json.loads(planned)["body"])["description"].split("\n"))
