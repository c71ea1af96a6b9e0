"""The pipeline under stress: signals, two at once, a source that changes, a target that fails, a key that is echoed."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest

from importer.cli import run_screen
from importer.cli.console import Console
from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.doors import HEARD, turnstile
from tests.harness.forked import Forked
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.readings import counted_readings
from tests.harness.running import (
    CATEGORIES,
    HEADER,
    KEY,
    NO_ISSUES,
    WAIT_SECONDS,
    Ended,
    Program,
    finish,
    issue_row,
    listen_for,
    read_csv,
    serve_answers,
    wait_for,
    write_csv,
    write_issues,
)


def send_to(url: str, *more: str, source: str = "export.csv") -> tuple[str, ...]:
    """The command that sends a source to a target."""
    return ("run", source, "-m", "jira", "--api-url", url, "--yes", "--json", *more)


def wait_for_creates(sandbox: RunningSandbox, count: int, process: Forked) -> None:
    """Wait until so many creates have arrived."""
    wait_for(lambda: len(sandbox.create_bodies()) >= count or process.poll() is not None)
    assert process.poll() is None, process.err


def assert_each_once(sandbox: RunningSandbox, count: int) -> None:
    titles = Counter(issue["title"] for issue in sandbox.issues())
    assert titles == {f"Title {number}": 1 for number in range(1, count + 1)}


def test_no_reads_nothing_again(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reports of the check are there before the question, and stay after a no, which is in them; read once."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, title=""), issue_row(3)])
    seen_before = list[str]()

    def answer(self: Console) -> bool:
        seen_before.append(Path("seen/report.html").read_text(encoding="utf-8"))
        return False

    monkeypatch.setattr(
        run_screen, "requiring_terminal", lambda *_, **__: nullcontext(lambda: None)
    )  # this process has none
    monkeypatch.setattr(Console, "ask", answer)
    with counted_readings(monkeypatch) as readings:
        ended = program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--json", "--out", "seen")
    assert len(readings) == 1
    assert (ended.code, ended.outcomes()) == (ExitCode.UNUSABLE, {"planned": 2, "rejected": 1})
    (text,) = seen_before
    assert "  Every row and its planned outcome: seen/report.html\n" in ended.err
    assert "2 of 3 rows would be in Triage; 1 needs you." in text
    assert "The answer was no." not in text
    assert "Nothing was sent: The answer was no." in Path("seen/report.html").read_text(encoding="utf-8")
    assert sorted(path.name for path in Path("seen").iterdir()) == sorted(
        [*("errors.csv", "planned.jsonl", "report.html", "results.csv", "summary.html", "summary.json")]
    )


def test_yes_after_the_reports_of_the_check(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one folder those of the run replace them; what somebody has mended there is spared all the same."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, title="")])
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--json", "--out", "seen", "--rate", "0")
    monkeypatch.setattr(run_screen, "requiring_terminal", lambda *_, **__: nullcontext(lambda: None))
    monkeypatch.setattr(Console, "ask", lambda *_: True)
    monkeypatch.setattr(Console, "ask_again", lambda *_: True)
    program("validate", "export.csv", "-m", "jira", "--out", "seen")
    later = (Path("seen/summary.json").stat().st_mtime_ns + 1,) * 2  # before those of the check that comes
    Path("seen/errors.csv").write_text("half mended", encoding="utf-8")
    os.utime("seen/errors.csv", ns=later)
    ended = program(*command)
    assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"created": 1, "rejected": 1}), ended.err
    assert not Path("seen/planned.jsonl").exists()
    assert Path("seen/errors.csv").read_text(encoding="utf-8") == "half mended"
    assert len(read_csv(Path("seen/errors-2.csv"))) == 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_continues(program: Program, serve: Serve, number: signal.Signals) -> None:
    """The first attempt accounts for every row, the same command sends the rest under the same name."""
    sandbox = serve()
    write_issues(Path("export.csv"), 40)
    with turnstile(sandbox.url, 5) as door:
        first = door.interrupt(program.start(*send_to(door.url, "--rate", "0")), number)
        results = read_csv(Path(first.summary["out"]) / "results.csv")
        second = program(*send_to(door.url, "--rate", "0"))
    assert first.code == ExitCode.INTERRUPTED, first.err
    assert first.summary["stopped_because"] == "It was interrupted, by Ctrl-C or by a signal."
    assert "Stopped: It was interrupted, by Ctrl-C or by a signal." in first.err
    assert sum(first.outcomes().values()) == first.summary["rows"] == 40
    assert first.outcomes().keys() == {"created", "planned"}
    assert "rows still to be sent: the same command continues." in first.err
    assert Counter(row["outcome"] for row in results) == first.outcomes()

    assert (second.code, second.outcomes()) == (0, {"created": 40}), "the run's outcomes, both attempts together"
    assert second.summary["run_id"] == first.summary["run_id"]
    assert second.summary["requests"] == first.summary["planned"] + 2, "the two looks are the ones more"
    assert_each_once(sandbox, 40)


def test_a_second_signal_leaves_at_once(program: Program, serve: Serve) -> None:
    """What hangs is not waited for; it is unknown then, and settled by the next run."""
    sandbox = serve(faults=(parse_fault("hang-after=3600:create@req=3"),))
    write_issues(Path("export.csv"), 12)
    process = program.start(*send_to(sandbox.url, "--rate", "0"))
    wait_for_creates(sandbox, 12, process)
    process.send_signal(signal.SIGINT)
    listen_for(HEARD, process)
    process.send_signal(signal.SIGINT)
    first = finish(process)
    assert first.code == ExitCode.INTERRUPTED
    assert first.summary["unknown"] >= 1, "it would be known if it had been waited for"
    assert first.summary["created"] + first.summary["unknown"] == 12

    second = program(*send_to(sandbox.url, "--rate", "0"))
    assert (second.code, second.outcomes()) == (0, {"created": 12})
    assert_each_once(sandbox, 12)


def test_a_killed_run_continues(program: Program, serve: Serve) -> None:
    """No warning, no clean end: what is in the ledger is enough."""
    sandbox = serve()
    write_issues(Path("export.csv"), 30)
    with turnstile(sandbox.url, 6) as door:
        door.kill(program.start(*send_to(door.url, "--rate", "0", "--concurrency", "2")))
        second = program(*send_to(door.url, "--rate", "0", "--settle-seconds", "1"))
    assert (second.code, second.outcomes()) == (0, {"created": 30})
    assert_each_once(sandbox, 30)


def has_open(pid: int, folder: Path) -> bool:
    """Whether a process has a file of this folder open, one without a name too."""
    for link in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            if f"{folder}/" in str(link.readlink()):
                return True
    return False


def test_asked_to_end_before_anything_is_sent(program: Program) -> None:
    """A scheduler's SIGTERM while the source is still being piped in: 130, and a word of it."""
    process = subprocess.Popen(
        [*program.command, "validate", "-", "-m", "jira", "--json"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(program.folder)},
    )
    wait_for(lambda: has_open(process.pid, program.folder))
    process.terminate()
    out, err = process.communicate(timeout=WAIT_SECONDS)
    ended = Ended(process.returncode, out, err)
    assert (ended.code, ended.summary["exit_code"]) == (130, 130)
    assert ended.err.strip() == "Interrupted. The same command continues."
    assert not list(program.folder.iterdir()), "what was piped in is gone"


def test_an_ignored_signal_stays_ignored(program: Program, serve: Serve) -> None:
    """Under `nohup` the end of the terminal is nothing to this program."""
    sandbox = serve()
    write_issues(Path("export.csv"), 12)
    with turnstile(sandbox.url, 2) as door:
        command = [*program.command, *send_to(door.url, "--rate", "0")]
        process = subprocess.Popen(["nohup", *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        door.hold(process)
        process.send_signal(signal.SIGHUP)
        door.let()
        out, err = process.communicate(timeout=WAIT_SECONDS)
    ended = Ended(process.returncode, out, err)
    assert (ended.code, ended.outcomes()) == (0, {"created": 12})


def test_two_at_once(program: Program, serve: Serve) -> None:
    """The second one is told who holds the ledger, and sends nothing."""
    sandbox = serve()
    write_issues(Path("export.csv"), 40)
    with turnstile(sandbox.url, 1) as door:
        process = program.start(*send_to(door.url))
        door.hold(process)
        second = program(*send_to(sandbox.url))
        assert second.code == ExitCode.LEDGER_IN_USE
        assert f"is in use by process {process.pid}" in second.err
        assert door.interrupt(process).code == ExitCode.INTERRUPTED


def test_two_rehearsals_at_once(program: Program) -> None:
    """With `--sandbox` too it is the ledger that says so."""
    write_issues(Path("export.csv"), 400)
    command = ("run", "export.csv", "-m", "jira", "--sandbox", "--rate", "2", "--json")
    process = program.start(*command)
    wait_for(lambda: any(run["state"] == "running" for run in program.runs()) or process.poll() is not None)
    assert program(*command).code == ExitCode.LEDGER_IN_USE
    process.send_signal(signal.SIGINT)
    assert finish(process).code == ExitCode.INTERRUPTED


def test_a_key_that_is_refused(program: Program, serve: Serve) -> None:
    """Nothing is sent; it says so, and what to look at."""
    sandbox = serve(api_key="another key")
    write_issues(Path("export.csv"), 3)
    ended = program(*send_to(sandbox.url))
    assert ended.code == ExitCode.DECIDE
    assert "Triage refuses the API key" in ended.err
    assert "BLAND_API_KEY" in ended.err
    assert sandbox.create_bodies() == []


def test_a_target_that_does_not_answer(program: Program) -> None:
    """A closed port: said at once, with the address."""
    write_issues(Path("export.csv"), 3)
    ended = program(*send_to("http://127.0.0.1:9"))
    assert ended.code == ExitCode.STOPPED
    assert "Error: http://127.0.0.1:9 does not respond as expected: " in ended.err
    assert "Nothing was sent. Check --api-url" in ended.err


def test_a_target_that_is_busy_at_first(program: Program, serve: Serve) -> None:
    """A 503 to the first request is no reason to give up a night's import."""
    sandbox = serve(faults=(parse_fault("503=0:read@req=1"),))
    write_issues(Path("export.csv"), 2)
    assert program(*send_to(sandbox.url, "--rate", "0")).outcomes() == {"created": 2}


def test_another_organisation(program: Program) -> None:
    """The organisation first seen is kept: another one's key stops the run."""
    organisation = "org-1"

    def answer(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        return 200, {"data": {"items": [{"org_id": organisation}]}, "errors": None}

    write_csv(Path("export.csv"), [issue_row(1, title="")])
    with serve_answers(answer) as url:
        program(*send_to(url, "--max-rejected", "100%"))
        organisation = "org-2"
        ended = program(*send_to(url, "--max-rejected", "100%"))
    assert ended.code == ExitCode.DECIDE
    assert "was organisation org-1; this key belongs to org-2" in ended.err


def test_too_many_failures(program: Program, serve: Serve) -> None:
    """Above `--max-errors` it stops, and what is left is still planned; the same command continues."""
    sandbox = serve()
    Path("mine.yaml").write_text("extends: jira\nowner_id: Reporter\n", encoding="utf-8")
    rows = [(*issue_row(number), "missing-1") for number in range(1, 21)]
    write_csv(Path("export.csv"), rows, header=(*HEADER, "Reporter"))
    command = send_to(sandbox.url, "-m", "mine.yaml", "--rate", "0", "--concurrency", "1", "--settle-seconds", "0.1")
    ended = program(*command, "--max-errors", "3")
    assert (ended.code, ended.outcomes()) == (7, {"failed": 4, "planned": 16})
    assert "Stopped: 4 rows failed, the last with: 400" in ended.err
    assert "--max-errors" in ended.summary["stopped_because"]
    assert program(*command, "--max-errors", "0").outcomes() == {"failed": 20}


def test_an_outcome_that_stays_unknown(program: Program) -> None:
    """Creates that answer 500 and look-ups that fail: nothing is sent again, and the rows are unknown."""
    creates = 0

    def answer(method: str, path: str, headers: Mapping[str, str]) -> tuple[int, Any]:
        nonlocal creates
        if "categories" in path or (method == "GET" and not creates):
            return 200, CATEGORIES if "categories" in path else NO_ISSUES
        creates += method == "POST"
        return (500, {}) if method == "POST" else (400, {"errors": [{"error": "no", "message": "no reading today"}]})

    write_issues(Path("export.csv"), 2)
    with serve_answers(answer) as url:
        command = send_to(url, "--rate", "0", "--settle-seconds", "0")
        first, second = program(*command), program(*command)
    assert (first.code, first.outcomes()) == (4, {"unknown": 2})
    assert re.search(r"outcome of 2 rows is not known yet: run the same command again after \d\d:\d\d:\d\d", first.err)
    assert second.code == ExitCode.STOPPED
    assert "What is in Triage can't be read: 400 no: no reading today." in second.err
    assert creates == 2


def test_an_unknown_outcome_is_settled(program: Program, serve: Serve) -> None:
    """A create that was done though it answered 500 is found by its marker, and counts as created."""
    sandbox = serve(faults=(parse_fault("500-after:create@req=2"),))
    write_issues(Path("export.csv"), 3)
    ended = program(*send_to(sandbox.url, "--rate", "0"))
    assert (ended.code, ended.outcomes()) == (0, {"created": 3})
    assert_each_once(sandbox, 3)


def test_a_source_that_changes_while_the_question_is_open(program: Program, serve: Serve) -> None:
    """What was answered was about another file: nothing is sent."""
    sandbox = serve()
    source = write_issues(Path("export.csv"), 3)
    with program.on_terminal("run", source, "-m", "jira", "--api-url", sandbox.url) as terminal:
        terminal.read_until("Send them?")
        write_issues(source, 4)
        terminal.type("y\n")
        ended = terminal.end()
    assert ended.code == ExitCode.STOPPED
    assert "The source changed after it was checked; nothing was sent." in ended.err
    assert sandbox.create_bodies() == []


def test_a_source_that_changes_while_it_is_sent(program: Program, serve: Serve) -> None:
    """The run stops at the next chunk, and every row is accounted for all the same."""
    sandbox = serve()
    source = write_issues(Path("export.csv"), 9000)
    chosen = ",".join(f"PROJ-{number}" for number in (*range(1, 21), 9000))
    with turnstile(sandbox.url, 2) as door:
        # Few at a time: so few rows are read ahead that the last one isn't.
        process = program.start(*send_to(door.url, "--rate", "0", "--only", chosen, "--concurrency", "2"))
        door.hold(process)
        with source.open("a", encoding="utf-8") as file:
            file.write("PROJ-9001,Title 9001,High,To Do,Bug,Text\r\n")
        door.let()
        ended = finish(process)
    assert ended.code == ExitCode.STOPPED
    assert "export.csv changed while it was read." in ended.summary["stopped_because"]
    assert sum(ended.outcomes().values()) == ended.summary["rows"] == 9000
    assert ended.summary["created"] == len(sandbox.issues())


def test_the_key_comes_from_a_file(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--api-key-file` instead of the environment; white space around it and a byte order mark don't count."""
    monkeypatch.delenv("BLAND_API_KEY")
    Path("key").write_text(f"{KEY}\r\n", encoding="utf-8-sig")
    write_issues(Path("export.csv"), 1)
    ended = program(*send_to(serve(api_key=KEY).url, "--api-key-file", "key"))
    assert ended.outcomes() == {"created": 1}


def test_a_folder_for_reports_that_can_t_be_made(program: Program, serve: Serve) -> None:
    """That is said before anything is sent."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    ended = program(*send_to(sandbox.url, "--out", "export.csv/reports"))
    assert ended.code == ExitCode.UNUSABLE
    assert "--out" in ended.err
    assert sandbox.create_bodies() == []


def test_limits_make_another_run(program: Program, serve: Serve) -> None:
    """An interrupted run with `--limit` is not continued by one without: its rows would be others."""
    sandbox = serve()
    write_issues(Path("export.csv"), 30)
    with turnstile(sandbox.url, 2) as door:
        first = door.interrupt(program.start(*send_to(door.url, "--rate", "0", "--limit", "20")))
        second = program(*send_to(door.url, "--rate", "0", "--limit", "20"))
        third = program(*send_to(door.url, "--rate", "0"))
    assert first.summary["run_id"] == second.summary["run_id"] != third.summary["run_id"]
    assert second.outcomes() == {"created": 20}
    assert third.outcomes() == {"created": 10, "unchanged": 20}


def test_a_call_that_triage_does_not_know_is_not_silent(program: Program) -> None:
    """The issue is in without it, later runs try again, and the screen says where to look."""
    write_csv(Path("export.csv"), [(*issue_row(1), "missing-9")], header=(*HEADER, "Call"))
    Path("mine.yaml").write_text("extends: jira\nresource_links: [{column: Call, type: call}]\n", encoding="utf-8")
    ended = program("run", "export.csv", "-m", "mine.yaml", "--sandbox", "--json")
    assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"created": 1})
    assert "1 issue with a call, conversation or file that Triage doesn't know yet: see results.csv" in ended.err
    (row,) = read_csv(Path(ended.summary["out"]) / "results.csv")
    assert row["code"] == "evidence-pending"
