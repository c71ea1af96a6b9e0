"""A run that has nothing to send reads its source once, and what it leaves is the same as if it had read it again."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

import importer.pipeline.importing
from importer.check import check_pass
from importer.errors import ExitCode
from importer.load import attempt
from importer.load.nothing_to_send import SettledRows
from tests.conftest import Serve
from tests.harness import additions
from tests.harness.disks import may_mount, mounted
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.readings import counted_readings
from tests.harness.running import HEADER, Ended, Program, issue_row, read_csv, wait_for, write_csv, write_issues
from tests.harness.short_waits import SOON

REPORTS = ("results.csv", "errors.csv", "losses.csv")
OWN = ("run_id", "elapsed_seconds", "out", "suggestion", "vanished_since", "started_at", "ended_at")
"""Figures of a summary that are a run's own."""


def write_source(*, changed: bool = False) -> None:
    """Write rows of every outcome: with comments, a relation and lost evidence, changed, left out, and rejected."""
    rows = [[*issue_row(number), *[""] * (len(additions.HEADER) - 6)] for number in range(1, 9)]
    comments, calls, blocks = map(additions.HEADER.index, ("Comment", "Calls", "Blocks"))
    rows[0][comments : comments + 2] = ["1/Mar/26;Ann;one", "2/Mar/26;Ann;two"]
    rows[1][blocks] = "PROJ-1"
    rows[2][calls] = "call-that-nobody-knows"
    rows[3] = [*issue_row(4, title="another title" if changed else None), *rows[3][6:]]
    rows[4] = [*issue_row(5, priority="Whatever"), *rows[4][6:]]
    rows[6] = list(rows[0])
    write_csv(Path("export.csv"), [[*row, "red"] for row in rows], (*additions.HEADER, "Colour that nobody reads"))
    Path("mine.yaml").write_text(
        additions.MAPPING + "duplicates: first\nskip: [{name: eighth, when: {column: Summary, is: Title 8}}]\n"
    )


def run(program: Program, url: str, out: str, *options: str) -> Ended:
    words = ("run", "export.csv", "-m", "mine.yaml", "--api-url", url, "--yes", "--json", "--no-canary")
    return program(*words, "--rate", "0", "--max-rejected", "100%", "--out", out, *options)


def test_read_once(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is to be sent: the check's rows are the run's; once there is something, the source is read for it."""
    sandbox = serve()
    write_csv(Path("export.csv"), map(issue_row, (1, 2)))
    Path("mine.yaml").write_text("extends: jira\ninput: {name: jira}\n")
    for readings, outcomes in ((2, {"created": 2}), (1, {"unchanged": 2})):
        with counted_readings(monkeypatch) as seen:
            assert run(program, sandbox.url, "out").outcomes() == outcomes
        assert len(seen) == readings
    write_csv(Path("export.csv"), map(issue_row, (1, 2, 3)))
    with counted_readings(monkeypatch) as seen:
        assert run(program, sandbox.url, "out").outcomes() == {"created": 1, "unchanged": 2}
    assert seen == [check_pass.__name__, attempt.__name__]


def test_as_if_it_were_read_again(program: Program, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports, counts and what the ledger keeps of each row are the same, to the byte."""
    sandbox = serve()
    write_source()
    run(program, sandbox.url, "first")
    write_source(changed=True)
    monkeypatch.setattr(importer.pipeline.importing, "find_same_run", lambda *_: None)
    with monkeypatch.context() as patched:
        patched.setattr(SettledRows, "are_all", lambda *_: False)
        run(program, sandbox.url, "before")
        again = run(program, sandbox.url, "again")
    with counted_readings(monkeypatch) as seen:
        once = run(program, sandbox.url, "once")
    assert set(seen) == {check_pass.__name__}, once.err
    assert once.outcomes() == again.outcomes()
    assert len(once.outcomes()) == 4, "unchanged, changed, skipped and rejected"
    for name in REPORTS:
        assert Path("once", name).read_bytes() == Path("again", name).read_bytes(), name
    figures = [json.loads(Path(out, "summary.json").read_text()) for out in ("once", "again")]
    for notice in (*figures[0]["notices"], *figures[1]["notices"]):
        notice["command"] = notice["command"].replace("again/", "once/")
    assert {name for name in figures[0] if figures[0][name] != figures[1][name]} <= set(OWN)
    program("report", once.summary["run_id"], "--out", "later")
    assert Path("later/results.csv").read_bytes() == Path("once/results.csv").read_bytes()


__all__ = ["may_mount"]

pytestmark = pytest.mark.slow
PAGE_BYTES = 16_384
"""Room for the tables and not for report.html."""
MAPPING = """
extends: jira
input: {name: jira}
"""
PERSON = {"Authorization": "a person"}


class Night:
    """A scheduled import of a few rows, whose first two runs are over: the second had nothing to do."""

    def __init__(self, program: Program, sandbox: RunningSandbox) -> None:
        self.program, self.sandbox = program, sandbox
        self.export, self.mapping = Path("export.csv"), Path("mine.yaml")
        self.mapping.write_text(MAPPING)
        write_csv(self.export, [*map(issue_row, (1, 2, 3)), issue_row(4, priority="Whatever")])
        self.first = self.run("--out", "night")
        self.second = self.run("--out", "night")

    def run(self, *options: str, url: str = "") -> Ended:
        words = ("run", str(self.export), "-m", str(self.mapping), "--api-url", url or self.sandbox.url)
        return self.program(*words, "--yes", "--rate", "0", "--max-rejected", "100%", "--json", *options)

    def count_runs(self) -> int:
        """How many runs the ledger knows."""
        return len(self.program.runs())


@pytest.fixture
def night(program: Program, serve: Serve) -> Night:
    """Give an import that has nothing to do any more."""
    return Night(program, serve())


FIGURES = ("rows", "unchanged", "rejected", "known", "findings", "exit_code", "value_flow", "source_sha256", "run_id")


def test_after_one_that_had_sent_all_before_it_was_killed(program: Program, serve: Serve) -> None:
    """Its last attempt had nothing to do, and says what the run created; the nights after it created nothing."""
    sandbox = serve(faults=(parse_fault("hang-after=3600:create@req=2"),))
    write_issues(Path("export.csv"), 2)
    url = ("--api-url", sandbox.url, "--rate", "0")
    command = ("run", "export.csv", "-m", "jira", *url, "--yes", "--json", "--concurrency", "1")
    process = program.start(*command)
    wait_for(lambda: len(sandbox.issues()) == 2 or process.poll() is not None)
    process.kill()
    (left,) = (issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 2")
    assert program("settle", "jira:PROJ-2", left, *url).code == ExitCode.DONE
    assert program(*command).outcomes() == {"created": 2}
    for _ in range(3):
        ended = program(*command)
        assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"unchanged": 2}), ended.err
    assert ended.summary["repeats"] > 0


def test_the_same_again(night: Night) -> None:
    """It repeats figures and exit code, says since when and how often, and asks Triage for its organisation alone."""
    assert [each.summary["same_as"] for each in (night.first, night.second)] == ["", ""]
    requests = sum(night.sandbox.requests().values())
    for repeats in (1, 2):
        ended = night.run("--out", "night")
        assert {name: ended.summary[name] for name in FIGURES} == {name: night.second.summary[name] for name in FIGURES}
        assert (ended.summary["same_as"], ended.summary["repeats"]) == (night.second.summary["run_id"], repeats)
        assert f"Nothing has changed since {night.second.summary['run_id']}, for {repeats} run" in ended.err
        assert "As before: 1 rejected row" in ended.err
        assert json.loads(Path("night/summary.json").read_text()) == ended.summary
    assert sum(night.sandbox.requests().values()) == requests + 2
    assert night.count_runs() == 2
    assert len(read_csv(Path("night/results.csv"))) == 4  # they are still there, as they hold still
    assert len(read_csv(Path("night/errors.csv"))) == 1


def test_another_folder(night: Night) -> None:
    """A folder of its own gets the same results, and the rows that somebody has to mend."""
    assert night.run("--out", "other").summary["same_as"]
    assert {path.name for path in Path("other").iterdir()} == {
        "summary.json",
        "results.csv",
        "errors.csv",
        "report.html",
        "summary.html",
    }
    for name in ("results.csv", "errors.csv"):
        assert Path("other", name).read_bytes() == Path("night", name).read_bytes()


@pytest.mark.parametrize(
    "other", [("validate", "export.csv", "-m", "jira"), ("repair", "last", "-m", "jira", "--fields", "severity")]
)
def test_a_folder_that_another_command_has_written_to(night: Night, other: tuple[str, ...]) -> None:
    """It has the rows of the run again, not those of the other command."""
    before = Path("night/results.csv").read_bytes()
    night.program(*other, "--out", "night", "--json")
    assert Path("night/results.csv").read_bytes() != before
    assert night.run("--out", "night").summary["same_as"]
    assert Path("night/results.csv").read_bytes() == before


def test_a_mended_file_stays(night: Night) -> None:
    """What a person has changed in the folder is spared by the next run that writes there."""
    Path("night/errors.csv").write_text("mine")
    later = Path("night/summary.json").stat().st_mtime + 1
    os.utime("night/errors.csv", (later, later))  # a file's time is too coarse to tell them apart
    assert night.run("--out", "night").summary["same_as"]
    write_csv(night.export, map(issue_row, (1, 2)))
    assert not night.run("--out", "night").summary["same_as"]
    assert Path("night/errors.csv").read_text() == "mine"


def change_source(night: Night) -> tuple[str, ...]:
    """Another cell."""
    write_csv(night.export, [*map(issue_row, (1, 2, 3)), issue_row(4, priority="What")])
    return ()


def move_source(night: Night) -> tuple[str, ...]:
    """Another name of the file, which stands in every report."""
    night.export = night.export.rename("other.csv")
    return ()


def change_mapping(night: Night) -> tuple[str, ...]:
    night.mapping.write_text(f"{MAPPING}severity: {{values: {{What: low}}}}\n")
    return ()


def give_users(night: Night) -> tuple[str, ...]:
    """A table of people."""
    Path("users.csv").write_text("name,account,mail,triage_user_id\nAnn,ann,,\n")
    return ("--users", "users.csv")


def settle_by_hand(night: Night) -> tuple[str, ...]:
    """An issue is deleted, and a person says so: its row is to be made again."""
    (issue,) = [each for each in night.sandbox.issues() if each["title"] == "Title 1"]
    httpx.delete(f"{night.sandbox.url}/v1/triage/issues/{issue['id']}", headers=PERSON)
    ended = night.program("settle", "jira:PROJ-1", "absent", "--api-url", night.sandbox.url)
    assert ended.code == ExitCode.DONE, ended.err
    return ()


def undo(night: Night) -> tuple[str, ...]:
    name = night.first.summary["run_id"]
    ended = night.program("undo", name, "--close", "--apply", "--yes")
    assert ended.code == ExitCode.DONE, ended.err
    return ()


def options(*words: str) -> Callable[[Night], tuple[str, ...]]:
    """Other options, which decide what is written."""
    return lambda _: words


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    "change",
    [
        change_source,
        move_source,
        change_mapping,
        give_users,
        settle_by_hand,
        undo,
        options("--on-change", "update"),
        options("--fields", "severity"),
        options("--accept-mapping-change"),
        options("--limit", "4"),
        options("--only", "PROJ-1"),
        options("--fail-on", "any"),
        options("--strict"),
        options("--max-changes", "5"),
        options("--min-rows", "1"),
        options("--encoding", "utf-8"),
        options("--delimiter", ","),
        options("--skip-lines", "0"),
        options("--source-name", "other"),
        options("--max-source-age", "36h"),
    ],
    ids=lambda change: change.__name__,
)
def test_it_is_read_where_anything_is_different(night: Night, change: Callable[[Night], tuple[str, ...]]) -> None:
    """Source, tables, mapping, options that decide what is written, and the ledger itself."""
    assert night.run().summary["same_as"]
    assert not night.run(*change(night)).summary.get("same_as")


def test_another_version(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another version of the program may write something else."""
    monkeypatch.setattr(importer.load.nothing_to_send, "__version__", "0.0.1")
    assert not night.run().summary["same_as"]
    assert night.run().summary["same_as"]


def test_options_that_decide_nothing(night: Night) -> None:
    """How fast, how long, in which order, and where the reports go."""
    assert night.run("--rate", "5", "--concurrency", "2", "--order", "open-first", "--max-duration", "1h").summary[
        "same_as"
    ]


def test_another_target(night: Night, serve: Serve) -> None:
    """What one target has says nothing of another."""
    other = serve()
    ended = night.run(url=other.url)
    assert (ended.summary["same_as"], ended.summary["created"]) == ("", 3)


def test_the_source_grows_old(night: Night) -> None:
    """Its age is looked at again: a dead export job sends the same file every night."""
    assert not night.run("--max-source-age", "36h").summary["same_as"]
    assert night.run("--max-source-age", "36h").summary["same_as"]
    old = time.time() - 40 * 3600
    os.utime(night.export, (old, old))
    assert night.run("--max-source-age", "36h").code == ExitCode.NOT_READY
    ended = night.run()
    assert not ended.summary["same_as"]  # the last run had another limit
    assert night.run().summary["source_age_seconds"] == pytest.approx(40 * 3600, abs=600)


def test_the_newest_date_grows_old(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    """So is the newest date that was read in it."""
    night.mapping.write_text(f"{MAPPING}created: {{column: Created}}\n")
    yesterday = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - 24 * 3600))
    write_csv(night.export, [(*issue_row(1), yesterday)], header=(*HEADER, "Created"))
    night.run("--max-source-age", "36h")  # tries again what the mapping before has rejected
    for same in (False, True):
        assert bool(night.run("--max-source-age", "36h").summary["same_as"]) is same
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 20 * 3600)
    os.utime(night.export, (now + 20 * 3600, now + 20 * 3600))
    assert night.run("--max-source-age", "36h").code == ExitCode.NOT_READY


def import_with_updates(program: Program, sandbox: RunningSandbox, *options: str) -> dict[str, Any]:
    """Import a snapshot, and write what has changed."""
    os.utime("export.csv", (time.time() - 600, time.time() - 600))  # a snapshot must have been left alone
    words = ("run", "export.csv", "-m", "mine.yaml", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
    return program(*words, "--on-change", "update", "--max-changes", "100%", "--max-rejected", "100%", *options).summary


@pytest.mark.parametrize("news", [[issue_row(1), issue_row(2, priority="What")], [issue_row(1)]], ids=["row", "key"])
def test_what_is_new_is_not_repeated(program: Program, serve: Serve, news: list[tuple[str, ...]]) -> None:
    """A rejection or a vanished key counts as new in one run: the next one has another exit code."""
    sandbox = serve()
    Path("mine.yaml").write_text("extends: jira\ninput: {kind: snapshot, name: jira}\n")
    write_csv(Path("export.csv"), map(issue_row, (1, 2)))
    import_with_updates(program, sandbox)
    write_csv(Path("export.csv"), news)
    nights = [import_with_updates(program, sandbox) for _ in range(3)]
    assert [bool(each["same_as"]) for each in nights] == [False, False, True]
    assert (nights[2]["exit_code"], nights[2]["vanished"]) == (ExitCode.DONE, nights[1]["vanished"])


def import_two(program: Program, sandbox: RunningSandbox) -> str:
    """Import two rows, and return the address of the first one's issue."""
    Path("mine.yaml").write_text(MAPPING)
    write_csv(Path("export.csv"), map(issue_row, (1, 2)))
    import_with_updates(program, sandbox)
    (issue,) = [each for each in sandbox.issues() if each["title"] == "Title 1"]
    return f"{sandbox.url}/v1/triage/issues/{issue['id']}"


def test_a_conflict_is_looked_at_again(program: Program, serve: Serve) -> None:
    """As long as a person's value stands against the row's, each run reads the issue."""
    sandbox = serve()
    httpx.patch(import_two(program, sandbox), json={"title": "By hand"}, headers=PERSON)
    write_csv(Path("export.csv"), [issue_row(1, title="New"), issue_row(2)])
    assert [import_with_updates(program, sandbox)["same_as"] for _ in range(3)] == ["", "", ""]


@pytest.mark.usefixtures("short_waits")
def test_a_deleted_issue_is_asked_for_again(program: Program, serve: Serve) -> None:
    """Only once two runs have found the same, nothing is due any more."""
    sandbox = serve()
    httpx.delete(import_two(program, sandbox), headers=PERSON)
    write_csv(Path("export.csv"), [issue_row(1, title="New"), issue_row(2)])
    nights = [import_with_updates(program, sandbox, *SOON) for _ in range(4)]
    assert [bool(each["same_as"]) for each in nights] == [False, False, False, True]
    assert nights[0]["findings"] == {"perhaps-gone": 1}
    assert nights[3]["findings"] == {"gone-at-target": 1}


@pytest.mark.usefixtures("may_mount")
def test_a_disk_that_takes_the_tables_and_not_the_page(night: Night, tmp_path: Path) -> None:
    """It ends with exit code 3 and names the page; with more room the same command writes it."""
    with mounted(tmp_path / "disk") as disk:
        out = disk.folder / "reports"
        disk.fill(PAGE_BYTES)
        ended = night.run("--out", str(out))
        assert (ended.code, ended.summary["same_as"]) == (ExitCode.STOPPED, night.second.summary["run_id"])
        assert f"{out / 'report.html'} can't be written: No space left on device." in ended.err
        disk.make_room()
        assert night.run("--out", str(out)).code == night.second.code
        assert {"report.html", "summary.json"} < {file.name for file in out.iterdir()}


@pytest.mark.usefixtures("may_mount")
def test_a_disk_that_can_only_be_read(program: Program, serve: Serve, tmp_path: Path) -> None:
    """It ends with exit code 3; what the night before has left stays."""
    sandbox = serve()
    with mounted(tmp_path / "disk") as disk:
        night, out = Night(program, sandbox), str(disk.folder / "night")
        write_issues(night.export, 2)
        assert [night.run("--out", out).code for _ in range(2)] == [ExitCode.DONE] * 2
        disk.forbid_writing()
        ended = night.run("--out", out)
        assert ended.code == ExitCode.STOPPED
        assert "summary.json can't be written: Read-only file system." in ended.err
        disk.allow_writing()
        assert night.run("--out", out).code == ExitCode.DONE
