"""Undo: what a run created goes away again, and nothing that people have had a hand in."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED, Team, edit, find_address
from tests.harness.following import WHOLE, Nights
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import Ended, Program, issue_row, read_csv, wait_for, write_csv, write_issues
from tests.harness.short_waits import SOON
from tests.harness.turnstile import turnstile
from tests.harness.weather import bad_weather

FAST = ("--rate", "0", "--json")
REPORT = Path("undone")
REPAIR_ADVISED = "If only a field is wrong, `repair` corrects it and keeps the issues' numbers and discussions."


def send(program: Program, url: str, *more: str) -> Ended:
    """Import export.csv."""
    return program("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", *FAST, *more)


def undo(program: Program, *more: str) -> Ended:
    """Undo the only import."""
    run = next(iter(Path().glob("triage-import-*-1"))).name.removeprefix("triage-import-")
    return program("undo", run, "--out", str(REPORT), *FAST, *more)


def delete(program: Program, count: int, *more: str) -> Ended:
    """Delete what it created, in earnest."""
    return undo(program, "--delete", "--apply", "--yes", "--expect", str(count), *more)


def verdicts() -> Counter[str]:
    """Verdict → issues, of the report."""
    return Counter(line["verdict"] for line in read_csv(REPORT / "results.csv"))


def statuses(sandbox: RunningSandbox) -> Counter[str]:
    """Status → issues."""
    return Counter(issue["status"] for issue in sandbox.issues())


@pytest.mark.parametrize(("how", "done"), [("--close", "closed"), ("--delete", "deleted")])
def test_a_preview_changes_nothing(program: Program, serve: Serve, how: str, done: str) -> None:
    """It points to `repair` first, then says how many would go and whose hand keeps the others; the list is enough."""
    sandbox = serve()
    write_issues(Path("export.csv"), 12)
    send(program, sandbox.url)
    edit(sandbox, 4, severity="low")
    before, requests = sandbox.issues(), sandbox.requests()
    ended = undo(program, how)
    assert ended.code == ExitCode.DONE
    assert ended.err.splitlines()[0] == REPAIR_ADVISED
    assert (
        f"created 12 issues: 11 untouched (will be {done}), 1 changed by a person since (they stay, see results.csv)\n"
        "  1 × severity" in ended.err
    )
    assert "Nothing was changed. Add --apply to do it." in ended.err
    assert sandbox.issues() == before
    read = "GET /v1/triage/issues/{id}"
    assert (sandbox.requests() - requests)[read] == 1
    assert ended.outcomes() == {"planned": 11, "skipped": 1}
    assert verdicts() == {"untouched": 11, "touched": 1}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--close", "--delete"])
def test_every_edit_survives_and_is_named(program: Program, serve: Serve, how: str) -> None:
    """300 issues, of which a second client edited 30 in every way that there is."""
    sandbox = serve()
    write_issues(Path("export.csv"), 300)
    send(program, sandbox.url)
    with closing(Team(sandbox, 30)) as team:
        ended = undo(program, how, "--apply", "--yes", "--expect", "270")
        lines = team.check_undo(REPORT)
    assert (ended.code, ended.outcomes()) == (0, {"updated": 270, "skipped": 30})
    assert [line for line in lines if not line.is_good] == []
    left = statuses(sandbox).total() - 1  # one was made by hand
    assert left == (300 if how == "--close" else 30)


def test_closed_ones_count_as_imported(program: Program, serve: Serve) -> None:
    """The next import of the same file finds them unchanged, a second undo finds them closed; nothing reopens them."""
    sandbox = serve()
    write_issues(Path("export.csv"), 6)
    send(program, sandbox.url)
    assert undo(program, "--close", "--apply", "--yes").outcomes() == {"updated": 6}
    assert statuses(sandbox) == {"closed": 6}
    assert send(program, sandbox.url, "--on-change", "update", "--accept-mapping-change").outcomes() == {"unchanged": 6}
    again = undo(program, "--close", "--apply", "--yes")
    assert again.outcomes() == {"unchanged": 6}
    assert "created 6 issues: 6 closed already" in again.err
    assert verdicts() == {"closed-already": 6}

    write_csv(Path("export.csv"), [issue_row(number, title=f"Title {number}, new") for number in range(1, 7)])
    assert send(program, sandbox.url, "--on-change", "update").outcomes() == {"updated": 6}
    assert statuses(sandbox) == {"closed": 6}, "a row whose title changed says nothing of its status"
    assert undo(program, "--delete").outcomes() == {"planned": 6}, "and all of that was ours"


def test_deleted_ones_may_be_imported_again(program: Program, serve: Serve) -> None:
    """The same command makes them again, and only them."""
    sandbox = serve()
    write_issues(Path("export.csv"), 6)
    send(program, sandbox.url)
    edit(sandbox, 1, title="Ours now")
    assert delete(program, 5).outcomes() == {"updated": 5, "skipped": 1}
    assert [issue["title"] for issue in sandbox.issues()] == ["Ours now"]
    assert verdicts() == {"deleted": 5, "touched": 1}
    assert send(program, sandbox.url).outcomes() == {"created": 5, "unchanged": 1}
    assert len(sandbox.issues()) == 6


def test_only_what_the_run_created(program: Program, serve: Serve) -> None:
    """Is closed or deleted; what it updated is not, but gets its old values back; what it found there stays."""
    sandbox = serve()
    write_issues(Path("export.csv"), 4)
    send(program, sandbox.url)
    write_csv(Path("export.csv"), [issue_row(number, title=f"Title {number}, new") for number in range(3, 7)])
    ended = send(program, sandbox.url, "--on-change", "update")
    assert ended.outcomes() == {"created": 2, "updated": 2}
    second = program("undo", ended.summary["run_id"], "--delete", *FAST)
    assert second.outcomes() == {"planned": 4}
    assert "updated 2 issues: 2 will get all their old values back" in second.err
    assert "created 2 issues: 2 untouched (will be deleted)" in second.err
    assert delete(program, 4).outcomes() == {"updated": 4}, "the update was ours, too"
    assert {issue["title"] for issue in sandbox.issues()} == {"Title 5, new", "Title 6, new"}


def test_after_a_repair(program: Program, serve: Serve) -> None:
    """What we changed ourselves since is no person's edit, nor is the trace of it; one change more is."""
    sandbox = serve()
    write_issues(Path("export.csv"), 5)
    run = send(program, sandbox.url).summary["run_id"]
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    program("repair", run, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--yes", *FAST)
    edit(sandbox, 2, severity="low")
    edit(sandbox, 2, severity="critical")
    ended = delete(program, 4)
    assert ended.outcomes() == {"updated": 4, "skipped": 1}
    (left,) = (line for line in read_csv(REPORT / "results.csv") if line["verdict"] == "touched")
    assert (left["key"], left["fields"]) == ("jira:PROJ-2", "severity")


def test_looked_at_again_right_before(program: Program, serve: Serve) -> None:
    """An edit between the preview and the answer survives."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    run = send(program, sandbox.url).summary["run_id"]
    with program.on_terminal("undo", run, "--delete", "--apply", "--rate", "0") as terminal:
        terminal.read_until("Type their number to confirm")
        edit(sandbox, 2, category="Latency")
        terminal.type("3\n")
        ended = terminal.end()
    assert ended.code == ExitCode.DONE
    assert "3 issues: 2 deleted, 1 touched" in ended.err
    assert [issue["title"] for issue in sandbox.issues()] == ["Title 2"]


@pytest.mark.parametrize(
    ("how", "question", "answer"),
    [("--delete", "Type their number to confirm", "2"), ("--close", "Close 3 issues?", "n")],
)
def test_another_answer(program: Program, serve: Serve, how: str, question: str, answer: str) -> None:
    """Nothing is changed, and that is said."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    run = send(program, sandbox.url).summary["run_id"]
    with program.on_terminal("undo", run, how, "--apply", "--rate", "0") as terminal:
        terminal.read_until(question)
        terminal.type(f"{answer}\n")
        ended = terminal.end()
    assert ended.code == ExitCode.UNUSABLE
    assert "Nothing was changed: The " in ended.err
    assert statuses(sandbox) == {"todo": 3}


def test_another_number_than_expected(program: Program, serve: Serve) -> None:
    """A script that means 4 issues does nothing to 3."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    send(program, sandbox.url)
    ended = delete(program, 4)
    assert ended.code == ExitCode.UNUSABLE
    assert "Nothing was changed: --expect says 4 issues, but 3 would be affected." in ended.err
    assert statuses(sandbox) == {"todo": 3}


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ((), "No run 'last'"),
        (("--close", "--delete"), "--close and --delete can't be used together."),
        (("--delete", "--apply", "--yes"), "--delete --yes needs --expect N"),
        (("--close", "--apply"), "There is no terminal to ask for confirmation"),
        (("--close",), "No run 'last'"),
    ],
)
def test_commands_that_can_t_be_meant(program: Program, more: tuple[str, ...], says: str) -> None:
    """Said before anything is opened or asked."""
    ended = program("undo", "last", *more)
    assert ended.code == ExitCode.UNUSABLE
    assert says in ended.err


@pytest.mark.slow
@pytest.mark.parametrize("how", ["--close", "--delete"])
def test_writes_that_go_wrong(program: Program, serve: Serve, how: str) -> None:
    """However a write ends: each issue is closed or deleted, and the reports say so."""
    write_issues(Path("export.csv"), 60)
    sandbox = serve(faults=bad_weather(60))
    send(program, sandbox.url)
    command = (how, "--apply", "--yes", "--expect", "60")
    ended = undo(program, *command)
    for _ in range(9):
        if ended.code != ExitCode.UNKNOWN:
            break
        ended = undo(program, *command)
    assert (ended.code, ended.outcomes()) == (0, {"updated": 60}), ended.err
    assert statuses(sandbox) == ({"closed": 60} if how == "--close" else {})
    assert sandbox.statuses().keys() >= {429, 500}, "the faults had their turn"
    assert verdicts().total() == 60


@pytest.mark.slow
@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("how", ["--close", "--delete"])
def test_killed_on_the_way(program: Program, serve: Serve, how: str) -> None:
    """A write that was executed, and nobody there to hear of it: the same command goes on and reports all of it."""
    write_issues(Path("export.csv"), 12)
    sandbox = serve(faults=(parse_fault("hang-after=3600:write@req=17"),))
    run = send(program, sandbox.url).summary["run_id"]
    command = (how, "--apply", "--yes", "--expect", "12")
    process = program.start("undo", run, "--out", REPORT, *FAST, *command, "--concurrency", "1")
    wait_for(lambda: statuses(sandbox)["todo"] == 7 or process.poll() is not None)
    process.kill()
    ended = undo(program, *command)
    assert (ended.code, ended.outcomes()) == (0, {"updated": 12}), ended.err
    assert statuses(sandbox) == ({"closed": 12} if how == "--close" else {})
    assert verdicts() == {"closed" if how == "--close" else "deleted": 12}
    again = send(program, sandbox.url)
    assert again.outcomes() == ({"unchanged": 12} if how == "--close" else {"created": 12})


@pytest.mark.parametrize("way", ["undo", "repair"])
def test_rows_of_unknown_outcome(program: Program, serve: Serve, way: str) -> None:
    """They may have an issue, which stays: the preview and the end say so, and it isn't 0 until they are settled."""
    write_issues(Path("export.csv"), 5)
    sandbox = serve(faults=(parse_fault("hang-after=3600:create@req=3"),))
    process = program.start(
        "run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--concurrency", "1", *FAST
    )
    wait_for(lambda: len(sandbox.issues()) == 3 or process.poll() is not None)
    process.kill()
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    options = ("--close",) if way == "undo" else ("-m", "corrected.yaml", "--fields", "severity")
    command = (way, "last", *options, "--out", REPORT, *FAST)
    said = (
        "The outcome of 1 row of the run is unknown: an issue that Triage may have for such a row is left alone. "
        "The same import settles it; or do it by hand, with T-… or `absent`: triage-import settle jira:PROJ-3 ISSUE "
        f"--api-url {sandbox.url}\n"
    )
    preview = program(*command)
    assert (preview.code, preview.outcomes()) == (ExitCode.UNKNOWN, {"planned": 2, "unknown": 1}), preview.err
    assert said in preview.err
    ended = program(*command, "--apply", "--yes")
    assert (ended.code, ended.outcomes()) == (ExitCode.UNKNOWN, {"updated": 2, "unknown": 1}), ended.err
    assert said in ended.err
    assert verdicts() == {"closed" if way == "undo" else "patched": 2, "unsettled": 1}

    number = next(issue["triage_id"] for issue in sandbox.issues() if issue["title"] == "Title 3")
    assert program("settle", "jira:PROJ-3", number, "--api-url", sandbox.url, "--rate", "0").code == ExitCode.DONE
    again = program(*command, "--apply", "--yes")
    assert (again.code, again.outcomes()) == (
        ExitCode.DONE,
        {"updated": 1} if way == "repair" else {"updated": 1, "unchanged": 2},
    )
    if way == "undo":
        assert statuses(sandbox) == {"closed": 3}


@pytest.mark.usefixtures("short_waits")
def test_an_interrupted_undo_continues(program: Program, serve: Serve) -> None:
    """Exit 130 with a report that accounts for all; the same command goes on under the same name."""
    sandbox = serve()
    write_issues(Path("export.csv"), 40)
    with turnstile(sandbox.url, 40 + 9) as door:  # the ninth of eight at a time leaves when one has ended
        run = send(program, door.url).summary["run_id"]
        command = ("undo", run, "--delete", "--apply", "--yes", "--expect", "40", "--out", REPORT, *FAST)
        first = door.interrupt(program.start(*command))
        left = len(sandbox.issues())
        second = program(*command)
    assert first.code == ExitCode.INTERRUPTED, first.err
    assert first.summary["stopped_because"] == "It was interrupted, by Ctrl-C or by a signal."
    assert "Stopped: It was interrupted, by Ctrl-C or by a signal." in first.err
    assert first.outcomes().keys() - {"unknown"} == {"updated", "planned"}, "unknown is what was not read once more"
    assert first.summary["planned"] == left
    assert (second.code, second.outcomes()) == (0, {"updated": 40})
    assert f"created 40 issues: {first.summary['updated']} deleted by an earlier attempt, " in second.err
    assert second.summary["run_id"] == first.summary["run_id"]
    assert sandbox.issues() == []


@pytest.mark.usefixtures("short_waits")
def test_an_issue_that_a_person_deleted(program: Program, serve: Serve) -> None:
    """That was somebody's will: it is named, and its key stays known."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    send(program, sandbox.url)
    assert httpx.delete(find_address(sandbox, 2), headers={"Authorization": "person"}).is_success
    ended = delete(program, 2)
    assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"updated": 2, "skipped": 1}), ended.err
    assert verdicts() == {"deleted": 2, "perhaps-gone": 1}
    assert (delete(program, 0).code, verdicts()) == (ExitCode.DONE, {"gone-at-target": 1})
    assert send(program, sandbox.url, *SOON).outcomes() == {"created": 2, "skipped": 1}


def test_an_undo_of_an_undo(program: Program, serve: Serve) -> None:
    """There is none: the command that brings back what an undo has closed is named, and does it."""
    write_issues(Path("export.csv"), 2)
    sandbox, ledger = serve(), ("--ledger", "of its own.db")
    run = send(program, sandbox.url, *ledger).summary["run_id"]
    assert undo(program, "--close", "--apply", "--yes", *ledger).code == 0
    name = next(each["name"] for each in program.runs(*ledger) if each["kind"] == "undo")
    ended = program("undo", name, "--close", *ledger)
    assert ended.code == ExitCode.UNUSABLE
    assert f"{name} is no import but the undo of {run}: there is no undo of an undo." in ended.err
    assert f"{name} is no import but the undo of {run}." in program("verify", name, *ledger).err
    (command,) = re.findall(r"opens again: triage-import (.*)", ended.err)
    assert program(*shlex.split(command), "--apply", "--yes", *FAST).code == 0
    assert statuses(sandbox) == {"todo": 2}


def test_what_the_import_added_is_no_person_s(program: Program, serve: Serve) -> None:
    """Comments, evidence, flags, relations at both of their ends and numbers in texts are ours: all may be closed."""
    nights = Nights(program, serve())
    run = nights.run(WHOLE).summary["run_id"]
    assert program("undo", run, "--delete", *FAST).outcomes() == {"planned": 3}
    ended = program("undo", run, "--close", "--apply", "--yes", "--out", str(REPORT), *FAST)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 3}), ended.err
    assert nights.run().outcomes() == {"unchanged": 3}


@pytest.mark.parametrize("key", ["D-1", "D-2"])
def test_a_number_that_a_person_put_in(program: Program, serve: Serve, key: str) -> None:
    """Only those are ours that we put in; beside them, and where there are none, a person's number is an edit."""
    nights = Nights(program, serve())
    run = nights.run(WHOLE).summary["run_id"]
    first, _, rest = nights.issue(key)["description"].partition("\n")
    nights.edit(key, description=f"{first} (T-4711)\n{rest}")
    verified = program("verify", run, *FAST)
    assert verified.summary["fields"] == {"description": 1}
    ended = program("undo", run, "--delete", "--apply", "--yes", "--expect", "2", "--out", str(REPORT), *FAST)
    assert ended.outcomes() == {"updated": 2, "skipped": 1}, ended.err
    assert [issue["title"] for issue in nights.sandbox.issues()] == [key]


TOUCHES: Mapping[str, Callable[[Nights], None]] = {
    "comment": lambda nights: nights.post("D-2", "comments", detail="I know more."),
    "resources": lambda nights: nights.post("D-2", "resources", resource_type="call", resource_id="c-9"),
    "flags": lambda nights: nights.post("D-2", "flags", call_id="c-2", type="rude", note="It was."),
    "relations": lambda nights: nights.post(
        "D-2", "relations", related_issue_id=nights.issue("D-3")["id"], relation_type="related_to"
    ),
    "description": lambda nights: nights.edit("D-2", description="Theirs"),
}


@pytest.mark.parametrize("trace", TOUCHES)
@pytest.mark.parametrize("how", ["--close", "--delete"])
def test_what_a_person_added_beside_it(program: Program, serve: Serve, trace: str, how: str) -> None:
    """One thing of a person's among ours keeps the issue, and is named; of a relation, that of either end."""
    nights = Nights(program, serve())
    run = nights.run(WHOLE).summary["run_id"]
    TOUCHES[trace](nights)
    kept = 2 if trace == "relations" else 1
    ended = program("undo", run, how, "--apply", "--yes", "--expect", str(3 - kept), "--out", str(REPORT), *FAST)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 3 - kept, "skipped": kept}), ended.err
    touched = {line["key"]: line["fields"] for line in read_csv(REPORT / "results.csv") if line["verdict"] == "touched"}
    assert touched == dict.fromkeys(("demo:D-2", "demo:D-3")[:kept], trace)
