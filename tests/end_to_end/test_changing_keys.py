"""A source that gives an issue another key, or a key to another issue: nothing is there twice, nothing overwritten."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from importer.errors import ExitCode
from importer.ledger.opening import open_ledger
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv

HEADER = ("Issue key", "Issue id", "Summary", "Status", "Priority", "Created")
OLD = ("VOICE-15", "10015", "Calls drop after a minute", "To Do", "High", "2024-03-01 09:14")
BESIDE = ("VOICE-16", "10016", "Greeting is cut", "To Do", "Low", "2024-03-02 10:20")
MOVED = ("DATA-900", *OLD[1:3], "Done", *OLD[4:])
Night = Callable[..., Ended]


@pytest.fixture
def sandbox(serve: Serve) -> RunningSandbox:
    return serve()


@pytest.fixture
def night(program: Program, sandbox: RunningSandbox) -> Night:
    """Import rows as a nightly import does."""

    def run(*rows: tuple[str, ...], header: tuple[str, ...] = HEADER, mapping: str = "jira") -> Ended:
        write_csv(Path("export.csv"), rows, header)
        options = ("--api-url", sandbox.url, "--on-change", "update", "--yes", "--json", "--rate", "0")
        return program("run", "export.csv", "-m", mapping, *options, "--ledger", "ledger.db", "--out", "out")

    return run


def seen(sandbox: RunningSandbox) -> list[tuple[str, str]]:
    return sorted((issue["title"], issue["status"]) for issue in sandbox.issues())


BEFORE = [("Calls drop after a minute", "todo"), ("Greeting is cut", "todo")]


def test_a_moved_issue_is_not_there_twice(night: Night, sandbox: RunningSandbox) -> None:
    """It has a new key and its old id: the row is held, each night, and says which issue it is."""
    assert night(OLD, BESIDE).outcomes() == {"created": 2}
    for _ in range(2):
        ended = night(MOVED, BESIDE)
        assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"skipped": 1, "unchanged": 1}), ended.err
        assert seen(sandbox) == BEFORE
        (row,) = [row for row in read_csv(Path("out/results.csv")) if row["key"] == "jira:DATA-900"]
        assert (row["code"], "jira:VOICE-15" in row["message"]) == ("issue-moved", True)


def test_a_ledger_of_before_learns_the_ids(night: Night, sandbox: RunningSandbox) -> None:
    """An ordinary night on which nothing changes is enough; no row counts as changed."""
    night(OLD, BESIDE)
    with open_ledger("ledger.db") as ledger, ledger.transaction() as connection:
        connection.execute(text("UPDATE operations SET fixed_id = '', born = 0"))
        connection.execute(text("UPDATE runs SET fingerprint = ''"))
    assert night(OLD, BESIDE).outcomes() == {"unchanged": 2}
    assert night(MOVED, BESIDE).outcomes() == {"skipped": 1, "unchanged": 1}
    assert seen(sandbox) == BEFORE


def test_another_site_s_number_is_no_move(night: Night, sandbox: RunningSandbox) -> None:
    """Both sites gave the number 10015, to issues that were made at other times: the second is created."""
    night(OLD, BESIDE)
    assert (
        night(BESIDE, ("FOO-1", "10015", "Invoice is wrong", "To Do", "Low", "2021-07-08 08:03")).code == ExitCode.DONE
    )
    assert seen(sandbox) == sorted([*BEFORE, ("Invoice is wrong", "todo")])


STRANGER = ("VOICE-15", "20400", "Invoice is wrong", "Done", "Low", "2026-01-05 11:31")


def test_another_issue_under_the_same_key(night: Night, program: Program, sandbox: RunningSandbox) -> None:
    """A project made anew: one such row is enough to be held; the command that it names lets it in."""
    night(OLD, BESIDE)
    ended = night(STRANGER, BESIDE)
    assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"skipped": 1, "unchanged": 1}), ended.err
    assert seen(sandbox) == BEFORE
    (row,) = [row for row in read_csv(Path("out/results.csv")) if row["key"] == "jira:VOICE-15"]
    assert row["code"] == "key-taken"
    command = row["message"].rpartition("\n")[2]
    settled = program(*shlex.split(command)[1:])
    assert settled.code == ExitCode.DONE, settled.err
    assert night(STRANGER, BESIDE).outcomes() == {"updated": 1, "unchanged": 1}
    assert ("Invoice is wrong", "done") in seen(sandbox)


def test_a_site_that_moved_to_another_server(night: Night, sandbox: RunningSandbox) -> None:
    """All ids are new; keys, titles and dates of creation are as they were: these are the same issues, from then on."""
    night(OLD, BESIDE)
    cloud = [(key, f"2{number}", *rest) for key, number, *rest in (OLD, BESIDE)]
    assert night(*cloud).outcomes() == {"unchanged": 2}
    moved = ("DATA-900", *cloud[0][1:])
    assert night(moved, cloud[1]).outcomes() == {"skipped": 1, "unchanged": 1}
    assert seen(sandbox) == BEFORE


def test_a_colliding_number_of_another_list(night: Night, sandbox: RunningSandbox) -> None:
    """Without ids, another title and another date of creation are enough, from one row on."""
    header = ("ID", "Title", "Status", "Priority", "Created")
    one, two = ("1", *OLD[2:]), ("2", *BESIDE[2:])
    assert night(one, two, header=header, mapping="bug-list").outcomes() == {"created": 2}
    ended = night(("1", *STRANGER[2:]), two, header=header, mapping="bug-list")
    assert ended.outcomes() == {"skipped": 1, "unchanged": 1}, ended.err
    assert seen(sandbox) == BEFORE
