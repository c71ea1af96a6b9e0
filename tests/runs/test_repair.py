"""Repair: another mapping for issues that are in, from the cells that the ledger keeps."""

from __future__ import annotations

import signal
from collections import Counter
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from importer.errors import ExitCode
from importer.ledger.opening import open_ledger
from tests.conftest import Serve
from tests.end_to_end.wayback import CORRECTED, Team, edit, find_address, find_issue
from tests.harness.following import MAPPING, WHOLE, Nights
from tests.harness.hostile import RunningSandbox, parse_fault
from tests.harness.running import HEADER, Ended, Program, issue_row, read_csv, wait_for, write_csv, write_issues
from tests.harness.turnstile import turnstile
from tests.harness.weather import bad_weather

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
    """Repair it in earnest."""
    return repair(program, "--apply", "--yes", *more, mapping=mapping, fields=fields)


def severities(sandbox: RunningSandbox) -> Counter[str]:
    """Severity → issues."""
    return Counter(issue["severity"] for issue in sandbox.issues())


def verdicts() -> dict[str, str]:
    """Native key → verdict, of the report."""
    return {line["key"].removeprefix("jira:"): line["verdict"] for line in read_csv(REPORT / "results.csv")}


def turns() -> set[tuple[str, str, str]]:
    """Verdict, old and new value of each issue, of the report."""
    return {(line["verdict"], line["before"], line["after"]) for line in read_csv(REPORT / "results.csv")}


def count_reads(sandbox: RunningSandbox) -> int:
    """Count the issues that were read by themselves."""
    return sandbox.requests()["GET /v1/triage/issues/{id}"]


def count_patches(sandbox: RunningSandbox) -> int:
    """Count the PATCH requests that arrived."""
    return sandbox.requests()["PATCH /v1/triage/issues/{id}"]


def test_a_preview_changes_nothing_and_says_everything(program: Program, serve: Serve) -> None:
    """How many differ, whose are left alone, and which values become which; the list is enough to know it."""
    sandbox = serve()
    write_issues(Path("export.csv"), 12)
    send(program, sandbox.url)
    edit(sandbox, 1, severity="medium")
    edit(sandbox, 2, severity="critical")
    edit(sandbox, 3, title="Title 3 as people call it")
    before, patches, reads = sandbox.issues(), count_patches(sandbox), count_reads(sandbox)
    ended = repair(program)
    assert ended.code == ExitCode.DONE
    assert "severity: high → critical   12 issues" in ended.err
    assert (
        "12 differ: 9 untouched and 1 edited elsewhere will be patched, 1 already corrected, "
        "1 changed by a person: left alone, see conflicts.csv" in ended.err
    )
    assert "Nothing was changed. Add --apply to do it." in ended.err
    assert (sandbox.issues(), count_patches(sandbox)) == (before, patches)
    assert count_reads(sandbox) == reads
    assert ended.outcomes() == {"planned": 10, "unchanged": 1, "skipped": 1}
    assert Counter(verdicts().values()) == {"untouched": 9, "edited-elsewhere": 1, "corrected": 1, "conflict": 1}
    assert turns() == {("untouched", "high", "critical"), ("edited-elsewhere", "high", "critical")} | {
        ("corrected", "high", "critical"),
        ("conflict", "high", "critical"),
    }
    (conflict,) = read_csv(REPORT / "conflicts.csv")
    number = find_issue(sandbox, 1)["triage_id"]
    assert list(conflict.values()) == ["jira:PROJ-1", number, "severity", "high", "medium", "critical"]


def test_it_is_applied_once(program: Program, serve: Serve) -> None:
    """What may be patched is; a second time only the conflict is left; the corrected mapping finds all unchanged."""
    sandbox = serve()
    write_issues(Path("export.csv"), 12)
    send(program, sandbox.url)
    edit(sandbox, 1, severity="medium")
    edit(sandbox, 2, severity="critical")
    patches = count_patches(sandbox)
    ended = apply(program)
    assert (ended.code, ended.outcomes()) == (0, {"updated": 10, "unchanged": 1, "skipped": 1})
    assert severities(sandbox) == {"critical": 11, "medium": 1}
    assert count_patches(sandbox) - patches == 10
    assert verdicts()["PROJ-1"] == "conflict"
    assert verdicts()["PROJ-2"] == "corrected"
    assert verdicts()["PROJ-3"] == "patched"
    assert ("patched", "high", "critical") in turns()
    assert [line["theirs"] for line in read_csv(REPORT / "conflicts.csv")] == ["medium"]

    again = apply(program)
    assert (again.code, again.outcomes()) == (0, {"skipped": 1})
    command = ("run", "export.csv", "-m", "corrected.yaml", "--api-url", sandbox.url, "--yes", *FAST)
    assert program(*command).outcomes() == {"unchanged": 11, "changed": 1}
    assert count_patches(sandbox) - patches == 10


def test_where_lists_cut_descriptions(program: Program, serve: Serve) -> None:
    """Only where something happened is an issue read by itself, and what a person wrote below the cut is seen."""
    sandbox = serve(cut_descriptions=True)
    write_csv(Path("export.csv"), [(*issue_row(number)[:5], "word " * 60) for number in range(1, 10)])
    send(program, sandbox.url)
    edit(sandbox, 1, description=find_issue(sandbox, 1)["description"] + "\nMore of it")
    reads = count_reads(sandbox)
    ended = repair(program)
    assert "9 differ: 8 untouched and 1 edited elsewhere will be patched" in ended.err
    assert count_reads(sandbox) - reads == 1
    assert verdicts()["PROJ-1"] == "edited-elsewhere"


@pytest.mark.slow
def test_every_edit_survives_and_is_named(program: Program, serve: Serve) -> None:
    """300 issues, of which a second client edited 30 in every way that there is."""
    sandbox = serve()
    write_issues(Path("export.csv"), 300)
    send(program, sandbox.url)
    with closing(Team(sandbox, 30)) as team:
        ended = apply(program)
        lines = team.check_repair(REPORT)
    assert ended.outcomes() == {"updated": 296, "unchanged": 2, "skipped": 2}
    assert [line for line in lines if not line.is_good] == []
    assert sum(line.issues for line in lines) == 30


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
    assert count_patches(sandbox) == 0


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


@pytest.mark.usefixtures("short_waits")
def test_an_issue_that_is_gone(program: Program, serve: Serve) -> None:
    """A person deleted it: it is said, not made again, and decided by a second repair."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    send(program, sandbox.url)
    url = find_address(sandbox, 2)
    assert httpx.delete(url, headers={"Authorization": "person"}).is_success
    assert "2 untouched will be patched, 1 deleted in Triage" in repair(program).err
    for outcomes, code, verdict in (
        ({"updated": 2, "skipped": 1}, ExitCode.PARTLY, "perhaps-gone"),
        ({"skipped": 1}, ExitCode.DONE, "gone-at-target"),
    ):
        ended = apply(program)
        assert (ended.code, ended.outcomes(), verdicts()["PROJ-2"]) == (code, outcomes, verdict), ended.err
        assert ("the same command looks once more" in ended.err) is (code == ExitCode.PARTLY)


@pytest.mark.slow
def test_writes_that_go_wrong(program: Program, serve: Serve) -> None:
    """Each is done once, or left for the same command; none is taken for a person's edit."""
    write_issues(Path("export.csv"), 60)
    sandbox = serve(faults=bad_weather(60))
    send(program, sandbox.url)
    ended = apply(program)
    for _ in range(9):
        if ended.code != ExitCode.UNKNOWN:
            break
        ended = apply(program)
    assert ended.code == ExitCode.DONE, ended.err
    assert severities(sandbox) == {"critical": 60}
    assert sandbox.statuses().keys() >= {429, 500}, "the faults had their turn"
    assert not (REPORT / "conflicts.csv").exists()


@pytest.mark.slow
def test_killed_on_the_way(program: Program, serve: Serve) -> None:
    """A PATCH that was executed, and nobody there to hear of it: the same command goes on, and takes it for its own."""
    write_issues(Path("export.csv"), 12)
    sandbox = serve(faults=(parse_fault("hang-after=3600:write@req=17"),))
    run = send(program, sandbox.url)
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    command = ("repair", run, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--yes", *FAST)
    process = program.start(*command, "--concurrency", "1")
    wait_for(lambda: severities(sandbox)["critical"] == 5 or process.poll() is not None)
    process.kill()
    # Another mapping than that of the killed attempt: what that one wrote is ours, and no person's.
    ended = apply(program, mapping="extends: jira\nseverity: {values: {High: low}}\n")
    assert (ended.code, ended.outcomes()) == (0, {"updated": 12})
    assert severities(sandbox) == {"low": 12}


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_repair_continues(program: Program, serve: Serve, number: signal.Signals) -> None:
    """Exit 130 with a report that accounts for all; the same command goes on under the same name."""
    sandbox = serve()
    write_issues(Path("export.csv"), 40)
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    with turnstile(sandbox.url, 40 + 3) as door:
        run = send(program, door.url)
        command = ("repair", run, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--yes")
        first = door.interrupt(program.start(*command, *FAST, "--out", str(REPORT)), number)
        rows = verdicts()
        second = apply(program)
    assert first.code == ExitCode.INTERRUPTED, first.err
    assert first.summary["stopped_because"] == "It was interrupted, by Ctrl-C or by a signal."
    assert "Stopped: It was interrupted, by Ctrl-C or by a signal." in first.err
    assert first.outcomes().keys() == {"updated", "planned"}
    assert Counter(rows.values()) == {"patched": first.summary["updated"], "planned": first.summary["planned"]}
    assert "issues still to be patched: the same command continues." in first.err
    assert (second.code, second.outcomes()) == (0, {"updated": 40})
    assert second.summary["run_id"] == first.summary["run_id"]
    assert severities(sandbox) == {"critical": 40}


def test_a_target_that_refuses(program: Program, serve: Serve) -> None:
    """The key is refused on the way: exit 7, nothing is lost."""
    sandbox = serve(api_key="canary-3f9c1d77")
    write_issues(Path("export.csv"), 3)
    send(program, sandbox.url)
    Path("wrong").write_text("another-key", encoding="utf-8")
    ended = apply(program, "--api-key-file", "wrong")
    assert ended.code == ExitCode.DECIDE
    assert "Triage refuses the API key" in ended.err
    assert severities(sandbox) == {"high": 3}


def test_one_at_a_time(program: Program, serve: Serve) -> None:
    """In earnest it holds the ledger; a preview neither waits nor minds."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    send(program, sandbox.url)
    with open_ledger(program.ledger):
        assert apply(program).code == ExitCode.LEDGER_IN_USE
        assert repair(program).code == ExitCode.DONE


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("last", "--fields", "title"), "there is no field title that can be repaired"),
        (("last", "--fields", "severity"), "No run 'last'"),
        (("last", "--fields", "severity", "--apply"), "--apply --yes changes without asking"),
    ],
)
def test_commands_that_can_t_be_meant(program: Program, more: tuple[str, ...], says: str) -> None:
    """Said before anything is opened or asked."""
    ended = program("repair", "-m", "jira", *more)
    assert ended.code == ExitCode.UNUSABLE
    assert says in ended.err


def test_a_repair_is_no_import(program: Program, serve: Serve) -> None:
    """Its name leads to the import that it worked on."""
    sandbox = serve()
    write_issues(Path("export.csv"), 1)
    run = send(program, sandbox.url)
    name = apply(program).summary["run_id"]
    ended = program("repair", name, "-m", "corrected.yaml", "--fields", "severity")
    assert ended.code == ExitCode.UNUSABLE
    assert f"{name} is no import but the repair of {run}." in ended.err


def test_asked_on_a_terminal(program: Program, serve: Serve) -> None:
    """No is the default, and then nothing is changed."""
    sandbox = serve()
    write_issues(Path("export.csv"), 2)
    run = send(program, sandbox.url)
    Path("corrected.yaml").write_text(CORRECTED, encoding="utf-8")
    command = ("repair", run, "-m", "corrected.yaml", "--fields", "severity", "--apply", "--rate", "0")
    with program.on_terminal(*command) as terminal:
        terminal.read_until("Patch 2 issues?")
        terminal.type("\n")
        ended = terminal.end()
    assert ended.code == ExitCode.UNUSABLE
    assert "Nothing was changed: The answer was no." in ended.err
    assert severities(sandbox) == {"high": 2}


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
