"""The values that a mapping doesn't know, with the evidence for a proposal."""

from __future__ import annotations

from pathlib import Path

from importer.mapping.reader import load_mapping
from tests.harness.running import Program, write_csv

HEADER = ("Issue key", "Summary", "Priority", "Status", "Issue Type", "Status Category", "Resolved")


def suggested(program: Program, *rows: tuple[str, ...]) -> str:
    """The suggestion for some rows, whose mapping can be loaded."""
    write_csv(Path("export.csv"), rows, HEADER)
    path = program("validate", "export.csv", "-m", "jira", "--json").summary["suggestion"]
    load_mapping(path)
    return Path(path).read_text(encoding="utf-8")


def test_evidence_of_all_rows_of_a_value(program: Program) -> None:
    """What nearly all of its rows say speaks for a status: when they ended."""
    text = suggested(
        program,
        ("P-1", "One", "High", "Zorbed", "Bug", "", "2026-01-01"),
        ("P-2", "Two", "High", "Zorbed", "Bug", "", "2026-01-02"),
        ("P-3", "Three", "High", "Zzork", "Bug", "", ""),
    )
    assert '"Zorbed": done  # 2 rows, closed date in 2 of 2' in text
    assert '"Zzork": todo  # 1 row, no evidence: decide' in text


def test_a_known_status_category_leaves_nothing_to_decide(program: Program) -> None:
    """Where the fallback's text is in the table, the status needs no proposal."""
    write_csv(Path("export.csv"), [("P-1", "One", "High", "Zorbed", "Bug", "Done", "")], HEADER)
    ended = program("validate", "export.csv", "-m", "jira", "--json")
    assert not ended.summary["suggestion"]
    [stream] = ended.summary["value_flow"]["status"]
    assert (stream["source"], stream["target"], stream["how"]) == ("Zorbed", "done", "fallback")


def test_no_evidence_is_said(program: Program) -> None:
    """A neutral value, and the word that somebody has to decide."""
    assert '"Whenever": medium  # 1 row, no evidence: decide' in suggested(
        program, ("P-1", "One", "Whenever", "To Do", "Bug", "", "")
    )


def test_rows_that_are_left_out_say_nothing(program: Program) -> None:
    """Values of empty rows are not asked about; the most frequent one comes first."""
    rows = [(f"P-{number}", "Title", "Rare" if number == 1 else "Often", "To Do", "Bug", "", "") for number in range(4)]
    text = suggested(program, *rows, ("", "", "", "", "", "", ""))
    assert text.index('"Often"') < text.index('"Rare"')
    assert "missing" not in text


def test_all_files_and_chunks_are_counted(program: Program) -> None:
    """A value that comes in several chunks is one proposal."""
    rows = [(f"P-{number}", "Title", "Whenever", "To Do", "Bug", "", "") for number in range(5000)]
    assert '"Whenever": medium  # 5,000 rows' in suggested(program, *rows)
