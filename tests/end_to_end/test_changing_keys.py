"""A source that gives an issue another key, or a key to another issue: nothing is there twice, nothing overwritten."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from importer.errors import ExitCode
from importer.ledger.opening import open_ledger
from importer.transform.markers import record_marker
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, read_csv, write_csv

LINK = "Outward issue link (Blocks)"
HEADER = (
    "Issue key",
    "Issue id",
    "Summary",
    "Status",
    "Priority",
    "Created",
    "Updated",
    "Description",
    LINK,
    "Comment",
)
SAID = "2024-03-05 10:00;ann;Seen again"
OLD = (
    *("VOICE-15", "10015", "Calls drop after a minute", "To Do", "High", "2024-03-01 09:14", "2024-03-04 08:00"),
    *("After a minute.", "", SAID),
)
BESIDE = ("VOICE-16", "10016", "Greeting is cut", "To Do", "Low", "2024-03-02 10:20", "2024-03-04 08:00", "", "", "")
MOVED = ("DATA-900", *OLD[1:3], "Done", *OLD[4:6], "2024-05-06 07:00", "After two minutes.", "", SAID)


def change(row: tuple[str, ...], **columns: str) -> tuple[str, ...]:
    """Change cells of a row, by the first word of their columns."""
    of = {name.split()[0] if name != "Issue id" else "id": place for place, name in enumerate(HEADER)}
    cells = list(row)
    for name, cell in columns.items():
        cells[of[name]] = cell
    return tuple(cells)


Night = Callable[..., Ended]


@pytest.fixture
def sandbox(serve: Serve) -> RunningSandbox:
    return serve()


@pytest.fixture
def night(program: Program, sandbox: RunningSandbox) -> Night:
    """Import rows as a nightly import does."""

    def run(
        *rows: tuple[str, ...], header: tuple[str, ...] = HEADER, mapping: str = "jira", on_change: str = "update"
    ) -> Ended:
        write_csv(Path("export.csv"), rows, header)
        options = ("--api-url", sandbox.url, "--on-change", on_change, "--yes", "--json", "--rate", "0")
        return program("run", "export.csv", "-m", mapping, *options, "--ledger", "ledger.db", "--out", "out")

    return run


def seen(sandbox: RunningSandbox) -> list[tuple[str, str]]:
    return sorted((issue["title"], issue["status"]) for issue in sandbox.issues())


BEFORE = [("Calls drop after a minute", "todo"), ("Greeting is cut", "todo")]


def described(sandbox: RunningSandbox) -> dict[str, str]:
    return {issue["title"]: issue["description"] for issue in sandbox.issues()}


def test_a_moved_issue_is_followed(night: Night, program: Program, sandbox: RunningSandbox) -> None:
    """It has a new key and its old id: it is the issue that it was, each night, with its comments and its undo."""
    assert night(OLD, BESIDE).outcomes() == {"created": 2}
    ended = night(MOVED, BESIDE)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 1, "unchanged": 1}), ended.err
    assert "jira:DATA-900 was jira:VOICE-15" in ended.err
    assert seen(sandbox) == [("Calls drop after a minute", "done"), ("Greeting is cut", "todo")]
    text = described(sandbox)["Calls drop after a minute"]
    assert text.startswith("After two minutes.")
    assert ("Imported from jira:DATA-900" in text, record_marker("jira:DATA-900") in text) == (True, True)
    (row,) = [row for row in read_csv(Path("out/results.csv")) if row["key"] == "jira:DATA-900"]
    assert (row["outcome"], row["code"], "that of jira:VOICE-15" in row["message"]) == ("updated", "issue-moved", True)
    for _ in range(2):
        assert night(MOVED, BESIDE).outcomes() == {"unchanged": 2}
        assert [row["key"] for row in read_csv(Path("out/results.csv"))] == ["jira:DATA-900", "jira:VOICE-16"]
    more = change(MOVED, Updated="2024-05-07 07:00", Description="After three.", Comment="2024-05-07 07:00;bo;Still")
    assert night(more, BESIDE).outcomes() == {"updated": 1, "unchanged": 1}
    assert night(more, BESIDE, change(OLD, Summary="An old file")).outcomes() == {"unchanged": 2, "skipped": 1}
    assert len(sandbox.comments()) == 2
    assert program("verify", "last", "--ledger", "ledger.db").code == ExitCode.DONE


def test_what_knows_a_moved_issue_by_both_keys(night: Night, program: Program, sandbox: RunningSandbox) -> None:
    """Undo gives back what the issue was before the move; `settle` and `forget` take either key."""
    night(OLD, BESIDE)
    run = night(MOVED, BESIDE).summary["run_id"]
    undone = program("undo", run, "--ledger", "ledger.db", "--apply", "--yes", "--rate", "0")
    assert (undone.code, seen(sandbox)) == (ExitCode.DONE, BEFORE), undone.err
    assert described(sandbox)["Calls drop after a minute"].startswith("After a minute.")
    assert night(MOVED, BESIDE).outcomes() == {"updated": 1, "unchanged": 1}
    more = ("--api-url", sandbox.url, "--ledger", "ledger.db")
    (number,) = [issue["triage_id"] for issue in sandbox.issues() if issue["title"].startswith("Calls drop")]
    settled = program("settle", "jira:DATA-900", number, *more)
    assert (settled.code, f"jira:VOICE-15 is {number}" in settled.err) == (ExitCode.DONE, True), settled.err
    for key in ("VOICE-15", "DATA-900"):
        shown = program("runs", "forget", key, "--ledger", "ledger.db")
        assert "has texts of 1 issue" in shown.out + shown.err, (key, shown.err)


def test_a_move_back_and_one_move_after_another(night: Night, sandbox: RunningSandbox) -> None:
    """Each time it is the same issue."""
    night(OLD, BESIDE)
    for number, key in enumerate(("DATA-900", "OPS-7", "VOICE-15", "DATA-900"), start=1):
        row = change(MOVED, Issue=key, Updated=f"2024-06-0{number} 07:00", Description=f"In {key}.")
        assert night(row, BESIDE).outcomes() == {"updated": 1, "unchanged": 1}
        assert seen(sandbox) == [("Calls drop after a minute", "done"), ("Greeting is cut", "todo")]
        assert described(sandbox)["Calls drop after a minute"].startswith(f"In {key}.")


@pytest.mark.parametrize("on_change", ["update", "report"])
def test_the_table_of_all_keys(night: Night, program: Program, sandbox: RunningSandbox, on_change: str) -> None:
    """Each issue is there by the key that the source has it under now, beside those that it had; Jira gets that one."""
    night(OLD, BESIDE)
    for number, (key, earlier) in enumerate(
        (
            ("DATA-900", "jira:VOICE-15"),
            ("OPS-7", "jira:VOICE-15, jira:DATA-900"),
            ("DATA-900", "jira:VOICE-15, jira:OPS-7"),
            ("VOICE-15", "jira:DATA-900, jira:OPS-7"),
        ),
        start=1,
    ):
        row = change(MOVED, Issue=key, Updated=f"2024-06-0{number} 07:00", Description=f"In {key}.")
        assert night(row, BESIDE, on_change=on_change).code == ExitCode.DONE
        told = program("report", "--source", "jira", "--for", "jira", "--api-url", sandbox.url, "--ledger", "ledger.db")
        assert "2 keys = 2 in Triage" in told.err, told.err
        lines = read_csv(Path("triage-import-jira/migration.csv"))
        expected = [(f"jira:{key}", earlier), ("jira:VOICE-16", "")]
        assert [(line["key"], line["earlier_keys"]) for line in lines] == expected
        lines = read_csv(Path("triage-import-jira/migration-jira.csv"))
        assert [line["Issue key"] for line in lines] == [key, "VOICE-16"]


def test_a_link_to_a_moved_issue(night: Night, sandbox: RunningSandbox) -> None:
    """The other row, which comes first, names the new key: the relation is there already."""
    night(change(BESIDE, Outward="VOICE-15"), OLD)
    assert len(sandbox.relations()) == 1
    later = change(BESIDE, Outward="DATA-900")
    assert night(later, MOVED).outcomes() == {"updated": 1, "unchanged": 1}
    assert night(later, MOVED).outcomes() == {"unchanged": 2}
    assert len(sandbox.relations()) == 1


def test_what_a_run_may_not_write(night: Night, sandbox: RunningSandbox) -> None:
    """Without `--on-change update` it is the issue that has changed, and none that is new."""
    night(OLD, BESIDE)
    assert night(MOVED, BESIDE, on_change="skip").outcomes() == {"changed": 1, "unchanged": 1}
    assert seen(sandbox) == BEFORE


@pytest.mark.parametrize("is_known", [False, True])
def test_one_id_under_two_keys(night: Night, sandbox: RunningSandbox, is_known: bool) -> None:
    """The newer row counts; if none is newer, both are rejected."""
    if is_known:
        night(OLD, BESIDE)
    tied = night(change(OLD, Updated=""), BESIDE, MOVED)
    assert tied.outcomes()["rejected"] == 2, tied.err
    codes = [row["code"] for row in read_csv(Path("out/results.csv")) if row["outcome"] == "rejected"]
    assert ["key-duplicate" in code for code in codes] == [True, True]
    ended = night(OLD, BESIDE, MOVED)
    assert ended.outcomes() == {"updated" if is_known else "created": 1, "skipped": 1, "unchanged": 1}, ended.err
    assert seen(sandbox) == [("Calls drop after a minute", "done"), ("Greeting is cut", "todo")]


def test_a_ledger_of_before_learns_the_ids(night: Night, sandbox: RunningSandbox) -> None:
    """An ordinary night on which nothing changes is enough; no row counts as changed."""
    night(OLD, BESIDE)
    with open_ledger("ledger.db") as ledger, ledger.transaction() as connection:
        connection.execute(text("UPDATE operations SET fixed_id = '', born = 0"))
        connection.execute(text("UPDATE runs SET fingerprint = ''"))
    assert night(OLD, BESIDE).outcomes() == {"unchanged": 2}
    assert night(MOVED, BESIDE).outcomes() == {"updated": 1, "unchanged": 1}
    assert len(seen(sandbox)) == 2


def test_another_site_s_number_is_no_move(night: Night, sandbox: RunningSandbox) -> None:
    """Both sites gave the number 10015, to issues that were made at other times: the second is created."""
    night(OLD, BESIDE)
    assert night(BESIDE, change(OLD, Issue="FOO-1", Summary="Invoice is wrong", Created="2021-07-08 08:03")).code == 0
    assert seen(sandbox) == sorted([*BEFORE, ("Invoice is wrong", "todo")])


STRANGER = (
    *("VOICE-15", "20400", "Invoice is wrong", "Done", "Low", "2026-01-05 11:31", "2026-01-05 11:31"),
    "",
    "",
    "",
)


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


ANEW = change(STRANGER, Issue="VOICE-16", id="20401", Summary="Menu waits")


@pytest.mark.parametrize(
    ("rows", "code", "outcomes"),
    [
        pytest.param(
            [
                change(row, Summary=title, Updated="2024-06-01 08:00", Description="All new.")
                for row, title in ((OLD, "Invoice lists two numbers"), (BESIDE, "Menu waits"))
            ],
            ExitCode.DONE,
            {"updated": 2},
            id="rewritten",
        ),
        pytest.param(
            [STRANGER, ANEW, change(STRANGER, Issue="VOICE-17", id="20402")],
            ExitCode.PARTLY,
            {"skipped": 2, "created": 1},
            id="made anew",
        ),
        pytest.param(
            [change(row, Created="2020-02-03 04:05") for row in (STRANGER, ANEW)],
            ExitCode.DECIDE,
            {"skipped": 2},
            id="another site",
        ),
    ],
)
def test_a_small_project(night: Night, rows: list[tuple[str, ...]], code: int, outcomes: dict[str, int]) -> None:
    """All rows of a file have other titles: another site is refused, but for what ids and dates say of them."""
    night(OLD, BESIDE)
    ended = night(*rows)
    assert (ended.code, ended.outcomes()) == (code, outcomes), ended.err


def test_a_site_that_moved_to_another_server(night: Night, sandbox: RunningSandbox) -> None:
    """All ids are new; keys, titles and dates of creation are as they were: these are the same issues, from then on."""
    night(OLD, BESIDE)
    cloud = [(key, f"2{number}", *rest) for key, number, *rest in (OLD, BESIDE)]
    assert night(*cloud).outcomes() == {"unchanged": 2}
    moved = ("DATA-900", *cloud[0][1:])
    assert night(moved, cloud[1]).outcomes() == {"updated": 1, "unchanged": 1}
    assert seen(sandbox) == BEFORE


def test_a_repository_that_was_renamed_and_its_name_made_anew(program: Program, sandbox: RunningSandbox) -> None:
    """GitHub's id tells both, however alike the titles are: the old issues are followed, the new ones wait."""

    def issue(repository: str, node: str, title: str, created: str) -> dict[str, object]:
        url = f"https://github.com/{repository}/issues/1"
        return {
            **{"html_url": url, "number": 1, "node_id": node, "title": title, "state": "open", "body": "Text."},
            **{"created_at": created, "updated_at": created, "labels": [{"name": "bug"}, {"name": "priority: high"}]},
        }

    def night(*issues: dict[str, object]) -> Ended:
        Path("issues.json").write_text(json.dumps(issues), encoding="utf-8")
        options = ("--api-url", sandbox.url, "--on-change", "update", "--yes", "--json", "--rate", "0")
        return program("run", "issues.json", "-m", "github", *options, "--ledger", "ledger.db", "--out", "out")

    first = ("I_1", "Calls drop after a minute", "2024-03-01T09:14:00Z")
    assert night(issue("acme/voice", *first)).outcomes() == {"created": 1}
    anew = issue("acme/voice", "I_2", "Calls drop after two minutes", "2024-05-01T09:14:00Z")
    ended = night(issue("acme/calls", *first), anew)
    assert ended.outcomes() == {"updated": 1, "rejected": 1}, ended.err
    assert night(anew).outcomes() == {"skipped": 1}
    assert [title for title, _ in seen(sandbox)] == ["Calls drop after a minute"]


def test_a_colliding_number_of_another_list(night: Night, sandbox: RunningSandbox) -> None:
    """Without ids, another title and another date of creation are enough, from one row on."""
    header = ("ID", "Title", "Status", "Priority", "Created")
    one, two = ("1", *OLD[2:6]), ("2", *BESIDE[2:6])
    assert night(one, two, header=header, mapping="bug-list").outcomes() == {"created": 2}
    ended = night(("1", *STRANGER[2:6]), two, header=header, mapping="bug-list")
    assert ended.outcomes() == {"skipped": 1, "unchanged": 1}, ended.err
    assert seen(sandbox) == BEFORE
