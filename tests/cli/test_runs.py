"""`triage-import runs`: what ran when, also while it runs."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from importer.errors import ExitCode
from importer.ledger.opening import open_ledger
from importer.ledger.schema import RunKind
from importer.ledger.store import RunIdentity
from tests.conftest import Serve
from tests.harness.hostile import HostileOptions, parse_fault, serve_in_thread
from tests.harness.running import Program, finish, issue_row, listen_for, wait_for, write_csv, write_issues


def import_from(url: str) -> tuple[str, ...]:
    """The command of an import."""
    return ("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--rate", "0", "--json")


def known(program: Program) -> list[dict[str, Any]]:
    """The runs as a script sees them."""
    ended = program("runs", "--json")
    assert (ended.code, ended.err) == (0, "")
    runs: list[dict[str, Any]] = json.loads(ended.out)
    return runs


def test_a_ledger_that_does_not_exist(program: Program) -> None:
    """It knows of none, and is not made."""
    ended = program("runs")
    assert (ended.code, ended.out) == (0, f"No run yet in the ledger {program.ledger}.\n")
    assert known(program) == []
    assert not program.state.exists()


def test_the_newest_first(program: Program, serve: Serve) -> None:
    """Each with its times, counts, and what can be done about it: nothing can be undone where nothing was made."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    first = program(*import_from(sandbox.url)).summary["run_id"]
    second = program(*import_from(sandbox.url)).summary["run_id"]
    newer, older = known(program)
    assert (newer["name"], older["name"]) == (second, first)
    assert newer | {"out": "", "started_at": "", "ended_at": ""} == {
        "name": second,
        "kind": "import",
        "works_on": "",
        "target": sandbox.url,
        "source_name": "jira",
        "state": "finished",
        "exit_code": 0,
        "attempts": 1,
        "started_at": "",
        "ended_at": "",
        "counts": {"unchanged": 3},
        "repaired_by": [],
        "undone_by": [],
        "can_be": {"reported": f"triage-import report {second}"},
        "out": "",
    }
    assert older["started_at"] <= older["ended_at"] <= newer["started_at"]
    assert (older["counts"], list(older["can_be"])) == ({"created": 3}, ["verified", "repaired", "undone", "reported"])


def test_for_people(program: Program, serve: Serve) -> None:
    """A block of lines for each run, none longer than 100 columns."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    first = program(*import_from(sandbox.url)).summary["run_id"]
    program(*import_from(sandbox.url))
    ended = program("runs")
    blocks = ended.out.split("\n\n")
    assert len(blocks) == 3
    assert blocks.pop().startswith("The ledger takes ")
    lines = blocks[1].splitlines()
    assert lines[0] == f"{first}   import, finished with exit code 0"
    assert lines[1].startswith("  started 20")
    assert re.search(r" \((?:\d+|less than 1) s\), 1 attempt$", lines[1]), "times are known to the second"
    assert lines[2:] == [
        f"  jira → {sandbox.url}",
        "  2 created",
        "  can be verified, repaired, undone, reported",
    ]
    assert max(map(len, ended.out.splitlines())) <= 100


def test_one_that_was_killed(program: Program, serve: Serve) -> None:
    """It is open, what it did is counted, and the same command continues it."""
    sandbox = serve(faults=(parse_fault("hang-before=3600:create@req=3"),))
    write_issues(Path("export.csv"), 5)
    process = program.start(*import_from(sandbox.url), "--concurrency", "1")
    wait_for(lambda: sandbox.requests()["POST /v1/triage/issues"] == 3)
    (running,) = known(program)
    assert (running["state"], running["exit_code"], running["ended_at"]) == ("running", None, None)
    assert "continued" not in running["can_be"]
    assert running["counts"] == {"created": 2, "unknown": 1, "planned": 2}
    process.kill()
    (killed,) = known(program)
    assert (killed["state"], killed["counts"]) == ("open", running["counts"])
    assert killed["can_be"]["continued"] == "the same command"
    shown = program("runs").out
    assert "   import, open\n" in shown
    assert "can be continued (the same command), verified, repaired, undone, reported\n" in shown

    assert program(*import_from(sandbox.url), "--settle-seconds", "0").code == 0
    (finished,) = known(program)
    assert (finished["state"], finished["attempts"], finished["counts"]) == ("finished", 2, {"created": 5})


def test_only_the_run_of_the_holder_is_running(program: Program, serve: Serve) -> None:
    """While another process works on the ledger, a run that was killed before is open."""
    with serve_in_thread(HostileOptions(faults=(parse_fault("hang-before=3600:create@req=1"),))) as target:
        write_issues(Path("export.csv"), 2)
        process = program.start(*import_from(target.url))
        wait_for(lambda: target.requests()["POST /v1/triage/issues"] >= 1)
        process.kill()
    sandbox = serve(faults=(parse_fault("hang-before=3600:create@req=1"),))
    process = program.start(*import_from(sandbox.url))
    wait_for(lambda: sandbox.requests()["POST /v1/triage/issues"] >= 1)
    states = {run["target"]: run["state"] for run in known(program)}
    process.kill()
    assert states == {sandbox.url: "running", target.url: "open"}


def test_what_was_repaired_and_undone(program: Program, serve: Serve) -> None:
    """An import says by which run, and such a run says what it works on."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    name = program(*import_from(sandbox.url)).summary["run_id"]
    with open_ledger(program.ledger) as ledger:
        for kind in (RunKind.REPAIR, RunKind.UNDO):
            run = ledger.begin_run(RunIdentity(sandbox.url, "jira", name, "m", kind=kind))
            run.finish(ExitCode.DONE, {"findings": {"patched": 2}})
    undo, repair, made = known(program)
    assert (undo["works_on"], repair["works_on"], made["works_on"]) == (name, name, "")
    assert (made["repaired_by"], made["undone_by"]) == ([repair["name"]], [undo["name"]])
    shown = program("runs").out
    assert f"{undo['name']}   undo of {name}, finished with exit code 0\n" in shown
    assert f"  repaired by {repair['name']}\n  undone by {undo['name']}\n" in shown
    assert "  2 patched\n" in shown
    for command in ("verify", "report"):
        assert program(command, "last").code == 0, "the last import"
        ended = program(command, undo["name"])
        assert (ended.code, ended.err.splitlines()[-1]) == (2, f"triage-import {command} {name}")


def test_what_is_undone_is_not_offered_again(program: Program, serve: Serve) -> None:
    """Once an undo has finished; the other commands stay."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    name = program(*import_from(sandbox.url)).summary["run_id"]
    assert "undone" in known(program)[0]["can_be"]
    assert program("undo", name, "--close", "--apply", "--yes", "--rate", "0").code == 0
    assert known(program)[1]["can_be"].keys() == {"verified", "repaired", "reported"}


def test_an_undo_of_the_fields_alone(program: Program, serve: Serve) -> None:
    """What the run created may still be undone."""
    sandbox = serve()
    write_issues(Path("export.csv"), 1)
    program(*import_from(sandbox.url))
    write_csv(Path("export.csv"), [issue_row(1, title="New"), issue_row(2)])
    name = program(*import_from(sandbox.url), "--on-change", "update").summary["run_id"]
    assert program("undo", name, "--apply", "--yes", "--rate", "0").code == 0
    assert "undone" in known(program)[1]["can_be"]
    assert program("undo", name, "--close", "--apply", "--yes", "--rate", "0").code == 0
    assert "undone" not in known(program)[2]["can_be"]


def test_one_that_went_on_after_its_undo(program: Program, serve: Serve) -> None:
    """Killed, undone and continued to its end, it is undone no more, and can be."""
    sandbox = serve(faults=(parse_fault("hang-before=3600:create@req=3"),))
    write_issues(Path("export.csv"), 5)
    process = program.start(*import_from(sandbox.url), "--concurrency", "1")
    wait_for(lambda: sandbox.requests()["POST /v1/triage/issues"] == 3)
    process.kill()
    assert program("settle", "jira:PROJ-3", "absent", "--api-url", sandbox.url, "--rate", "0").code == 0
    name = known(program)[0]["name"]
    assert program("undo", name, "--close", "--apply", "--yes", "--rate", "0").code == 0
    undo, killed = known(program)
    assert (killed["undone_by"], "undone" in killed["can_be"]) == ([undo["name"]], False)
    ended = program(*import_from(sandbox.url))
    assert (ended.code, ended.summary["run_id"]) == (0, name), ended.err
    _, continued = known(program)
    assert (continued["undone_by"], "undone" in continued["can_be"]) == ([], True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watching_until_somebody_ends_it(program: Program, serve: Serve, number: signal.Signals) -> None:
    """What is new is seen, the import is not disturbed, and the end is no error."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    process = program.start("runs", "--watch")
    listen_for("No run yet", process)
    assert program(*import_from(sandbox.url)).code == 0
    listen_for("2 created", process)
    process.send_signal(number)
    ended = finish(process)
    assert (ended.code, ended.err) == (0, "")


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (("verify", "--json", "--out", "there"), "--ledger {ledger} --json --out there"),
        (
            ("repair", "-m", "jira", "--fields", "status", "--apply", "--yes"),
            "-m jira --fields status --ledger {ledger}",
        ),
        (("report",), "--ledger {ledger}"),
    ],
)
def test_the_import_of_an_undo(program: Program, serve: Serve, typed: tuple[str, ...], kept: str) -> None:
    """The command for it can be pasted: it has the options that were typed, but none that would change something."""
    sandbox = serve()
    write_issues(Path("export.csv"), 1)
    name = program(*import_from(sandbox.url)).summary["run_id"]
    undo = program("undo", name, "--close", "--apply", "--yes", "--json").summary["run_id"]
    ended = program(typed[0], undo, *typed[1:], "--ledger", str(program.ledger))
    last = ended.err.splitlines()[-1]
    options = kept.format(ledger=program.ledger)
    assert (ended.code, last.split()[:4]) == (2, ["triage-import", typed[0], name, options.split()[0]])
    assert sorted(last.split()[3:]) == sorted(options.split())
