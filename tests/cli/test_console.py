"""What a person sees: on a terminal, and where there is none."""

from __future__ import annotations

import io
import os
import socket
from contextlib import redirect_stderr
from datetime import UTC, datetime
from pathlib import Path

import pytest

from importer.cli.console import Console
from importer.cli.run_screen import describe_end, describe_outcomes
from importer.codes import CONFLICT
from importer.errors import ExitCode, MappingError, Problem
from importer.notices import OPEN, VANISHED, find_notices
from importer.phrases import format_time
from importer.report.summary import Summary
from tests.conftest import Serve
from tests.harness.hostile import parse_fault
from tests.harness.running import SAMPLES, Program, finish, issue_row, read_csv, write_csv, write_issues


def said(summary: Summary) -> list[str]:
    """The last lines of a run."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        console = Console()
        console.say_all((*describe_outcomes(summary), *describe_end(summary)))
    return stream.getvalue().splitlines()


def test_new_categories(program: Program, serve: Serve) -> None:
    """Those that Triage doesn't have are named with their issues before anything is sent, asked or not."""
    sandbox = serve()
    header = ("Issue key", "Summary", "Status", "Priority", "Issue Type")
    kinds = ("Story", "Bug", "Story", "Epic")
    write_csv(Path("export.csv"), [(f"P-{n}", "One", "To Do", "High", kind) for n, kind in enumerate(kinds)], header)
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", sandbox.url) as terminal:
        terminal.read_until("Send them?")
        terminal.type("n\n")
        ended = terminal.end()
    said = "  New categories, which Triage can't rename or delete later: Story 2, Epic 1."
    assert said in ended.err
    checked = program("validate", "export.csv", "-m", "jira").out.splitlines()
    assert "category (not built into Triage, and permanent once created: Story 2, Epic 1):" in checked
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    assert said in program(*command).err
    assert "Categories that" not in program(*command, "--on-change", "update", "--fields", "title").err


def test_the_question_and_no(program: Program, serve: Serve) -> None:
    """It says where to, how many, how long, what stays behind; "n" sends nothing and leaves the check's reports."""
    sandbox = serve()
    rows = [issue_row(1), issue_row(2), issue_row(3, title="")]
    write_csv(Path("export.csv"), rows)
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--json") as terminal:
        terminal.read_until("Send them?")
        terminal.type("n\n")
        ended = terminal.end()
    assert f"Target {sandbox.url}, organisation {sandbox.org_id}:" in ended.err
    assert "  2 issues to create, about 0.8 s at this rate." in ended.err
    assert "  1 row not to be sent: 1 × title-missing." in ended.err
    assert "Nothing was sent: The answer was no." in ended.err
    assert (ended.code, ended.summary["exit_code"]) == (2, 2)
    assert ended.outcomes() == {"planned": 2, "rejected": 1}
    assert sandbox.create_bodies() == []
    assert len(read_csv(Path("triage-import-check/results.csv"))) == 3


def test_the_question_and_yes(program: Program, serve: Serve) -> None:
    """There is a bar while it sends, and the sum at the end."""
    sandbox = serve()
    write_issues(Path("export.csv"), 30)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--rate", "20")
    with program.on_terminal(*command, "--no-canary") as terminal:
        terminal.read_until("Send them?")
        terminal.type("y\n")
        ended = terminal.end()
    assert ended.code == 0, ended.err
    assert "sending: " in ended.err
    assert "30 rows: 30 created" in ended.err
    assert len(sandbox.issues()) == 30


def test_nothing_to_ask(program: Program, serve: Serve) -> None:
    """Where nothing would be created there is no question."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    program("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--rate", "0")
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", sandbox.url) as terminal:
        ended = terminal.end()
    assert ended.code == 0
    assert "Send them?" not in ended.err
    assert "2 rows: 2 unchanged" in ended.err


def test_ctrl_c_at_the_question(program: Program, serve: Serve) -> None:
    """Nothing was sent, and it is no traceback."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", sandbox.url) as terminal:
        terminal.read_until("Send them?")
        terminal.interrupt()
        ended = terminal.end()
    assert ended.code == ExitCode.INTERRUPTED
    assert "Traceback" not in ended.err
    assert sandbox.create_bodies() == []


def test_the_question_names_all_that_is_sent(program: Program, serve: Serve) -> None:
    """Comments and the like, all requests, and issues whose people are not matched."""
    with program.on_terminal("run", SAMPLES / "jira.csv", "--api-url", serve().url) as terminal:
        terminal.read_until("Send them?")
        terminal.type("n\n")
        asked = terminal.end().err
    assert "  12 issues to create, about 3.6 s at this rate.\r\n  Then 4 comments: 18 requests in all.\r\n" in asked
    assert "  4 open issues without a Triage user for the people in the source.\r\n" in asked


def test_check_and_question_fit_a_screen(program: Program, serve: Serve) -> None:
    """With all that is to be decided, on 24 lines of 80; what the question says isn't said above it, too."""
    command = ("run", SAMPLES / "jira.csv", "-m", "jira", "--api-url", serve().url)
    with program.on_terminal(*command, columns=80) as terminal:
        terminal.read_until("Send them?")
        terminal.type("n\n")
        asked = terminal.end().err
    lines = [line.rpartition("\r")[2] for line in asked.partition("Send them?")[0].split("\r\n")]
    shown = lines[next(n for n, line in enumerate(lines) if line.startswith("severity")) :]
    assert sum(-(-len(line) // 80) or 1 for line in shown) <= 24
    assert sum("4 comments" in line for line in shown) == 1
    assert "New categories" in "".join(shown)
    assert "not Triage's own" not in "".join(shown)
    assert sum("18 requests" in line for line in shown) == 1


def test_the_bar_goes_on_behind_the_first_issues(program: Program, serve: Serve) -> None:
    """Those of the canary are done where the others begin; what takes them back can be pasted."""
    write_issues(Path("export.csv"), 30)
    with program.on_terminal("run", "export.csv", "-m", "jira", "--api-url", serve().url, "--rate", "20") as terminal:
        for question in ("Send them?", "Send the remaining "):
            terminal.read_until(question)
            terminal.type("y\n")
        shown = terminal.end().err
    first = int(shown.partition("  First ")[2].split()[0])
    done = shown.partition("sending: ")[2].partition("/30")[0].split()[-1]
    assert int(done) == first
    assert next(line for line in shown.splitlines() if " undo " in line).endswith(" --delete")


def test_a_pause_is_counted_down(program: Program, serve: Serve) -> None:
    """While Triage takes nothing, the bar says for how long."""
    write_issues(Path("export.csv"), 3)
    url = serve(faults=(parse_fault("429=4:create@req=2"),)).url
    command = ("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--no-canary")
    with program.on_terminal(*command) as terminal:
        shown = terminal.end().err
    assert "\rpaused for 3 s: " in shown
    assert "3 rows: 3 created" in shown


@pytest.mark.parametrize("term", ["xterm", "dumb"])
def test_a_window_that_became_narrower(program: Program, serve: Serve, term: str) -> None:
    """It breaks the bar: its rest is erased with each new one, and before anything is said; a dumb terminal can't."""
    write_issues(Path("export.csv"), 20)
    command = (
        "run",
        "export.csv",
        "-m",
        "jira",
        "--api-url",
        serve().url,
        "--yes",
        "--rate",
        "20",
        "--no-canary",
    )
    with program.on_terminal(*command, term=term) as terminal:
        shown = terminal.end().err
    assert ("left\x1b[J\r" in shown) is (term == "xterm")
    assert ("\x1b[J20 rows: 20 created" in shown) is (term == "xterm")
    assert "20 rows: 20 created" in shown


def test_a_bar_that_stands_still_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where answers take long nothing moves: for how long, it says each second, and no more once something has."""
    now = [100.0]
    monkeypatch.setattr("importer.cli.console.time.monotonic", lambda: now[0])
    stream = io.StringIO()
    with redirect_stderr(stream):
        console = Console()
        monkeypatch.setattr(console, "terminal", True)
        console.start("sending", 10, "issue")
        for now[0] in (101.0, 102.0, 103.0):
            console.wait()
        console.reach(1)
        console.wait()
        for now[0] in (104.0, 105.0, 106.0):
            console.pause(108 - now[0])
        console.wait()
        console.finish()
    shown = [line.partition(":")[0] for line in stream.getvalue().split("\r") if "%" in line]
    assert [each for each in shown if "waiting" in each] == ["sending, waiting for 2 s", "sending, waiting for 3 s"]


def test_a_check_counts_rows() -> None:
    """Its bar is as long as the file, and its figure is that of rows; so is a line where there is no terminal."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        console = Console()
        console.start("checking", 2_000_000, "B")
        console._next_line = 0.0
        console.figures("1,234 rows")
        console.reach(1_000_000)
    assert stream.getvalue() == "checking: 1,234 rows (50%)\n"


def test_a_bar_ends_the_one_before(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two at a time would stand below each other, and what is said afterwards at the end of a line."""
    stream = io.StringIO()
    with redirect_stderr(stream):
        console = Console()
        monkeypatch.setattr(console, "terminal", True)
        for what in ("looking", "checking"):
            console.start(what, 10, "issue")
            console.reach(5)
        console.finish()
        console.say("severity:")
    assert "\n" not in stream.getvalue().rstrip("\n"), "no bar below another"
    assert stream.getvalue().endswith("\rseverity:\n")


def test_plain_lines_where_there_is_no_terminal(program: Program) -> None:
    """No bar and no control characters in a log, and each text begins with its time, in order; tables stay tables."""
    write_issues(Path("export.csv"), 3)
    err = finish(program.start("run", "export.csv", "-m", "jira", "--sandbox")).err
    assert "\r" not in err
    assert "\x1b" not in err
    dated = [line.partition(" ") for line in err.splitlines() if line.startswith("20")]
    assert [words.split()[0] for _, _, words in dated[:2] + dated[-2:]] == ["Target", "Looking", "3", "Every"], err
    times = [datetime.fromisoformat(time) for time, _, _ in dated]
    assert (times, {time.tzinfo for time in times}) == (sorted(times), {UTC})
    assert [line.split()[0] for line in err.splitlines()[-2:]] == ["The", "If"], err


def test_a_minute_between_two_lines_of_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a log of long work, each with its time; the journal, which has the time itself, gets none."""
    now = [100.0]
    monkeypatch.setattr("importer.cli.console.time.monotonic", lambda: now[0])
    shown = []
    for is_journal in (False, True):
        here, there = socket.socketpair()
        its = os.fstat(there.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{its.st_dev}:{its.st_ino + (not is_journal)}")
        with here, there, there.makefile("w") as stream, redirect_stderr(stream):
            console = Console(dated=True)
            console.start("sending", 600, "issue")
            for done in range(0, 601, 15):
                now[0] += 15.0
                console.reach(done)
            stream.flush()
            shown.append(here.recv(10_000).decode().splitlines())
    assert shown[1][::9] == ["sending: 45 (8%)", "sending: 585 (98%)"]
    assert [line.partition(" ")[2] for line in shown[0]] == shown[1]
    assert all(datetime.fromisoformat(line.split()[0]).tzinfo == UTC for line in shown[0])


def test_an_error_with_all_its_problems() -> None:
    """Message, each problem with its place and hint, then what to type."""
    stream = io.StringIO()
    problems = [Problem("unknown key", "a.yaml", 2, "tilte", "did you mean `title`?"), Problem("is empty", "b.yaml")]
    with redirect_stderr(stream):
        Console().show_error(MappingError("The mapping has 2 problems.", problems=problems, hint="Mend them."))
    assert stream.getvalue().splitlines() == [
        "Error: The mapping has 2 problems.",
        "  a.yaml:2:tilte: unknown key",
        "    did you mean `title`?",
        "  b.yaml: is empty",
        "Mend them.",
    ]


@pytest.mark.parametrize(
    ("summary", "lines"),
    [
        (Summary("", 0, 0, elapsed_seconds=0.04, out="o"), ["0 rows: nothing to do   (0.0 s)", "Reports: o"]),
        (
            Summary("r", 0, 1500, created=1500, elapsed_seconds=300, issues_per_second=5.0, out="o"),
            ["1,500 rows: 1,500 created   (5 min 0 s at 5.0 issues/s)", "Reports: o"],
        ),
        (
            Summary(
                "r",
                3,
                3,
                created=1,
                planned=2,
                elapsed_seconds=0.04,
                issues_per_second=25.0,
                stopped_because="The target is down.\nWait.",
                out="o",
            ),
            [
                "3 rows: 1 created, 2 planned   (0.0 s at 25.0 issues/s)",
                "Reports: o",
                "Stopped: The target is down.",
                "Wait.",
                "2 rows still to be sent: the same command continues.",
            ],
        ),
        (
            Summary("r", 3, 2, planned=2, stopped_because="It is down.\nOnce it is up the same command goes on."),
            [
                "2 rows: 2 planned",
                "Reports: ",
                "Stopped: It is down.",
                "Once it is up the same command goes on.",
                "2 rows still to be sent.",
            ],
        ),
        (
            Summary("r", 4, 2, unknown=1, created=1, elapsed_seconds=1, issues_per_second=1.0, out="o"),
            [
                "2 rows: 1 created, 1 unknown   (1.0 s at 1.0 issues/s)",
                "Reports: o",
                "The outcome of 1 row is not known yet: run the same command again to settle it.",
            ],
        ),
    ],
)
def test_how_it_ended(summary: Summary, lines: list[str]) -> None:
    """The sum, the reports, why it ended early, and what to do."""
    assert said(summary) == lines


def test_rejected_and_failed_are_told_apart() -> None:
    """One was never sent, the other was refused."""
    line, *_ = said(Summary("r", 1, 3, rejected=2, failed=1, out="nowhere"))
    assert line.startswith("3 rows: 2 rejected (not sent), 1 failed (Triage refused)")


def test_times_are_local() -> None:
    """To the minute, as a clock on the wall shows them."""
    assert len(format_time(0)) == len("1970-01-01 00:00")


def test_somebody_who_has_left() -> None:
    """A stderr that can't be written any more ends nothing."""

    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    with redirect_stderr(Closed()):
        console = Console()
        console.start("sending", 10, "issue")
        console.reach(5)
        console.say("still here")
        console.finish()


def test_what_would_steer_a_terminal_is_shown_as_an_escape(program: Program) -> None:
    """An export may hold colours, titles of windows and turned writing; a screen shows none of them as such."""
    write_csv(Path("export.csv"), [(*issue_row(1)[:3], "\x1b[31mRED\x1b]0;owned\x07\u202e", "Bug", "")])
    ended = program("validate", "export.csv", "-m", "jira", "--json")
    assert "\x1b" not in ended.err
    assert "\\x1b[31mRED\\x1b]0;owned\\x07\\u202e → rejected " in ended.err


def test_long_values_are_cut_on_screen(program: Program) -> None:
    """Their beginning says enough."""
    write_csv(Path("export.csv"), [(*issue_row(1)[:3], "x" * 3000, "Bug", "")])
    ended = program("validate", "export.csv", "-m", "jira")
    assert max(map(len, ended.out.splitlines())) < 300


@pytest.mark.parametrize("code", [*sorted(OPEN), CONFLICT, VANISHED])
def test_why_it_is_not_zero(code: str) -> None:
    """Whatever keeps the exit code from 0 though every row is done is said at the end, and where to look."""
    notices = find_notices({code: 2})
    lines = said(Summary(exit_code=ExitCode.PARTLY, rows=2, unchanged=2, run_id="r", out="out", notices=notices))
    (sentence,) = (line for line in lines if line == notices[0].text)
    assert ".csv" in sentence or "the same command" in sentence or "later runs" in sentence
