"""Weeks of trackers in which ordinary things happen, and what each tracker exports night after night.

Nothing here knows the program. A `Tracker` is what people work in; a `Feed` writes what is in it as that kind of
tracker does: Jira leaves out a repeated column that no issue of the export fills, while single ones stand there empty;
GitHub writes null; Azure omits a field without a value; a connector omits whatever is null or empty; ServiceNow writes
every column; and people keep a sheet by hand. What is drawn is the same for a seed and a feed, however it is delivered.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, ClassVar, NamedTuple

NIGHTS = 30
BEGINNING = datetime(2025, 1, 6, 9)
PEOPLE = ("Ann Meyer", "José Pérez", "Li Wei", "Tom Brandt", "Zoë Okafor", "Ines Duarte")
LABELS = ("audio", "billing", "carrier", "greeting", "release", "spanish")
RETIRED = "carrier"
"""The label that somebody removes from all issues one day."""
COMPONENTS = ("Dialogue", "Routing", "Speech", "Tools")
SUBJECTS = ("Caller", "Agent", "Transfer", "Summary", "Voicemail", "Transcript", "Greeting", "Menu")
TROUBLES = ("is cut off", "waits too long", "hears an echo", "repeats itself", "is in the wrong language", "gets stuck")
SENTENCES = (
    "It happens on every third call.",
    'It said "one moment", and then nothing.',
    "Since the last release; before that, it worked.",
    "Only if the number begins with a zero, as 0049.",
    "Señora García called twice about it; so did others.",
    "The log has nothing between 10:02 and 10:07.",
)
QUIET = 9
"""In projects that began with so few issues, whole days may pass without a change."""
NONE, DONE = 4, 3
"""The severity of what nobody has ranked, and the status of what has ended."""

Value = str | list[str]
Record = dict[str, Value]


class Comment(NamedTuple):
    """What somebody said about an issue."""

    number: int
    at: datetime
    author: str
    text: str


@dataclass(eq=False)
class Item:
    """An issue of a tracker. Its `case` stands in its title, whatever else becomes of that.

    id         the tracker's own number of it, which no move changes
    left       how many copies it has left behind, where a tracker makes a new issue of what is moved
    is_gone    whether it was deleted, alone or with its project
    """

    case: str
    id: int
    project: str
    place: int
    created: datetime
    updated: datetime
    title: str
    text: str
    reporter: str
    kind: int
    severity: int = 2
    status: int = 0
    assignee: str = ""
    labels: list[str] = field(default_factory=list)
    components: list[str] = field(default_factory=list)
    due: str = ""
    resolved: datetime | None = None
    files: list[str] = field(default_factory=list)
    blocks: list[Item] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    left: int = 0
    is_gone: bool = False


class Feed:
    """How a kind of tracker names things, and how it exports them."""

    name = preset = suffix = ""
    projects: ClassVar[Mapping[str, int]] = {}  # project → how many issues it has at first
    severities: Sequence[str] = ()  # the worst first, and last what stands where nobody has ranked it
    statuses: Sequence[str] = ()
    kinds: Sequence[str] = ()
    hides: Sequence[str] = ()  # fields that an exporting account may lose the permission for
    hides_everywhere = False  # whether of all projects, at once
    has_comments = has_links = True
    keeps_id = True  # whether an issue that is moved stays the same one
    may_move = True
    may_begin_anew = False  # whether a project that is created again counts from 1 again

    def key(self, item: Item) -> str:
        """What the tracker calls an issue now."""
        raise NotImplementedError

    def record(self, item: Item) -> Record:
        """All that the tracker knows of an issue, by its own names."""
        raise NotImplementedError

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        """Write an export; return the arguments that go with it."""
        raise NotImplementedError


class Tracker:
    """A tracker and those who work in it. `changed` are the issues that somebody touched on the last day."""

    def __init__(self, seed: int, feed: Feed) -> None:
        self.feed = feed
        self._random = Random(f"{seed} {feed.name}")
        self._cases, self._ids, self._remarks = count(1), count(20_101), count(1)
        self._places = dict.fromkeys(feed.projects, 0)
        self.items: list[Item] = []
        self.changed: list[Item] = []
        self.moved: list[Item] = []
        self.hidden: dict[str, set[str]] = {project: set() for project in feed.projects}
        self._now = BEGINNING
        for project, size in feed.projects.items():
            for _ in range(size):
                self._create(project)

    def live(self, project: str = "") -> list[Item]:
        return [item for item in self.items if not item.is_gone and project in ("", item.project)]

    def shown(self, item: Item) -> Record:
        """What the exporting account may read of an issue tonight."""
        record = self.feed.record(item)
        return record | {name: [] if isinstance(record[name], list) else "" for name in self.hidden[item.project]}

    def pass_day(self, night: int) -> None:
        """Let people work for a day."""
        random, feed = self._random, self.feed
        self._now = BEGINNING + timedelta(days=night)
        self.changed = []
        for project in feed.projects:
            for _ in range(random.choice((0, 1, 1, 2, 3) if feed.projects[project] > QUIET else (0, 0, 0, 1, 1, 2))):
                if self.live(project):
                    random.choices(DEEDS, ODDS)[0](self, random.choice(self.live(project)))
        projects = [*feed.projects]
        first, second, last = projects[0], projects[1], projects[-1]
        if feed.may_move and night % 5 == 3:
            self._move(random.choice(self.live(first)), second)
            self._move(random.choice(self.live(second)), projects[-2])
        if night == 10:
            for item in self.live():
                if RETIRED in item.labels:
                    item.labels.remove(RETIRED)
                    self._touch(item)
        if feed.may_begin_anew and night == 17:
            for item in self.live(last):
                item.is_gone = True
            self._places[last] = 0
        if feed.may_begin_anew and night == 20:
            for _ in range(5):
                self._create(last)
        for nights, name, where in zip(
            ((6, 7, 8), (13, 14, 15), (23, 24)), feed.hides, ((first,), (second,), projects), strict=False
        ):
            for project in projects if feed.hides_everywhere else where:
                (self.hidden[project].add if night in nights else self.hidden[project].discard)(name)

    def _touch(self, item: Item) -> None:
        item.updated = self._now + timedelta(minutes=len(self.changed))
        if item not in self.changed:
            self.changed.append(item)

    def _create(self, project: str) -> Item:
        random = self._random
        self._places[project] += 1
        title = f"{random.choice(SUBJECTS)} {random.choice(TROUBLES)}"
        case = f"case {next(self._cases):04}"
        text = self._draw_text() if random.random() < 0.85 else ""
        item = Item(
            *(case, next(self._ids), project, self._places[project], self._now, self._now, f"{title}, {case}", text),
            *(random.choice(PEOPLE), random.randrange(len(self.feed.kinds)), random.choice((0, 1, 2, 2, 3, NONE))),
        )
        if random.random() < 0.6:
            item.assignee = random.choice(PEOPLE)
        item.labels = sorted(random.sample(LABELS, random.choice((0, 1, 1, 2))))
        item.components = random.sample(COMPONENTS, random.choice((0, 0, 1)))
        self.items.append(item)
        self._touch(item)
        return item

    def _draw_text(self) -> str:
        return "\n\n".join(self._random.sample(SENTENCES, self._random.choice((1, 2, 3))))

    def _move(self, item: Item, project: str) -> None:
        self._places[project] += 1
        item.project, item.place = project, self._places[project]
        if not self.feed.keeps_id:
            item.id = next(self._ids)
            item.left += 1
        self.moved.append(item)
        self._touch(item)

    # What people do on a day.

    def _add(self, item: Item) -> None:
        self._create(item.project)

    def _reword(self, item: Item) -> None:
        item.title = f"{self._random.choice(SUBJECTS)} {self._random.choice(TROUBLES)}, {item.case}"
        self._touch(item)

    def _rewrite(self, item: Item) -> None:
        item.text = f"{self._draw_text()}\n\nSeen again on day {(self._now - BEGINNING).days}."
        self._touch(item)

    def _clear_text(self, item: Item) -> None:
        item.text = ""
        self._touch(item)

    def _rank(self, item: Item) -> None:
        item.severity = self._random.choice((0, 1, 2, 3, NONE))
        self._touch(item)

    def _proceed(self, item: Item) -> None:
        item.status = self._random.choice([status for status in range(DONE + 1) if status != item.status])
        item.resolved = self._now if item.status == DONE else None
        self._touch(item)

    def _assign(self, item: Item) -> None:
        item.assignee = self._random.choice(PEOPLE)
        self._touch(item)

    def _unassign(self, item: Item) -> None:
        item.assignee = ""
        self._touch(item)

    def _label(self, item: Item) -> None:
        item.labels = sorted({*item.labels, self._random.choice(LABELS)})
        self._touch(item)

    def _unlabel(self, item: Item) -> None:
        item.labels = item.labels[1:]
        self._touch(item)

    def _place(self, item: Item) -> None:
        item.components = self._random.sample(COMPONENTS, self._random.choice((0, 1)))
        self._touch(item)

    def _schedule(self, item: Item) -> None:
        days = self._random.choice((3, 9, 20))
        item.due = "" if item.due else f"{self._now + timedelta(days=days):%Y-%m-%d}"
        self._touch(item)

    def _attach(self, item: Item) -> None:
        item.files.append(f"{item.case.replace(' ', '-')}-{len(item.files) + 1}.png")
        self._touch(item)

    def _comment(self, item: Item) -> None:
        number = next(self._remarks)
        author, sentence = self._random.choice(PEOPLE), self._random.choice(SENTENCES)
        item.comments.append(Comment(number, self._now, author, f"Remark {number:04}: {sentence}"))
        self._touch(item)

    def _block(self, item: Item) -> None:
        other = self._random.choice(self.live())
        if other is not item and other not in item.blocks and item not in other.blocks:
            item.blocks.append(other)
            self._touch(item)

    def _delete(self, item: Item) -> None:
        item.is_gone = True
        for other in self.items:
            if item in other.blocks:
                other.blocks.remove(item)
        if item in self.changed:
            self.changed.remove(item)


_ODDS: dict[Callable[[Tracker, Item], None], int] = {
    Tracker._add: 20,
    Tracker._reword: 6,
    Tracker._rewrite: 16,
    Tracker._clear_text: 2,
    Tracker._rank: 8,
    Tracker._proceed: 16,
    Tracker._assign: 10,
    Tracker._unassign: 6,
    Tracker._label: 10,
    Tracker._unlabel: 10,
    Tracker._place: 4,
    Tracker._schedule: 4,
    Tracker._attach: 3,
    Tracker._comment: 14,
    Tracker._block: 4,
    Tracker._delete: 1,
}
DEEDS, ODDS = [*_ODDS], [*_ODDS.values()]


def _account(person: str) -> str:
    return f"u-{PEOPLE.index(person):03}" if person else ""


def _jira_date(at: datetime | None) -> str:
    return f"{at:%d/%b/%y} {at.hour % 12 or 12}:{at:%M %p}" if at else ""


class JiraCsv(Feed):
    """Jira's Export → CSV, all fields: a repeated column is there as often as the fullest issue of the export needs."""

    name = preset = "jira"
    suffix = "csv"
    projects: ClassVar[Mapping[str, int]] = {
        **{"VOICE": 16, "DATA": 14, "BILL": 8, "CRM": 7, "ROUTE": 9, "WEB": 6, "IVR": 8, "OPS": 7},
        **{"SALES": 6, "LAB": 6, "PHONE": 9, "OLD": 8},
    }
    severities = ("Highest", "High", "Medium", "Low", "")
    statuses = ("To Do", "In Progress", "In Review", "Done")
    kinds = ("Bug", "Story", "Task")
    hides = ("Description", "Labels", "Assignee")
    may_begin_anew = True
    repeated = ("Labels", "Components", "Attachment", "Outward issue link (Blocks)", "Comment")

    def key(self, item: Item) -> str:
        return f"{item.project}-{item.place}"

    def record(self, item: Item) -> Record:
        is_done = item.status == DONE
        address = "https://acme.example/secure/attachment"
        return {
            "Summary": item.title,
            "Issue key": self.key(item),
            "Issue id": str(item.id),
            "Issue Type": self.kinds[item.kind],
            "Status": self.statuses[item.status],
            "Project key": item.project,
            "Project name": f"{item.project.title()} team",
            "Priority": self.severities[item.severity],
            "Resolution": "Done" if is_done else "",
            "Assignee": item.assignee,
            "Assignee Id": _account(item.assignee),
            "Reporter": item.reporter,
            "Reporter Id": _account(item.reporter),
            "Created": _jira_date(item.created),
            "Updated": _jira_date(item.updated),
            "Last Viewed": "",
            "Resolved": _jira_date(item.resolved),
            "Due date": f"{datetime.fromisoformat(item.due):%d/%b/%y} 12:00 AM" if item.due else "",
            "Votes": "0",
            "Labels": item.labels,
            "Components": item.components,
            "Description": item.text,
            "Environment": "",
            "Attachment": [f"{_jira_date(item.created)};u-000;{name};{address}/{name}" for name in item.files],
            "Outward issue link (Blocks)": [self.key(other) for other in item.blocks],
            "Comment": [f"{_jira_date(each.at)};{_account(each.author)};{each.text}" for each in item.comments],
            "Status Category": {0: "To Do", DONE: "Done"}.get(item.status, "In Progress"),
        }

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        widths = {column: max(len(_cells(record[column])) for record in records) for column in records[0]}
        widths |= {column: 1 for column in records[0] if column not in self.repeated}
        header = [column for column in widths for _ in range(widths[column])]
        rows = [
            [cell for column, width in widths.items() for cell in [*_cells(record[column]), *[""] * width][:width]]
            for record in sorted(records, key=lambda record: str(record["Updated"]), reverse=True)
        ]
        return [_write_csv(folder / f"{name}.csv", [header, *rows])]


class GithubJson(Feed):
    """The REST API's issues and the comments that it lists apart: what is empty is null."""

    name = preset = "github"
    suffix = "json"
    projects: ClassVar[Mapping[str, int]] = {"acme/voice": 14, "acme/dialer": 8, "acme/crm": 7, "acme/old": 7}
    severities = ("priority: critical", "priority: high", "priority: medium", "priority: low", "")
    statuses = ("open", "open", "open", "closed")
    kinds = ("bug", "enhancement", "question")
    has_links = keeps_id = False
    may_begin_anew = True

    def key(self, item: Item) -> str:
        return f"{item.project}#{item.place}"

    def record(self, item: Item) -> Record:
        return {
            "project": item.project,
            "number": str(item.place),
            "id": str(item.id),
            "title": item.title,
            "body": item.text,
            "labels": [*filter(None, (self.kinds[item.kind], self.severities[item.severity])), *item.labels],
            "state": self.statuses[item.status],
            "assignees": [_login(item.assignee)["login"]] if item.assignee else [],
            "milestone": item.components[0] if item.components else "",
            "user": _login(item.reporter)["login"],
            "created_at": f"{item.created:%FT%TZ}",
            "updated_at": f"{item.updated:%FT%TZ}",
            "closed_at": f"{item.resolved:%FT%TZ}" if item.resolved else "",
            "comments": [
                json.dumps([each.number, f"{each.at:%FT%TZ}", each.author, each.text]) for each in item.comments
            ],
        }

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        said = [comment for record in records for comment in self._comments(record)]
        arguments = [_write_json(folder / f"{name}.json", [self._issue(record) for record in records])]
        return [*arguments, "--comments", _write_json(folder / f"{name}-comments.json", said)] if said else arguments

    def _issue(self, record: Record) -> dict[str, Any]:
        api, site = (f"https://{host}/{record['project']}" for host in ("api.github.com/repos", "github.com"))
        number, assignees = record["number"], [{"login": login, "type": "User"} for login in record["assignees"]]
        is_closed = record["state"] == "closed"
        return {
            **{
                "url": f"{api}/issues/{number}",
                "repository_url": api,
                "comments_url": f"{api}/issues/{number}/comments",
            },
            **{"html_url": f"{site}/issues/{number}", "id": int(str(record["id"])), "node_id": f"I_{record['id']}"},
            **{"number": int(str(number)), "title": record["title"], "user": {"login": record["user"], "type": "User"}},
            "labels": [
                {"id": len(each), "name": each, "color": "ededed", "default": False} for each in record["labels"]
            ],
            **{"state": record["state"], "state_reason": "completed" if is_closed else None, "locked": False},
            **{"assignee": assignees[0] if assignees else None, "assignees": assignees},
            "milestone": {"number": 1, "title": record["milestone"]} if record["milestone"] else None,
            **{"comments": len(record["comments"]), "created_at": record["created_at"]},
            **{"updated_at": record["updated_at"], "closed_at": record["closed_at"] or None},
            **{"author_association": "MEMBER", "active_lock_reason": None, "body": record["body"] or None},
        }

    def _comments(self, record: Record) -> Iterable[dict[str, Any]]:
        api = f"https://api.github.com/repos/{record['project']}/issues"
        for comment in record["comments"]:
            number, at, author, text = json.loads(comment)
            yield {
                **{"url": f"{api}/comments/{number}", "issue_url": f"{api}/{record['number']}", "id": number},
                **{"node_id": f"IC_{number}", "user": _login(author), "created_at": at, "updated_at": at, "body": text},
            }


def _login(person: str) -> dict[str, Any]:
    return {"login": person.split()[0].lower(), "id": PEOPLE.index(person), "type": "User"}


class AzureJson(Feed):
    """Work items of the REST API: a field without a value isn't there."""

    name = preset = "azuredevops"
    suffix = "json"
    projects: ClassVar[Mapping[str, int]] = {"Voice": 14, "Dialer": 8, "Portal": 7}
    has_comments = has_links = False
    severities = ("1", "2", "3", "4", "2")
    statuses = ("New", "Active", "Resolved", "Closed")
    kinds = ("Bug", "User Story", "Task")

    def key(self, item: Item) -> str:
        return str(item.id)

    def record(self, item: Item) -> Record:
        return {
            "id": str(item.id),
            "System.TeamProject": item.project,
            "System.AreaPath": "\\".join((item.project, *item.components)),
            "System.WorkItemType": self.kinds[item.kind],
            "System.State": self.statuses[item.status],
            "System.Title": item.title,
            "System.Description": _html(item.text) if item.kind else "",
            "Microsoft.VSTS.TCM.ReproSteps": "" if item.kind else _html(item.text),
            "Microsoft.VSTS.Common.Priority": self.severities[item.severity],
            "System.AssignedTo": item.assignee,
            "System.CreatedBy": item.reporter,
            "System.CreatedDate": f"{item.created:%FT%TZ}",
            "System.ChangedDate": f"{item.updated:%FT%TZ}",
            "Microsoft.VSTS.Common.ClosedDate": f"{item.resolved:%FT%TZ}" if item.resolved else "",
            "System.Tags": "; ".join(item.labels),
            "text": item.text,
        }

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        path = folder / f"{name}.json"
        return [_write_json(path, {"count": len(records), "value": [self._work_item(each) for each in records]})]

    def _work_item(self, record: Record) -> dict[str, Any]:
        fields: dict[str, Any] = {name: value for name, value in record.items() if value and name not in ("id", "text")}
        for name in {"System.AssignedTo", "System.CreatedBy"} & fields.keys():
            person = str(fields[name])
            mail = f"{_login(person)['login']}@acme.example"
            fields[name] = {"displayName": person, "id": _account(person), "uniqueName": mail}
        fields["Microsoft.VSTS.Common.Priority"] = int(fields["Microsoft.VSTS.Common.Priority"])
        url = f"https://dev.azure.com/acme/_apis/wit/workItems/{record['id']}"
        return {"id": int(str(record["id"])), "rev": 1, "fields": fields, "url": url}


class Connector(JiraCsv):
    """Jira's REST API through a connector that writes a record a line, without what is null or empty."""

    name = "connector"
    suffix = "jsonl"
    projects: ClassVar[Mapping[str, int]] = {"VOICE": 16, "DATA": 14, "BILL": 8, "OLD": 7}

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        path = folder / f"{name}.jsonl"
        lines = (json.dumps(_strip(self._issue(record)), ensure_ascii=False) + "\n" for record in records)
        path.write_text("".join(lines), encoding="utf-8")
        return [str(path)]

    def _issue(self, record: Record) -> dict[str, Any]:
        comments = [str(each).split(";", 2) for each in record["Comment"]]
        category = str(record["Status Category"])
        return {
            "id": record["Issue id"],
            "key": record["Issue key"],
            "self": f"https://acme.example/rest/api/2/issue/{record['Issue id']}",
            "fields": {
                **{"summary": record["Summary"], "description": record["Description"], "environment": None},
                "issuetype": {"name": record["Issue Type"], "subtask": False},
                "project": {"key": record["Project key"], "name": record["Project name"]},
                "priority": {"name": record["Priority"]} if record["Priority"] else None,
                "status": {"name": record["Status"], "statusCategory": {"key": category, "name": category}},
                "resolution": {"name": record["Resolution"]} if record["Resolution"] else None,
                **{name.lower(): self._person(str(record[name])) for name in ("Assignee", "Reporter")},
                **{"created": record["Created"], "updated": record["Updated"]},
                **{"resolutiondate": record["Resolved"], "duedate": record["Due date"], "labels": record["Labels"]},
                "components": [{"name": each} for each in record["Components"]],
                "attachment": [
                    dict(zip(("filename", "content"), str(each).split(";")[2:], strict=True))
                    for each in record["Attachment"]
                ],
                "issuelinks": [
                    {"type": {"name": "Blocks"}, "outwardIssue": {"key": key}}
                    for key in record["Outward issue link (Blocks)"]
                ],
                "comment": {
                    "comments": [
                        {"author": self._person(PEOPLE[int(account[2:])]), "created": at, "body": text}
                        for at, account, text in comments
                    ],
                },
            },
        }

    def _person(self, name: str) -> dict[str, Any] | None:
        return {"accountId": _account(name), "displayName": name} if name else None


class ServiceNow(Feed):
    """A list of incidents exported as CSV by fields' names: every column is there, whatever is in it."""

    name = preset = "servicenow"
    suffix = "csv"
    projects: ClassVar[Mapping[str, int]] = {"Telephony": 15, "Network": 13, "Service desk": 8}
    has_links = False
    severities = ("1 - Critical", "2 - High", "3 - Moderate", "4 - Low", "5 - Planning")
    statuses = ("New", "In Progress", "On Hold", "Closed")
    kinds = ("Software", "Hardware", "Network")
    hides = ("description", "assigned_to", "close_notes")
    hides_everywhere = True

    def key(self, item: Item) -> str:
        return f"INC{item.id:07}"

    def record(self, item: Item) -> Record:
        is_done = item.status == DONE
        journal = [f"{each.at:%F %T} - {each.author} (Additional comments)\n{each.text}\n" for each in item.comments]
        return {
            "number": self.key(item),
            "short_description": item.title,
            "description": item.text,
            "state": self.statuses[item.status],
            "priority": self.severities[item.severity],
            "category": self.kinds[item.kind],
            "subcategory": item.components[0] if item.components else "",
            "assignment_group": item.project,
            "assigned_to": item.assignee,
            "caller_id": item.reporter,
            "opened_at": f"{item.created:%F %T}",
            "sys_updated_on": f"{item.updated:%F %T}",
            "closed_at": f"{item.resolved:%F %T}" if item.resolved else "",
            "close_code": "Solved (Permanently)" if is_done else "",
            "close_notes": f"Solved on {item.resolved:%F}" if item.resolved else "",
            "comments_and_work_notes": "\n".join(reversed(journal)),
        }

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        path = folder / f"{name.replace(' ', '_')}.csv"
        return [_write_csv(path, [[*records[0]], *([str(cell) for cell in each.values()] for each in records)])]


class Sheet(Feed):
    """A sheet that people keep by hand, with a number for each line: they sort it, add columns, and leave blanks."""

    name = "sheet"
    preset = "bug-list"
    suffix = "csv"
    projects: ClassVar[Mapping[str, int]] = {"Inbound": 14, "Outbound": 8}
    has_comments = has_links = False
    severities = ("Critical", "High", "Medium", "Low", "")
    statuses = ("Open", "In progress", "In review", "Done")
    kinds = ("Bug", "Feature", "Question")
    hides = ("Tags", "Description")

    def key(self, item: Item) -> str:
        return f"B-{item.id}"

    def record(self, item: Item) -> Record:
        return {
            "ID": self.key(item),
            "Title": item.title,
            "Description": item.text,
            "Priority": self.severities[item.severity],
            "Status": self.statuses[item.status],
            "Type": self.kinds[item.kind],
            "Assigned To": item.assignee,
            "Reported By": item.reporter,
            "Date": f"{item.created:%F}",
            "Tags": ", ".join(item.labels),
            "Line": item.project,
        }

    def write(self, folder: Path, name: str, records: Sequence[Record], night: int) -> list[str]:
        random = Random(f"{name} {night}")
        header = [column for column in records[0] if column not in self.hides or any(each[column] for each in records)]
        if night % 7 in (4, 5):  # somebody has put a column where it is easier to read
            header.insert(2, header.pop())
        rows = [[str(each[column]) for column in header] for each in records]
        if night % 6 == 2:
            random.shuffle(rows)
        if night % 9 == 5:  # and what hands do to cells
            for row in rows[::4]:
                row[:] = [
                    cell.lower() if name == "Status" else f"{cell} " for name, cell in zip(header, row, strict=True)
                ]
        if night % 4 == 1:
            rows.insert(len(rows) // 2, [""] * len(header))
        return [_write_csv(folder / f"{name}.csv", [header, *rows], "\r\n", "utf-8-sig")]


FEEDS: Mapping[str, Feed] = {
    feed.name: feed for feed in (JiraCsv(), GithubJson(), AzureJson(), Connector(), ServiceNow(), Sheet())
}


def _cells(value: Value) -> Sequence[str]:
    return value if isinstance(value, list) else [value]


def _html(text: str) -> str:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;")
    return "".join(f"<div>{part}</div><div><br></div>" for part in escaped.split("\n\n")) if text else ""


def _strip(value: Any) -> Any:
    """Leave out what is null or empty, at any depth."""
    if isinstance(value, dict):
        kept = {name: _strip(each) for name, each in value.items()}
        return {name: each for name, each in kept.items() if each not in (None, "", [], {})}
    return [_strip(each) for each in value] if isinstance(value, list) else value


def _write_csv(path: Path, rows: Sequence[Sequence[str]], ends: str = "\n", encoding: str = "utf-8") -> str:
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, lineterminator=ends).writerows(rows)
    return str(path)


def _write_json(path: Path, document: Any) -> str:
    path.write_text(json.dumps(document, ensure_ascii=False, indent=1), encoding="utf-8")
    return str(path)
