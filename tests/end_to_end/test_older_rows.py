"""Older isn't newer: nights that come out of order, or all at once, leave each issue as its newest row has it."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from importer.errors import ExitCode
from tests.harness.hostile import RunningSandbox
from tests.harness.running import HEADER, Ended, Program, read_csv, write_csv

STATUSES = {1: "To Do", 2: "In Progress", 3: "Done"}
DAYS = {number: f"{number:02}/Nov/26 3:04 PM" for number in STATUSES}


def night(number: int, updated: str | None = None) -> Path:
    date = DAYS[number] if updated is None else updated
    row = ("P-1", "Title", "High", STATUSES[number], "Bug", f"Text {number}", date)
    return write_csv(Path(f"night-{number}.csv"), [row], (*HEADER, "Updated"))


@pytest.fixture
def run(program: Program, sandbox: RunningSandbox) -> Callable[..., Ended]:
    """Give a scheduled import by a preset."""
    options = ("--yes", "--json", "--rate", "0", "--out", "reports", "--on-change", "update", "--no-canary")
    return lambda *sources: program("run", *sources, "-m", "jira", "--api-url", sandbox.url, *options)


def status(sandbox: RunningSandbox) -> tuple[str, str]:
    (issue,) = sandbox.issues()
    return issue["status"], issue["description"].partition("\n")[0]


def test_a_night_that_comes_late(run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """A retry or a backfill is counted and not sent; the same row again is unchanged, and a newer one is sent."""
    assert run(night(1)).outcomes() == {"created": 1}
    assert run(night(3)).outcomes() == {"updated": 1}
    for said in ("skipped: 1 × older-than", "1 row: 1 skipped"):
        ended = run(night(2))
        assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"skipped": 1}), ended.err
        assert ended.summary["findings"] == {"older-than": 1}
        assert said in ended.err
        (row,) = read_csv(Path("reports/results.csv"))
        assert (row["code"], bool(row["triage_id"])) == ("older-than", True)
        assert status(sandbox) == ("done", "Text 3")
    assert run(night(3)).outcomes() == {"unchanged": 1}
    assert run(night(2, DAYS[3])).outcomes() == {"updated": 1}, "an equal date isn't older"


@pytest.mark.parametrize("date", ["", "yesterday", "2026-13-45"])
def test_a_date_that_nobody_knows(run: Callable[..., Ended], sandbox: RunningSandbox, date: str) -> None:
    """A row without a date, or with one that can't be read, is compared as always; the known date stays."""
    assert run(night(1)).outcomes() == {"created": 1}
    assert run(night(3)).outcomes() == {"updated": 1}
    assert run(night(1, date)).outcomes() == {"updated": 1}
    assert run(night(2)).outcomes() == {"skipped": 1}


@pytest.mark.parametrize("order", list(permutations(STATUSES)))
def test_all_nights_at_once(run: Callable[..., Ended], sandbox: RunningSandbox, order: tuple[int, ...]) -> None:
    """Of the files of an inbox the newest row wins, in whatever order they come; then no earlier one does."""
    ended = run(*map(night, order))
    assert ended.outcomes() == {"created": 1, "skipped": 2}, ended.err
    assert (status(sandbox), ended.summary["findings"]) == (("done", "Text 3"), {"older-than": 2})
    assert run(night(2), night(1)).outcomes() == {"skipped": 2}
    assert status(sandbox) == ("done", "Text 3")
    undated = run(night(1, ""), night(2))
    assert undated.summary["findings"] == {"key-duplicate": 1, "older-than": 1}, "nobody knows which is newer"


def test_what_a_person_changed_since(run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """A newer row finds a conflict, as always; what it has written otherwise counts."""
    assert run(night(1)).outcomes() == {"created": 1}
    (issue,) = sandbox.issues()
    headers = {"Authorization": "somebody", "Content-Type": "application/json"}
    url, body = f"{sandbox.url}/v1/triage/issues/{issue['id']}", json.dumps({"status": "in_review"}).encode()
    urlopen(Request(url, body, headers, method="PATCH")).close()
    assert run(night(3)).summary["findings"] == {"conflict": 1}
    assert status(sandbox) == ("in_review", "Text 3")
    assert run(night(2)).summary["findings"] == {"older-than": 1}
    assert status(sandbox) == ("in_review", "Text 3")


def test_a_ledger_that_was_lost(program: Program, run: Callable[..., Ended], sandbox: RunningSandbox) -> None:
    """The row that an issue is found to be of has its date; of an issue that differs nobody knows one."""
    run(night(3))
    program.lose_ledger()
    assert run(night(3)).outcomes() == {"unchanged": 1}
    assert run(night(2)).outcomes() == {"skipped": 1}
    program.lose_ledger()
    assert run(night(2)).outcomes() == {"changed": 1}
    assert status(sandbox) == ("done", "Text 3")
