"""A ledger made again from what is in Triage, and a person's word on single rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import httpx
import orjson
import pytest

from tests.conftest import Serve
from tests.harness.following import Nights, Row
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import Program, issue_row, read_csv, wait_for, write_csv, write_issues

RUN = ("run", "export.csv", "-m", "jira", "--yes", "--json", "--rate", "0", "--concurrency", "1", "--no-canary")
AUTHORIZED = {"Authorization": "somebody"}


def url_of(sandbox: RunningSandbox, title: str) -> str:
    (issue,) = (issue for issue in sandbox.issues() if issue["title"] == title)
    return f"{sandbox.url}/v1/triage/issues/{issue['id']}"


def test_a_ledger_made_again(program: Program, serve: Serve) -> None:
    """What is in Triage is taken in, an edited title is named to the nearest row, and nothing is sent."""
    sandbox = serve()
    write_csv(Path("export.csv"), [*map(issue_row, range(1, 9)), issue_row(9, title="The printer on floor 3 burns")])
    program(*RUN, "--api-url", sandbox.url)
    edited = url_of(sandbox, "The printer on floor 3 burns")
    httpx.patch(edited, json={"title": "The printer on floor three burns", "description": "."}, headers=AUTHORIZED)
    httpx.delete(url_of(sandbox, "Title 2"), headers=AUTHORIZED)
    program.ledger.unlink()

    made = len(sandbox.create_bodies())
    ended = program("rebuild-ledger", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--rate", "0", "--json")
    assert (ended.code, ended.outcomes()) == (0, {"unchanged": 7, "planned": 2})
    assert "7 issues of this source that were missing in the ledger were found in Triage." in ended.err
    rows = {row["key"]: row for row in read_csv(Path(ended.summary["out"]) / "results.csv")}
    assert rows["jira:PROJ-1"]["triage_id"] == "T-1001"
    assert '"the printer on floor three burns" has the same or a similar title' in rows["jira:PROJ-9"]["message"]
    assert rows["jira:PROJ-2"]["code"] == ""
    assert len(sandbox.create_bodies()) == made

    ended = program("settle", "jira:PROJ-9", "T-1009", "--api-url", sandbox.url, "--rate", "0")
    assert (ended.code, ended.err) == (0, "jira:PROJ-9 is T-1009.\n")
    ended = program(*RUN, "--api-url", sandbox.url)
    assert ended.outcomes() == {"created": 1, "unchanged": 7, "changed": 1}, "the edited one differs, and is no new one"
    assert len(sandbox.issues()) == 9


def test_a_word_on_an_unknown_row(program: Program, serve: Serve) -> None:
    """`absent` sends it again; the number of its issue counts it as created."""
    sandbox = serve(faults=(parse_fault("500-before:create@req=1"), parse_fault("500-after:create@req=2")))
    write_issues(Path("export.csv"), 2)
    process = program.start(*RUN, "--api-url", sandbox.url, "--settle-seconds", "3600")
    try:
        wait_for(lambda: len(sandbox.create_bodies()) >= 2 or process.poll() is not None)
    finally:
        process.kill()
    settle = ("settle", "--api-url", sandbox.url, "--rate", "0")
    assert "has no issue; the next run creates it" in program(*settle, "jira:PROJ-1", "absent").err
    assert "jira:PROJ-2 is T-1001." in program(*settle, "jira:PROJ-2", sandbox.issues()[0]["id"]).err
    ended = program(*RUN, "--api-url", sandbox.url, "--settle-seconds", "3600")
    assert (ended.code, ended.outcomes()) == (0, {"created": 2})
    assert sorted(issue["title"] for issue in sandbox.issues()) == ["Title 1", "Title 2"]


@pytest.mark.usefixtures("short_waits")
def test_what_was_deleted_is_made_again_on_a_person_s_word(program: Program, serve: Serve) -> None:
    """A key whose issue is gone may be sent again after `absent`, and only if it is gone."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program(*RUN, "--api-url", sandbox.url)
    httpx.delete(url_of(sandbox, "Title 2"), headers=AUTHORIZED)
    settle = ("settle", "--api-url", sandbox.url, "--rate", "0")
    refused = program(*settle, "jira:PROJ-1", "absent")
    assert (refused.code, "jira:PROJ-1 is T-1001, and T-1001 is in Triage." in refused.err) == (2, True)
    assert program(*settle, "jira:PROJ-2", "absent").code == 0
    assert program(*RUN, "--api-url", sandbox.url).outcomes() == {"created": 1, "unchanged": 1}


@pytest.mark.parametrize(
    ("key", "answer", "sentence"),
    [
        ("PROJ-1", "absent", "PROJ-1 is not a full key."),
        ("jira:PROJ-7", "absent", "The ledger doesn't know jira:PROJ-7"),
        ("jira:PROJ-1", "T-9", "There is no issue T-9"),
        ("jira:PROJ-1", "d1b1b6d4-0000-4000-8000-000000000000", "There is no issue d1b1"),
        ("jira:PROJ-1", "T-1002", "T-1002 has the marker of another record."),
        ("jira:PROJ-1", "added", "No addition of T-1001 has an unknown outcome"),
        ("jira:PROJ-7", "not-added", "The ledger knows no issue of jira:PROJ-7"),
    ],
)
def test_a_word_that_can_t_be_true(program: Program, serve: Serve, key: str, answer: str, sentence: str) -> None:
    """It is refused with what speaks against it."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program(*RUN, "--api-url", sandbox.url)
    ended = program("settle", key, answer, "--api-url", sandbox.url, "--rate", "0")
    assert (ended.code, sentence in ended.err) == (2, True), ended.err


def test_a_word_that_says_nothing_new(program: Program, serve: Serve) -> None:
    """What was sent is still known of the issue: an update is made, and an edit that a person made before stays."""
    nights = Nights(program, serve())
    nights.run([Row("D-1", ("one",)), Row("D-2", ("one",))])
    nights.edit("D-2", severity="high")
    for key in ("D-1", "D-2"):
        number = nights.issue(key)["triage_id"]
        said = program("settle", f"demo:{key}", number, "--api-url", nights.sandbox.url, "--rate", "0")
        assert (said.code, said.err) == (0, f"demo:{key} is {number}, as the ledger knows.\n")
    changed = [Row(key, ("one",), text="New", severity="P3") for key in ("D-1", "D-2")]
    ended = nights.run(changed, "--on-change", "update", "--max-changes", "100%")
    assert (ended.code, ended.outcomes()) == (1, {"updated": 2}), ended.err
    assert [nights.issue(key)["severity"] for key in ("D-1", "D-2")] == ["medium", "high"]


@pytest.mark.usefixtures("short_waits")
def test_an_issue_that_is_back(program: Program, serve: Serve) -> None:
    """Whoever has its issue given back says so, and it is compared with what was sent before it was gone."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program(*RUN, "--api-url", sandbox.url)
    number = sandbox.issues()[0]["triage_id"]
    with closing(sqlite3.connect(program.ledger)) as connection, connection:
        (kept,) = connection.execute("SELECT returned FROM operations WHERE triage_id = ?", (number,)).fetchone()
        gone = orjson.dumps(orjson.loads(kept) | {"gone": ["run 1", "run 2"]})
        connection.execute("UPDATE operations SET returned = ? WHERE triage_id = ?", (gone, number))
    said = program("settle", "jira:PROJ-1", number, "--api-url", sandbox.url, "--rate", "0")
    assert (said.code, said.err) == (0, f"jira:PROJ-1 is {number}.\n")
    with closing(sqlite3.connect(program.ledger)) as connection:
        query = "SELECT returned FROM operations WHERE triage_id = ?"
        assert orjson.loads(connection.execute(query, (number,)).fetchone()[0]) == orjson.loads(kept)


def test_the_issue_that_another_ledger_has_filled(program: Program, serve: Serve) -> None:
    """Where it is named as the right one, what hangs on it already isn't added once more."""
    nights = Nights(program, serve())
    first, second = Row("D-1", ("one",)), Row("D-2", ("two",), blocks="D-1")
    nights.run([first, second])
    own = nights.issue("D-2")
    body = {name: own[name] for name in ("title", "severity", "category", "description")}
    url = f"{nights.sandbox.url}/v1/triage/issues"
    copy = httpx.post(url, json=body, headers=AUTHORIZED).json()["data"]
    (detail,) = (said["detail"] for said in nights.sandbox.comments() if said["issue_id"] == own["id"])
    assert httpx.post(f"{url}/{copy['id']}/comments", json={"detail": detail}, headers=AUTHORIZED).is_success
    assert nights.run([first, second, Row("D-3")]).code == 1, "it is there twice"
    said = program("settle", "demo:D-2", copy["triage_id"], "--api-url", nights.sandbox.url, "--rate", "0")
    assert f"demo:D-2 is {copy['triage_id']}; you may delete its duplicate" in said.err
    assert httpx.delete(f"{url}/{own['id']}", headers=AUTHORIZED).is_success
    assert nights.run([first, second, Row("D-3")]).code == 0
    assert nights.comments() == {"D-1": ["one"], "D-2": ["two"], "D-3": []}
    assert nights.everything()["relations"] == [("D-2", "blocks", "D-1")]
