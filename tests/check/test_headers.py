"""Whether a mapping fits a source, seen from the headers."""

from __future__ import annotations

import re
from pathlib import Path

from tests.harness.running import HEADER, Program, issue_row, read_csv, write_csv
from tests.harness.workbooks import write_xlsx

MINE = """\
extends: jira
description: [Descripton, Details]
severity: {column: Prio}
"""


def test_a_mapping_of_another_tracker(program: Program) -> None:
    """Neither key nor title: said with the mapping's lines and the preset that fits, before a row is read."""
    write_csv(Path("export.csv"), [issue_row(1)])
    ended = program("validate", "export.csv", "-m", "github")
    assert ended.code == 2
    assert "Error: The mapping github doesn't fit the source.\n" in ended.err
    assert "title: no file has 'title' or one of its 3 other names\n" in ended.err
    assert ended.err.endswith("\nIts columns fit jira: triage-import validate export.csv -m jira\n")
    assert not Path("triage-import-check").exists()


def test_a_preset_that_lacks_the_title(program: Program) -> None:
    """Recognised by its key alone: what is missing is said, and the lines that help can be pasted."""
    Path("my export.csv").write_text("Issue key;Wording;State\nP-1;Call drops;Open\n", encoding="cp1252")
    ended = program("validate", "my export.csv", "--encoding", "cp1252", "--limit", "5")
    assert (ended.code, "title: no file has 'Summary'" in ended.err) == (2, True)
    lines = re.findall(r"`((?:extends|title): [^`]+)`", ended.err)
    Path("mine.yaml").write_text("\n".join(lines).replace("COLUMN", "Wording"), encoding="utf-8")
    program("validate", "my export.csv", "--encoding", "cp1252", "-m", "mine.yaml")
    assert [row["title"] for row in read_csv(Path("triage-import-check/results.csv"))] == ["Call drops"]


def test_columns_that_are_written_wrong(program: Program) -> None:
    """In a person's own mapping a default would hide them: all are said at once, nothing is read."""
    write_csv(Path("export.csv"), [issue_row(1)])
    Path("mine.yaml").write_text(MINE, encoding="utf-8")
    ended = program("validate", "export.csv", "-m", "mine.yaml")
    assert ended.code == 2
    assert "mine.yaml:2:description: no file has 'Descripton' or 'Details'" in ended.err
    assert "the nearest column is 'Description'" in ended.err
    assert "mine.yaml:3:severity: no file has 'Prio'" in ended.err
    assert not Path("triage-import-check").exists()


def test_a_word_of_triage_in_place_of_a_column(program: Program) -> None:
    """Written short, it names a column; how a constant is written is said where no file has that."""
    write_csv(Path("export.csv"), [issue_row(1)])
    Path("mine.yaml").write_text("extends: jira\nseverity: medium\nsource: manual\n", encoding="utf-8")
    ended = program("validate", "export.csv", "-m", "mine.yaml")
    assert (ended.code, "mine.yaml:2:severity: no file has 'medium'" in ended.err) == (2, True)
    assert "a constant is written `severity: {value: medium}`" in ended.err
    Path("mine.yaml").write_text("extends: jira\nsource: manual\n", encoding="utf-8")
    ended = program("validate", "export.csv", "-m", "mine.yaml", "--json")
    assert (
        "mine.yaml:2:source: no file has 'manual'; a constant is written `source: {value: manual}`"
        in (ended.summary["warnings"])
    )


def test_a_footer_column_that_is_written_wrong(program: Program) -> None:
    """A warning, with the line and the nearest column; a preset's many choices are no warning."""
    write_csv(Path("export.csv"), [(*issue_row(1), "Acme")], header=(*HEADER, "Custom field (Customer)"))
    Path("mine.yaml").write_text("extends: jira\nfooter: {Customer: Custom field (Custmer)}\n", encoding="utf-8")
    ended = program("validate", "export.csv", "-m", "mine.yaml", "--json")
    assert ended.summary["warnings"] == [
        "mine.yaml:2:footer.Customer: no file has 'Custom field (Custmer)'; "
        "the nearest column is 'Custom field (Customer)'",
    ]


def test_the_nearest_columns(program: Program) -> None:
    """Those that have the whole name among their words come before one whose letters are nearly the same."""
    header = ("Issue key", "Summary", "Status", "Issue Type", "Priority", "estimate", "epic_state", "workflow_state")
    write_csv(Path("export.csv"), [("P-1", "T", "To Do", "Bug", "High", "3", "", "")], header)
    Path("mine.yaml").write_text("extends: jira\nfooter: {Was: state, Kind: TYPE}\n", encoding="utf-8")
    warnings = program("validate", "export.csv", "-m", "mine.yaml", "--json").summary["warnings"]
    assert [line.partition("; ")[2] for line in warnings if "footer." in line] == [
        "the nearest columns are 'epic_state', 'workflow_state'",
        "the nearest column is 'Issue Type'",
    ]


def test_what_stands_in_a_preset_is_no_warning(program: Program) -> None:
    """A preset's comments have many places, also where a person's mapping decides something of comments."""
    write_csv(
        Path("export.csv"),
        [("INC1", "Line is dead", "1", "2", "Since noon", "Network")],
        header=("number", "short_description", "priority", "state", "description", "category"),
    )
    Path("mine.yaml").write_text("extends: servicenow\ncomments: {private: keep}\n", encoding="utf-8")
    assert program("validate", "export.csv", "-m", "mine.yaml", "--json").summary["warnings"] == []


def test_values_of_ones_own_over_a_presets_column(program: Program) -> None:
    """The column is still the preset's: that it is absent is a warning."""
    write_csv(Path("export.csv"), [("P-1", "T", "To Do", "Bug")], ("Issue key", "Summary", "Status", "Issue Type"))
    Path("mine.yaml").write_text("extends: jira\nseverity: {values: {P9: low}}\n", encoding="utf-8")
    assert program("validate", "export.csv", "-m", "mine.yaml").code == 0


def test_one_of_several_files_is_enough(program: Program) -> None:
    """A column that any file has is there."""
    write_csv(Path("a.csv"), [issue_row(1)])
    write_csv(Path("b.csv"), [(*issue_row(2), "Acme")], header=(*HEADER, "Customer"))
    Path("mine.yaml").write_text("extends: jira\nfooter: {Customer: Customer}\n", encoding="utf-8")
    assert program("validate", "a.csv", "b.csv", "-m", "mine.yaml", "--json").summary["warnings"] == []


def test_what_every_preset_should_find_is_missed(program: Program) -> None:
    """A priority that comes from nowhere is said even of a preset: all rows would get the default."""
    write_csv(
        Path("export.csv"), [("PROJ-1", "Title", "To Do", "Bug")], ("Issue key", "Summary", "Status", "Issue Type")
    )
    ended = program("validate", "export.csv", "-m", "jira", "--json")
    assert any(":severity: no file has 'Priority'" in warning for warning in ended.summary["warnings"])


def test_json_is_judged_by_its_rows(program: Program) -> None:
    """Which keys it has is known at the end: each row is rejected with its reason."""
    Path("export.jsonl").write_text('{"foo": 1}\n', encoding="utf-8")
    ended = program("validate", "export.jsonl", "-m", "github", "--json")
    assert (ended.code, ended.outcomes()) == (1, {"rejected": 1})


def test_rows_above_the_header_are_said(program: Program) -> None:
    """A board's name and a group's name above the header of a spreadsheet are no rows, and that is a warning."""
    Path("board.csv").write_text(
        "My board,,,\nGroup A,,,\nIssue key,Summary,Status,Priority\nP-1,One,To Do,High\n", encoding="utf-8"
    )
    ended = program("validate", "board.csv", "-m", "jira", "--json")
    assert ended.summary["rows"] == 1
    assert ended.summary["warnings"][0].endswith("lines above the header, skipped: 2. They say My board; Group A")


def test_cells_that_a_spreadsheet_has_lost(program: Program) -> None:
    """A warning names the sheet and the cell, in whatever column it is, and a value of it rejects its row."""
    rows = [HEADER, issue_row(1), [cell.replace("High", "#REF!") for cell in issue_row(2)]]
    write_xlsx(Path("export.xlsx"), {"Issues": rows})
    ended = program("validate", "export.xlsx", "--json")
    assert ended.code == 1
    [warning] = [text for text in ended.summary["warnings"] if text.startswith("export.xlsx/Issues")]
    assert "spreadsheet errors in 1 cell, the first #REF! in " in warning


def test_columns_that_pandas_has_numbered(program: Program) -> None:
    """Their comments would be lines of the footer: a warning names them; versions are none."""
    header = (*HEADER, "Comment", "Comment.1", "Fixed in 2.1", "Release.1")
    write_csv(Path("export.csv"), [(*issue_row(1), "one", "two", "x", "y")], header=header)
    [warning] = program("validate", "export.csv", "-m", "jira", "--json").summary["warnings"]
    assert warning.startswith("export.csv: pandas may have numbered columns with the same name: Comment.1. They ")
