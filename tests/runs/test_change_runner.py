"""What a repair and an undo leave in their folder, whatever happens to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.benchmarks.memory import WANTED_RUN_MB, measure_run
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED
from tests.harness.disks import may_mount, mounted
from tests.harness.running import Ended, Program, read_csv, write_issues

__all__ = ["may_mount"]

PAGE_BYTES = 12_288
"""Room for results.csv and not for report.html."""
MOST_GROWTH_MB = 16
"""Of 8,000 issues: less than two of the three kilobytes that the ledger has of each."""
REPAIR = ("repair", "last", "-m", "corrected.yaml", "--fields", "severity", "--rate", "0")
UNDO = ("undo", "last", "--delete", "--rate", "0")
CLOSE = ("undo", "last", "--close", "--rate", "0")
EXPECT = ("--expect", "3")
APPLY = ("--apply", "--yes", "--json")
Words = tuple[str, ...]


def send(program: Program, url: str) -> Ended:
    """Import three issues whose severity a repair corrects."""
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    write_issues(Path("export.csv"), 3)
    return program("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--rate", "0")


@pytest.mark.usefixtures("may_mount")
def test_a_disk_that_takes_the_results_and_not_the_page(program: Program, serve: Serve, tmp_path: Path) -> None:
    """It ends with exit code 3 and says so, before anything is changed and after; the same command finishes it."""
    sandbox = serve()
    send(program, sandbox.url)
    with mounted(tmp_path / "disk") as disk:
        out = disk.folder / "repaired"
        disk.fill(PAGE_BYTES)
        for more in ((), APPLY):
            ended = program(*REPAIR, "--out", out, *more)
            assert ended.code == ExitCode.STOPPED
            assert f"{out / 'report.html'} can't be written: No space left on device." in ended.err
        assert "3 patched" in ended.err
        assert {issue["severity"] for issue in sandbox.issues()} == {"critical"}
        disk.make_room()
        again = program(*REPAIR, "--out", out, *APPLY)
        assert (again.code, again.summary["updated"]) == (ExitCode.DONE, 3)
        assert json.loads((out / "summary.json").read_text())["exit_code"] == ExitCode.DONE


def test_nothing_to_do(program: Program, serve: Serve) -> None:
    """There is a results.csv all the same: whoever reads it in a script needs no case for that."""
    sandbox = serve()
    send(program, sandbox.url)
    for changed in (3, 0):
        assert program(*REPAIR, "--out", "repaired", *APPLY).summary["updated"] == changed
        assert len(read_csv(Path("repaired/results.csv"))) == changed


@pytest.mark.parametrize(
    ("command", "first", "again"), [(REPAIR, (), ()), (UNDO, EXPECT, ("--expect", "0")), (CLOSE, (), ())]
)
def test_typed_again_once_it_is_finished(
    program: Program, serve: Serve, command: Words, first: Words, again: Words
) -> None:
    """It says that nothing is left, and keeps the report of what it did; so does a preview."""
    sandbox = serve()
    send(program, sandbox.url)
    assert program(*command, *first, *APPLY).summary["updated"] == 3
    (folder,) = Path().glob(f"triage-import-*-{command[0]}")
    reports = {file: file.read_bytes() for file in folder.iterdir()}
    for more in ((), ("--apply", "--yes")):
        ended = program(*command, *again, *more)
        assert ended.code == ExitCode.DONE
        assert "There is nothing left to change." in ended.err
        assert f"Report: {folder}-2/report.html" in ended.err
    assert {file: file.read_bytes() for file in folder.iterdir()} == reports
    assert [each["kind"] for each in program.runs()].count(command[0]) == 1


@pytest.mark.parametrize("command", [REPAIR, CLOSE])
def test_a_run_that_did_nothing(program: Program, serve: Serve, command: Words) -> None:
    """That is said, with the same command for the last run that did something."""
    sandbox = serve()
    for _ in ("first", "again"):
        send(program, sandbox.url)
    name = program.runs()[-1]["name"]
    ended = program(*command)
    assert ended.code == ExitCode.DONE
    proposed = ended.err.splitlines()[0].partition(" created and changed nothing. The last run that did something: ")[2]
    assert proposed.startswith(f"triage-import {command[0]} {name} {command[2]} ")
    assert program(*proposed.split()[1:]).code == ExitCode.DONE


def test_another_number_than_expected_once_nothing_is_left(program: Program, serve: Serve) -> None:
    """It is compared all the same, and the command ends with exit code 2."""
    sandbox = serve()
    send(program, sandbox.url)
    assert program(*UNDO, *EXPECT, *APPLY).code == ExitCode.DONE
    ended = program(*UNDO, *EXPECT, *APPLY)
    assert ended.code == ExitCode.UNUSABLE
    assert "Nothing was changed: --expect says 3 issues, but 0 would be affected." in ended.err


@pytest.mark.slow(seconds=60)
@pytest.mark.usefixtures("program")
def test_commands_on_a_long_run(tmp_path: Path) -> None:
    """They take no more memory than those on a short one."""
    few, many = (measure_run(tmp_path, rows) for rows in (1_000, 6_000))
    for command in ("verify", "undo", "repair"):
        assert many[command] <= WANTED_RUN_MB
        assert many[command] - few[command] <= MOST_GROWTH_MB
