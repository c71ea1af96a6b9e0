"""The canary of `triage-import run`: a few issues, read back, before the others."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from importer.ledger.opening import read_ledger
from tests.conftest import Serve
from tests.harness.doors import Door, serve_door
from tests.harness.fake_triage import make_issue
from tests.harness.hostile import HostileOptions, RunningSandbox, parse_fault, serve_in_thread
from tests.harness.running import (
    CATEGORIES,
    Program,
    finish,
    issue_row,
    read_csv,
    serve_answers,
    wait_for,
    write_csv,
    write_issues,
)

pytestmark = pytest.mark.slow
ITEM = "GET /v1/triage/issues/{id}"
ROWS = 60
FAST = ("--rate", "0")


class Deleting(Door):
    """Deletes the first issue as soon as it is made."""

    def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes] | None:
        """Pass a request on."""
        answer = super().answer(method, path, headers, body)
        if method == "POST" and answer is not None and b'"T-1001"' in answer[1]:
            issue_id = json.loads(answer[1])["data"]["id"]
            self._target.delete(f"/v1/triage/issues/{issue_id}", headers=headers)
        return answer


def write_export(rows: int = ROWS) -> Path:
    """Rows whose 30th is the only one with severity low, and the 50th with another alphabet."""
    lines = [issue_row(number) for number in range(1, rows + 1)]
    lines[29] = issue_row(30, priority="Low")
    lines[49] = issue_row(50, title="Größe")
    return write_csv(Path("export.csv"), lines)


def send_to(url: str, *more: str) -> tuple[str, ...]:
    """The command that sends the export without asking."""
    return ("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--json", "--rate", "0", *more)


def titles(sandbox: RunningSandbox) -> list[str]:
    """The titles of the issues that are in, in order of creation."""
    return [issue["title"] for issue in sandbox.issues()]


def test_the_first_issues_touch_every_value(program: Program, serve: Serve) -> None:
    """They come first and are read back; the findings are said and kept, and the next run makes no canary."""
    sandbox = serve(cut_descriptions=True)
    write_export()
    first = program(*send_to(sandbox.url, "--rate", "200"))  # so that calls wait for their turn, before and after
    assert (first.code, first.outcomes()) == (0, {"created": ROWS}), first.err
    arrived = titles(sandbox)
    assert {row["title"] for row in read_csv(Path(first.summary["out"]) / "results.csv")} == set(arrived), (
        "those that came first, too"
    )
    assert {"Title 30", "Größe"} <= set(arrived[:5])
    assert len(arrived) == len(set(arrived)) == ROWS
    shown = re.search(rf"Canary in organisation {sandbox.org_id}: (T-\d+(?:, T-\d+)*), created by user", first.err)
    assert shown is not None, first.err
    assert 1 < len(shown[1].split(", ")) < 6
    assert set(shown[1].split(", ")) <= {f"T-{1000 + number}" for number in range(1, 6)}, "those that came first"
    assert "Every field is stored as it was sent." in first.err
    assert "Lists cut descriptions after 100 characters" in first.err
    read = sandbox.requests()[ITEM]
    with read_ledger(program.ledger) as ledger:
        canary = ledger.find_contact(sandbox.url)
    assert canary["cut_at"] == 100
    assert len(canary["issues"]) < 6

    write_issues(Path("export.csv"), ROWS + 5)
    second = program(*send_to(sandbox.url))
    assert second.summary["created"] == 5
    assert "Canary in" not in second.err
    assert sandbox.requests()[ITEM] == read


@pytest.mark.parametrize("more", [("--no-canary",), ("--sandbox",)])
def test_without_a_canary(program: Program, serve: Serve, more: tuple[str, ...]) -> None:
    """Issues are sent in order, and none is read back."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    target = () if more == ("--sandbox",) else ("--api-url", sandbox.url)
    ended = program("run", "export.csv", "-m", "jira", *target, "--yes", "--json", *more)
    assert ended.outcomes() == {"created": 3}
    assert "Canary in" not in ended.err
    assert sandbox.requests()[ITEM] == 0


def test_the_question_again(program: Program, serve: Serve) -> None:
    """On a terminal a person sees what was found and may stop; the same command sends the others, asking once."""
    sandbox = serve()
    write_export()
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--json", "--rate", "0")
    with program.on_terminal(*command) as terminal:
        terminal.read_until("Send them?")
        terminal.type("y\n")
        terminal.read_until("Send the remaining ")
        made = len(sandbox.issues())
        terminal.type("n\n")
        first = terminal.end()
    assert first.code == ExitCode.STOPPED
    assert first.outcomes() == {"created": made, "planned": ROWS - made}
    assert 1 < made < 6
    assert "as a canary, to be read back; then you are asked again." in first.err
    assert f"triage-import undo {first.summary['run_id']} --delete" in first.err
    assert f"Send the remaining {ROWS - made}?" in first.err

    with program.on_terminal(*command) as terminal:
        terminal.read_until("Send them?")
        terminal.type("y\n")
        second = terminal.end()
    assert (second.code, second.outcomes()) == (0, {"created": ROWS})
    assert "Send the remaining" not in second.err
    assert len(set(titles(sandbox))) == len(titles(sandbox)) == ROWS


def test_ctrl_c_at_the_second_question(program: Program, serve: Serve) -> None:
    """What was sent is accounted for."""
    sandbox = serve()
    write_export()
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--json", *FAST) as terminal:
        terminal.read_until("Send them?")
        terminal.type("y\n")
        terminal.read_until("Send the remaining ")
        terminal.interrupt()
        ended = terminal.end()
    assert ended.code == ExitCode.INTERRUPTED
    made = len(sandbox.issues())
    assert ended.outcomes() == {"created": made, "planned": ROWS - made}


def test_nothing_else_to_send(program: Program, serve: Serve) -> None:
    """Where the first issues are all, nothing more is asked."""
    sandbox = serve()
    write_issues(Path("export.csv"), 1)
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--json", *FAST) as terminal:
        terminal.read_until("Send them?")
        terminal.type("y\n")
        ended = terminal.end()
    assert (ended.code, ended.outcomes()) == (0, {"created": 1})
    assert "Canary in organisation" in ended.err


def test_a_search_that_lags(program: Program, serve: Serve) -> None:
    """It is waited for, and said."""
    sandbox = serve(search_lag=2.5)
    write_issues(Path("export.csv"), 1)
    ended = program(*send_to(sandbox.url))
    assert (ended.code, ended.outcomes()) == (0, {"created": 1})
    waited = re.search(r"A search for the marker finds them after (\d+) s\.", ended.err)
    assert waited is not None, ended.err
    assert int(waited[1]) >= 3


def test_an_organisation_under_another_address(program: Program) -> None:
    """Who was met once is not met again."""
    for rows in (1, 2):
        write_issues(Path("export.csv"), rows)
        with serve_in_thread(HostileOptions(db=Path("triage.db"))) as sandbox:
            ended = program(*send_to(sandbox.url))
        assert ended.code == 0
        assert ("Canary in" in ended.err) == (rows == 1)


class Forgetful:
    """A target that keeps one issue, with what its row says and without its marker."""

    def __init__(self, title: str, text: str) -> None:
        self.creates = 0
        self.issue = make_issue(1, text, 1000.0) | {"title": title}

    def answer(self, method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        if "categories" in path:
            return 200, CATEGORIES
        self.creates += method == "POST"
        if method == "POST" or path.endswith(self.issue["id"]):
            return (201 if method == "POST" else 200), {"data": self.issue, "errors": None}
        items = [self.issue] if self.creates else []
        return 200, {"data": {"items": items, "next_cursor": None}, "errors": None}


def test_issues_that_lose_their_marker(program: Program) -> None:
    """Exactly once can't be kept: the run stops after one issue, says why, and does so again without another one."""
    text = "It happened again. " * 10
    write_csv(Path("export.csv"), [(*issue_row(number)[:5], text) for number in range(1, 6)])
    target = Forgetful("Title 1", text)
    with serve_answers(target.answer) as url:
        first, second = program(*send_to(url)), program(*send_to(url))
    for ended in (first, second):
        assert ended.code == ExitCode.DECIDE
        assert ended.outcomes() == {"created": 1, "planned": 4}, ended.err
        assert "T-1001 can't be found again in Triage" in ended.summary["stopped_because"]
        assert "the marker is not in the stored description: T-1001" in ended.summary["stopped_because"]
        assert f"triage-import undo {ended.summary['run_id']} --delete" in ended.err
    assert target.creates == 1


@pytest.mark.usefixtures("short_waits")
def test_a_first_issue_that_is_deleted(program: Program, serve: Serve) -> None:
    """What Triage says of it is said, and how to go on: the row is made again once a person has said so."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    door = Deleting(sandbox.url)
    with serve_door(door):
        ended = program(*send_to(door.url))
        assert (ended.code, ended.outcomes()) == (ExitCode.DECIDE, {"created": 1, "planned": 2})
        assert "Triage answered that it created T-1001, and now has no such issue." in ended.err
        assert "marker" not in ended.err
        (command,) = re.findall(r"triage-import (settle \S+ absent)", ended.err)
        settled = program(*command.split(), "--api-url", door.url)
        assert settled.code == 0, settled.err
        assert program(*send_to(door.url)).outcomes() == {"created": 3}
    assert sorted(titles(sandbox)) == ["Title 1", "Title 2", "Title 3"]


def test_a_refusal_is_shown(program: Program, serve: Serve) -> None:
    """What Triage answers to the first row that it refuses is said; the others are sent."""
    sandbox = serve()
    Path("mine.yaml").write_text("extends: jira\nowner_id: Owner\n", encoding="utf-8")
    lines = [(*issue_row(number), "missing-1" if number == 3 else "") for number in range(1, 6)]
    header = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Description", "Owner")
    write_csv(Path("export.csv"), lines, header=header)
    command = ("run", "export.csv", "-m", "mine.yaml", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
    ended = program(*command)
    assert (ended.code, ended.outcomes()) == (1, {"created": 4, "failed": 1})
    assert "This is how Triage refuses: 400 bad_request: " in ended.err
    assert len(sandbox.create_bodies()) == 5, "what was refused once is not sent again"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 130)])
def test_a_canary_that_is_ended(program: Program, serve: Serve, number: signal.Signals, code: int) -> None:
    """The next start makes it again, with the issues that are in; every row is in once."""
    # The reads before are those for the organisation and of discovery: a search and the list.
    sandbox = serve(faults=(parse_fault("hang-before=3600:read@req=4"),))
    write_export()
    process = program.start(*send_to(sandbox.url))
    wait_for(lambda: sandbox.requests()[ITEM] == 1 or process.poll() is not None)
    process.send_signal(number)
    first = finish(process)
    assert first.code == code, first.err
    assert len(sandbox.issues()) == 1
    if code == ExitCode.INTERRUPTED:
        assert first.outcomes() == {"created": 1, "planned": ROWS - 1}

    second = program(*send_to(sandbox.url))
    assert (second.code, second.outcomes()) == (0, {"created": ROWS}), second.err
    assert "Canary in organisation" in second.err
    assert len(set(titles(sandbox))) == len(titles(sandbox)) == ROWS


def test_first_issues_whose_outcome_is_unknown(program: Program, serve: Serve) -> None:
    """They are creates like all others: looked up, not made twice."""
    sandbox = serve(faults=(parse_fault("500-after:create@req=1"), parse_fault("500-after:create@req=2")))
    write_export()
    ended = program(*send_to(sandbox.url))
    assert (ended.code, ended.outcomes()) == (0, {"created": ROWS})
    assert len(set(titles(sandbox))) == len(titles(sandbox)) == ROWS


def test_only_the_expected_organisation(program: Program, serve: Serve) -> None:
    """Any other one is refused before anything is sent, also where the key's own is not known."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    wrong = program(*send_to(sandbox.url, "--expect-org", "org-of-others"))
    assert wrong.code == ExitCode.DECIDE
    assert f"this API key belongs to {sandbox.org_id}. Nothing was sent." in wrong.err
    assert sandbox.create_bodies() == []

    def answer(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        assert method == "GET"
        return 200, {"data": {"items": [], "next_cursor": None}, "errors": None}

    with serve_answers(answer) as url:
        nobody = program(*send_to(url, "--expect-org", sandbox.org_id))
    assert nobody.code == ExitCode.DECIDE
    assert "it is unknown whose API key this is" in nobody.err

    right = program(*send_to(sandbox.url, "--expect-org", sandbox.org_id))
    assert right.outcomes() == {"created": 2}


def test_a_target_that_cuts_titles(program: Program) -> None:
    """A field that is stored otherwise is said, and doesn't stop a run that asks nothing."""
    issue, made = make_issue(1, "", 1000.0), list[dict[str, Any]]()

    def answer(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        if "categories" in path:
            return 200, CATEGORIES
        if method == "POST":
            made.append(issue)
        if method == "POST" or path.endswith(issue["id"]):
            return 200, {"data": issue, "errors": None}
        return 200, {"data": {"items": made, "next_cursor": None}, "errors": None}

    write_issues(Path("export.csv"), 1)
    program("validate", "export.csv", "-m", "jira", "--out", "checked")
    body = json.loads(json.loads(Path("checked/planned.jsonl").read_text(encoding="utf-8"))["body"])
    issue |= body | {"title": "Titl", "owner_id": None, "assignee_id": None, "org_id": "org-1"}
    with serve_answers(answer) as url:
        ended = program(*send_to(url))
    assert (ended.code, ended.outcomes()) == (0, {"created": 1})
    assert "warning: title is stored differently from what was sent (cut after 4 characters): T-1001" in ended.err


@pytest.mark.parametrize("duplicates", ["reject", "first"])
def test_a_key_in_two_rows(program: Program, serve: Serve, duplicates: str) -> None:
    """What the row says that isn't sent is no difference in what is stored."""
    write_csv(Path("export.csv"), [issue_row(1), (*issue_row(1)[:1], "Other", *issue_row(1)[2:]), issue_row(2)])
    Path("mapping.yaml").write_text(f"extends: jira\nduplicates: {duplicates}\n", encoding="utf-8")
    sandbox = serve()
    ended = program("run", "export.csv", "-m", "mapping.yaml", *send_to(sandbox.url)[4:], "--max-rejected", "100%")
    assert "read back" in ended.err
    assert "stored differently" not in ended.err
