"""What `repair` and `undo` promise alike, whether they correct fields, close or delete issues, or give values back."""

from __future__ import annotations

import json
import re
import shlex
import signal
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from importer.errors import ExitCode
from importer.ledger.opening import open_ledger
from tests.benchmarks.memory import WANTED_RUN_MB, measure_run
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED, Team, edit, find_address, find_issue
from tests.harness.disks import may_mount, mounted
from tests.harness.doors import turnstile
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import Ended, Program, read_csv, wait_for, write_issues
from tests.harness.weather import bad_weather

__all__ = ["may_mount"]

PAGE_BYTES = 12_288
"""Room for results.csv and not for report.html."""
MOST_GROWTH_MB = 16
"""Of 8,000 issues: less than two of the three kilobytes that the ledger has of each."""
APPLY = ("--apply", "--yes")
FAST = ("--rate", "0", "--json")
REPORT = Path("taken-back")
REPAIR_ADVISED = "If only a field is wrong, `repair` corrects it and keeps the issues' numbers and discussions."
SPOILED = CORRECTED.replace("critical", "low")


class Way(NamedTuple):
    """A way to take back what a run did, as it is typed: what becomes of its issues, and of one that was edited.

    wanted   field and value of an issue that is dealt with; None where it is gone then
    again    outcomes of the same command, once it is finished
    import_  mapping and outcomes of an import after it
    says     of twelve issues of which a person has edited the severity of one
    asks     on a terminal, with an answer that isn't yes
    """

    words: tuple[str, ...]
    done: str
    edited: str
    wanted: tuple[str, str] | None
    again: dict[str, int]
    import_: tuple[str, dict[str, int]]
    says: str
    asks: tuple[str, str]


REPAIR = Way(
    ("repair", "-m", "corrected.yaml", "--fields", "severity"),
    "patched",
    "conflict",
    ("severity", "critical"),
    {"skipped": 1},
    ("corrected.yaml", {"unchanged": 11, "changed": 1}),
    "severity: high → critical   12 issues\n12 differ: 11 untouched will be patched, "
    "1 changed by a person: left alone, see conflicts.csv",
    ("Patch 2 issues?", ""),
)
CLOSE = Way(
    ("undo", "--close"),
    "closed",
    "touched",
    ("status", "closed"),
    {"unchanged": 11, "skipped": 1},
    ("jira", {"unchanged": 12}),
    "created 12 issues: 11 untouched (will be closed), 1 changed by a person since (they stay, see results.csv)\n"
    "  1 × severity",
    ("Close 2 issues?", "n"),
)
DELETE = CLOSE._replace(
    words=("undo", "--delete"),
    done="deleted",
    wanted=None,
    again={"skipped": 1},
    import_=("jira", {"created": 11, "unchanged": 1}),
    says=CLOSE.says.replace("closed", "deleted"),
    asks=("Type their number to confirm", "3"),
)
GIVE_BACK = Way(
    ("undo",),
    "given-back",
    "conflict",
    ("severity", "high"),
    {"skipped": 1},
    ("jira", {"unchanged": 11, "changed": 1}),
    "updated 12 issues: 11 will get all their old values back, 1 changed by a person since: left alone",
    ("Restore the old values of 2 issues?", "n"),
)
WAYS = pytest.mark.parametrize("way", [REPAIR, CLOSE, DELETE, GIVE_BACK], ids=lambda way: way.done)


class Work:
    """A run whose issues are to be taken back in one way; where that gives values back, the run has updated them."""

    def __init__(self, program: Program, sandbox: RunningSandbox, way: Way, count: int, url: str = "") -> None:
        self.program, self.sandbox, self.way, self.count = program, sandbox, way, count
        self.url = url or sandbox.url
        Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
        Path("spoiled.yaml").write_text(SPOILED, encoding="utf-8")
        write_issues(Path("export.csv"), count)
        assert self.send().code == ExitCode.DONE
        if way is GIVE_BACK:
            update = ("--source-name", "jira", "--on-change", "update", "--accept-mapping-change")
            assert self.send("spoiled.yaml", *update).outcomes() == {"updated": count}
        self.run = next(each["name"] for each in program.runs())

    def send(self, mapping: str = "jira", *more: str) -> Ended:
        return self.program("run", "export.csv", "-m", mapping, "--api-url", self.url, "--yes", *FAST, *more)

    def command(self, *more: str | Path) -> tuple[str | Path, ...]:
        word, *options = self.way.words
        return (word, self.run, *options, "--out", REPORT, *FAST, *more)

    def apply(self, count: int, *more: str) -> Ended:
        return self.program(*self.command(*self.earnest(count), *more))

    def earnest(self, count: int) -> tuple[str, ...]:
        """Give the options that do it to so many issues."""
        return (*APPLY, "--expect", str(count)) if self.way is DELETE else APPLY

    def count_done(self) -> int:
        """Count the issues that are dealt with."""
        issues = self.sandbox.issues()
        if self.way.wanted is None:
            return self.count - len(issues)
        name, value = self.way.wanted
        return sum(issue[name] == value for issue in issues)


def verdicts() -> Counter[str]:
    """Verdict → issues, of the report."""
    return Counter(line["verdict"] for line in read_csv(REPORT / "results.csv"))


@WAYS
def test_first_shown_then_done_once(program: Program, serve: Serve, way: Way) -> None:
    """A preview changes nothing and reads by itself only what it has to; what a person edited stays, and is named."""
    sandbox = serve()
    work = Work(program, sandbox, way, 12)
    edit(sandbox, 1, severity="medium")
    before, edited, requests = sandbox.issues(), find_issue(sandbox, 1), sandbox.requests()
    ended = program(*work.command())
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"planned": 11, "skipped": 1}), ended.err
    assert way.says in ended.err
    assert (REPAIR_ADVISED in ended.err) == (way.edited == "touched")
    assert "Nothing was changed. Add --apply to do it." in ended.err
    untouched = "restorable" if way is GIVE_BACK else "untouched"
    assert verdicts() == {untouched: 11, way.edited: 1}
    asked = sandbox.requests() - requests
    assert asked["GET /v1/triage/issues/{id}"] == (way.edited == "touched")
    assert sandbox.issues() == before

    requests = sandbox.requests()
    ended = work.apply(11)
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 11, "skipped": 1}), ended.err
    assert (work.count_done(), find_issue(sandbox, 1)) == (11, edited)
    assert verdicts() == {way.done: 11, way.edited: 1}
    writes = {name: number for name, number in (sandbox.requests() - requests).items() if not name.startswith("GET")}
    assert list(writes.values()) == [11]
    if way.edited == "conflict":
        was = "high" if way is REPAIR else "low"
        (conflict,) = read_csv(REPORT / "conflicts.csv")
        named = ["jira:PROJ-1", edited["triage_id"], "severity", was, "medium", str(way.wanted and way.wanted[1])]
        assert list(conflict.values()) == named

    ended = work.apply(0)
    assert (ended.code, ended.outcomes(), work.count_done()) == (ExitCode.DONE, way.again, 11), ended.err
    mapping, outcomes = way.import_
    assert work.send(mapping, "--source-name", "jira").outcomes() == outcomes


@pytest.mark.slow
@pytest.mark.parametrize("way", [REPAIR, CLOSE, DELETE], ids=lambda way: way.done)
def test_every_edit_survives_and_is_named(program: Program, serve: Serve, way: Way) -> None:
    """300 issues, of which a second client edited 30 in every way that there is."""
    sandbox = serve()
    work = Work(program, sandbox, way, 300)
    with closing(Team(sandbox, 30)) as team:
        ended = work.apply(270)
        lines = (team.check_repair if way is REPAIR else team.check_undo)(REPORT)
    wanted = {"updated": 296, "unchanged": 2, "skipped": 2} if way is REPAIR else {"updated": 270, "skipped": 30}
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, wanted)
    assert [line for line in lines if not line.is_good] == []
    assert sum(line.issues for line in lines) == 30
    assert len(sandbox.issues()) == 1 + (30 if way is DELETE else 300), "one was made by hand"


@pytest.mark.slow
@WAYS
def test_writes_that_go_wrong(program: Program, serve: Serve, way: Way) -> None:
    """However a write ends, each is done once, or left for the same command; none is taken for a person's edit."""
    count = 30 if way is GIVE_BACK else 60
    work = Work(program, serve(faults=bad_weather(60)), way, count)
    ended = work.apply(count)
    for _ in range(9):
        if ended.code != ExitCode.UNKNOWN:
            break
        ended = work.apply(count)
    assert (ended.code, ended.outcomes(), work.count_done()) == (ExitCode.DONE, {"updated": count}, count), ended.err
    assert work.sandbox.statuses().keys() >= {429, 500}, "the faults had their turn"
    assert verdicts() == {way.done: count}
    assert not (REPORT / "conflicts.csv").exists()


@pytest.mark.slow
@pytest.mark.usefixtures("short_waits")
@WAYS
def test_killed_on_the_way(program: Program, serve: Serve, way: Way) -> None:
    """A write that was executed, and nobody there to hear of it: the same command goes on, and takes it for its own.

    So does a repair with another mapping than that of the killed attempt.
    """
    first = 29 if way is GIVE_BACK else 17
    work = Work(program, serve(faults=(parse_fault(f"hang-after=3600:write@req={first}"),)), way, 12)
    process = program.start(*work.command(*work.earnest(12), "--concurrency", "1"))
    wait_for(lambda: work.count_done() == 5 or process.poll() is not None)
    process.kill()
    if way is REPAIR:
        Path("corrected.yaml").write_text(SPOILED, encoding="utf-8")
        work.way = way._replace(wanted=("severity", "low"))
    ended = work.apply(12)
    assert (ended.code, ended.outcomes(), work.count_done()) == (ExitCode.DONE, {"updated": 12}, 12), ended.err
    assert verdicts() == {way.done: 12}
    if way in (CLOSE, DELETE):
        assert work.send().outcomes() == ({"unchanged": 12} if way is CLOSE else {"created": 12})


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize(
    ("way", "number"),
    [(REPAIR, signal.SIGTERM), (CLOSE, signal.SIGINT), (DELETE, signal.SIGINT), (GIVE_BACK, signal.SIGINT)],
    ids=lambda given: given.done if isinstance(given, Way) else given.name,
)
def test_interrupted(program: Program, serve: Serve, way: Way, number: signal.Signals) -> None:
    """Exit 130 with a report that accounts for all; the same command goes on under the same name."""
    sandbox = serve()
    writes = 40 * (2 if way is GIVE_BACK else 1) + 9  # the ninth of eight at a time leaves when one has ended
    with turnstile(sandbox.url, writes) as door:
        work = Work(program, sandbox, way, 40, door.url)
        first = door.interrupt(program.start(*work.command(*work.earnest(40))), number)
        done, listed = work.count_done(), verdicts()
        second = work.apply(40)
    assert first.code == ExitCode.INTERRUPTED, first.err
    assert first.summary["stopped_because"] == "It was interrupted, by Ctrl-C or by a signal."
    assert "Stopped: It was interrupted, by Ctrl-C or by a signal." in first.err
    assert first.outcomes().keys() - {"unknown"} == {"updated", "planned"}, "unknown is what was not read once more"
    assert (first.summary["planned"], listed["planned"]) == (40 - done, 40 - done)
    assert listed[way.done] == first.summary["updated"]
    assert "the same command continues." in first.err
    assert (second.code, second.outcomes(), work.count_done()) == (ExitCode.DONE, {"updated": 40}, 40)
    assert second.summary["run_id"] == first.summary["run_id"]
    if way is DELETE:
        assert f"created 40 issues: {first.summary['updated']} deleted by an earlier attempt, " in second.err


@pytest.mark.usefixtures("short_waits")
@WAYS
def test_an_issue_that_a_person_deleted(program: Program, serve: Serve, way: Way) -> None:
    """That was somebody's will: it is named, not made again, and decided by a second command; its key stays known."""
    work = Work(program, serve(), way, 3)
    assert httpx.delete(find_address(work.sandbox, 2), headers={"Authorization": "person"}).is_success
    assert "1 deleted in Triage" in program(*work.command()).err
    ended = work.apply(2)
    assert (ended.code, ended.outcomes()) == (ExitCode.PARTLY, {"updated": 2, "skipped": 1}), ended.err
    assert verdicts() == {way.done: 2, "perhaps-gone": 1}
    assert "the same command looks once more" in ended.err
    ended = work.apply(0)
    assert (ended.code, verdicts()["gone-at-target"]) == (ExitCode.DONE, 1), ended.err
    assert "the same command looks once more" not in ended.err
    assert work.send("jira", "--settle-seconds", "0.05").summary["skipped"] == 1


@pytest.mark.parametrize("way", [CLOSE, REPAIR], ids=lambda way: way.done)
def test_rows_of_unknown_outcome(program: Program, serve: Serve, way: Way) -> None:
    """They may have an issue, which stays: the preview and the end say so, and it isn't 0 until they are settled."""
    write_issues(Path("export.csv"), 5)
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    sandbox = serve(faults=(parse_fault("hang-after=3600:create@req=3"),))
    process = program.start(
        "run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--concurrency", "1", *FAST
    )
    wait_for(lambda: len(sandbox.issues()) == 3 or process.poll() is not None)
    process.kill()
    word, *options = way.words
    command = (word, "last", *options, "--out", str(REPORT), *FAST)
    said = (
        "The outcome of 1 row of the run is unknown: an issue that Triage may have for such a row is left alone. "
        "The same import settles it; or do it by hand, with T-… or `absent`: triage-import settle jira:PROJ-3 ISSUE "
        f"--api-url {sandbox.url}\n"
    )
    for more, became in (((), "planned"), (APPLY, "updated")):
        ended = program(*command, *more)
        assert (ended.code, ended.outcomes()) == (ExitCode.UNKNOWN, {became: 2, "unknown": 1}), ended.err
        assert said in ended.err
    assert verdicts() == {way.done: 2, "unsettled": 1}
    number = find_issue(sandbox, 3)["triage_id"]
    assert program("settle", "jira:PROJ-3", number, "--api-url", sandbox.url, "--rate", "0").code == ExitCode.DONE
    again = program(*command, *APPLY)
    assert (again.code, again.summary["updated"], again.summary["unknown"]) == (ExitCode.DONE, 1, 0)


@WAYS
def test_asked_on_a_terminal(program: Program, serve: Serve, way: Way) -> None:
    """With any answer but yes nothing is changed, and that is said; without a terminal it isn't even looked at."""
    work = Work(program, serve(), way, 2)
    before = work.sandbox.issues()
    ended = program(*work.command("--apply"))
    assert (ended.code, "--apply --yes changes without asking" in ended.err) == (ExitCode.UNUSABLE, True)
    question, answer = way.asks
    with program.on_terminal(*work.command("--apply")) as terminal:
        terminal.read_until(question)
        terminal.type(f"{answer}\n")
        ended = terminal.end()
    assert (ended.code, "Nothing was changed: The " in ended.err) == (ExitCode.UNUSABLE, True), ended.err
    assert work.sandbox.issues() == before


@pytest.mark.parametrize("way", [REPAIR, CLOSE], ids=lambda way: way.done)
def test_a_key_that_is_refused_and_a_ledger_in_use(program: Program, serve: Serve, way: Way) -> None:
    """Exit 7 or 5, and nothing is changed; a preview neither waits for the ledger nor minds."""
    work = Work(program, serve(api_key="canary-3f9c1d77"), way, 3)
    Path("wrong").write_text("another-key", encoding="utf-8")
    ended = work.apply(3, "--api-key-file", "wrong")
    assert (ended.code, "Triage refuses the API key" in ended.err) == (ExitCode.DECIDE, True)
    with open_ledger(program.ledger):
        assert work.apply(3).code == ExitCode.LEDGER_IN_USE
        assert program(*work.command()).code == ExitCode.DONE
    assert work.count_done() == 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("repair", "last", "-m", "jira", "--fields", "title"), "there is no field title that can be repaired"),
        (("repair", "last", "-m", "jira", "--fields", "severity"), "No run 'last'"),
        (("undo", "last"), "No run 'last'"),
        (("undo", "last", "--close", "--delete"), "--close and --delete can't be used together."),
        (("undo", "last", "--delete", *APPLY), "--delete --yes needs --expect N"),
    ],
)
def test_commands_that_can_t_be_meant(program: Program, words: tuple[str, ...], says: str) -> None:
    """Said before anything is opened or asked."""
    ended = program(*words)
    assert (ended.code, says in ended.err) == (ExitCode.UNUSABLE, True), ended.err


@pytest.mark.parametrize("way", [REPAIR, CLOSE], ids=lambda way: way.done)
def test_it_is_no_import(program: Program, serve: Serve, way: Way) -> None:
    """Its name leads to the import that it worked on; the command that opens again what an undo has closed does it."""
    work = Work(program, serve(), way, 2)
    name = work.apply(2).summary["run_id"]
    said = f"{name} is no import but the {way.words[0]} of {work.run}"
    for command in ((way.words[0], name, *way.words[1:]), ("verify", name)):
        ended = program(*command)
        assert (ended.code, said in ended.err) == (ExitCode.UNUSABLE, True), ended.err
    if way is CLOSE:
        ended = program("undo", name, "--close")
        assert f"{said}: there is no undo of an undo." in ended.err
        (command,) = re.findall(r"opens again: triage-import (.*)", ended.err)
        assert program(*shlex.split(command), *APPLY, *FAST).code == ExitCode.DONE
        assert {issue["status"] for issue in work.sandbox.issues()} == {"todo"}


@pytest.mark.usefixtures("may_mount")
def test_a_disk_that_takes_the_results_and_not_the_page(program: Program, serve: Serve, tmp_path: Path) -> None:
    """It ends with exit code 3 and says so, before anything is changed and after; the same command finishes it."""
    work = Work(program, serve(), REPAIR, 3)
    with mounted(tmp_path / "disk") as disk:
        out = disk.folder / "repaired"
        disk.fill(PAGE_BYTES)
        for more in ((), APPLY):
            ended = program(*work.command("--out", out, *more))
            assert ended.code == ExitCode.STOPPED
            assert f"{out / 'report.html'} can't be written: No space left on device." in ended.err
        assert ("3 patched" in ended.err, work.count_done()) == (True, 3)
        disk.make_room()
        again = program(*work.command("--out", out, *APPLY))
        assert (again.code, again.summary["updated"]) == (ExitCode.DONE, 3)
        assert json.loads((out / "summary.json").read_text())["exit_code"] == ExitCode.DONE


@WAYS
def test_typed_again_once_it_is_finished(program: Program, serve: Serve, way: Way) -> None:
    """It says that nothing is left, and keeps the report of what it did; so does a preview. A results.csv is left."""
    work = Work(program, serve(), way, 3)
    word, *options = way.words
    command = (word, work.run, *options, "--rate", "0")
    assert program(*command, *work.earnest(3)).code == ExitCode.DONE
    (folder,) = Path().glob(f"triage-import-*-{word}")
    reports = {file: file.read_bytes() for file in folder.iterdir()}
    for more in ((), work.earnest(0)):
        ended = program(*command, *more)
        assert ended.code == ExitCode.DONE
        assert "There is nothing left to change." in ended.err
        assert f"Report: {folder}-2/report.html" in ended.err
        assert len(read_csv(Path(f"{folder}-2/results.csv"))) == (3 if way is CLOSE else 0)
    assert {file: file.read_bytes() for file in folder.iterdir()} == reports
    assert [each["kind"] for each in program.runs()].count(word) == 1
    if way is DELETE:
        ended = program(*command, *work.earnest(3))
        assert ended.code == ExitCode.UNUSABLE
        assert "Nothing was changed: --expect says 3 issues, but 0 would be affected." in ended.err


@pytest.mark.parametrize("way", [REPAIR, CLOSE], ids=lambda way: way.done)
def test_a_run_that_did_nothing(program: Program, serve: Serve, way: Way) -> None:
    """That is said, with the same command for the last run that did something."""
    work = Work(program, serve(), way, 3)
    work.send()
    ended = program(way.words[0], "last", *way.words[1:], "--rate", "0")
    assert ended.code == ExitCode.DONE
    proposed = ended.err.splitlines()[0].partition(" created and changed nothing. The last run that did something: ")[2]
    assert proposed.startswith(f"triage-import {way.words[0]} {work.run} {way.words[1]} ")
    assert program(*proposed.split()[1:]).code == ExitCode.DONE


def test_a_run_whose_issues_an_undo_has_deleted(program: Program, serve: Serve) -> None:
    """Each command says which undo that was, and names an earlier run, not this one, as the last with issues left."""
    earlier = Work(program, serve(), CLOSE, 1)
    Path("export.csv").unlink()
    work = Work(program, earlier.sandbox, DELETE, 3)
    deleted = work.apply(2)
    assert deleted.code == ExitCode.DONE, deleted.err
    said = f"The issues that {work.run} created or changed were deleted by {program.runs()[0]['name']}"
    for command, *options in (("verify",), ("undo",), ("undo", "--delete"), ("undo", "--close")):
        ended = program(command, "last", *options, "--rate", "0")
        assert ended.code == ExitCode.DONE, ended.err
        assert f"{said}{', so there is nothing to read back' * (command == 'verify')}." in ended.err
        assert f"The last run that did something: triage-import {command} {earlier.run} " in ended.err
        assert "created 0 issues" not in ended.err


@pytest.mark.slow(seconds=60)
@pytest.mark.usefixtures("program")
def test_commands_on_a_long_run(tmp_path: Path) -> None:
    """They take no more memory than those on a short one."""
    few, many = (measure_run(tmp_path, rows) for rows in (1_000, 6_000))
    for command in ("verify", "undo", "repair"):
        assert many[command] <= WANTED_RUN_MB
        assert many[command] - few[command] <= MOST_GROWTH_MB
