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
    return ("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--rate", "0", "--json")


def known(program: Program) -> list[dict[str, Any]]:
    """The runs as a script sees them."""
    assert (ended := program("runs", "--json")).code == 0, ended.err
    return program.runs()


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
    """A line for each start, with its figures; and the details of a run."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2), issue_row(3, title="")])
    first = program(*import_from(sandbox.url), "--max-rejected", "50%").summary["run_id"]
    assert program(*import_from(sandbox.url), "--max-rejected", "0").code == 7
    header, newer, older, stands, correct, _, hint, size = program("runs").out.splitlines()
    assert stands.startswith("jira: 1 row rejected: results.csv says why. Since 20")
    assert correct.startswith("  Once they are corrected: triage-import validate ")
    assert header.split("  ")[0] == "start"
    assert "new · updated · failed · rejected · waiting" in header
    assert re.fullmatch(rf"20.{{14}}  jira +[\d.]+ s +1 +2 · 0 · 0 · 1 · 0 +{first} +export.csv +1 rejected", older), (
        older
    )
    assert re.search(r"  7  .*  export.csv  1 of 3 rows would be rejected, and --max-rejected allows 0", newer), newer
    assert (hint, size.startswith("The ledger takes ")) == ("Of one run: triage-import runs show RUN", True)
    shown = program("runs", "show", first).out
    assert shown.startswith(f"name         {first}\nkind         import\ntarget       {sandbox.url}\n")
    assert "exit code    1\nattempts     1\nstarted at   20" in shown
    assert "counts       created: 2\ncounts       rejected: 1\n" in shown
    assert f"can be       verified: triage-import verify {first}\n" in shown
    assert json.loads(program("runs", "show", "last", "--json").out) == known(program)[0]


def test_what_ended_before_there_was_a_run(program: Program, serve: Serve) -> None:
    """Each start has its line and reason, also where its words can't be read or the ledger is held by another."""
    sandbox = serve(faults=(parse_fault("hang-before=3600:create@req=1"),))
    write_issues(Path("export.csv"), 2)
    program("run", "missing.csv", "-m", "jira", "--sandbox")
    assert not program.ledger.exists()
    notes = program.ledger.with_name("ledger.db.starts.jsonl")
    assert len(notes.read_text(encoding="utf-8").splitlines()) == 2
    process = program.start(*import_from(sandbox.url))
    wait_for(lambda: sandbox.requests()["POST /v1/triage/issues"] >= 1)
    assert program(*import_from(sandbox.url)).code == ExitCode.LEDGER_IN_USE
    assert program("run", "export.csv", "--max-errors", "many").code == ExitCode.UNUSABLE
    assert program("undo", "nothing", "--apply", "--yes").code == ExitCode.LEDGER_IN_USE
    seen = [(each["command"], each["state"], each["exit_code"], each["files"]) for each in program.starts()]
    process.kill()
    assert seen == [
        ("undo --apply", "ended", 5, ["nothing"]),
        ("run", "ended", 2, ["export.csv"]),
        ("run", "ended", 5, ["export.csv"]),
        ("run", "running", None, ["export.csv"]),
        ("run --sandbox", "ended", 6, ["missing.csv"]),
    ]
    undo, typo, refused, killed, missing = program.starts()
    assert (killed["state"], killed["run"]["state"], killed["source_name"]) == ("did not end", "open", "jira")
    assert missing["why"] == "missing.csv does not exist."
    assert "'many' is not a valid integer" in typo["why"]
    assert refused["why"].startswith(f"The ledger {program.ledger} is in use by process ")
    with open_ledger(program.ledger):
        assert notes.read_bytes() == b"", "they are in the ledger now, each once"
    assert program.starts() == [undo, typo, refused, killed, missing]
    assert "did not end" in program("runs").out
    with serve_in_thread(HostileOptions()) as target:
        ended = program(*import_from(target.url), "--settle-seconds", "0")
    last = program.starts("--last", "1", "--since", "1h")
    assert [(each["run"]["name"], each["new"], each["exit_code"]) for each in last] == [(ended.summary["run_id"], 2, 0)]
    assert notes.read_bytes() == b"", "a start that has opened the ledger is there whole"
    assert program.starts("--since", "2999-01-01") == []
    assert program("runs", "--since", "last week").code == ExitCode.UNUSABLE


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
    assert [(each["state"], each["new"]) for each in program.starts()] == [("running", 2)]
    process.kill()
    (killed,) = known(program)
    assert (killed["state"], killed["counts"]) == ("open", running["counts"])
    assert killed["can_be"]["continued"] == "the same command"
    shown = program("runs", "show", "last").out
    assert "state        open\n" in shown
    assert "can be       continued: the same command\n" in shown

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
    shown = program("runs", "show", undo["name"]).out + program("runs", "show", name).out
    assert f"works on     {name}\n" in shown
    assert f"repaired by  {repair['name']}\nundone by    {undo['name']}\n" in shown
    assert "counts       patched: 2\n" in shown
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
    listen_for("2 · 0 · 0 · 0 · 0", process)
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
