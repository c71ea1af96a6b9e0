"""Repair: another mapping for issues that are in, from the cells that the ledger keeps."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import pytest

from importer.errors import ExitCode
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED, edit, find_issue
from tests.harness.following import MAPPING, WHOLE, Nights
from tests.harness.hostile import RunningSandbox
from tests.harness.running import HEADER, Ended, Program, issue_row, read_csv, write_csv, write_issues

FAST = ("--rate", "0", "--json")
REPORT = Path("triage-import-repair")
PLAIN = """
input: {name: jira, key: Issue key}
title: Summary
status: {value: todo}
category: {value: Bug}
"""


def send(program: Program, url: str, *more: str, mapping: str = "jira") -> str:
    """Import export.csv; gives the run's name."""
    ended = program("run", "export.csv", "-m", mapping, "--api-url", url, "--yes", *FAST, *more)
    assert ended.code == ExitCode.DONE, ended.err
    return str(ended.summary["run_id"])


def repair(program: Program, *more: str, mapping: str = CORRECTED, fields: str = "severity") -> Ended:
    """Repair the only import with a mapping, given as its text."""
    Path("corrected.yaml").write_text(mapping, encoding="utf-8")
    run = next(iter(Path().glob("triage-import-*-1"))).name.removeprefix("triage-import-")
    options = ("-m", "corrected.yaml", "--fields", fields, "--out", str(REPORT), *FAST)
    return program("repair", run, *options, *more)


def apply(program: Program, *more: str, mapping: str = CORRECTED, fields: str = "severity") -> Ended:
    return repair(program, "--apply", "--yes", *more, mapping=mapping, fields=fields)


def severities(sandbox: RunningSandbox) -> Counter[str]:
    """Severity → issues."""
    return Counter(issue["severity"] for issue in sandbox.issues())


def verdicts() -> dict[str, str]:
    """Native key → verdict, of the report."""
    return {line["key"].removeprefix("jira:"): line["verdict"] for line in read_csv(REPORT / "results.csv")}


def test_where_lists_cut_descriptions(program: Program, serve: Serve) -> None:
    """Only where something happened is an issue read by itself, and what a person wrote below the cut is seen."""
    sandbox = serve(cut_descriptions=True)
    write_csv(Path("export.csv"), [(*issue_row(number)[:5], "word " * 60) for number in range(1, 10)])
    send(program, sandbox.url)
    edit(sandbox, 1, description=find_issue(sandbox, 1)["description"] + "\nMore of it")
    edit(sandbox, 2, severity="critical")
    before = sandbox.requests()
    ended = repair(program)
    assert "9 differ: 7 untouched and 1 edited elsewhere will be patched, 1 already corrected" in ended.err
    assert (sandbox.requests() - before)["GET /v1/triage/issues/{id}"] == 2
    lines = read_csv(REPORT / "results.csv")
    assert [line["verdict"] for line in lines] == ["edited-elsewhere", "corrected", *["untouched"] * 7]
    assert {(line["before"], line["after"]) for line in lines} == {("high", "critical")}


def test_several_fields_and_rules(program: Program, serve: Serve) -> None:
    """Rules, patterns, defaults and constants are applied as an import applies them; only named fields are touched."""
    sandbox = serve()
    rows = [(*issue_row(1), "ui"), (*issue_row(2, priority="Lofty"), ""), (*issue_row(3), "ui")]
    write_csv(Path("export.csv"), rows, header=(*HEADER, "Labels"))
    first = "extends: jira\nseverity: {unknown: low}\ncategory: {column: Labels, missing: Bug, keep_unknown: true}\n"
    Path("first.yaml").write_text(first, encoding="utf-8")
    send(program, sandbox.url, mapping="first.yaml")
    mapping = """
extends: jira
severity: {rules: [{when: {column: Labels, is: ui}, then: low}], values: {'/^lo/': medium}}
status: {value: closed}
category: {column: Labels, missing: Dialogue, values: {ui: Latency}}
"""
    # `rules` of the severity read a column that was kept for the category: that is enough.
    assert apply(program, mapping=mapping, fields="severity,category").code == 0
    issues = [find_issue(sandbox, number) for number in (1, 2, 3)]
    shown = [(issue["severity"], issue["status"], issue["category"]) for issue in issues]
    assert shown == [("low", "todo", "Latency"), ("medium", "todo", "Dialogue"), ("low", "todo", "Latency")]


def test_rows_that_say_no_severity(program: Program, serve: Serve) -> None:
    """What the import was told of them is said again, or otherwise."""
    sandbox = serve()
    write_csv(Path("list.csv"), [("Echo",), ("Noise",)], header=("Title",))
    sent = program("run", "list.csv", "--severity", "high", "--api-url", sandbox.url, "--yes", "--rate", "0")
    assert sent.code == 0, sent.err
    for severity, patched in (("high", 0), ("low", 2)):
        words = ("-m", "triage", "--fields", "severity", "--severity", severity, "--apply", "--yes", "--json")
        assert program("repair", "last", *words, "--rate", "0").summary["updated"] == patched
    assert [issue["severity"] for issue in sandbox.issues()] == ["low", "low"]


def test_files_whose_headers_differ(program: Program, serve: Serve) -> None:
    """A column that one of the files doesn't have is as empty as it was then; one that repeats has all its cells."""
    sandbox = serve()
    write_csv(Path("export.csv"), [(*issue_row(1), "", "ui"), (*issue_row(2), "", "")], (*HEADER, "Labels", "Labels"))
    write_csv(Path("other.csv"), [issue_row(3)])
    first = f"{PLAIN}severity: {{rules: [{{when: {{column: Labels, is: none}}, then: high}}], missing: low}}\n"
    Path("first.yaml").write_text(first.replace("severity: {", "severity: {column: Labels, unknown: low, "))
    send(program, sandbox.url, "other.csv", mapping="first.yaml")
    rules = "[{when: {column: Labels, is: ui}, then: high}, {when: {column: Labels, filled: false}, then: medium}]"
    assert apply(program, mapping=f"{PLAIN}severity: {{column: Labels, rules: {rules}}}\n").code == ExitCode.DONE
    assert [find_issue(sandbox, number)["severity"] for number in (1, 2, 3)] == ["high", "medium", "medium"]


def test_columns_that_were_not_kept(program: Program, serve: Serve) -> None:
    """They are named, with the way out, and nothing is done."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    send(program, sandbox.url)
    mapping = "extends: jira\nseverity: {column: Urgency, values: {High: low}}\n"
    ended = apply(program, mapping=mapping)
    assert ended.code == ExitCode.UNUSABLE
    assert "corrected.yaml reads `Urgency`, but " in ended.err
    assert "run SOURCE... -m corrected.yaml --on-change update --fields severity --accept-mapping-change" in ended.err
    assert sandbox.requests()["PATCH /v1/triage/issues/{id}"] == 0


@pytest.mark.parametrize(
    ("priority", "message"),
    [("Odd", "the mapping doesn't know severity 'Odd'"), ("", "no severity, and the mapping has no default")],
)
def test_values_that_the_mapping_does_not_know(program: Program, serve: Serve, priority: str, message: str) -> None:
    """They are left alone and reported, never guessed: exit 1, in the preview as well."""
    sandbox = serve()
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, priority=priority)])
    known = "values: {High: high}, unknown: low, missing: low"
    Path("first.yaml").write_text(f"{PLAIN}severity: {{column: Priority, {known}}}\n", encoding="utf-8")
    send(program, sandbox.url, mapping="first.yaml")
    mapping = f"{PLAIN}severity: {{column: Priority, values: {{High: critical}}}}\n"
    for ended in (repair(program, mapping=mapping), apply(program, mapping=mapping)):
        assert ended.code == ExitCode.PARTLY
        assert f"1 left alone: {message}" in ended.err
        assert ended.summary["rejected"] == 1
    assert severities(sandbox) == {"critical": 1, "low": 1}
    assert verdicts() == {"PROJ-1": "patched", "PROJ-2": "value-unknown"}


def test_what_the_import_added_is_no_edit(program: Program, serve: Serve) -> None:
    """Comments, evidence, flags, relations and numbers in texts are ours; what people add beside them is named."""
    nights = Nights(program, serve())
    run = nights.run(WHOLE).summary["run_id"]
    nights.post("D-2", "flags", call_id="c-2", type="rude", note="It was.")
    nights.edit("D-3", description="Theirs")
    Path("corrected.yaml").write_text(MAPPING.replace("P2: low", "P2: high"), encoding="utf-8")
    command = ("repair", run, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--yes", *FAST)
    ended = program(*command, "--out", str(REPORT))
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 3}), ended.err
    assert "3 differ: 1 untouched and 2 edited elsewhere will be patched" in ended.err
    assert nights.run(None, "-m", "corrected.yaml").outcomes() == {"unchanged": 3}


def test_what_an_undo_has_closed(program: Program, serve: Serve) -> None:
    """A repair of the status opens it again, but for what a person has opened meanwhile, and it can be closed again."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    run = send(program, sandbox.url)
    close = ("undo", run, "--close", "--apply", "--yes", *FAST)
    assert program(*close).outcomes() == {"updated": 3}
    edit(sandbox, 3, status="in_review")
    ended = repair(program, mapping="extends: jira", fields="status")
    assert "status: closed → todo   3 issues\n3 differ: 2 untouched will be patched, 1 changed by a person" in ended.err
    assert {(line["before"], line["after"]) for line in read_csv(REPORT / "results.csv")} == {("closed", "todo")}
    assert apply(program, mapping="extends: jira", fields="status").outcomes() == {"updated": 2, "skipped": 1}
    assert Counter(issue["status"] for issue in sandbox.issues()) == {"in_review": 1, "todo": 2}
    assert program("verify", run, *FAST).summary["fields"] == {"status": 1}
    assert program(*close).outcomes() == {"updated": 2, "skipped": 1}


class Scheduled(NamedTuple):
    """The nights of a source of 25 issues, of which a repair has made `critical` what the mapping calls `high`."""

    program: Program
    sandbox: RunningSandbox

    def run(self, *more: str, mapping: str = "jira", **changed: str) -> Counter[str]:
        """Let a night pass in which all rows have changed so; gives the rows of each outcome and code."""
        write_csv(Path("export.csv"), [issue_row(number, **changed) for number in range(1, 26)])
        options = (*FAST, "--on-change", "update", "--max-changes", "100%", *more)
        ended = self.program("run", "export.csv", "-m", mapping, "--api-url", self.sandbox.url, "--yes", *options)
        assert ended.code == ExitCode.DONE, ended.err
        return Counter({name: number for name, number in ended.outcomes().items() if number}) + Counter(
            ended.summary["findings"]
        )


@pytest.fixture
def repaired(program: Program, serve: Serve) -> Scheduled:
    """Give the nights that follow a repair."""
    sandbox = serve()
    write_csv(Path("export.csv"), map(issue_row, range(1, 26)))
    send(program, sandbox.url)
    assert apply(program).code == ExitCode.DONE
    assert severities(sandbox) == {"critical": 25}
    return Scheduled(program, sandbox)


@pytest.mark.parametrize("more", [(), ("--accept-mapping-change",)], ids=["as scheduled", "another mapping accepted"])
def test_what_was_repaired_stays_repaired(repaired: Scheduled, more: tuple[str, ...]) -> None:
    """A repair is a decision, as a person's edit is: neither the old mapping nor a row that changes sets it back."""
    for changed, outcome in (({}, "unchanged"), ({"title": "Edited"}, "updated"), ({"title": "Edited"}, "unchanged")):
        assert repaired.run(*more, **changed) == {outcome: 25, "repair-kept": 25}
        assert severities(repaired.sandbox) == {"critical": 25}
    assert {issue["title"] for issue in repaired.sandbox.issues()} == {"Edited"}


def test_what_takes_the_place_of_a_repair(repaired: Scheduled) -> None:
    """Another value in the source does, and then the one that was repaired, too; so does a person who overwrites."""
    assert repaired.run(priority="Low") == {"updated": 25}
    assert severities(repaired.sandbox) == {"low": 25}
    assert repaired.run(priority="High") == {"updated": 25}
    assert severities(repaired.sandbox) == {"high": 25}


def test_a_repair_that_is_overwritten(repaired: Scheduled) -> None:
    """Who asks for that gets what the mapping gives."""
    assert repaired.run("--on-change", "overwrite", "--accept-mapping-change") == {"updated": 25}
    assert severities(repaired.sandbox) == {"high": 25}


def test_a_mapping_that_agrees_with_a_repair(repaired: Scheduled) -> None:
    """There is nothing to do and nothing to say."""
    assert repaired.run(mapping="corrected.yaml") == {"unchanged": 25}
    assert severities(repaired.sandbox) == {"critical": 25}
