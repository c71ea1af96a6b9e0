"""The check pass: what it counts, what it leaves, and that it opens no connection."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from importer.api import VALUE_FIELDS
from importer.errors import ExitCode
from tests.harness.running import SAMPLES, WAIT_SECONDS, Program, issue_row, read_csv, write_csv, write_issues

WITHOUT_SOCKETS = """
import sys

def forbid(event, arguments):
    if event.startswith("socket."):
        raise RuntimeError(f"{event} in a check")

sys.addaudithook(forbid)
from importer.cli.main import main
main()
"""


@pytest.mark.parametrize("command", [("validate",), ("run", "--dry-run"), ("run", "--dry-run", "--sandbox")])
def test_no_socket_is_opened(program: Program, command: tuple[str, ...]) -> None:
    """Not one, however the check is called; not even a name is looked up."""
    arguments = [*command, str(SAMPLES / "jira.csv"), "-m", "jira", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_SOCKETS, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["planned"] == 12


def test_rows_end_in_one_outcome(program: Program) -> None:
    """Good, repeated, contradicting, bad and empty rows; the counts add up, and the files agree."""
    rows = [
        issue_row(1),
        issue_row(1),
        issue_row(2),
        issue_row(2, title="Other"),
        issue_row(3, title=""),
        ("", "", "", "", "", ""),
        issue_row(4, priority="Whenever"),
    ]
    write_csv(Path("export.csv"), rows)
    ended = program("validate", "export.csv", "-m", "jira", "--json")
    assert (ended.code, ended.outcomes()) == (1, {"planned": 2, "skipped": 2, "rejected": 3})
    assert ended.summary["rows"] == 7
    assert ended.summary["findings"] == {
        "key-duplicate": 1,
        "title-missing": 1,
        "severity-unknown": 1,
        "row-empty": 1,
        "same-as": 1,
    }
    results = read_csv(Path("triage-import-check/results.csv"))
    assert [(row["record"], row["outcome"], row["code"]) for row in results] == [
        ("1", "planned", ""),
        ("2", "skipped", "same-as"),
        ("3", "planned", ""),
        ("4", "rejected", "key-duplicate"),
        ("5", "rejected", "title-missing"),
        ("6", "skipped", "row-empty"),
        ("7", "rejected", "severity-unknown"),
    ]
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["key"] for line in planned] == ["jira:PROJ-1", "jira:PROJ-2"]
    flow = ended.summary["value_flow"]
    assert {name: sum(line["rows"] for line in flow[name]) for name in flow} == dict.fromkeys(VALUE_FIELDS, 5)


def test_the_suggestion_is_usable_as_it_stands(program: Program) -> None:
    """With it all rows are planned; what nobody has decided is a warning with its count."""
    command = ("validate", SAMPLES / "undecided.csv", "--json")
    first = program(*command, "-m", "jira")
    second = program(*command, "-m", first.summary["suggestion"], "--out", "second")
    assert second.summary["rejected"] < first.summary["rejected"]
    assert Counter(second.summary["findings"]).keys() >= {"severity-undecided"}
    assert second.summary["suggestion"] == ""
    assert not Path("second/suggested-mapping.yaml").exists()


def test_an_edited_errors_file_survives_two_runs(program: Program) -> None:
    """What a person has mended is spared by the run that sends, too: its reports are prepared once."""
    source = write_csv(Path("bad.csv"), [issue_row(1), issue_row(2, title="")])
    command = ("run", source, "-m", "jira", "--sandbox", "--out", "reports")
    program(*command)
    mended = Path("reports/errors.csv")
    mended.write_text(mended.read_text(encoding="utf-8") + "mended", encoding="utf-8")
    program(*command)
    assert mended.read_text(encoding="utf-8").endswith("mended")
    assert Path("reports/errors-2.csv").is_file()


def test_reports_are_replaced_and_others_kept(program: Program) -> None:
    """Yesterday's errors.csv is gone when there are none today; a file of somebody else's stays."""
    folder = Path("triage-import-check")
    program("validate", write_csv(Path("bad.csv"), [issue_row(1, title="")]), "-m", "jira")
    (folder / "notes.txt").write_text("mine", encoding="utf-8")
    assert (folder / "errors.csv").is_file()
    assert program("validate", write_issues(Path("good.csv"), 1), "-m", "jira").code == 0
    assert sorted(file.name for file in folder.iterdir()) == [
        "notes.txt",
        "planned.jsonl",
        "report.html",
        "results.csv",
        "summary.html",
        "summary.json",
    ]


def test_the_value_flow_and_what_smells(program: Program) -> None:
    """Ranks the wrong way round are a warning on screen and in summary.json."""
    Path("mine.yaml").write_text("extends: jira\nseverity: {values: {P1: low, P3: high}}\n", encoding="utf-8")
    write_csv(Path("export.csv"), [issue_row(1, priority="P1"), issue_row(2, priority="P3")])
    ended = program("validate", "export.csv", "-m", "mine.yaml", "--json")
    assert "  P1 → low    1   jira:PROJ-1\n" in ended.err
    assert any("ranks look inverted" in warning for warning in ended.summary["warnings"])
    assert {stream["source"]: stream["target"] for stream in ended.summary["value_flow"]["severity"]} == {
        "P1": "low",
        "P3": "high",
    }


def test_a_trackers_own_ranks_do_not_smell(program: Program) -> None:
    """Freshdesk counts from low to urgent, which its preset knows; a line of one's own about it is looked at."""
    tickets = [{"id": rank, "subject": "T", "status": 2, "priority": rank, "responder_id": 7} for rank in (1, 2, 3, 4)]
    tickets = [ticket | {"spam": False, "requester_id": 8, "created_at": "2026-01-01T00:00:00Z"} for ticket in tickets]
    Path("export.json").write_text(json.dumps(tickets), encoding="utf-8")
    Path("mine.yaml").write_text("extends: freshdesk\nseverity: {values: {1: low, 2: medium}}\n", encoding="utf-8")
    smells = [
        [warning for warning in ended.summary["warnings"] if "inverted" in warning]
        for ended in (program("validate", "export.json", "-m", name, "--json") for name in ("freshdesk", "mine.yaml"))
    ]
    assert smells == [[], ["severity: the ranks look inverted: 1 → low but 2 → medium"]]


def test_ranks_that_the_header_explains_do_not_smell(program: Program) -> None:
    """Where it says which number is the worst, that one is."""
    rows = [(str(n), f"It broke {n} times", str(n)) for n in range(1, 6)]
    write_csv(Path("export.csv"), rows, ("ID", "Title", "Severity (5 = worst)"))
    program("draft", "export.csv", "-o", "mine.yaml")
    warnings = program("validate", "export.csv", "-m", "mine.yaml", "--json").summary["warnings"]
    assert [warning for warning in warnings if "inverted" in warning] == []


@pytest.mark.parametrize(("limit", "only"), [("1", "PROJ-2"), ("2", "PROJ-9,PROJ-8")])
def test_only_names_nothing(program: Program, limit: str, only: str) -> None:
    """What is meant by "no such key" depends on `--limit`, so it is said."""
    write_issues(Path("export.csv"), 3)
    ended = program("validate", "export.csv", "-m", "jira", "--limit", limit, "--only", only)
    assert ended.code == ExitCode.UNUSABLE
    assert f"no key in the first {limit} rows:" in ended.err


def test_many_absent_keys_are_counted(program: Program) -> None:
    """A list of a thousand keys doesn't fill the screen."""
    write_issues(Path("export.csv"), 1)
    only = ",".join(f"PROJ-{number}" for number in range(1, 10))
    ended = program("validate", "export.csv", "-m", "jira", "--only", only, "--json")
    assert ended.summary["warnings"] == [
        "--only: no row has PROJ-2, PROJ-3, PROJ-4, PROJ-5, PROJ-6 and 3 more",
    ]


@pytest.mark.parametrize("duplicates", ["first", "{newest: Changed}"])
def test_duplicates_without_a_key_do_nothing(program: Program, duplicates: str) -> None:
    """A line that takes the newest row of each key has no effect where no row has one, and the check says so."""
    columns = "title: Title\nstatus: {value: todo}\nseverity: {value: low}\ncategory: {value: Bug}"
    lines = f"input: {{name: demo, key: {{content: true}}}}\n{columns}\nduplicates: {duplicates}\n"
    Path("mine.yaml").write_text(lines, encoding="utf-8")
    rows = [("7", "It broke", "2026-01-02", "Open"), ("7", "It broke", "2026-01-03", "Done")]
    source = write_csv(Path("log.csv"), rows, ("No", "Title", "Changed", "State"))
    said = program("validate", source, "-m", "mine.yaml", "--json").summary["warnings"]
    assert [warning for warning in said if "2. Their content is the key" in warning and "`duplicates` does" in warning]


@pytest.mark.parametrize("first", [0, 1])
def test_titles_of_groups_among_other_rows(program: Program, first: int) -> None:
    """Rows with nothing but a title are counted, and the line that is offered leaves them out, also without keys."""
    rows = [
        ("", "Frontend", "", ""),
        ("1", "Dead", "High", "Open"),
        ("", "Subtotal: 1", "", ""),
        ("", "New", "Low", ""),
    ]
    header = ("ID", "Title", "Severity", "Status")
    source = write_csv(Path("groups.csv"), [row[first:] for row in rows], header[first:])
    said = program("validate", source, "-m", "bug-list", "--json").summary["warnings"]
    [said] = [each for each in said if "without a key" in each]
    assert said.startswith(f"rows without a key: {3 + first}. ")
    assert ". 2 have a single cell" in said
    Path("mine.yaml").write_text(f"extends: bug-list\n{said.split('`')[-2]}\n", encoding="utf-8")
    assert program("validate", source, "-m", "mine.yaml", "--json").outcomes() == {"planned": 2, "skipped": 2}
    titles = [(title,) for _, title, _, _ in rows]  # a list of titles alone has no keys to lack
    source = write_csv(Path("list.csv"), titles, ("Title",))
    said = program("validate", source, "--severity", "low", "--json").summary["warnings"]
    assert not [warning for warning in said if "single cell" in warning]
