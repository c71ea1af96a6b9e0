"""What isn't there, is not there yet, or is hidden by a gateway: by the command line alone."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import gateway
from tests.harness.following import Nights, Row
from tests.harness.hostile import EDITED_TITLE, parse_fault
from tests.harness.running import Program, issue_row, read_csv, wait_for, write_csv, write_issues

pytestmark = pytest.mark.slow
FAST = ("--rate", "0", "--json", "--no-canary")


def verdicts(folder: str) -> Counter[str]:
    """Verdict → issues, of a report."""
    return Counter(line["verdict"] for line in read_csv(Path(folder) / "results.csv"))


def test_comments_arrive_where_reading_lags(program: Program, serve: Serve) -> None:
    """A target that shows an issue a second after it was created: 80 of 80 comments are there, each once."""
    sandbox = serve(read_lag=1.0)
    nights = Nights(program, sandbox)
    ended = nights.run([Row(f"D-{number}", ("one", "two", "three", "four")) for number in range(1, 21)])
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"created": 20}), ended.err
    assert [len(said) for said in nights.comments().values()] == [4] * 20
    assert nights.run().outcomes() == {"unchanged": 20}
    assert len(sandbox.comments()) == 80


@pytest.mark.parametrize("form", ["gateway", "own"])
def test_no_update_vanishes_in_an_outage(program: Program, serve: Serve, form: str) -> None:
    """Something answers 404 while 20 issues are updated: all of them are, and a run that doesn't know it ends with 1.

    The API's own answers come for longer than a run waits for two looks that agree.
    """
    sandbox = serve()
    write_issues(Path("export.csv"), 20)
    with gateway(sandbox.url) as door:
        at_once = ("--settle-seconds", "0.1")  # 404 means "not yet" for so long
        updating = ("--on-change", "update", *FAST, *at_once)
        command = ("run", "export.csv", "-m", "jira", "--api-url", door.url, "--yes", *updating)
        assert program(*command).outcomes() == {"created": 20}
        write_csv(Path("export.csv"), [issue_row(number, title=f"Title {number}, new") for number in range(1, 21)])
        door.begins, door.lasts = lambda method, path: method == "PATCH", 7.0 if form == "own" else 4.0
        door.form = form
        ended = program(*command, "--max-changes", "100%")
        if form == "own":
            assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"skipped": 20}), ended.err
            assert "20 issues not in Triage: the same command looks once more" in ended.err
            wait_for(lambda: time.monotonic() > door.until)
        if ended.code != ExitCode.DONE:
            ended = program(*command, "--max-changes", "100%")
    assert door.refused
    assert ended.code == ExitCode.DONE, ended.err
    assert ended.outcomes().keys() <= {"updated", "unchanged"}
    assert {issue["title"] for issue in sandbox.issues()} == {f"Title {number}, new" for number in range(1, 21)}


@pytest.mark.parametrize("covers", ["DELETE", pytest.param("everything", marks=pytest.mark.slow(seconds=40))])
def test_what_is_reported_as_deleted_is_deleted(program: Program, serve: Serve, covers: str) -> None:
    """A gateway that answers 404 to each deletion, or from then on to everything: nothing counts as deleted."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    with gateway(sandbox.url) as door:
        command = ("run", "export.csv", "-m", "jira", "--api-url", door.url, "--yes", *FAST)
        run = program(*command).summary["run_id"]
        door.begins = lambda method, path: method == "DELETE"
        door.covers = lambda method: covers == "everything" or method == "DELETE"
        undo = (
            "undo",
            run,
            "--delete",
            "--apply",
            "--yes",
            "--expect",
            "4",
            "--out",
            "undone",
            "--rate",
            "0",
            "--json",
        )
        ended = program(*undo)
        assert ended.code == (ExitCode.STOPPED if covers == "everything" else ExitCode.UNKNOWN), ended.err
        assert ended.summary["updated"] == 0
        assert "deleted" not in verdicts("undone")
        assert len(sandbox.issues()) == 4
        door.until = 1.0
        assert program(*undo).outcomes() == {"updated": 4}
    assert sandbox.issues() == []


def test_nothing_is_missing_in_an_outage(program: Program, serve: Serve) -> None:
    """`verify` stops where a gateway answers for the target, instead of calling issues missing."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    with gateway(sandbox.url) as door:
        run = program("run", "export.csv", "-m", "jira", "--api-url", door.url, "--yes", *FAST).summary["run_id"]
        (issue, *_) = sandbox.issues()
        url = f"{sandbox.url}/v1/triage/issues/{issue['id']}"
        assert httpx.patch(url, json={"severity": "low"}, headers={"Authorization": "person"}).is_success
        door.begins = lambda method, path: path.endswith(issue["id"])  # what differs in the list is read by itself
        ended = program("verify", run, "--rate", "0", "--json")
        assert ended.code == ExitCode.STOPPED
        assert "What answers there is not Triage: 404" in ended.err
        door.until = 1.0
        assert program("verify", run, "--rate", "0", "--json").code == ExitCode.PARTLY


@pytest.mark.slow(seconds=40)
def test_a_person_edits_between_reading_and_writing(program: Program, serve: Serve) -> None:
    """An edit ten seconds after the reading comes after the writing, however slow the pace is: 8 of 8 stay.

    At half a request a second a writing that waited for a turn of its own would come sixteen seconds after its reading.
    """
    sandbox = serve(faults=(parse_fault("edit=10:read"),))
    write_issues(Path("export.csv"), 8)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--no-canary")
    assert program(*command).outcomes() == {"created": 8}
    write_csv(Path("export.csv"), [issue_row(number, title=f"Title {number}, new") for number in range(1, 9)])
    slowly = ("--rate", "0.5", "--concurrency", "8")
    ended = program(*command, "--on-change", "update", "--max-changes", "100%", *slowly)
    assert ended.outcomes() == {"updated": 8}, ended.err
    wait_for(lambda: {issue["title"] for issue in sandbox.issues()} == {EDITED_TITLE})
