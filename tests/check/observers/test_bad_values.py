"""The cell that a value came from which rejects its row."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.check.observers.bad_values import Corrections, find_cell
from importer.mapping.edited_tables import Fix, Fixes
from importer.mapping.identities import Roster
from importer.mapping.reader import load_mapping
from importer.records import Ref
from importer.row.compiler import Compiler
from importer.transform.shown_people import ShownPeople
from tests.harness.making import mapping_of, planned, run_of, source_rows_of
from tests.harness.running import Program, write_csv


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A", [("A", "x"), ("A", "z")]),
        (["B", "A"], [("B", "y"), ("A", "z")]),
        ({"first": ["B", "A"], "pattern": "z"}, [("B", "y"), ("A", "z")]),
        ({"column": "A", "pattern": "^z"}, [None, ("A", "z")]),
        ({"template": "{A}-{B}"}, [None, None]),
        ({"value": "x"}, [None, None]),
    ],
)
def test_which_cell_a_text_comes_from(text: object, found: list[tuple[str, str] | None]) -> None:
    """Of a column that repeats the filled one; what several columns make can't be corrected in one."""
    source_rows = source_rows_of(("A", "A", "B"), [(" x", "", "y"), ("", "z", "")])
    assert Ref("column", "A") in source_rows.layout.places
    mapping = mapping_of(description=text)
    assert mapping.description is not None
    compiler = Compiler(source_rows.layout)
    assert [find_cell(row, compiler, mapping.description) for row in source_rows.rows] == found


def test_of_a_column_that_repeats_it_is_the_wanted_cell() -> None:
    """A date that can't be read may be the second one."""
    source_rows = source_rows_of(("A", "A"), [("2020-01-01", "soon")])
    text = mapping_of(description="A").description
    assert text is not None
    (row,) = source_rows.rows
    assert find_cell(row, Compiler(source_rows.layout), text, "soon") == ("A", "soon")


def test_what_was_corrected_is_summed_up() -> None:
    """Values that were met, rows, lines that are left, and what no row has; nothing without `--fixes`."""
    mapping = mapping_of()
    run = run_of(mapping, [("A", "One", "", "P9", "Open"), ("B", "Two", "", "P9", "Open")])
    high, idle = Fix("Priority", "P9", "High", 2), Fix("Priority", "typo", "High", 9)
    fixes = Fixes(Path("fixes.csv"), {"Priority": {"P9": high, "typo": idle}}, left=2)
    shown = ShownPeople(mapping.people, Roster())
    corrections = Corrections(mapping, fixes, shown)
    for row in run.rows:
        row.issue.row.fixes = (high,)
    corrections.add(planned(run))
    said = "fixes: 1 value, 2 rows; 2 lines without a new value; 1 value in no row, the first on line 9: 'typo'"
    assert corrections.sentence == said
    assert corrections.lines()[-1] == ("Priority", "typo", "0", "High", "", "")
    assert Corrections(mapping, Fixes(), shown).sentence == ""


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
    """A value that comes in several runs is one proposal."""
    rows = [(f"P-{number}", "Title", "Whenever", "To Do", "Bug", "", "") for number in range(5000)]
    assert '"Whenever": medium  # 5,000 rows' in suggested(program, *rows)
