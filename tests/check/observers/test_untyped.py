"""Where a source has no type, the columns that may say it are named, with what to write into a mapping."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.harness.running import Program, write_csv

HEADER = ("Summary", "Issue key", "Status", "Priority", "Component/s", "Labels", "Description", "Reporter")


def category_warnings(program: Program, *typed: str | Path) -> list[str]:
    """What a check says of categories."""
    warnings = program("validate", *typed, "--json").summary["warnings"]
    return [warning for warning in warnings if warning.startswith("category: ")]


def test_a_column_that_may_say_it(program: Program) -> None:
    """The commonest one first; what is said can be put into a mapping, and then nothing is a default any more."""
    rows = [(f"Title {n}", f"V-{n}", "Open", "High", "Telephony", "bug" if n else "", "x", "Ann") for n in range(4)]
    write_csv(Path("export.csv"), rows, HEADER)
    [said] = category_warnings(program, "export.csv", "-m", "jira")
    assert said.startswith("category: 4 of 4 issues have no type and become Bug; ")
    assert said.endswith("there are Component/s (4), Labels (3)")
    line = said.split("`")[1]
    assert line == 'category: {first: [{column: "Component/s"}]}'
    Path("mine.yaml").write_text(f"extends: jira\n{line}\n", encoding="utf-8")
    assert category_warnings(program, "export.csv", "-m", "mine.yaml") == []
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    assert {json.loads(json.loads(each)["body"])["category"] for each in planned} == {"Telephony"}


def test_a_name_that_another_tracker_has_for_it(program: Program) -> None:
    """`Tracker` is Redmine's name for the type: where this preset leaves it to the footer, it is named."""
    rows = [(f"Title {n}", f"V-{n}", "Open", "High", "Defect") for n in range(4)]
    write_csv(Path("export.csv"), rows, (*HEADER[:4], "Tracker"))
    [said] = category_warnings(program, "export.csv", "-m", "jira")
    assert said.endswith('write `category: {first: [{column: "Tracker"}]}`; there are Tracker (4)')


@pytest.mark.parametrize("header", ["Severity", "Urgency", "Impact", "Schweregrad", "Ticket urgency"])
def test_a_severity_of_another_name(program: Program, header: str) -> None:
    """A tracker that is recognised by other columns reads none of these; the line that is said does."""
    rows = [(f"Title {n}", f"V-{n}", "Open", "High", "Bug") for n in range(4)]
    write_csv(Path("export.csv"), rows, (*HEADER[:3], header, "Issue Type"))
    said = program("validate", "export.csv", "-m", "jira", "--json").summary["warnings"]
    [line] = [each.split("`")[1] for each in said if each.startswith("severity: no issue has what the mapping reads")]
    Path("mine.yaml").write_text(f"extends: jira\n{line}\n", encoding="utf-8")
    checked = program("validate", "export.csv", "-m", "mine.yaml", "--json")
    assert [stream["target"] for stream in checked.summary["value_flow"]["severity"]] == ["high"]
    assert not any("no issue has" in each for each in checked.summary["warnings"])


def test_a_column_of_rows_that_are_not_sent(program: Program) -> None:
    """A column is named once, with its cells in rows that are sent and in those that are left as they are in Triage."""
    rows = [(f"Title {n}", f"V-{n}", "Open", "High", "Telephony") for n in range(4)]
    first = ("run", write_csv(Path("export.csv"), rows, HEADER[:5]), "-m", "jira", "--sandbox")
    assert program(*first).code == 0
    write_csv(Path("export.csv"), [("Another title", *rows[0][1:]), *rows[1:]], HEADER[:5])
    said = program(*first, "--max-changes", "100%", "--json").summary["warnings"]
    assert [each.rpartition("; ")[2] for each in said if "no type" in each] == ["there are Component/s (4)"]


def test_where_there_is_a_type(program: Program) -> None:
    """Nothing is said, and nothing where no column is called so."""
    typed = write_csv(
        Path("a.csv"), [("A", "V-1", "Open", "High", "Bug", "Tel")], (*HEADER[:4], "Issue Type", HEADER[4])
    )
    assert category_warnings(program, typed, "-m", "jira") == []
    bare = write_csv(Path("b.csv"), [("A", "V-1", "Open", "High", "Ann")], (*HEADER[:4], "Reporter"))
    assert not any("no type" in warning for warning in category_warnings(program, bare, "-m", "jira"))


def test_words_of_titles(program: Program) -> None:
    """They are proposed with counts and a title each, and taken only where the mapping says so."""
    titles = ("Latency of 4 s after the greeting", "Bug: transcript lacks names", "Slow answers", "Hello", "It crashes")
    write_csv(Path("export.csv"), [(t, f"V-{n}", "Open", "High") for n, t in enumerate(titles)], HEADER[:4])
    [said] = category_warnings(program, "export.csv", "-m", "jira")
    assert said.startswith("category: 5 of 5 issues have no type and become Bug; 4 of 5 titles contain a word for ")
    assert "Latency 2 (Latency of 4 s after the greeting)" in said
    assert "Transcription 1 (Bug: transcript lacks names)" in said
    assert "Bug 1 (It crashes)" in said
    line = said.split("`")[1]
    assert line == 'category: {titles: {column: "Summary"}}'
    Path("mine.yaml").write_text(f"extends: jira\n{line}\n", encoding="utf-8")
    assert category_warnings(program, "export.csv", "-m", "mine.yaml") == []
    planned = Path("triage-import-check/planned.jsonl").read_text(encoding="utf-8").splitlines()
    categories = [json.loads(json.loads(each)["body"])["category"] for each in planned]
    assert categories == ["Latency", "Transcription", "Latency", "Bug", "Bug"]


def test_a_column_beside_the_type(program: Program) -> None:
    """Where some issues have a type, what is proposed keeps it."""
    rows = [("A", "V-1", "Open", "High", "Epic", "Tel"), *[("B", f"V-{n}", "Open", "High", "", "Tel") for n in (2, 3)]]
    write_csv(Path("export.csv"), rows, (*HEADER[:4], "Issue Type", HEADER[4]))
    [said] = category_warnings(program, "export.csv", "-m", "jira")
    assert said.split("`")[1] == 'category: {first: [{column: "Issue Type"}, {column: "Component/s"}]}'


def test_rows_that_are_marked_as_gone(program: Program) -> None:
    """Deleted and archived ones are named, however late one comes, and the line that is said skips them."""
    records = [
        {"id": n, "title": f"Title {n}", "severity": "low", "archived": False, "items_deleted": 3} for n in range(99)
    ]
    records += [{**records[0], "id": 99, "archived": True}, {**records[0], "id": 100, "deleted_at": "2026-03-01"}]
    Path("export.jsonl").write_text("\n".join(map(json.dumps, records)), encoding="utf-8")
    checked = program("validate", "export.jsonl", "--json")
    [said] = [each for each in checked.summary["warnings"] if "marked" in each]
    assert "archived (true), deleted_at (2026-03-01); " in said
    Path("mine.yaml").write_text(f"extends: bug-list\n{said.split('`')[1]}\n", encoding="utf-8")
    again = program("validate", "export.jsonl", "-m", "mine.yaml", "--json")
    assert again.outcomes() == {"planned": 99, "skipped": 2}
    assert not any("marked" in each for each in again.summary["warnings"])


def test_a_file_that_is_called_like_finished_work(program: Program) -> None:
    """Of two without a status, one says it by its name."""
    header = ("ID", "Title", "Severity", "Owner")
    names = [write_csv(Path(f"{name}.csv"), [(name, name, "high", "Ann")], header) for name in ("open", "closed-2025")]
    said = program("validate", *names, "--json").summary["warnings"]
    [line] = [each for each in said if each.startswith("status: ")]
    assert "though closed-2025.csv is called closed: " in line
    assert "`status: {value: closed}`" in line
    whole = write_csv(Path("closed.csv"), [("1", "One", "high", "Ann", "Open")], (*header, "Status"))
    assert not any("is called" in each for each in program("validate", whole, "--json").summary["warnings"])
