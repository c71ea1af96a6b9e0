"""What a run has updated gets its old values back, but for fields that a person or a later run changed since."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.harness.following import WHOLE, Nights
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import Ended, Program, issue_row, read_csv, wait_for, write_csv

GOOD = "extends: jira\n"
BAD = """extends: jira
title: {template: "[{Issue key}] {Summary}"}
description: {template: "Moved.\\n\\n{Description}"}
severity: {values: {High: low}}
category: {value: Latency}
"""
"""A mapping that changes four fields of every issue."""
FIELDS = ("title", "description", "severity", "status", "category")
UPDATE = ("--on-change", "update", "--accept-mapping-change")
REPORT = Path("undone")
LONG = "It began on a Monday. " * 100


class Team:
    """One source, imported with a good mapping and then updated with a bad one; and people who edit issues."""

    def __init__(self, program: Program, sandbox: RunningSandbox, count: int) -> None:
        self.program, self.sandbox, self.count = program, sandbox, count
        Path("good.yaml").write_text(GOOD, encoding="utf-8")
        Path("bad.yaml").write_text(BAD, encoding="utf-8")
        self.write()
        self.first = self.run("good.yaml", "--concurrency", "1")  # numbers in the order of rows
        self.before = self.values()

    def write(self, title: str = "Title 1") -> None:
        """Write the source; the title is that of its first row."""
        rows = [issue_row(number, title=title if number == 1 else None) for number in range(1, self.count + 1)]
        write_csv(Path("export.csv"), [(*row[:-1], f"{LONG}{row[-1]}") for row in rows])

    def run(self, mapping: str, *more: str) -> Ended:
        """Import the source."""
        return self.program(*self.command(mapping), *more)

    def command(self, mapping: str) -> tuple[str, ...]:
        target = ("--source-name", "jira", "--api-url", self.sandbox.url, "--no-canary")
        return ("run", "export.csv", "-m", mapping, *target, "--yes", "--rate", "0", "--json")

    def spoil(self, mapping: str = "bad.yaml") -> str:
        """Update every issue with the bad mapping; give the run's name."""
        ended = self.run(mapping, *UPDATE)
        assert (ended.code, ended.outcomes()) == (0, {"updated": self.count}), ended.err
        return str(ended.summary["run_id"])

    def values(self) -> dict[str, dict[str, Any]]:
        """Give issue number → its fields."""
        return {issue["triage_id"]: {name: issue[name] for name in FIELDS} for issue in self.sandbox.issues()}

    def count_restored(self) -> int:
        """Count the issues that are as before the update."""
        return sum(values == self.before[number] for number, values in self.values().items())

    def number(self, place: int) -> str:
        return sorted(self.before)[place]

    def edit(self, place: int, **fields: str) -> None:
        """Edit an issue, as a person does."""
        (issue,) = (each for each in self.sandbox.issues() if each["triage_id"] == self.number(place))
        url = f"{self.sandbox.url}/v1/triage/issues/{issue['id']}"
        assert httpx.patch(url, json=fields, headers={"Authorization": "person"}).is_success

    def undo(self, run: str, *more: str) -> Ended:
        return self.program("undo", run, "--out", REPORT, "--rate", "0", "--json", *more)

    def undo_it(self, run: str, *more: str) -> Ended:
        return self.undo(run, "--apply", "--yes", *more)


def verdicts() -> Counter[str]:
    """Verdict → issues, of the report."""
    return Counter(line["verdict"] for line in read_csv(REPORT / "results.csv"))


def test_a_bad_mapping_is_taken_back(program: Program, serve: Serve) -> None:
    """Of 30 issues 25 are as they were, and of the 5 that people edited since, the edited field stays and is named."""
    team = Team(program, serve(), 30)
    run = team.spoil()
    edits = [{"title": "Theirs"}, {"description": "Theirs"}, {"severity": "critical"}, {"category": "Mine"}]
    edits.append({"title": "Theirs", "severity": "critical"})
    for place, fields in enumerate(edits):
        team.edit(place, **fields)
    team.edit(9, status="done")  # which the run hasn't written
    spoiled, writes = team.values(), team.sandbox.requests()["PATCH /v1/triage/issues/{id}"]

    preview = team.undo(run)
    assert preview.code == ExitCode.DONE
    assert f"{run} updated 30 issues: 25 will get all their old values back, 5 some of them" in preview.err
    assert "Add --apply to do it." in preview.err
    assert (preview.outcomes(), team.values()) == ({"planned": 30}, spoiled)
    assert verdicts() == {"restorable": 25, "edited-elsewhere": 5}

    ended = team.undo_it(run, "--expect", "30")
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 30}), ended.err
    wanted = {number: dict(values) for number, values in team.before.items()}
    for place, fields in enumerate(edits):
        wanted[team.number(place)] |= fields
    wanted[team.number(9)]["status"] = "done"
    assert team.values() == wanted
    assert verdicts() == {"given-back": 30}
    assert team.sandbox.requests()["PATCH /v1/triage/issues/{id}"] - writes == 30
    conflicts = read_csv(REPORT / "conflicts.csv")
    named = [(line["triage_id"], line["field"], line["theirs"]) for line in conflicts]
    wanted_names = [(team.number(place), *each) for place, fields in enumerate(edits) for each in fields.items()]
    assert sorted(named) == sorted(wanted_names)

    again = team.undo_it(run)
    assert (again.code, again.outcomes(), team.values()) == (ExitCode.DONE, {"skipped": 5}, wanted)


def test_the_next_imports(program: Program, serve: Serve) -> None:
    """The old mapping finds all as it left it; the bad one is asked for by name again, and may be undone again."""
    team = Team(program, serve(), 4)
    assert team.undo_it(team.spoil()).outcomes() == {"updated": 4}
    assert team.run("good.yaml", *UPDATE).outcomes() == {"unchanged": 4}
    ended = team.run("bad.yaml", "--on-change", "update")
    assert (ended.outcomes(), ended.summary["findings"]) == ({"changed": 4}, {"mapping-changed": 4})
    assert team.values() == team.before
    assert team.undo_it(team.spoil()).outcomes() == {"updated": 4}
    assert team.values() == team.before


def test_a_row_that_changed_is_written_again(program: Program, serve: Serve) -> None:
    """After the undo the source still says the same: `report` says so, `update` writes it once more."""
    team = Team(program, serve(), 2)
    team.write(title="New")
    run = str(team.run("good.yaml", "--on-change", "update").summary["run_id"])
    assert team.undo_it(run).outcomes() == {"updated": 1}
    assert team.values() == team.before
    assert team.run("good.yaml").outcomes() == {"changed": 1, "unchanged": 1}
    assert team.run("good.yaml", "--on-change", "update").outcomes() == {"updated": 1, "unchanged": 1}
    assert team.values()[team.number(0)]["title"] == "New"


def test_the_later_run_first(program: Program, serve: Serve) -> None:
    """What a later run wrote stays and is named with its undo; in order, all of it goes back."""
    team = Team(program, serve(), 3)
    first = team.spoil()
    Path("worse.yaml").write_text(BAD.replace("Moved.", "Gone.").replace("{Issue key}", "?"), encoding="utf-8")
    between = team.values()
    second = team.spoil("worse.yaml")
    ended = team.undo(first)
    assert "3 some of them" in ended.err
    assert verdicts() == {"edited-elsewhere": 3}
    (message,) = {line["message"] for line in read_csv(REPORT / "results.csv")}
    assert message.endswith(f"changed by a later run; first: triage-import undo {second}")
    assert team.undo_it(second).outcomes() == {"updated": 3}
    assert team.values() == between
    assert team.undo_it(first).outcomes() == {"updated": 3}
    assert team.values() == team.before


def test_the_same_value_of_a_later_run(program: Program, serve: Serve) -> None:
    """It is that run's, though this one wrote it first."""
    team = Team(program, serve(), 2)
    first = team.spoil()
    team.spoil("good.yaml")
    third = team.spoil()
    spoiled = team.values()
    ended = team.undo_it(first)
    assert (ended.outcomes(), team.values()) == ({"skipped": 2}, spoiled)
    assert "2 changed by a later run: left alone, see results.csv" in ended.err
    assert f"  2 were changed by a later run as well; first: triage-import undo {third}\n" in ended.err
    lines = read_csv(REPORT / "results.csv")
    assert {line["verdict"] for line in lines} == {"changed-later"}
    assert all(line["message"].endswith(f"first: triage-import undo {third}") for line in lines)


def test_a_repair_of_the_run_goes_with_it(program: Program, serve: Serve) -> None:
    """What corrected the run's values is no later run's, and no person's."""
    team = Team(program, serve(), 3)
    run = team.spoil()
    Path("mended.yaml").write_text(BAD.replace("High: low", "High: critical"), encoding="utf-8")
    repaired = program(
        "repair", run, "-m", "mended.yaml", "--fields", "severity", "--apply", "--yes", "--rate", "0", "--json"
    )
    assert repaired.outcomes() == {"updated": 3}, repaired.err
    assert team.undo_it(run).outcomes() == {"updated": 3}
    assert team.values() == team.before


def test_what_it_created_and_what_it_updated(program: Program, serve: Serve) -> None:
    """Without --close and --delete what it created stays, and that is said; with one of them all goes at once."""
    team = Team(program, serve(), 2)
    ended = team.undo(str(team.first.summary["run_id"]))
    assert ended.code == ExitCode.UNUSABLE
    assert "updated no field, and what it created needs --close or --delete." in ended.err
    team.count = 3
    team.write(title="New")
    run = str(team.run("good.yaml", "--on-change", "update").summary["run_id"])
    ended = team.undo_it(run)
    assert ended.outcomes() == {"updated": 1}
    assert "It created 1 issue. Add --close or --delete to undo that too." in ended.err
    assert {number: team.values()[number] for number in team.before} == team.before
    assert team.undo_it(run, "--delete", "--expect", "1").outcomes() == {"updated": 1}
    assert team.values() == team.before


@pytest.mark.slow
def test_killed_on_the_way(program: Program, serve: Serve) -> None:
    """A write that was executed, and nobody to hear of it: the same command goes on, and edits made since stay."""
    sandbox = serve(faults=(parse_fault("hang-after=3600:write@req=40"),))
    team = Team(program, sandbox, 15)
    run = team.spoil()
    command = ("undo", run, "--out", REPORT, "--rate", "0", "--json", "--apply", "--yes", "--concurrency", "1")
    process = program.start(*command)
    wait_for(lambda: team.count_restored() == 10 or process.poll() is not None)
    process.kill()
    team.edit(0, title="Theirs")  # given back already
    team.edit(9, title="Theirs")  # whose answer never came
    team.edit(14, title="Theirs")  # to be given back
    ended = program(*command)
    assert ended.code == ExitCode.DONE, ended.err
    wanted = {number: dict(values) for number, values in team.before.items()}
    for place in (0, 9, 14):
        wanted[team.number(place)]["title"] = "Theirs"
    assert team.values() == wanted
    assert verdicts().total() == 15
    named = {(line["triage_id"], line["field"]) for line in read_csv(REPORT / "conflicts.csv")}
    assert named == {(team.number(9), "title"), (team.number(14), "title")}
    # The two titles are neither as our last write left them nor as the row says; a person decides.
    assert team.run("good.yaml", "--on-change", "update").outcomes() == {"unchanged": 13, "skipped": 2}


@pytest.mark.slow
def test_an_import_that_was_killed(program: Program, serve: Serve) -> None:
    """What it had written is taken back, also what it never heard of; its own command does the rest of it again."""
    sandbox = serve(faults=(parse_fault("hang-after=3600:write@req=22"),))
    team = Team(program, sandbox, 12)
    process = program.start(*team.command("bad.yaml"), *UPDATE, "--concurrency", "1")
    wait_for(lambda: team.count_restored() == 2 or process.poll() is not None)
    process.kill()
    assert team.undo_it("last").outcomes() == {"updated": 10}
    assert team.values() == team.before
    assert team.spoil()
    assert team.undo_it("last").outcomes() == {"updated": 12}
    assert team.values() == team.before


def test_numbers_of_other_issues(program: Program, serve: Serve) -> None:
    """They come back with the text that had them, and the later text gets its own once more."""
    nights = Nights(program, serve())
    nights.run(WHOLE)
    before = {issue["title"]: issue["description"] for issue in nights.sandbox.issues()}
    changed = (WHOLE[0]._replace(text="See D-3 first."), *WHOLE[1:])
    for _ in range(2):
        ended = nights.run(changed, "--on-change", "update")
        assert ended.outcomes() == {"updated": 1, "unchanged": 2}
        assert nights.issue("D-1")["description"].startswith("See D-3 (T-")
        undone = program("undo", "last", "--apply", "--yes", "--rate", "0", "--json")
        assert (undone.code, undone.outcomes()) == (ExitCode.DONE, {"updated": 1}), undone.err
        assert {issue["title"]: issue["description"] for issue in nights.sandbox.issues()} == before
    assert nights.run(WHOLE).outcomes() == {"unchanged": 3}


def test_a_second_undo(program: Program, serve: Serve) -> None:
    """What the first has given back is not said to have no old values, nor to have been no update."""
    team = Team(program, serve(), 3)
    team.write("New")
    rows = [issue_row(number, title="New" if number == 1 else None) for number in range(1, 5)]
    write_csv(Path("export.csv"), [(*row[:-1], f"{LONG}{row[-1]}") for row in rows])
    ended = team.run("good.yaml", "--on-change", "update")
    assert ended.outcomes() == {"created": 1, "updated": 1, "unchanged": 2}, ended.err
    run = ended.summary["run_id"]
    assert team.undo_it(run).outcomes() == {"updated": 1}
    ended = team.undo(run)
    assert (ended.code, ended.outcomes()) == (ExitCode.UNUSABLE, {})
    assert f"{run} has no field left to restore, and what it created needs --close or --delete" in ended.err
    ended = team.undo_it(run, "--close")
    assert f"{run} updated 1 issue: 1 restored by an earlier undo" in ended.err
    assert ended.outcomes() == {"updated": 1}
