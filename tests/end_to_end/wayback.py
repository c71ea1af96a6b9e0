"""People who go on working with what was imported, in every way that there is, and whether a way back spares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.harness.hostile import RunningSandbox
from tests.harness.running import read_csv

PERSON = "5c4a9e0e-7d3b-4b1e-9a55-1d2f3c4b5a69"
CORRECTED = "extends: jira\nseverity: {values: {High: critical}}\n"
"""A mapping that makes the severity of `write_issues` another one."""


Do = Callable[[httpx.Client, str, str], None]
"""Edits an issue by its id; the last is the id of an issue that people made by hand."""


class Edit(NamedTuple):
    """A way in which a person touches an issue: what a repair of the severity makes of it, and what an undo names."""

    repaired: str
    touched: str
    do: Do


def patch(**fields: Any) -> Do:
    return lambda client, issue, by_hand: _check(client.patch(issue, json=fields))


def post(path: str, **body: Any) -> Do:
    """Something that is hung on an issue."""
    return lambda client, issue, by_hand: _check(client.post(f"{issue}/{path}", json=body))


def relate(client: httpx.Client, issue: str, by_hand: str) -> None:
    """An issue that now blocks another."""
    body = {"related_issue_id": by_hand, "relation_type": "blocks"}
    _check(client.post(f"{issue}/relations", json=body))


def in_turn(*edits: Do) -> Do:
    """One edit after the other."""

    def do(client: httpx.Client, issue: str, by_hand: str) -> None:
        for edit in edits:
            edit(client, issue, by_hand)

    return do


def _check(response: httpx.Response) -> None:
    assert response.is_success, response.text


CALL = post("resources", resource_type="call", resource_id="call-1")
EDITS: Mapping[str, Edit] = {
    "severity": Edit("conflict", "severity", patch(severity="medium")),
    "severity, to what it should be": Edit("corrected", "severity", patch(severity="critical")),
    "title": Edit("patched", "title", patch(title="As people call it")),
    "description": Edit("patched", "description", patch(description="Nothing is left of it")),
    "status": Edit("patched", "status", patch(status="in_progress")),
    "status, and back": Edit("patched", "status", in_turn(patch(status="done"), patch(status="todo"))),
    "category": Edit("patched", "category", patch(category="Latency")),
    "owner": Edit("patched", "owner_id", patch(owner_id=PERSON)),
    "assignee": Edit("patched", "assignee_id", patch(assignee_id=PERSON)),
    "comment": Edit("patched", "comment", post("comments", detail="I know more about this.")),
    "resource": Edit("patched", "resources", CALL),
    "call and flag": Edit("patched", "flags", in_turn(CALL, post("flags", call_id="call-1", type="rude"))),
    "relation": Edit("patched", "relations", relate),
    "relation to it": Edit("patched", "relations", lambda client, issue, by_hand: relate(client, by_hand, issue)),
    "agent session": Edit("patched", "agent session", post("agent-sessions")),
}


def find_issue(sandbox: RunningSandbox, number: int) -> dict[str, Any]:
    """Give the issue of row `number` of `write_issues`."""
    (issue,) = (issue for issue in sandbox.issues() if issue["title"] == f"Title {number}")
    return issue


def find_address(sandbox: RunningSandbox, number: int) -> str:
    """Say where the issue of row `number` is."""
    return f"{sandbox.url}/v1/triage/issues/{find_issue(sandbox, number)['id']}"


def edit(sandbox: RunningSandbox, number: int, **fields: str) -> None:
    """Edit the issue of row `number`, as a person does."""
    _check(httpx.patch(find_address(sandbox, number), json=fields, headers={"Authorization": "person"}))


class Line(NamedTuple):
    """A line of the table: a way to edit, how many issues, how many of the edits survived, and how many are named."""

    edit: str
    issues: int
    survived: int
    named: int

    @property
    def is_good(self) -> bool:
        """Whether none is lost, and each is named."""
        return self.issues == self.survived == self.named


class Team:
    """People at work on imported issues. `edits` is the number of an issue (T-…) → the way of `EDITS`."""

    def __init__(self, sandbox: RunningSandbox, count: int) -> None:
        self._sandbox = sandbox
        url = f"{sandbox.url}/v1/triage/issues"
        self._client = httpx.Client(base_url=url, headers={"Authorization": "person"})
        self.edits: dict[str, str] = {}
        issues = sandbox.issues()
        by_hand = self._client.post(url, json={"title": "By hand", "severity": "low", "category": "Bug"})
        for place in range(count):
            issue, way = issues[place * len(issues) // count], list(EDITS)[place % len(EDITS)]
            EDITS[way].do(self._client, issue["id"], by_hand.json()["data"]["id"])
            self.edits[issue["triage_id"]] = way
        self._before = self._show()

    def close(self) -> None:
        self._client.close()

    def check_repair(self, folder: Path) -> list[Line]:
        """Make the table after a repair of the severity: all but that is as it was, and that too if people edited it.

        From now on that is what an undo has to leave.
        """
        before, self._before = self._before, self._show()
        results = {line["triage_id"]: line for line in read_csv(folder / "results.csv")}
        conflicts = {line["triage_id"] for line in read_csv(folder / "conflicts.csv") if line["field"] == "severity"}

        def survived(number: str, way: str) -> bool:
            pair = [before[number], self._before[number]]
            one, other = pair if "severity" in way else map(_without_severity, pair)
            return bool(one == other)

        def named(number: str, way: str) -> bool:
            verdict, message = results[number]["verdict"], results[number]["message"]
            if verdict == "patched":
                return EDITS[way].repaired == verdict and message.startswith("edited since: ")
            return EDITS[way].repaired == verdict and (number in conflicts) == (verdict == "conflict")

        return self._count(survived, named)

    def check_undo(self, folder: Path) -> list[Line]:
        """Make the table after an undo: what was edited is as it was."""
        results = {line["triage_id"]: line for line in read_csv(folder / "results.csv")}
        after = self._show()
        return self._count(
            lambda number, way: after.get(number) == self._before[number],
            lambda number, way: (
                results[number]["verdict"] == "touched" and EDITS[way].touched in results[number]["fields"].split(", ")
            ),
        )

    def _count(self, survived: Callable[[str, str], bool], named: Callable[[str, str], bool]) -> list[Line]:
        lines = []
        for way in EDITS:
            numbers = [number for number, edit in self.edits.items() if edit == way]
            counts = (sum(test(number, way) for number in numbers) for test in (survived, named))
            lines.append(Line(way, len(numbers), *counts))
        return lines

    def _show(self) -> dict[str, Any]:
        """Give the edited issues with all that hangs on them, by number; what is gone is left out."""
        issues = {issue["triage_id"]: issue for issue in self._sandbox.issues()}
        return {
            number: {"issue": issues[number], **self._show_hanging(issues[number]["id"])}
            for number in self.edits
            if number in issues
        }

    def _show_hanging(self, issue_id: str) -> dict[str, Any]:
        kinds = ("activity", "resources", "flags", "relations")
        return {kind: self._client.get(f"{issue_id}/{kind}").json()["data"]["items"] for kind in kinds}


def _without_severity(shown: Any) -> Any:
    """What an issue is beside its severity, the trace that its change leaves, and its times."""
    aside = ("severity", "updated_at", "last_activity_at", "has_unread_activity")
    issue = {name: value for name, value in shown["issue"].items() if name not in aside}
    activity = [entry for entry in shown["activity"] if entry["type"] != "severity_changed"]
    return {**shown, "issue": issue, "activity": activity}
