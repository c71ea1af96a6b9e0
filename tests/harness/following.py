"""A small source with all that belongs to issues, imported night after night into one target."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv
from tests.harness.unmarked import unmarked

HEADER = ("Key", "Title", "Text", "State", "Severity", "Call", "Flag", "Blocks", "Note", "Note", "Note", "Note")
MAPPING = r"""
input: {name: demo, key: Key}
title: Title
description: Text
severity: {column: Severity, values: {P1: critical, P2: low, P3: medium}}
status: {column: State, values: {Open: todo, Closed: done}}
category: {value: General}
resource_links: [{type: call, column: Call}]
flags: [{call: Call, type: Flag}]
relations: [{column: Blocks, type: blocks}]
references: [{pattern: 'D-\d+'}]
comments: {from: [Note], open: separate, closed: fold}
"""
ISSUE = "/v1/triage/issues/{id}"
PERSON = {"Authorization": "person"}


class Row(NamedTuple):
    """A row of the source; the title is the key."""

    key: str
    notes: tuple[str, ...] = ()
    text: str = "Text"
    state: str = "Open"
    severity: str = "P2"
    call: str = ""
    flag: str = ""
    blocks: str = ""

    def cells(self) -> list[str]:
        notes = [*self.notes, "", "", "", ""][:4]
        return [self.key, self.key, self.text, self.state, self.severity, self.call, self.flag, self.blocks, *notes]


WHOLE = (
    Row("D-1", ("one", "two"), text="See D-2 and D-3.", blocks="D-2"),
    Row("D-2", ("two, to D-1",), call="c-2", flag="rude"),
    Row("D-3", ("three a", "three b", "three c"), state="Closed", text="After D-1"),
)
"""Three issues with everything: comments apart and folded, evidence, a flag, a relation, references both ways."""


class Nights:
    """One source, one target, and the same command every night."""

    def __init__(self, program: Program, sandbox: RunningSandbox) -> None:
        self.program, self.sandbox = program, sandbox
        Path("demo.yaml").write_text(MAPPING, encoding="utf-8")
        self.command = ("run", "export.csv", "-m", "demo.yaml", "--api-url", sandbox.url, "--yes", "--json",
                        "--rate", "0", "--no-canary", "--settle-seconds", "1")  # fmt: skip

    def write(self, rows: Iterable[Row]) -> None:
        """Write tonight's export."""
        write_csv(Path("export.csv"), [row.cells() for row in rows], HEADER)

    def run(self, rows: Iterable[Row] | None = None, *options: str) -> Ended:
        """Let a night pass, with these rows if they are new."""
        if rows is not None:
            self.write(rows)
        return self.program(*self.command, "--out", "reports", *options)

    def results(self) -> dict[str, tuple[str, str]]:
        """Native key → outcome and code."""
        return {row["key"][5:]: (row["outcome"], row["code"]) for row in read_csv(Path("reports/results.csv"))}

    def issue(self, key: str) -> dict[str, Any]:
        """Show the issue of a row."""
        (issue,) = (issue for issue in self.sandbox.issues() if issue["title"] == key)
        return issue

    def url(self, key: str) -> str:
        """Say where the issue of a row is."""
        return f"{self.sandbox.url}/v1/triage/issues/{self.issue(key)['id']}"

    def post(self, key: str, path: str, **body: Any) -> None:
        """Let a person hang something on an issue."""
        assert httpx.post(f"{self.url(key)}/{path}", json=body, headers=PERSON).is_success

    def edit(self, key: str, **fields: Any) -> None:
        """Let a person change an issue."""
        assert httpx.patch(self.url(key), json=fields, headers=PERSON).is_success

    def comments(self) -> dict[str, list[str]]:
        """Key → what its issue's comments say, in order."""
        titles = {issue["id"]: issue["title"] for issue in self.sandbox.issues()}
        said: dict[str, list[str]] = {title: [] for title in titles.values()}
        for comment in self.sandbox.comments():
            if comment["issue_id"] in titles:
                said[titles[comment["issue_id"]]].append(unmarked(comment["detail"]))
        return said

    def everything(self) -> dict[str, Any]:
        """All that is in Triage of the source, but for ids and times."""
        titles = {issue["id"]: issue["title"] for issue in self.sandbox.issues()}
        relations = [
            (titles[each["issue_id"]], each["relation_type"], titles[each["related_issue_id"]])
            for each in self.sandbox.relations()
        ]
        return {
            "issues": sorted(titles.values()),
            "comments": self.comments(),
            "relations": sorted(relations),
            "flags": sorted((titles[each["issue_id"]], each["type"]) for each in self.sandbox.flags()),
            "calls": sorted((titles[each["issue_id"]], each["resource_id"]) for each in self.sandbox.resources()),
            "texts": {issue["title"]: issue["description"].split("\n")[0] for issue in self.sandbox.issues()},
        }

    def writes(self) -> Mapping[str, int]:
        """Count the requests that change something."""
        return {name: times for name, times in self.sandbox.requests().items() if not name.startswith("GET")}
