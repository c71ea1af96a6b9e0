"""Findings night after night: one issue for each agent and criterion, each finding in it once, whatever people do."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv
from tests.harness.unmarked import unmarked

pytestmark = pytest.mark.slow
MAPPING = """
input: {name: findings, key: {content: true}}
group: [agent, criterion]
recurring: {occurrence: [call_id, turn], finished: {done: reopen, closed: add}}
title: {template: '{criterion}: {agent}'}
description: note
created: date
severity: {column: severity, missing: medium}
status: {value: todo}
category: {value: Dialogue}
resource_links: [{type: call, column: call_id}]
flags: [{call: call_id, type: criterion, note: note, message_index: turn}]
skip: [{name: passed, when: {column: result, is: [pass]}}]
footer: {Agent: agent, Score: score}
"""
PERSON = {"Authorization": "person"}
LATER = "2099-01-01T10:00:00Z"  # than anything that happens here


class Row(NamedTuple):
    """A row of the source."""

    agent: str
    criterion: str
    call_id: str
    note: str
    turn: str = "1"
    severity: str = "medium"
    result: str = "fail"
    date: str = LATER
    score: str = ""


class Nights:
    """One mapping, one target, a file a night."""

    def __init__(self, program: Program, sandbox: RunningSandbox) -> None:
        self.program, self.sandbox = program, sandbox
        Path("mine.yaml").write_text(MAPPING, encoding="utf-8")

    def run(self, rows: Iterable[Row], *options: str, expect: int = 0) -> Ended:
        """Let a night pass."""
        write_csv(Path("night.csv"), rows, Row._fields)
        ended = self.program(*self.command(), *options)
        assert ended.code == expect, ended
        return ended

    def command(self, url: str = "") -> tuple[str, ...]:
        """The scheduled line."""
        where = ("run", "night.csv", "-m", "mine.yaml", "--api-url", url or self.sandbox.url, "--on-change", "update")
        how = ("--yes", "--json", "--rate", "0", "--no-canary", "--settle-seconds", "0.2", "--out", "reports")
        return (*where, *how)

    def issue(self, title: str) -> dict[str, Any]:
        """Show an issue."""
        (issue,) = (issue for issue in self.sandbox.issues() if issue["title"] == title)
        return issue

    def edit(self, title: str, **fields: str) -> None:
        """Let a person change an issue."""
        url = f"{self.sandbox.url}/v1/triage/issues/{self.issue(title)['id']}"
        assert httpx.patch(url, json=fields, headers=PERSON).is_success

    def said(self, title: str) -> list[list[str]]:
        """What each comment of an issue says: the texts of the occurrences in it."""
        id_ = self.issue(title)["id"]
        details = [each["detail"] for each in self.sandbox.comments() if each["issue_id"] == id_]
        return [unmarked(detail).split("\n\n---\n\n") for detail in details]

    def flags(self, title: str) -> list[str]:
        """The calls that are flagged on an issue."""
        id_ = self.issue(title)["id"]
        return sorted(each["call_id"] for each in self.sandbox.flags() if each["issue_id"] == id_)


@pytest.fixture
def nights(program: Program, serve: Serve) -> Nights:
    """A source and its target."""
    return Nights(program, serve())


def test_three_nights(nights: Nights) -> None:
    """The first writes the issue; later ones add a comment a night, raise its severity, and reopen it; nothing else."""
    others = [Row("Ben", "Greets", f"b-{number}", f"Ben {number}") for number in range(20)]
    first = nights.run([Row("Ann", "Greets", "c-1", "No name"), *others, Row("Ann", "Greets", "c-2", "No greeting")])
    assert first.outcomes() == {"created": 22}
    before = nights.issue("Greets: Ann")
    assert before["description"].startswith("No name\n")
    (said,) = nights.said("Greets: Ann")
    assert ["No name" in said[0], "No greeting" in said[1], len(said)] == [True, True, 2]
    assert [f"Ben {number}" in text for number, text in enumerate(nights.said("Greets: Ben")[0])] == [True] * 20

    nights.edit("Greets: Ann", status="done")
    nights.edit("Greets: Ben", status="closed")
    again = [Row("Ann", "Greets", "c-3", "Silence", severity="critical"), Row("Ben", "Greets", "b-99", "Ben late")]
    second = nights.run([Row("Ann", "Greets", "c-1", "No name"), *again])
    assert second.outcomes() == {"updated": 3}
    after = nights.issue("Greets: Ann")
    assert [after[name] for name in ("title", "description", "category")] == [
        before[name] for name in ("title", "description", "category")
    ]
    assert (after["severity"], after["status"], nights.issue("Greets: Ben")["status"]) == ("critical", "todo", "closed")
    assert [len(said) for said in nights.said("Greets: Ann")] == [2, 1]
    assert nights.flags("Greets: Ann") == ["c-1", "c-2", "c-3"]
    figures = second.summary["recurring"]
    names = ("issues_recurred", "occurrences_new", "occurrences_known", "reopened", "added_to_closed")
    assert [figures[name] for name in names] == [2, 2, 1, 1, 1]

    nights.edit("Greets: Ann", description="A person's.", severity="low")
    calibrated = [
        Row("Ann", "Greets", "c-1", "No name, twice"),
        Row("Ann", "Greets", "c-2", "No greeting", result="pass"),
        Row("Ann", "Greets", "c-3", "Silence"),
    ]
    third = nights.run(calibrated)
    assert third.outcomes() == {"updated": 2, "skipped": 1}
    assert [len(said) for said in nights.said("Greets: Ann")] == [2, 1, 2]
    corrected, withdrawn = nights.said("Greets: Ann")[-1]
    assert "Corrected: No name, twice" in corrected
    assert "Withdrawn" in withdrawn
    assert nights.flags("Greets: Ann") == ["c-1", "c-2", "c-3"]
    assert (nights.issue("Greets: Ann")["description"], nights.issue("Greets: Ann")["severity"]) == (
        "A person's.",
        "low",
    )
    figures = third.summary["recurring"]
    assert [figures[f"occurrences_{name}"] for name in ("new", "known", "corrected", "withdrawn")] == [0, 1, 1, 1]
    (line,) = (row for row in read_csv(Path("reports/recurring.csv")) if row["key"] == "findings:Ann/Greets")
    assert (line["corrected"], line["withdrawn"], line["left"]) == ("1", "1", "2")

    requests = sum(nights.sandbox.requests().values())
    nights.run([*calibrated, Row("Ben", "Greets", "b-99", "Ben late")])
    assert len(nights.said("Greets: Ann")) == 3
    assert sum(nights.sandbox.requests().values()) - requests <= 3
