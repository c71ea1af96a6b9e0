"""What the real exports say of comments, links and people: read with csv and json alone, apart from the program."""

from __future__ import annotations

import csv
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

_PULL = re.compile(r"/pulls?/\d+")
_REPOSITORY = re.compile(r"([^/]+/[^/]+)/issues/(\d+)$")
_PROJECT = re.compile(r"^https?://[^/]+/(.+?)/(?:-/)?issues/(\d+)$")
_DUPLICATE = re.compile(r"/projects/(\d+)/issues/(\d+)$")

Link = tuple[str, str, str]
"""Owner, type and other; of those that are `related_to` the owner is the lesser."""


class Said(NamedTuple):
    """A comment of an export."""

    date: str
    text: str


@dataclass
class Told:
    """What an export says of an issue. `assignee` is a name or an id, "" where there is none.

    `is_there`: the file has the issue itself, and not only something that belongs to it.
    """

    key: str
    assignee: str = ""
    is_there: bool = True
    comments: list[Said] = field(default_factory=list)
    links: set[Link] = field(default_factory=set)

    def link(self, kind: str, other: str | None, *, inverse: bool = False) -> None:
        """Take note of what it is to another issue, if there is one."""
        if other:
            one, other = (other, self.key) if inverse else (self.key, other)
            self.links.add(_canonical(one, kind, other))


def _canonical(one: str, kind: str, other: str) -> Link:
    if kind == "related_to":
        one, other = sorted((one, other))
    return one, kind, other


def _table(path: Path) -> list[dict[str, list[str]]]:
    """Rows as header → the filled cells of its columns."""
    with path.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    table = []
    for row in rows:
        cells: dict[str, list[str]] = defaultdict(list)
        for name, cell in zip(header, row, strict=True):
            cells[name] += [cell] if cell.strip() else []
        table.append(cells)
    return table


def _records(path: Path) -> list[Any]:
    """The records of a JSON file, or those in the cells of a connector's table."""
    if path.suffix == ".csv":
        return [_cell(row["data"][0]) for row in _table(path)]
    text = path.read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()] if path.suffix == ".jsonl" else [json.loads(text)]


def _cell(text: str) -> Any:
    return json.loads(bytes.fromhex(text[2:]) if text.startswith("0x") else text)


def read_jira_table(path: Path) -> Iterator[Told]:
    """An export of Jira itself: a comment is `date;account;text`, a parent the id of its row."""
    rows = _table(path)
    keys = {row["Issue id"][0]: row["Issue key"][0] for row in rows}
    for row in rows:
        told = Told(row["Issue key"][0], "".join(row["Assignee"]))
        for cell in row["Comment"]:
            date, _, text = cell.split(";", 2)
            told.comments.append(Said(date, text))
        for parent in row["Parent"]:
            told.link("related_to", keys[parent])
        yield told


def read_jira_records(path: Path) -> Iterator[Told]:
    """Answers of Jira's REST API."""
    for record in _records(path):
        fields = record["fields"]
        told = Told(record["key"], (fields.get("assignee") or {}).get("displayName", ""))
        told.comments += [Said(one["created"], one["body"]) for one in fields["comment"]["comments"]]
        others = [fields.get("parent"), fields.get("epic"), *fields["subtasks"]]
        for other in filter(None, others):
            told.link("related_to", other["key"])
        told.link("related_to", fields.get("customfield_10014"))
        assert not fields.get("issuelinks")
        yield told


def read_jira_tool(path: Path) -> Iterator[Told]:
    """A connector's table of Jira issues."""
    for row in _table(path):
        told = Told(row["issue_key"][0], "".join(row["assignee_display_name"]))
        told.link("related_to", "".join(row["parent_key"]))
        yield told


def read_github(path: Path) -> Iterator[Told]:
    """Issues of GitHub's API, without the pull requests and repositories among them."""
    document = _records(path)
    records = document[0] if isinstance(document[0], list) else document
    for wrapped in records:
        record = wrapped.get("data", wrapped)
        address = record.get("html_url") or record["url"]
        found = _REPOSITORY.search(address)
        if record.get("pull_request") or _PULL.search(address) or found is None:
            continue
        logins = [person["login"] for person in record.get("assignees") or []]
        told = Told(f"{found[1]}#{found[2]}", "".join(logins[:1]))
        said = record.get("comments_data") or record.get("comments")
        said = said if isinstance(said, list) else []
        told.comments += [Said(one.get("created_at") or one["createdAt"], one["body"]) for one in said]
        assert not record.get("parent_issue_url")
        yield told


def read_gitlab(path: Path) -> Iterator[Told]:
    """Issues of GitLab's API: duplicates by the project's id and the number in it, moved ones by an id."""
    document = _records(path)
    records = document[0] if isinstance(document[0], list) else document
    keys = {record["id"]: record["references"]["full"] for record in records}
    numbers = {(str(record["project_id"]), str(record["iid"])): keys[record["id"]] for record in records}
    for record in records:
        names = [person["name"] for person in record.get("assignees") or []]
        told = Told(keys[record["id"]], "".join(names[:1]))
        duplicate = _DUPLICATE.search(record["_links"].get("closed_as_duplicate_of") or "")
        if duplicate is not None:
            told.link(
                "duplicate_of", numbers.get((duplicate[1], duplicate[2]), f"project {duplicate[1]}#{duplicate[2]}")
            )
        moved = record.get("moved_to_id")
        told.link("duplicate_of", moved and keys.get(moved, f"id {moved}"))
        assert "notes" not in record
        yield told


def read_gitlab_table(path: Path) -> Iterator[Told]:
    """GitLab's own CSV, which has neither comments nor links."""
    for row in _table(path):
        found = _PROJECT.search(row["URL"][0])
        assert found is not None
        yield Told(f"{found[1]}#{found[2]}", "".join(row["Assignee"]))


def read_zendesk(path: Path) -> Iterator[Told]:
    """A capture of several streams, the comments being one of them."""
    streams: dict[str, list[Any]] = defaultdict(list)
    for stream, record in json.loads(path.read_text(encoding="utf-8")):
        streams[stream.partition("/")[2]].append(record)
    tickets: dict[str, Told] = {}
    for ticket in streams["tickets"]:
        told = Told(str(ticket["id"]), str(ticket["assignee_id"]))
        told.link("related_to", ticket.get("problem_id"))
        tickets[told.key] = told
    for one in streams["ticket_comments"]:
        key = str(one["ticket_id"])
        told = tickets.setdefault(key, Told(key, is_there=False))
        told.comments.append(Said(one["created_at"], one["plain_body"]))
    yield from tickets.values()


def read_trello(path: Path) -> Iterator[Told]:
    """A board, with its discussion among the actions, or cards alone."""
    document = _records(path)
    board = document[0] if "cards" in document[0] else {"cards": document}
    names = {member["id"]: member["fullName"] for member in board.get("members", ())}
    for card in board["cards"]:
        if card["isTemplate"]:
            continue
        told = Told(card["id"], "".join(names.get(member, member) for member in card["idMembers"][:1]))
        actions = [one for one in board.get("actions", ()) if one["type"] == "commentCard"]
        said = [one for one in actions if one["data"]["card"]["id"] == card["id"]]
        told.comments += [Said(one["date"], one["data"]["text"]) for one in reversed(said)]
        assert not card.get("attachments")
        yield told


Reader = Callable[[Path], Iterator[Told]]
READERS: dict[str, Reader] = {
    "jira/apache__incubator-devlake___raw_jira_api_issues.csv": read_jira_records,
    "jira/apache__incubator-devlake___tool_jira_issues.csv": read_jira_tool,
    "jira": read_jira_table,
    "github": read_github,
    "gitlab/gitlabhq__gitlabhq__csv_gitlab_export.csv": read_gitlab_table,
    "gitlab": read_gitlab,
    "zendesk": read_zendesk,
    "trello": read_trello,
}
"""How a file, or else those of a folder, are read here."""
