"""`triage-import verify`: what it read back stands on the run's own page."""

from __future__ import annotations

import shutil
from pathlib import Path

import httpx
import pytest

from importer.ledger.opening import open_ledger
from importer.sandbox.organisation import CALLER_ID
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.pages import Page
from tests.harness.running import KEY, SAMPLES, Ended, Program, write_csv

MAPPING = """
input: {name: demo, key: Key}
title: Title
severity: {value: low}
status: {value: todo}
category: {value: Bug}
owner: Owner
comments: {from: [{column: Comment}]}
"""
HEADER = ("Key", "Title", "Owner", "Comment")
ROWS = [("1", "One", "Ann", "said"), ("2", "Two", "Ann", ""), ("3", "Three", "Bo", ""), ("4", "Four", "", "")]


def send(program: Program, sandbox: RunningSandbox) -> Ended:
    """Import four issues: three name somebody, of whom one person is matched, and one has a comment."""
    Path("m.yaml").write_text(MAPPING, encoding="utf-8")
    Path("users.csv").write_text(f"name,triage_user_id\nAnn,{CALLER_ID}\n", encoding="utf-8")
    write_csv(Path("export.csv"), ROWS, HEADER)
    command = ("run", "export.csv", "-m", "m.yaml", "--users", "users.csv", "--api-url", sandbox.url, "--yes", "--json")
    ended = program(*command, "--rate", "0")
    assert ended.code == 0, ended.err
    return ended


@pytest.mark.usefixtures("short_waits")
def test_the_page_of_a_run_says_what_was_read_back(program: Program, serve: Serve) -> None:
    """When it was, and how many of each kind; `report` knows it from the ledger."""
    sandbox = serve()
    ended = send(program, sandbox)
    out, run = Path(ended.summary["out"]), ended.summary["run_id"]
    assert ended.summary["counted"]["assignments"] == {
        "people": 2, "matched": 1, "source_says": 0, "file_has": 3, "planned": 2, "sent": 2,
    }  # fmt: skip
    before = Page(out / "report.html").text
    assert f"triage-import verify {run}" in before
    assert "Read back" not in before.replace("Nothing has been read back", "")
    (last,) = (issue["id"] for issue in sandbox.issues() if issue["title"] == "Four")
    httpx.delete(f"{sandbox.url}/v1/triage/issues/{last}", headers={"Authorization": KEY})
    assert program("verify", "last", "--rate", "0").code == 1
    texts = Page(out / "report.html").texts
    shown = texts[texts.index("Kind") : texts.index("Needs you", texts.index("Kind"))]
    expected = [
        *("Kind", "Source says", "File has", "To be sent", "Sent", "Read back"),
        *("Issues, by their rows", "–", "4", "4", "4", "3 of 4"),
        *("Comments", "–", "1", "1", "1", "–"),
        *("Owners and assignees", "2 people named, 1 with a user in Triage", "–", "3", "2", "2", "2"),
        *("Requests for comments", "–", "–", "1", "1", "1"),
    ]
    assert shown[: len(expected)] == expected
    for page in ("report.html", "summary.html"):
        text = Page(out / page).text
        assert "Read back on " in text
        assert "4 of 4 rows are in Triage; none needs you. Read back since, 1 needs you." in text
        assert "Nothing has been read back" not in text
    shutil.rmtree(out)
    assert program("report", "last").code == 0
    assert "Read back on " in Page(out / "report.html").text


def test_a_ledger_that_is_in_use(program: Program, serve: Serve) -> None:
    """It is verified all the same; that the run's page doesn't show it is said."""
    ended = send(program, serve())
    with open_ledger(program.ledger):
        verified = program("verify", "last", "--rate", "0")
    assert verified.code == 0
    assert f"The page of {ended.summary['run_id']} doesn't show what was read back: " in verified.err
    assert "Nothing has been read back" in Page(Path(ended.summary["out"]) / "report.html").text


def test_calls_that_come_with_their_issues_add_up(program: Program) -> None:
    """Those are part of a create, and read back one by one; the same command again sends none, and says so."""
    command = ("run", SAMPLES / "call-reviews.jsonl", "-m", SAMPLES / "call-reviews.yaml", "--sandbox", "--json")
    ended = program(*command)
    assert ended.summary["counted"]["evidence"] == {"source_says": 0, "file_has": 4, "planned": 4, "sent": 4}
    assert program("verify", "last").code == 0
    texts = Page(Path(ended.summary["out"]) / "report.html").texts
    place = texts.index("Calls, conversations and files")
    assert texts[place + 1 : place + 6] == ["–", "4", "4", "4", "4"]
    assert texts.count("Calls, conversations and files") == 1
    again = program(*command).summary["counted"]["evidence"]
    assert again == {"source_says": 0, "file_has": 4, "planned": 0, "sent": 0}


def test_the_run_to_verify_instead(program: Program, serve: Serve) -> None:
    """The command for it can be pasted: it has the options that were typed."""
    ended = send(program, serve())
    more = ("run", "export.csv", "-m", "m.yaml", "--users", "users.csv", "--api-url", ended.summary["target"], "--yes")
    assert program(*more).code == 0
    book = str(program.ledger)
    said = program("verify", "last", "--ledger", book, "--rate", "0.5").err
    assert f"triage-import verify {ended.summary['run_id']} --ledger {book} --rate 0.5" in " ".join(said.split())
