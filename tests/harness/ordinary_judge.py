"""A judge of ordinary weeks: it compares what Triage holds with what is in a tracker, cell by cell.

It shares no code with the program, and knows of it only what its documents say: what of Triage a name becomes. An issue
is recognised by its case, which stands in its title. A difference is no fault in three cases only:

- the export had no value there, Triage has one, and the run named the issue as one of which a value stays;
- the exporting account couldn't read the value, and Triage has none, if no brake should have held it (`BRAKE`);
- the issue isn't there, for its key was another's before, and the run said that it waits.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from tests.harness.ordinary_weeks import Comment, Item, Record, Tracker, Value

BRAKE = 10
"""So many values of a field may be emptied in a week, however many there are."""
WEEK = 7
HOLDS = ("column-missing", "value-held", "values-held", "held", "kept")
"""Codes that say of an issue that a value of it stays."""
DONE = {"created", "updated", "unchanged"}
SEVERITIES = ("critical", "high", "medium", "low")
_CASE = re.compile(r"case \d{4}")


class Meaning(NamedTuple):
    """What the names of a tracker become in Triage, as the documents say; `lines` are those of the footer."""

    title: str
    text: str
    severity: str
    status: str
    category: str
    lines: Mapping[str, str]
    values: Mapping[str, str]


_JIRA = Meaning(
    *("Summary", "Description", "Priority", "Status", "Issue Type"),
    {
        **{"Reporter": "Reporter", "Assignee": "Assignee", "Project": "Project name", "Created": "Created"},
        **{"Updated": "Updated", "Resolved": "Resolved", "Resolution": "Resolution", "Due": "Due date"},
        **{"Labels": "Labels", "Components": "Components"},
    },
    {
        **{"Highest": "critical", "High": "high", "Medium": "medium", "Low": "low", "": "medium"},
        **{"To Do": "todo", "In Progress": "in_progress", "In Review": "in_review", "Done": "done"},
        **{"Bug": "Bug", "Story": "Story", "Task": "Task"},
    },
)
MEANINGS = {
    "jira": _JIRA,
    "connector": _JIRA,
    "github": Meaning(
        *("title", "body", "labels", "state", "labels"),
        {
            **{"Author": "user", "Assignees": "assignees", "Created": "created_at", "Updated": "updated_at"},
            **{"Closed": "closed_at", "Labels": "labels", "Milestone": "milestone"},
        },
        {
            **{f"priority: {name}": name for name in ("critical", "high", "medium", "low")},
            **{"open": "todo", "closed": "done", "bug": "Bug", "enhancement": "Feature", "question": "Question"},
        },
    ),
    "azuredevops": Meaning(
        *("System.Title", "text", "Microsoft.VSTS.Common.Priority", "System.State", "System.WorkItemType"),
        {
            **{"Created by": "System.CreatedBy", "Assigned to": "System.AssignedTo", "Project": "System.TeamProject"},
            **{"Area": "System.AreaPath", "Tags": "System.Tags", "Priority": "Microsoft.VSTS.Common.Priority"},
            **{"Created": "System.CreatedDate", "Changed": "System.ChangedDate"},
            "Closed": "Microsoft.VSTS.Common.ClosedDate",
        },
        {
            **{"1": "critical", "2": "high", "3": "medium", "4": "low"},
            **{"New": "todo", "Active": "in_progress", "Resolved": "done", "Closed": "closed"},
            **{"Bug": "Bug", "User Story": "Story", "Task": "Task"},
        },
    ),
    "servicenow": Meaning(
        *("short_description", "description", "priority", "state", "category"),
        {
            **{"Caller": "caller_id", "Assigned to": "assigned_to", "Assignment group": "assignment_group"},
            **{"Subcategory": "subcategory", "Opened": "opened_at", "Updated": "sys_updated_on"},
            **{"Closed": "closed_at", "Close code": "close_code", "Close notes": "close_notes"},
        },
        {
            **{"1 - Critical": "critical", "2 - High": "high", "3 - Moderate": "medium", "4 - Low": "low"},
            **{"5 - Planning": "low", "New": "todo", "In Progress": "in_progress", "On Hold": "in_progress"},
            **{"Closed": "closed", "Software": "Software", "Hardware": "Hardware", "Network": "Network"},
        },
    ),
    "sheet": Meaning(
        *("Title", "Description", "Priority", "Status", "Type"),
        {"Assignee": "Assigned To", "Reporter": "Reported By", "Created": "Date", "Labels": "Tags", "Line": "Line"},
        {
            **{"Critical": "critical", "High": "high", "Medium": "medium", "Low": "low", "": "medium"},
            **{"Open": "todo", "In progress": "in_progress", "In review": "in_review", "Done": "done"},
            **{"Bug": "Bug", "Feature": "Feature", "Question": "Question"},
        },
    ),
}


class Difference(NamedTuple):
    """A cell of an issue that Triage has otherwise."""

    key: str
    case: str
    cell: str
    in_triage: str
    in_tracker: str

    def __str__(self) -> str:
        return f"{self.key} ({self.case}): {self.cell} is {self.in_triage!r}, not {self.in_tracker!r}"


@dataclass
class Export:
    """What the last file that had an issue said of it, and what the run said of its row.

    blank     names of fields that have a value which the exporting account couldn't read
    free      those of them that were few enough to be emptied
    said      the outcome and codes of the row; nothing where the run was refused
    """

    key: str
    record: Record
    comments: list[Comment]
    blank: set[str]
    free: set[str]
    said: set[str]


@dataclass
class Figures:
    """What came of a feed delivered in one way; issues count that differ in the end, unless it says otherwise."""

    runs: int = 0
    refused: int = 0
    different: int = 0
    nights_different: int = 0
    held: int = 0
    empty: int = 0
    doubled: int = 0
    unrelated: int = 0
    moves: int = 0
    followed: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.runs} runs, {self.refused} refused; issues: {self.different} different in the end "
            f"({self.nights_different} over the nights), {self.held} held, {self.empty} emptied as exported, "
            f"{self.doubled} doubled, {self.unrelated} links lacking; {self.followed} of {self.moves} moves followed"
        )


class Judge:
    """Hears what each run was given and what it said of each row, and compares Triage with the tracker."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker, self._feed = tracker, tracker.feed
        self._meaning = MEANINGS[tracker.feed.name]
        self._exports: dict[Item, Export] = {}
        self._blanked: dict[tuple[str, str], dict[Item, int]] = defaultdict(dict)

    def took(self, items: Sequence[Item], night: int, rows: Sequence[Mapping[str, str]]) -> None:
        """Hear that a run got these issues, and the rows of its `results.csv`."""
        said: dict[str, set[str]] = defaultdict(set)
        for row in rows:
            said[row["key"].partition(":")[2]] |= {row["outcome"], *re.findall(r"[a-z-]+", row["code"])}
        held_back = {name: self._braked(items, name, night) for name in self._feed.hides}
        for item in items:
            before, blank = self._exports.get(item), self._blank(item)
            # What Triage never had can't stay: it was written, or the issue made, while nobody could read it.
            never = {name for name in blank if not (before and (name in before.blank or before.record.get(name)))}
            free = {name for name in blank if item not in held_back[name] or (before and name in before.free)} | never
            key = self._feed.key(item)
            self._exports[item] = Export(key, self._feed.record(item), [*item.comments], blank, free, said[key])

    def _blank(self, item: Item) -> set[str]:
        record = self._feed.record(item)
        return {name for name in self._tracker.hidden[item.project] if record[name]}

    def _braked(self, items: Sequence[Item], name: str, night: int) -> set[Item]:
        """Give the issues of a run whose value mustn't be emptied: too many are, of a project or of the whole run."""
        braked = set[Item]()
        projects = {item.project for item in items}
        for scope in projects | ({""} if len(projects) > 1 else set()):
            blank = [item for item in items if scope in ("", item.project) and name in self._blank(item)]
            since = self._blanked[scope, name]
            since |= {item: night for item in blank if night - since.get(item, -WEEK) >= WEEK}
            recent = sum(night - first < WEEK for first in since.values())
            filled = sum(bool(self._feed.record(item)[name]) for item in self._tracker.live(scope))
            if recent > BRAKE and recent * 2 > filled:
                braked |= {*blank}
        return braked

    def compare(
        self, issues: Sequence[Mapping[str, Any]], comments: Sequence[Mapping[str, Any]], figures: Figures
    ) -> list[Difference]:
        """Compare all issues that were ever exported; `figures` are those of now."""
        by_case: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for issue in issues:
            found = _CASE.search(issue["title"])
            by_case[found[0] if found else ""].append(issue)
        said: dict[str, list[str]] = defaultdict(list)
        for comment in comments:
            said[comment["issue_id"]].append(comment["detail"])
        figures.held = figures.empty = figures.doubled = figures.moves = figures.followed = 0
        wrong: list[Difference] = []
        for item, export in self._exports.items():
            copies = by_case[item.case]
            if len(copies) > 1 + item.left:
                figures.doubled += 1
            found_wrong = min(
                ([*self._differences(item, export, copy, said[copy["id"]])] for copy in copies),
                key=len,
                default=[Difference(export.key, item.case, "issue", "", item.title)],
            )
            kinds = Counter(self._kind(item, export, each) for each in found_wrong)
            figures.held += kinds["held"] > 0
            figures.empty += kinds["empty"] > 0
            wrong += [each for each in found_wrong if self._kind(item, export, each) == "wrong"]
            if item in self._tracker.moved and self._feed.keeps_id and not item.is_gone:
                figures.moves += 1
                figures.followed += len(copies) == 1 and not kinds["wrong"]
        figures.different = len({each.case for each in wrong})
        return wrong

    def lacking(self, issues: Sequence[Mapping[str, Any]], relations: Sequence[Mapping[str, Any]]) -> list[str]:
        """Say which links between issues Triage lacks, or has twice."""
        cases = {issue["id"]: match[0] for issue in issues if (match := _CASE.search(issue["title"]))}
        there = Counter(
            (cases.get(each["issue_id"]), cases.get(each["related_issue_id"]))
            for each in relations
            if each["relation_type"] == "blocks"
        )
        held = {item for item, export in self._exports.items() if self._is_held_whole(item, export)}
        return [
            f"{item.case} blocks {other.case} {there[item.case, other.case]} times"
            for item in self._tracker.live()
            if self._feed.has_links
            for other in item.blocks
            if not other.is_gone and not {item, other} & held and there[item.case, other.case] != 1
        ]

    def _kind(self, item: Item, export: Export, difference: Difference) -> str:
        """Say whether a difference is `held`, `empty` as exported, or `wrong`."""
        if difference.cell == "issue":
            return "held" if self._is_held_whole(item, export) else "wrong"
        name = self._names().get(difference.cell, "")
        if name not in export.blank and (item.is_gone or export.record.get(name, "?")):
            return "wrong"  # the export had it
        empty = self._wanted(export.record | {name: ""})[difference.cell]
        # Whose name is blank is named by the account, where the export still has that.
        if name in export.free and difference.in_triage in (empty, export.record.get(f"{name} Id")):
            return "empty"
        return "held" if export.said & {*HOLDS} else "wrong"

    def _is_held_whole(self, item: Item, export: Export) -> bool:
        """Whether its key was another's before, and the run said that it waits."""
        others = (other for other in self._exports if other.is_gone and other is not item)
        return bool(export.said - DONE) and any(self._exports[other].key == export.key for other in others)

    def _names(self) -> dict[str, str]:
        """What each cell in Triage is made from."""
        meaning = self._meaning
        names = (meaning.title, meaning.text, meaning.severity, meaning.status, meaning.category)
        return dict(zip(("title", "text", "severity", "status", "category"), names, strict=True)) | {**meaning.lines}

    def _differences(
        self, item: Item, export: Export, issue: Mapping[str, Any], said: Sequence[str]
    ) -> Iterator[Difference]:
        record = export.record if item.is_gone else self._feed.record(item)
        text, lines = _parts(issue["description"])
        shown = {name: issue[name] for name in ("title", "severity", "status", "category")} | {"text": text}
        shown |= {label: lines.get(label, "") for label in self._meaning.lines}
        for cell, wanted in self._wanted(record).items():
            if shown[cell] != wanted:
                yield Difference(export.key, item.case, cell, shown[cell], wanted)
        if self._feed.has_comments:
            for comment in export.comments if item.is_gone else item.comments:
                times = sum(comment.text in each for each in said)
                if times != 1:
                    yield Difference(export.key, item.case, comment.text[:11], f"{times} times", "once")

    def _wanted(self, record: Record) -> dict[str, str]:
        meaning = self._meaning
        severities = [each for each in self._values(record, meaning.severity) if each in SEVERITIES]
        categories = [each for each in self._values(record, meaning.category) if each not in SEVERITIES]
        return {
            "title": _joined(record[meaning.title]),
            "text": _plain(_joined(record[meaning.text])),
            "severity": severities[0] if severities else "medium",
            "status": self._values(record, meaning.status)[0],
            "category": categories[0],
            **{label: _joined(record[name]) for label, name in meaning.lines.items()},
        }

    def _values(self, record: Record, name: str) -> list[str]:
        """What the words of a field mean, those that mean anything."""
        value = record[name]
        words = value if isinstance(value, list) else [value]
        return [self._meaning.values[word] for word in words if word in self._meaning.values]


def _joined(value: Value) -> str:
    return ", ".join(value) if isinstance(value, list) else value


def _plain(text: str) -> str:
    return "\n\n".join(filter(None, (part.strip() for part in text.split("\n\n"))))


def _parts(description: str) -> tuple[str, dict[str, str]]:
    """Divide a description into its text and the lines of its footer."""
    text, _, footer = f"\n{description}".rpartition("\n---\n")
    lines = (line.partition(": ") for line in footer.splitlines())
    return _plain(text), {label: value for label, _, value in lines}
