"""What the state machine works with: a ledger that is lost or restored, people who edit, and rows that change."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx


@dataclass
class LedgerFiles:
    """A ledger as files: what a person or a crash may do to it. Copies are numbered folders beside it."""

    path: Path
    copies: list[Path] = field(default_factory=list)

    def copy(self) -> Path:
        """Copy the files as they are at this moment."""
        folder = self.path.parent / f"copy-{len(self.copies)}"
        folder.mkdir()
        for name in self._names():
            if (self.path.parent / name).exists():
                shutil.copy(self.path.parent / name, folder / name)
        self.copies.append(folder)
        return folder

    def put_back(self, folder: Path, *, side_file: bool, wal_share: float = 1.0) -> None:
        """Replace the ledger by a copy, of whose journal only a share is left; the side file may stay as it is."""
        self.lose(side_file=side_file)
        for copied in folder.iterdir():
            if side_file or not copied.name.endswith(".generation"):
                shutil.copy(copied, self.path.parent / copied.name)
        wal = self.path.with_name(f"{self.path.name}-wal")
        if wal.exists():
            with wal.open("r+b") as file:
                file.truncate(int(wal.stat().st_size * wal_share))

    def lose(self, *, side_file: bool) -> None:
        """Delete the files, with or without the side file."""
        for name in (*self._names(), f"{self.path.name}-shm"):
            if side_file or not name.endswith(".generation"):
                (self.path.parent / name).unlink(missing_ok=True)

    def _names(self) -> list[str]:
        return [f"{self.path.name}{end}" for end in ("", "-wal", ".generation")]


class People:
    """People at work in the target, and what they have done there.

    edits    issue and field → what was written there; no row ever says the same
    touched  issues that somebody has had a hand in
    removed  issues that are gone
    """

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=f"{url}/v1/triage/issues", headers={"Authorization": "person"})
        self._count = 0
        self.edits: dict[tuple[str, str], str] = {}
        self.touched: set[str] = set()
        self.removed: set[str] = set()
        self.wrote: set[tuple[str, str, str]] = set()

    def close(self) -> None:
        """Close their connections."""
        self._client.close()

    def edit(self, issue: Mapping[str, Any], field: str) -> None:
        """Write something new into a field; a description keeps its footer."""
        self._count += 1
        number = self._count
        value = {
            "title": f"People's title {number}",
            "description": f"People's text {number}. {issue['description']}",
            "severity": ("medium", "low")[number % 2],
            "status": ("backlog", "in_progress", "in_review")[number % 3],
            "category": f"People's {number}",
            "owner_id": f"person-{number}",
            "assignee_id": f"person-{number}",
        }[field]
        assert self._client.patch(f"/{issue['id']}", json={field: value}).is_success
        self.edits[issue["id"], field] = value
        self.wrote.add((issue["id"], field, value))
        self.touched.add(issue["id"])

    def comment(self, issue: Mapping[str, Any]) -> None:
        assert self._client.post(f"/{issue['id']}/comments", json={"detail": REMARK}).is_success
        self.touched.add(issue["id"])

    def delete(self, issue: Mapping[str, Any]) -> None:
        assert self._client.delete(f"/{issue['id']}").is_success
        self.miss(issue["id"])

    def miss(self, issue_id: str) -> None:
        """An issue is gone, and what was written there with it."""
        self.removed.add(issue_id)
        self.edits = {place: value for place, value in self.edits.items() if place[0] != issue_id}


@dataclass
class SourceRow:
    """A row of the source: its title and text carry its version, so that they say who wrote them.

    It names the row before it, in its text and as one that it blocks. Every comment is another.
    """

    number: int
    version: int = 1
    comments: int = 1
    urgent: bool = False
    done: bool = False
    kind: str = "Bug"
    repeated: bool = False
    is_bad: bool = False

    @property
    def key(self) -> str:
        return f"demo:P-{self.number}"

    @property
    def text(self) -> str:
        """Its description without a footer, and without numbers of other issues."""
        return f"Text {self.number} version {self.version}, after P-{self.number - 1}"

    @property
    def said(self) -> list[str]:
        """Its comments, without numbers of other issues."""
        return [f"Comment {count} on P-{self.number} and P-1" for count in range(1, self.comments + 1)]

    def cells(self) -> tuple[str, ...]:
        """The cells of `HEADER`."""
        priority = "No such priority" if self.is_bad else "Urgent" if self.urgent else "High"
        title = f"Title {self.number} version {self.version}"
        issue = (f"P-{self.number}", title, priority, "Done" if self.done else "Open", self.kind, self.text)
        return (*issue, f"P-{self.number - 1}", "|".join(self.said))

    def values(self) -> dict[str, str]:
        """The fields of its issue, the description aside."""
        return {
            "title": self.cells()[1],
            "severity": "critical" if self.urgent else "high",
            "status": "done" if self.done else "todo",
            "category": self.kind,
        }


NUMBER = re.compile(r" \(T-\d+\)")
"""What stands behind the name of another issue once that is known."""
REMARK = "I know more."
"""What people say."""
FIELDS = ("title", "description", "severity", "status", "category", "owner_id", "assignee_id")
HEADER = ("Key", "Title", "Priority", "State", "Type", "Text", "Blocks", "Comments")
MAPPING = """\
input: {name: demo, key: Key}
title: Title
description: Text
severity: {column: Priority, values: {High: high, Urgent: critical}}
status: {column: State, values: {Open: todo, Done: done}}
category: {column: Type, keep_unknown: true}
comments: {from: [{column: Comments, parse: '(?P<text>[^|]+)(?:[|]|$)'}]}
relations: [{column: Blocks, type: blocks}]
references: [{pattern: 'P-[0-9]+'}]
"""
CORRECTED = "extends: demo.yaml\nseverity: {values: {High: critical, Urgent: high}}\n"
"""A mapping that makes the severity of every row another one."""
