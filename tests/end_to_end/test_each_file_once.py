"""`--files each-once`: every delivery is accounted for, in order; a file without rows is a quiet night, no alarm."""

from __future__ import annotations

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.mappings import DESK
from tests.harness.running import HEADER, Ended, Program, issue_row, write_csv
from tests.harness.workbooks import write_xlsx

EMPTY = {
    "night.csv": f"{','.join(HEADER)}\n",
    "night.json": "[]",
    "answer.json": '{"total": 0, "issues": []}',
    "night.jsonl": "\n\n",
}


@pytest.mark.parametrize("name", [*EMPTY, "night.xlsx"])
def test_no_rows(program: Program, serve: Serve, name: str) -> None:
    """It is said by an option or by the mapping, by whose kind alone, not by its default; the next night goes on."""
    sandbox = serve()
    Path("delta.yaml").write_text("extends: jira\ninput: {kind: delta}\n", encoding="utf-8")
    Path("snapshot.yaml").write_text("extends: jira\ninput: {kind: snapshot}\n", encoding="utf-8")
    run = ("--api-url", sandbox.url, "--yes", "--json", "--rate", "0", "--no-canary", "--on-change", "update")
    full = write_csv(Path("full.csv"), map(issue_row, (1, 2)))
    assert program("run", full, "-m", "jira", *run).outcomes() == {"created": 2}
    if name in EMPTY:
        Path(name).write_text(EMPTY[name], encoding="utf-8")
    else:
        write_xlsx(Path(name), {"Issues": [HEADER]})
    for mapping, more, code in (
        *(("jira", (), ExitCode.NOT_READY), ("jira", ("--min-rows", "1"), ExitCode.NOT_READY)),
        *(("jira", ("--min-rows", "0"), ExitCode.DONE), ("delta.yaml", (), ExitCode.DONE)),
        *(("delta.yaml", ("--strict",), ExitCode.DONE), ("snapshot.yaml", ("--min-rows", "0"), ExitCode.NOT_READY)),
    ):
        ended = program("run", name, "-m", mapping, *run, *more, "--out", "reports")
        assert ended.code == code, ended.err
        if code == ExitCode.DONE:
            assert (ended.summary["rows"], ended.outcomes()) == (0, {})
            assert "0 rows: nothing to do" in ended.err
    assert program("validate", name, "-m", "delta.yaml").code == ExitCode.DONE
    changed = write_csv(Path("full.csv"), [issue_row(1), issue_row(2, "Low")])
    assert program("run", changed, "-m", "jira", *run).outcomes() == {"unchanged": 1, "updated": 1}


@pytest.mark.parametrize("name", ["night.csv", "night.json", "night.jsonl", "night.jsonl.gz"])
def test_no_bytes(program: Program, name: str) -> None:
    """An export that has written nothing at all isn't a quiet night, whatever the format."""
    Path(name).write_bytes(gzip.compress(b"") if name.endswith(".gz") else b"")
    ended = program("run", name, "-m", "jira", "--sandbox", "--yes", "--min-rows", "0")
    assert (ended.code, "is empty" in ended.err) == (ExitCode.NOT_READY, True), ended.err


Run = Callable[..., Ended]


@pytest.fixture
def run(program: Program, sandbox: RunningSandbox) -> Run:
    """Give a night: all files that lie there, in no order."""
    Path("desk.yaml").write_text(DESK)

    def night(*more: str, files: str = "each-once") -> Ended:
        there = sorted(map(str, Path().glob("f*.csv")), reverse=True)
        options = [
            "-m",
            "desk.yaml",
            "--yes",
            "--rate",
            "0",
            "--no-canary",
            "--on-change",
            "update",
            "--concurrency",
            "1",
        ]
        return program("run", *there, *options, "--out", "reports", "--files", files, "--api-url", sandbox.url, *more)

    return night


def write(number: int, *rows: tuple[str, str], text: bool = True) -> Path:
    """Write the file of a night, in which each row is an id and a title."""
    lines = [(key, title, f"Text {title}") if text else (key, title) for key, title in rows]
    path = write_csv(Path(f"f{number}.csv"), lines, header=("Id", "Title", "Text") if text else ("Id", "Title"))
    os.utime(path, (1_700_000_000 + number,) * 2)
    return path


def titles(sandbox: RunningSandbox) -> list[str]:
    """The titles of all issues, in the order of their creation."""
    return [issue["title"] for issue in sorted(sandbox.issues(), key=lambda issue: issue["number"])]


def test_each_once_and_the_oldest_first(run: Run, sandbox: RunningSandbox, program: Program) -> None:
    """Three files are three runs; what has come is not read again, and a night without a new file says so."""
    write(1, ("1", "A"), ("2", "B"))
    write(2, ("2", "B again"))
    write(3, ("3", "C"))
    assert run().code == ExitCode.DONE
    assert titles(sandbox) == ["A", "B again", "C"]
    assert sorted(path.parent.name for path in Path("reports").glob("*/summary.json")) == ["f1.csv", "f2.csv", "f3.csv"]
    ended = run()
    assert (ended.code, ended.err) == (ExitCode.DONE, "No new file: f3.csv, f2.csv, f1.csv are in already.\n")
    assert run("--max-source-age", "1h").code == ExitCode.NOT_READY
    write(4, ("1", "A again"))
    assert run().code == ExitCode.DONE
    assert titles(sandbox)[0] == "A again"
    assert len(program.starts()) == 6


def test_what_waits_is_tried_without_a_new_file(run: Run, program: Program) -> None:
    """A call that Triage doesn't know yet is asked for each night, until it is given up, which is news once."""
    Path("desk.yaml").write_text(DESK + "resource_links: [{column: Title, type: call}]\n")
    write(1, ("1", "missing-1"))
    assert [run().code for _ in range(3)] == [ExitCode.PARTLY, ExitCode.DONE, ExitCode.DONE]
    assert [each["waiting"] for each in program.starts()] == [1, 1, 1]
    Path("desk.yaml").write_text(DESK + "resource_links: [{column: Title, type: call}]\nevidence_wait_days: 0\n")
    assert run().code == ExitCode.PARTLY
    ended = run()
    assert (ended.code, ended.err) == (ExitCode.DONE, "No new file: f1.csv are in already.\n")


def test_what_was_refused_stays_open(run: Run, sandbox: RunningSandbox, program: Program) -> None:
    """It is named until it is in; only rows of its issues wait for it, whatever file they are in."""
    write(1, ("1", "A"), ("2", "B"))
    assert run().code == ExitCode.DONE
    put_off = ("sources", "put-off", "desk", "rejected", "2030-01-15", "--api-url", sandbox.url)
    assert program(*put_off).code == ExitCode.DONE, "which is no file"
    write(2, ("1", "A2"), text=False)
    write(3, ("1", "A3"), ("3", "C"), ("4", "D"))
    write(4, ("4", "D4"), ("5", "E"))
    ended = run()
    assert ended.code == ExitCode.DECIDE, ended.err
    assert "1 issue waiting for an older file that isn't in yet: the same command goes on once it is." in ended.err
    assert "Not in yet: f2.csv, f3.csv. The same command tries the oldest first." in ended.err
    assert titles(sandbox) == ["A", "B", "C", "D4", "E"]
    listed = program("runs").out
    assert "Not in yet: f2.csv: exit code 2, " in listed
    assert "Not in yet: f3.csv: exit code 7, 1 older-file-open" in listed
    ended = run("--accept-missing=Text")
    assert (ended.code, titles(sandbox)) == (ExitCode.DONE, ["A3", "B", "C", "D4", "E"]), "of D, f3.csv is the older"
    assert "1 row skipped: a newer file with the issue is in already." in ended.err
    assert "Not in yet" not in program("runs").out


def test_who_does_not_wait(run: Run, sandbox: RunningSandbox) -> None:
    """With `newest` the files after it are imported all the same; what is exported again takes its place."""
    write(1, ("1", "A"))
    assert run().code == ExitCode.DONE
    write(2, ("1", "A2"), text=False)
    write(3, ("1", "A3"))
    assert run(files="newest").code == ExitCode.UNUSABLE
    assert titles(sandbox) == ["A3"]
    write(2, ("5", "E"))
    assert run().code == ExitCode.DONE
    assert titles(sandbox) == ["A3", "E"]


def test_a_late_file_and_one_that_comes_again(run: Run, sandbox: RunningSandbox) -> None:
    """Its new issues come in, and of the others nothing replaces what a newer file has brought."""
    write(1, ("1", "A"))
    write(3, ("1", "A3"), ("3", "C"), ("4", ""))
    assert run().code == ExitCode.PARTLY
    write(2, ("1", "A2"), ("2", "B"), ("4", "D"))
    assert run().code == ExitCode.DONE
    assert titles(sandbox) == ["A3", "C", "B", "D"], "what f3.csv has of D is rejected"
    Path("f4.csv").write_bytes(Path("f2.csv").read_bytes())
    assert run().err.startswith("No new file: ")


MOVING = DESK.replace("key: Id", "key: Id, id: Number") + "created: Made\n"


def write_moving(number: int, key: str, text: str, **more: str) -> None:
    """Write the file of a night with one issue, by the key that it has on that day."""
    row = {"Id": key, "Title": "Echo", "Text": text, "Number": "77", "Made": "2024-03-01 09:14", **more}
    if not text:
        del row["Text"]
    os.utime(write_csv(Path(f"f{number}.csv"), [tuple(row.values())], header=tuple(row)), (1_700_000_000 + number,) * 2)


def texts(sandbox: RunningSandbox) -> list[str]:
    """The first line of each description."""
    return [each["description"].splitlines()[0] for each in sandbox.issues()]


def test_a_late_file_with_the_old_key_of_a_moved_issue(run: Run, sandbox: RunningSandbox) -> None:
    """A newer file has it by its new key: nothing of the older one replaces that."""
    Path("desk.yaml").write_text(MOVING)
    for number, key in ((1, "A-1"), (3, "B-9"), (5, "C-4")):
        write_moving(number, key, f"Day {number}")
        assert run().code == ExitCode.DONE
    for number, key in ((2, "A-1"), (4, "B-9")):
        write_moving(number, key, f"Day {number}")
        ended = run()
        assert (ended.code, texts(sandbox)) == (ExitCode.DONE, ["Day 5"]), ended.err
        assert "newer-file-in" in ended.err


def test_a_moved_issue_waits_for_the_file_with_its_old_key(run: Run, sandbox: RunningSandbox) -> None:
    """Whoever reads the newer file learns that it is the same issue: it doesn't overtake the older file."""
    Path("desk.yaml").write_text(MOVING)
    write_moving(1, "A-1", "Day 1")
    assert run().code == ExitCode.DONE
    write_moving(2, "A-1", "")
    write_moving(3, "B-9", "Day 3")
    for _ in range(2):
        ended = run()
        assert (ended.code, texts(sandbox)) == (ExitCode.DECIDE, ["Day 1"]), ended.err
        assert "1 issue waiting for an older file that isn't in yet" in ended.err
    write_moving(2, "A-1", "Day 2")
    ended = run()
    assert (ended.code, texts(sandbox)) == (ExitCode.DONE, ["Day 3"]), ended.err


def test_days_without_imports(run: Run, sandbox: RunningSandbox) -> None:
    """Four files wait, the oldest for longer than a source may be old: the newest one's age is that of all."""
    for number, days in enumerate((4, 3, 2, 0), 1):
        made = time.time() - days * 86_400
        os.utime(write(number, (f"{number}", f"T{number}")), (made, made))
    ended = run("--max-source-age", "36h")
    assert (ended.code, titles(sandbox)) == (ExitCode.DONE, ["T1", "T2", "T3", "T4"]), ended.err


def test_the_age_of_files_alone(run: Run, sandbox: RunningSandbox) -> None:
    """A quiet tracker has no new dates; an export that has stopped is noticed all the same."""
    Path("desk.yaml").write_text(DESK + "created: Title\n")
    os.utime(write(1, ("1", "2020-01-01")))
    assert run("--max-source-age", "36h").code == ExitCode.NOT_READY
    assert run("--max-file-age", "36h").code == ExitCode.DONE
    assert titles(sandbox) == ["2020-01-01"]
    os.utime("f1.csv", (1_700_000_000,) * 2)
    for files in ("each-once", "together"):
        ended = run("--max-file-age", "36h", files=files)
        assert (ended.code, "--max-file-age allows 36 h 0 min" in ended.err) == (ExitCode.NOT_READY, True), ended.err


def test_an_undone_run_opens_its_file_again(run: Run, sandbox: RunningSandbox, program: Program) -> None:
    """What it had created and changed comes again, and then what a later file had brought for the same issues."""
    write(1, ("1", "A"))
    write(2, ("1", "A2"), ("2", "B"), ("3", "C"))
    write(3, ("3", "C3"))
    write(4, ("4", "D"))
    assert run().code == ExitCode.DONE
    undone = next(each["run"]["name"] for each in program.starts() if each["files"] == ["f2.csv"])
    words = ("--delete", "--apply", "--yes", "--expect", "3")
    assert program("undo", undone, *words).code in (ExitCode.DONE, ExitCode.PARTLY)
    assert titles(sandbox) == ["A", "D"], "C was this run's, too"
    open_ = [line.partition(",")[0] for line in program("runs").out.splitlines() if " was undone, " in line]
    assert open_ == ["Not in yet: f2.csv: exit code 0", "Not in yet: f3.csv: exit code 0"]
    assert (run().code, titles(sandbox)) == (ExitCode.DONE, ["A2", "D", "B", "C3"])
    assert "Not in yet" not in program("runs").out


def test_a_target_that_is_down(run: Run, sandbox: RunningSandbox) -> None:
    """The files after it aren't tried, and come again with it."""
    write(1, ("1", "A"))
    write(2, ("2", "B"))
    ended = run("--api-url", "http://127.0.0.1:9")
    assert (ended.code, "Not in yet: f1.csv." in ended.err) == (ExitCode.STOPPED, True), ended.err
    assert run().code == ExitCode.DONE
    assert titles(sandbox) == ["A", "B"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone.csv", "-m", "jira"), "gone.csv isn't there"),
        (("-", "-m", "jira"), "is no file that can be known again"),
        (("f1.csv",), "--files needs the mapping"),
    ],
)
def test_what_cannot_be_known_again(program: Program, words: tuple[str, ...], said: str) -> None:
    """It is refused, and that start is recorded, too."""
    write(1, ("1", "A"))
    ended = program("run", *words, "--files", "each-once", "--sandbox")
    code = ExitCode.NOT_READY if "gone.csv" in words else ExitCode.UNUSABLE
    assert (ended.code, said in ended.err) == (code, True)
    assert said in program("runs").out.replace("…", said)


def test_files_of_one_name(program: Program) -> None:
    """Each has a folder of reports of its own."""
    Path("desk.yaml").write_text(DESK)
    for name in ("a", "b"):
        Path(name).mkdir()
        write_csv(Path(name) / "x.csv", [(name, f"Title {name}", "Text")], header=("Id", "Title", "Text"))
    more = ("-m", "desk.yaml", "--sandbox", "--files", "each-once", "--out", "reports")
    assert program("run", "a/x.csv", "b/x.csv", *more).code == ExitCode.DONE
    assert sorted(len(list(each.glob("results.csv"))) for each in Path("reports").iterdir()) == [1, 1]


def test_options_that_exclude_each_other(program: Program) -> None:
    """They are refused where all files are in already, too."""
    Path("desk.yaml").write_text(DESK)
    write(1, ("1", "A"))
    more = ("f1.csv", "-m", "desk.yaml", "--sandbox", "--files", "each-once")
    assert program("run", *more).code == ExitCode.DONE
    assert program("run", *more, "--api-url", "http://127.0.0.1:9").code == ExitCode.UNUSABLE
