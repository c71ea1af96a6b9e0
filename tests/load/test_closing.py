"""The closing scan: what nobody expects in Triage is named until a person has settled it."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from tests.conftest import Serve
from tests.harness.gateway import gateway
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Program, finish, issue_row, read_csv, write_csv, write_issues
from tests.harness.turnstile import turnstile

RUN = ("run", "export.csv", "-m", "jira", "--yes", "--json", "--rate", "0", "--no-canary", "--out", "reports")
HEADERS = {"Authorization": "x"}
FIELDS = ("title", "severity", "category", "description")


def copy_issue(sandbox: RunningSandbox, number: int) -> str:
    """Make an issue once more, as another machine does; gives its number."""
    issue = next(issue for issue in sandbox.issues() if issue["title"] == f"Title {number}")
    body = {name: issue[name] for name in FIELDS}
    made = httpx.post(f"{sandbox.url}/v1/triage/issues", json=body, headers=HEADERS)
    return str(made.json()["data"]["triage_id"])


def delete_issue(sandbox: RunningSandbox, triage_id: str) -> None:
    """Delete an issue, as a person does."""
    issue_id = next(issue["id"] for issue in sandbox.issues() if issue["triage_id"] == triage_id)
    httpx.delete(f"{sandbox.url}/v1/triage/issues/{issue_id}", headers=HEADERS)


def test_two_machines_at_once(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two imports with two ledgers at the same time double issues: the one that ends last names each of them."""
    sandbox = serve()
    write_issues(Path("export.csv"), 6)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*RUN, "--concurrency", "1", "--api-url", door.url)
        door.hold(process)
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "other machine"))
        other = program(*RUN[:-1], "others", "--api-url", sandbox.url)
        assert (other.code, other.outcomes()) == (0, {"unchanged": 2, "created": 4})
        door.let()
        ended = finish(process)
    assert (ended.code, ended.outcomes()) == (1, {"created": 6}), ended.err
    assert ended.summary["findings"]["duplicate-in-triage"] == ended.summary["duplicates"] == 4
    assert "jira:PROJ-3 has two issues" in ended.err
    codes = {line["key"]: line["code"] for line in read_csv(Path("reports/results.csv"))}
    assert codes == {f"jira:PROJ-{number}": "duplicate-in-triage" if number > 2 else "" for number in range(1, 7)}


def test_exit_1_until_it_is_settled(program: Program, serve: Serve) -> None:
    """A double is named in each run, also one without anything to do, until a person names the right one."""
    sandbox, book = serve(), ("--ledger", "our ledger.db")
    write_issues(Path("export.csv"), 3)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*RUN, *book, "--concurrency", "1", "--api-url", door.url)
        door.hold(process)
        other = copy_issue(sandbox, 2)
        door.let()
        assert finish(process).code == 1
        own = next(issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 2")
        again = program(*RUN, *book, "--api-url", door.url)
        assert (again.code, again.outcomes()) == (1, {"unchanged": 3})
        command = f"triage-import settle jira:PROJ-2 {own} --api-url {door.url} --ledger '{Path(book[1]).absolute()}'"
        assert command in again.err
        assert command in read_csv(Path("reports/results.csv"))[1]["message"]
        said = program("settle", "jira:PROJ-2", other, "--api-url", door.url, *book)
        assert f"jira:PROJ-2 is {other}; you may delete its duplicate {own}" in said.err, said
        last = program(*RUN, *book, "--api-url", door.url)
        assert (last.code, last.summary["duplicates"]) == (0, 1), last.err
        line = read_csv(Path("reports/results.csv"))[1]
        assert (line["triage_id"], line["code"]) == (other, "")


def test_a_double_that_was_deleted(program: Program, serve: Serve) -> None:
    """The next run notices that it is gone, without anybody saying so."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program(*RUN, "--api-url", sandbox.url)
    other = copy_issue(sandbox, 1)
    write_issues(Path("export.csv"), 3)
    assert program(*RUN, "--api-url", sandbox.url).code == 1
    delete_issue(sandbox, other)
    ended = program(*RUN, "--api-url", sandbox.url)
    assert (ended.code, ended.summary["duplicates"]) == (0, 0), ended.err


def test_a_double_that_is_not_shown_for_a_moment(program: Program, serve: Serve) -> None:
    """One 404, even in the API's own form, doesn't make it forgotten."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    with gateway(sandbox.url) as door:
        run = (*RUN, "--api-url", door.url)
        program(*run)
        number = copy_issue(sandbox, 1)
        (double,) = [issue["id"] for issue in sandbox.issues() if issue["triage_id"] == number]
        write_issues(Path("export.csv"), 3)
        assert program(*run).code == 1
        door.begins, door.lasts, door.form = lambda method, path: path.endswith(double), 1.0, "own"
        ended = program(*run)
    assert (door.refused, ended.code, ended.summary["duplicates"]) == (1, 1, 1), ended.err


def test_what_the_ledger_does_not_know_at_all(program: Program, serve: Serve) -> None:
    """An issue of this source that was made meanwhile, of a row that isn't in the file, is named with its key."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    program(*RUN, "--api-url", sandbox.url)
    (line,) = [issue["description"] for issue in sandbox.issues() if issue["title"] == "Title 4"]
    write_csv(Path("export.csv"), map(issue_row, (1, 2, 3)))
    program.ledger.unlink()
    with turnstile(sandbox.url, 0) as door:
        for issue in sandbox.issues():
            delete_issue(sandbox, issue["triage_id"])
        process = program.start(*RUN, "--api-url", door.url)
        door.hold(process)
        body = {"title": "Title 4", "severity": "low", "category": "Bug", "description": line}
        httpx.post(f"{sandbox.url}/v1/triage/issues", json=body, headers=HEADERS)
        door.let()
        ended = finish(process)
        assert ended.code == 1
        (other,) = [issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 4"]
        assert f"triage-import settle jira:PROJ-4 {other}" in ended.err
        assert program("settle", "jira:PROJ-4", other, "--api-url", door.url).code == 0
        assert program(*RUN, "--api-url", door.url).code == 0


def test_after_a_kill(program: Program, serve: Serve) -> None:
    """The closing scan reads back to the oldest create that none has passed, also of an import that was killed."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    with turnstile(sandbox.url, 2) as door:
        process = program.start(*RUN, "--concurrency", "1", "--settle-seconds", "0.1", "--api-url", door.url)
        door.hold(process)
        copy_issue(sandbox, 1)
        door.kill(process)
        ended = program(*RUN, "--settle-seconds", "0.1", "--api-url", door.url)
        assert ended.code == 1
        assert "jira:PROJ-1 has two issues" in ended.err


def test_a_clean_import_costs_a_request_for_a_hundred_issues(program: Program, serve: Serve) -> None:
    """The closing scan passes over what the ledger knows; a run with nothing to do makes none."""
    sandbox = serve()
    write_issues(Path("export.csv"), 250)
    ended = program(*RUN, "--api-url", sandbox.url)
    asked = sandbox.requests()
    assert (ended.code, ended.summary["requests"]) == (0, asked.total() - 1), "the organisation is asked for before"
    assert asked["GET /v1/triage/issues/{id}"] == 0
    assert asked["GET /v1/triage/issues"] == 2 + 3, "search and list before, and three pages after"
    program(*RUN, "--api-url", sandbox.url)
    assert sandbox.requests().total() == asked.total() + 1
