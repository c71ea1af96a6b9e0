"""losses.csv, attachments.csv and fixes.csv: the last has a line for each value that rejects rows, to be corrected."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from importer.check.coverage.attachments import Attachment
from importer.check.coverage.coverage import Coverage
from importer.mapping.edited_tables import read_fixes
from importer.report.folder import ReportFolder
from importer.report.tables import write_coverage, write_fixes
from tests.harness.running import Program, issue_row, read_csv, write_csv

CELLS = st.text(st.characters(exclude_categories=["Cs"])).map(str.strip).filter(bool)
HEADER = ("column", "bad value", "rows", "new value", "code", "hint")
CHECK = Path("triage-import-check")


class Lost:
    """What stands in for a source's losses."""

    def __init__(self, lines: Sequence[tuple[str, ...]], attachments: Sequence[Attachment]) -> None:
        self._lines, self.attachments = lines, attachments

    def table(self) -> Sequence[tuple[str, ...]]:
        """The lines of losses.csv."""
        return self._lines


def write(folder: Path, lines: Sequence[tuple[str, ...]], attachments: Sequence[Attachment]) -> None:
    write_coverage(ReportFolder(folder), cast(Coverage, Lost(lines, attachments)))


def test_losses_and_attachments(tmp_path: Path) -> None:
    """A line for each column that loses cells, and for each attachment; what a spreadsheet would run is defused."""
    attachments = [Attachment("k:1", "a.png", "https://x.test/a.png"), Attachment("k:2", "@b", "")]
    write(tmp_path, [("Points", "12", "12", "", "k:1, k:2", "=1+1")], attachments)
    (line,) = read_csv(tmp_path / "losses.csv")
    found = (line["column"], line["lost_cells"], line["keys"], line["example"])
    assert found == ("Points", "12", "k:1, k:2", "'=1+1")
    lines = read_csv(tmp_path / "attachments.csv")
    assert [(line["key"], line["name"]) for line in lines] == [("k:1", "a.png"), ("k:2", "'@b")]


def test_nothing_lost(tmp_path: Path) -> None:
    """Without any there is no file."""
    write(tmp_path, [], [])
    assert not list(tmp_path.iterdir())


def lines(path: Path = CHECK / "fixes.csv") -> list[tuple[str, ...]]:
    """Column, bad value, rows, new value and code of each line."""
    return [tuple(row[name] for name in HEADER[:5]) for row in read_csv(path)]


def validate(program: Program, mapping: str, *rows: tuple[str, ...], header: tuple[str, ...]) -> list[tuple[str, ...]]:
    """The lines that the check of a table writes, the mapping being one of its own."""
    Path("mine.yaml").write_text(mapping, encoding="utf-8")
    write_csv(Path("export.csv"), rows, header)
    program("validate", "export.csv", "-m", "mine.yaml")
    return lines()


def test_one_line_for_each_value(program: Program) -> None:
    """With its count, most rows first; rows that are left out, empty or rejected for something else have none."""
    rows = [issue_row(1, "P9"), issue_row(2, "P9"), issue_row(3, "=1"), issue_row(4, title=""), ("",) * 6, issue_row(5)]
    write_csv(Path("export.csv"), rows)
    program("validate", "export.csv", "-m", "jira")
    text = (CHECK / "fixes.csv").read_bytes()
    assert text.startswith(b"\xef\xbb\xbfcolumn,bad value,rows,new value,code,hint\r\n")
    assert lines() == [
        ("Priority", "P9", "2", "", "severity-unknown"),
        ("Priority", "'=1", "1", "", "severity-unknown"),
    ]
    assert read_csv(CHECK / "fixes.csv")[0]["hint"].startswith("add `severity: ")


def test_every_kind_of_value(program: Program) -> None:
    """The column is the one that was filled, the value its whole cell, whatever a pattern takes of it."""
    mapping = """\
input: {name: demo, key: Key}
title: Title
severity: {first: [Urgency, Impact], pattern: '^(\\w+)', values: {P1: high}}
status: {template: '{State}', values: {Open: todo}}
category: {column: Type, keep_unknown: true}
source: Source
skip: [{name: old, when: {column: Day, before: 2020-01-01}}]
"""
    header = ("Key", "Title", "Urgency", "Impact", "State", "Type", "Source", "Day")
    rows = [
        ("A", "One", "", "P9 (bad)", "Open", "Bug", "client", "2021-01-01"),
        ("B", "One", "P1", "P9", "Parked", "Bug", "client", "2021-01-01"),
        ("C", "One", "P1", "", "Open", "x" * 65, "robot", "2021-01-01"),
        ("D", "One", "P1", "", "Open", "Bug", "client", "yesterday"),
    ]
    assert validate(program, mapping, *rows, header=header) == [
        ("Day", "yesterday", "1", "", "date-unreadable"),
        ("Impact", "P9 (bad)", "1", "", "severity-unknown"),
        ("Source", "robot", "1", "", "source-invalid"),
        ("State", "Parked", "1", "", "status-unknown"),
        ("Type", "x" * 65, "1", "", "category-too-long"),
    ]


def test_a_value_of_two_fields_is_one_line(program: Program) -> None:
    """Its rows count once, and both codes are named."""
    mapping = "input: {name: d, key: K}\ntitle: K\nseverity: V\nstatus: V\ncategory: {value: General}\n"
    found = validate(program, mapping, ("A", "odd"), ("B", "odd"), header=("K", "V"))
    assert found == [("V", "odd", "2", "", "severity-unknown status-unknown")]


def test_rows_that_a_repeated_key_rejects_count_once(program: Program) -> None:
    """The source is read a second time where keys come again; only the last reading counts."""
    write_csv(Path("export.csv"), [issue_row(1, "P9"), issue_row(2), issue_row(2, title="Other")])
    program("validate", "export.csv", "-m", "jira")
    assert lines() == [("Priority", "P9", "1", "", "severity-unknown")]


def test_no_value_no_file(program: Program) -> None:
    """An earlier table goes, unless somebody has filled something in."""
    write_csv(Path("export.csv"), [issue_row(1, "P9")])
    program("validate", "export.csv", "-m", "jira")
    write_csv(Path("export.csv"), [issue_row(1)])
    program("validate", "export.csv", "-m", "jira")
    assert not (CHECK / "fixes.csv").exists()


def test_what_a_person_filled_in_is_never_written_over(program: Program) -> None:
    """The next table has the given lines too, so that it can be given alone; the same command writes no third one."""
    write_csv(Path("export.csv"), [issue_row(1, "P9"), issue_row(2, "P8")])
    program("validate", "export.csv", "-m", "jira")
    write_csv(CHECK / "fixes.csv", [("Priority", "P9", "1", "High", "", "")], HEADER)
    for _ in range(2):
        program("validate", "export.csv", "-m", "jira", "--fixes", CHECK / "fixes.csv")
    assert lines() == [("Priority", "P9", "1", "High", "")]
    assert lines(CHECK / "fixes-2.csv") == [
        ("Priority", "P8", "1", "", "severity-unknown"),
        ("Priority", "P9", "1", "High", ""),
    ]
    assert {path.name for path in CHECK.glob("fixes*")} == {"fixes.csv", "fixes-2.csv"}
    program("validate", "export.csv", "-m", "jira")
    assert lines() == [("Priority", "P9", "1", "High", "")]


def test_a_fix_that_is_wrong_itself(program: Program) -> None:
    """It stands under the value of the source, where a better one works."""
    write_csv(Path("export.csv"), [issue_row(1, "P9")])
    fixes = write_csv(Path("mine.csv"), [("Priority", "P9", "1", "Hihg", "", "")], HEADER)
    program("validate", "export.csv", "-m", "jira", "--fixes", fixes)
    assert lines() == [("Priority", "P9", "1", "Hihg", "severity-unknown")]


def test_a_run_writes_it_too(program: Program) -> None:
    """Beside its errors.csv; what is in it can be given back as it is."""
    write_csv(Path("export.csv"), [issue_row(1), issue_row(2, "P9")])
    program("run", "export.csv", "-m", "jira", "--sandbox", "--out", "reports")
    assert lines(Path("reports/fixes.csv")) == [("Priority", "P9", "1", "", "severity-unknown")]
    assert read_fixes(Path("reports/fixes.csv")).left == 1
    fixes = write_csv(Path("mine.csv"), [("Priority", "P9", "1", "High", "", "")], HEADER)
    ended = program("run", "reports/errors.csv", "-m", "jira", "--sandbox", "--fixes", fixes, "--json", "--out", "two")
    assert ended.outcomes() == {"created": 1}


@given(st.lists(st.tuples(CELLS, CELLS, CELLS), unique_by=lambda line: line[:2], min_size=1))
def test_what_is_written_is_read_back(lines: list[tuple[str, str, str]]) -> None:
    """Whatever characters are in it, formulas, quotes and line breaks too."""
    with TemporaryDirectory() as folder:
        reports = ReportFolder(Path(folder))
        write_fixes(reports, [(column, bad, "1", new, "", "") for column, bad, new in lines])
        assert sorted(fix[:3] for fix in read_fixes(reports.file("fixes.csv"))) == sorted(lines)


def test_the_next_command_names_the_table_that_this_check_wrote(program: Program) -> None:
    """One that somebody has filled in stays as it is, with the new one beside it; no other check proposes it."""
    for name, priority in (("one.csv", "P8"), ("two.csv", "P9"), ("three.csv", "High")):
        write_csv(Path(name), [issue_row(1, priority)])
    program("validate", "one.csv", "-m", "jira")
    write_csv(CHECK / "fixes.csv", [("Priority", "P8", "1", "High", "", "")], HEADER)
    program("validate", "two.csv", "-m", "jira")
    assert lines(CHECK / "fixes-2.csv") == [("Priority", "P9", "1", "", "severity-unknown")]
    assert f"{CHECK}/fixes-2.csv" in (CHECK / "report.html").read_text(encoding="utf-8")
    third = program("validate", "three.csv", "-m", "jira")
    assert "Next: triage-import run three.csv -m jira --sandbox" in third.out
    assert "--fixes" not in (CHECK / "report.html").read_text(encoding="utf-8")
