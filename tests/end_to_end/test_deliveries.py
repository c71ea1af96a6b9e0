"""Nights of files that are never quite right, and a judge that works out by itself what Triage should hold.

Columns come and go, files come late, twice or empty, Triage hears of calls nights after their findings and refuses
two writes in a hundred, and people work on the issues in between. The operator does what the program says, no more.
The judge replays the files with a few lines of its own, and compares each issue, link and flag.
"""

from __future__ import annotations

import csv
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.harness.doors import Door, serve_door
from tests.harness.forked import Forked
from tests.harness.hostile import HostileOptions, RunningSandbox, serve_in_thread
from tests.harness.promises import Say, Tally, promise
from tests.harness.running import KEY, LONG, SEED, Ended, finish, read_csv

pytestmark = pytest.mark.slow(seconds=30)

COLUMNS = ("Key", "Title", "Description", "Priority", "Status", "Call", "Flag", "Updated")
MAY_GO = ("Description", "Priority", "Status", "Call", "Flag")
"""Columns that an export may lack for a night."""
MAPPING = """
input: {name: desk, key: Key, kind: delta}
duplicates: {newest: Updated}
title: Title
description: Description
severity: {column: Priority, values: {P1: critical, P2: high, P3: low}, missing: medium}
status: {column: Status, values: {Open: todo, Doing: in_progress, Done: done}, missing: todo}
category: {value: Bug}
resource_links: [{type: call, column: Call}]
flags: [{call: Call, type: Flag}]
"""
FIELDS = {"Title": "title", "Description": "description", "Priority": "severity", "Status": "status"}
VALUES = {"P1": "critical", "P2": "high", "P3": "low", "Open": "todo", "Doing": "in_progress", "Done": "done"}
MISSING = {"description": "", "severity": "medium", "status": "todo"}
NOT_FOUND = b'{"data": null, "errors": [{"error": "not_found", "message": "Resource not found"}]}'
REFUSED = b'{"data": null, "errors": [{"error": "bad_request", "message": "not tonight"}]}'
PERSON = {"Authorization": "person"}
REPAIRS = 6
"""So often the operator may give back an errors file in one night."""

Cells = dict[str, str]


class Target(Door):
    """Passes requests on; it refuses some writes, and calls that Triage doesn't know yet."""

    def __init__(self, target: str, seed: int) -> None:
        super().__init__(target)
        self._seed, self._tries = seed, Counter[tuple[str, str, bytes]]()
        self.known_from: dict[str, int] = {}  # call → the night from which Triage knows it
        self.night, self.refused = 0, 0
        self._keys: dict[str, str] = {}  # issue id → key: ids are other ones each time, and a seed should be the same

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Answer a request, by what it asks and how often that was asked, whatever else was asked before."""
        if method in ("POST", "PUT", "PATCH"):
            document = json.loads(body or b"{}")
            calls = [link["resource_id"] for link in (*document.get("resource_links", ()), document) if
                     isinstance(link, dict) and "resource_id" in link]  # fmt: skip
            if any(self.known_from.get(call, 0) > self.night for call in calls):
                return 404, NOT_FOUND
            place = re.sub(r"(?<=/issues/)[^/?]+", lambda found: self._keys.get(found[0], found[0]), path)
            self._tries[method, place, body] += 1
            if Random(f"{self._seed} {method} {place} {body!r} {self._tries[method, place, body]}").random() < 0.02:
                self.refused += 1
                return 400, REFUSED
        status, content = self.pass_on(method, path, headers, body)
        if status == 201 and path.endswith("/issues"):
            self._keys[json.loads(content)["data"]["id"]] = key_of(json.loads(body))
        return status, content


@dataclass
class Delivery:
    """A file, and the columns that it has."""

    columns: tuple[str, ...]
    rows: list[Cells]

    def write(self, path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([self.columns, *([row[name] for name in self.columns] for row in self.rows)])


class Tracker:
    """The old tracker: each night it delivers what is new or was changed since the night before."""

    def __init__(self, random: Random, target: Target) -> None:
        self._random, self._target = random, target
        self._rows: dict[str, Cells] = {}
        self._moment = 0

    def deliver(self) -> Delivery:
        """Make tonight's file: a few new rows and a few changed ones, sometimes without a column, sometimes empty."""
        random = self._random
        if random.random() < 0.15:
            return Delivery(COLUMNS, [])
        changed = [self._new() for _ in range(random.randint(2, 6))]
        known = random.sample(sorted(self._rows.keys() - set(changed)), k=min(len(self._rows) - len(changed), 8))
        versions = [self._row(key) for key in changed]
        for key in known:
            for _ in range(random.choice((1, 1, 1, 2))):  # some rows are there twice, the older one anywhere
                self._change(key)
                versions.append(self._row(key))
        random.shuffle(versions)
        gone = random.sample(MAY_GO, k=random.choice((0, 0, 0, 1, 1, 2)))
        return Delivery(tuple(name for name in COLUMNS if name not in gone), versions)

    def _row(self, key: str) -> Cells:
        return dict(self._rows[key])

    def _tick(self) -> str:
        self._moment += 1
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(1_760_000_000 + 60 * self._moment))

    def _new(self) -> str:
        key = f"D-{len(self._rows) + 1}"
        call = f"call-{key}" if self._random.random() < 0.6 else ""
        self._target.known_from[call] = self._target.night + self._random.choice((0, 0, 1, 2, 3, 4, 5))
        texts = {"Title": f"Title of {key}", "Description": f"Text of {key}, first version"}
        words = {"Priority": self._random.choice(("P1", "P2", "P3")), "Status": "Open"}
        its = {"Call": call, "Flag": f"flag_{key[2:]}" if call else "", "Updated": self._tick()}
        self._rows[key] = {"Key": key, **texts, **words, **its}
        return key

    def _change(self, key: str) -> None:
        row, moment = self._rows[key], self._tick()
        row["Updated"] = moment
        for name in self._random.sample(sorted(FIELDS), k=self._random.randint(1, 2)):
            match name:
                case "Priority":
                    row[name] = self._random.choice(("P1", "P2", "P3"))
                case "Status":
                    row[name] = self._random.choice(("Open", "Doing", "Done"))
                case _:
                    row[name] = f"{name} of {key} at {moment}"


@dataclass
class Expected:
    """What an issue should be: its fields, which of them a person has changed, and when its row was changed last."""

    updated: str
    fields: dict[str, str]
    persons: dict[str, str] = field(default_factory=dict)
    calls: dict[str, str] = field(default_factory=dict)  # call → its flag, "" where no file has named it
    comments: list[str] = field(default_factory=list)
    is_deleted: bool = False


class Judge:
    """Works out from the files, in the order of their runs, what should be there, and compares."""

    def __init__(self, target: Target, sandbox: RunningSandbox) -> None:
        self._target, self._sandbox = target, sandbox
        self.issues: dict[str, Expected] = {}

    def take(self, deliveries: Sequence[Delivery]) -> None:
        """Take the files of a run; of a key's rows in it only the newest counts, if it is no older than the last."""
        newest: dict[str, tuple[str, Cells]] = {}
        for delivery in deliveries:
            for row in delivery.rows:
                if row["Updated"] >= newest.get(row["Key"], ("", {}))[0]:
                    newest[row["Key"]] = row["Updated"], {name: row[name] for name in delivery.columns}
        for key, (updated, row) in newest.items():
            given = {theirs: VALUES.get(row[ours], row[ours]) for ours, theirs in FIELDS.items() if ours in row}
            issue = self.issues.setdefault(key, Expected("", {**MISSING, **given}))
            if updated >= issue.updated:
                issue.updated = updated
                issue.fields |= given
                if row.get("Call"):
                    issue.calls[row["Call"]] = row.get("Flag", "") or issue.calls.get(row["Call"], "")

    def compare(self, refused: Collection[str]) -> None:
        """Compare Triage with what should be there; calls and flags of `refused` keys come later. Raises Broken."""
        shown = {key_of(issue): issue for issue in self._sandbox.issues()}
        promise(len(shown) == len(self._sandbox.issues()), "doubled", "two issues have one key")
        expected = {key: issue for key, issue in self.issues.items() if not issue.is_deleted}
        promise(not expected.keys() - shown.keys(), "lost", sorted(expected.keys() - shown.keys()))
        promise(not shown.keys() - expected.keys(), "doubled", sorted(shown.keys() - expected.keys()))
        links, flags = self._by_issue(self._sandbox.resources()), self._by_issue(self._sandbox.flags())
        comments = self._by_issue(self._sandbox.comments())
        for key, issue in expected.items():
            there = shown[key]
            self._compare_fields(key, issue, there)
            known = [call for call in issue.calls if self._target.known_from[call] <= self._target.night]
            linked = [link["resource_id"] for link in links.get(there["id"], ())]
            lacks_some = key in refused and Counter(linked) <= Counter(known)
            promise(lacks_some or sorted(linked) == sorted(known), "lost", f"{key} has {linked}, not {known}")
            flagged = [(flag["call_id"], flag["type"]) for flag in flags.get(there["id"], ())]
            wanted = [(call, issue.calls[call]) for call in known if issue.calls[call]]
            lacks_some = key in refused and Counter(flagged) <= Counter(wanted)
            promise(lacks_some or sorted(flagged) == sorted(wanted), "lost", f"{key} has {flagged}, not {wanted}")
            said = [comment["detail"] for comment in comments.get(there["id"], ())]
            promise(said == issue.comments, "lost", f"{key} has the comments {said}, not {issue.comments}")

    def _compare_fields(self, key: str, issue: Expected, there: Mapping[str, Any]) -> None:
        for name, value in {**issue.fields, **issue.persons}.items():
            seen = text_of(there) if name == "description" else there[name]
            promise(seen == value, "misreported", f"{name} of {key} is {seen!r}, not {value!r}")

    @staticmethod
    def _by_issue(parts: Sequence[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
        found: dict[str, list[dict[str, Any]]] = {}
        for part in parts:
            found.setdefault(part["issue_id"], []).append(part)
        return found


def key_of(issue: Mapping[str, Any]) -> str:
    """Read the key that an issue's footer names."""
    return str(issue["description"]).partition("Imported from desk:")[2].partition("\n")[0]


def text_of(issue: Mapping[str, Any]) -> str:
    """Read an issue's description without its footer."""
    return str(issue["description"]).partition("---\nImported from")[0].rstrip("\n")


class People:
    """They edit, comment and close, and now and then delete an issue."""

    def __init__(self, random: Random, url: str, judge: Judge, sandbox: RunningSandbox) -> None:
        self._random, self._judge, self._sandbox = random, judge, sandbox
        self._to = f"{url}/v1/triage/issues"

    def work(self, night: int) -> None:
        there = {key_of(issue): issue["id"] for issue in self._sandbox.issues()}
        for key in self._random.sample(sorted(there), k=min(len(there), self._random.randint(0, 2))):
            issue, url = self._judge.issues[key], f"{self._to}/{there[key]}"
            match self._random.choice(("title", "status", "severity", "comment", "comment", "delete")):
                case "title":
                    self._edit(issue, url, "title", f"A person's title of night {night}")
                case "status":
                    self._edit(issue, url, "status", "closed")
                case "severity":
                    self._edit(issue, url, "severity", "medium")
                case "comment":
                    text = f"I looked at it on day {night}."
                    assert httpx.post(f"{url}/comments", json={"detail": text}, headers=PERSON).is_success
                    issue.comments.append(text)
                case "delete" if night % 5 == 0:
                    assert httpx.delete(url, headers=PERSON).is_success
                    issue.is_deleted = True

    def _edit(self, issue: Expected, url: str, name: str, value: str) -> None:
        if issue.persons.get(name, issue.fields[name]) != value:
            assert httpx.patch(url, json={name: value}, headers=PERSON).is_success
            issue.persons[name] = value


class Operator:
    """Types the documented line each night, and after that only what the program says."""

    def __init__(self, folder: Path, target: Target) -> None:
        self.folder, self._target = folder, target
        self._had: frozenset[str] = frozenset()
        self.refused: set[str] = set()
        """Keys of which the last run said that something was refused, and that the next one tries again."""
        (folder / "desk.yaml").write_text(MAPPING, encoding="utf-8")

    def import_(self, deliveries: Sequence[Delivery]) -> None:
        """Import these files in one run, and give back what was refused until nothing is. Raises Broken."""
        files = []
        for number, delivery in enumerate(deliveries):
            files.append(f"night-{self._target.night}-{number}.csv")
            delivery.write(self.folder / files[-1])
        lacking = self._had - set(deliveries[0].columns).intersection(*(each.columns for each in deliveries))
        ended = self._run(*files)
        accepted: list[str] = []
        while ended.code == 2:
            named = set(re.findall(r"--accept-missing=(\w+)", ended.err)).difference(accepted)
            promise(bool(named), "silent", f"no command goes on: {ended.err}")
            accepted += sorted(named)
            ended = self._run(*files, *(f"--accept-missing={name}" for name in accepted))
        promise(lacking <= {*accepted}, "silent", f"nobody said that {lacking.difference(accepted)} is gone: {ended}")
        self._had = frozenset().union(*(each.columns for each in deliveries))
        self.refused = set(re.findall(r"desk:(D-\d+), T-\d+: (?:flag|evidence),", ended.err))
        for _ in range(REPAIRS):
            promise(ended.code in (0, 1), "silent", f"night {self._target.night} ended with {ended}")
            if not any(result["outcome"] == "failed" or "incomplete" in result["code"] for result in self._results()):
                break
            promise(ended.code == 1, "silent", f"a row failed, and the exit code is {ended.code}")
            ended = self._run(
                *(f"reports/{name}" for name in ended.summary["errors"]),
                *(f"--accept-missing={name}" for name in accepted),
            )
        else:
            promise(False, "lost", f"what to correct was given back {REPAIRS} times: {ended.err}")
        if not any(delivery.rows for delivery in deliveries):
            has_reason = bool(self.refused) or "not in Triage" in ended.err
            promise(ended.code == 0 or has_reason, "silent", f"a quiet night is an alarm: {ended}")

    def _results(self) -> Iterator[dict[str, str]]:
        yield from read_csv(self.folder / "reports" / "results.csv")

    def _run(self, *more: str) -> Ended:
        line = ("run", *more, "-m", "desk.yaml", "--api-url", self._target.url, "--yes", "--json", "--rate", "0",
                "--no-canary", "--on-change", "update", "--settle-seconds", "0.2", "--ledger", "ledger.db",
                "--out", "reports")  # fmt: skip
        return finish(Forked(line, self.folder, {"BLAND_API_KEY": KEY, "PATH": "", "HOME": str(self.folder)}))


@contextmanager
def _target_of(sandbox: RunningSandbox, seed: int) -> Iterator[Target]:
    door = Target(sandbox.url, seed)
    with serve_door(door):
        yield door


def run_deliveries(seed: int, nights: int, say: Say) -> Tally:
    """Let so many nights pass; the first that breaks a promise is the last."""
    tally, random = Tally(say), Random(f"{seed} deliveries")
    with (
        tempfile.TemporaryDirectory(prefix="deliveries-") as folder,
        serve_in_thread(HostileOptions(seed=seed)) as sandbox,
        _target_of(sandbox, seed) as target,
    ):
        tracker, judge = Tracker(random, target), Judge(target, sandbox)
        operator, people = Operator(Path(folder), target), People(random, sandbox.url, judge, sandbox)
        late: list[tuple[int, Delivery]] = []
        for night in range(1, nights + 7):
            target.night = night
            tonight = [tracker.deliver() if night <= nights else Delivery(COLUMNS, [])]
            if night < nights and random.random() < 0.2:
                late.append((night + random.choice((1, 2)), tonight.pop()))
            due = [delivery for when, delivery in late if when <= night]
            late = [(when, delivery) for when, delivery in late if when > night]
            runs = [[*tonight, *due]] if random.random() < 0.5 else [[each] for each in (*tonight, *due)]
            with tally.judging(f"seed {seed}, night {night}"):
                for run in runs:
                    if run:
                        operator.import_(run)
                        judge.take(run)
                        tally.count(runs=1, older=sum("older" in row["code"] for row in operator._results()))
                if any(runs):
                    judge.compare(operator.refused)
                people.work(night)
            if tally.broken:
                break
            say(f"seed {seed}, night {night}: {len(judge.issues)} issues, {target.refused} writes refused")
        persons = sum(bool(issue.persons) for issue in judge.issues.values())
        calls = sum(len(issue.calls) for issue in judge.issues.values())
        tally.count(nights=night, issues=len(judge.issues), calls=calls, edited=persons, refused=target.refused)
    return tally


def test_a_few_deliveries() -> None:
    """What Triage holds after each night is what the files said, and what people did."""
    said: list[str] = []
    tally = run_deliveries(SEED, 30 if LONG else 10, said.append)
    assert not tally.broken, tally.broken
    assert tally.counts["issues"] > 10, said
