"""Fixes: tables as spreadsheets save them, and what they do night after night."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from importer.check.checked_row import hash_content
from importer.errors import UsageError
from importer.mapping.edited_tables import Fix, Fixes, content_of, read_fixes
from importer.records import Ref
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.running import Ended, Program, issue_row, read_csv, write_csv

HEADER = ("column", "bad value", "rows", "new value", "code", "hint")
HIGH = Fix("Priority", "P9", "High", 2)


def table(path: Path, *lines: tuple[str, str, str]) -> Path:
    """A table of fixes: column, bad value, new value."""
    return write_csv(path, [(column, bad, "1", new, "", "") for column, bad, new in lines], HEADER)


def fixes_of(*fixes: Fix) -> Fixes:
    columns: dict[str, dict[str, Fix]] = {}
    for fix in fixes:
        columns.setdefault(fix.column, {})[fix.bad] = fix
    return Fixes(Path("fixes.csv"), columns)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([("A", "x", "y"), ("A", "x", "z")], "3:new value: A 'x' becomes 'z' here and 'y' on line 2"),
        ([("", "x", "y")], "2:column: names no column"),
        ([("A", " ", "y")], "2:bad value: has no bad value"),
    ],
)
def test_lines_that_are_wrong(tmp_path: Path, lines: list[tuple[str, str, str]], said: str) -> None:
    """Each with its line and column, all at once; the same line twice is one."""
    path = table(tmp_path / "fixes.csv", *lines, ("B", "x", "y"), ("B", "x", "y"), ("", "p", "q"))
    with pytest.raises(UsageError) as caught:
        read_fixes(path)
    assert len(caught.value.problems) == 2
    assert str(caught.value.problems[0]).startswith(f"{path}:{said}")


def test_columns_that_nobody_reads_are_named() -> None:
    """By the mapping, and by the files; a JSON file has no header that could say."""
    refs, header = [Ref("column", "Priority"), Ref("path", "fields.status"), Ref("column", "Status")], ["Priority "]
    fixes_of(HIGH).check_columns(refs, [header])
    fixes = fixes_of(HIGH, Fix("Priorty", "a", "b", 3), Fix("Status", "a", "b", 4))
    with pytest.raises(UsageError) as caught:
        fixes.check_columns(refs, [header])
    assert [str(problem).replace("\n", "") for problem in caught.value.problems] == [
        "fixes.csv:3:column: the mapping reads no column of this name: 'Priorty'  did you mean 'Priority'?",
        "fixes.csv:4:column: no file has a column of this name: 'Status'  its columns here: Priority",
    ]
    fixes_of(HIGH, Fix("Status", "a", "b", 4), Fix("fields.status", "a", "b", 5)).check_columns(refs, [None, header])


def test_a_fixed_row_is_another_row() -> None:
    """Its content says what was corrected, in no order; a row without fixes is as it was before there were any."""
    raw, other = ("A", "P9"), Fix("Status", "x", "y", 3)
    contents = [content_of(fixed) for fixed in ((), (HIGH,), (HIGH._replace(new="Low"),), (HIGH, other))]
    assert len({hash_content(raw, content) for content in contents}) == 4
    assert content_of((HIGH, other)) == content_of((other, HIGH))
    assert content_of((HIGH._replace(line=7),)) == content_of((HIGH,))
    assert hash_content(raw, "") == hash_content(raw)


def test_other_fixes_are_another_run() -> None:
    """Whose digest is not the mapping's; lines that say the same in another order are not."""
    other = Fix("Status", "x", "y", 3)
    digests = [fixes.mark("abc") for fixes in (Fixes(), fixes_of(HIGH), fixes_of(HIGH._replace(new="Low")))]
    assert digests[0] == "abc"
    assert len(set(digests)) == 3
    assert fixes_of(HIGH, other).mark("abc") == fixes_of(other, HIGH._replace(line=9)).mark("abc")


class Nights:
    """One source and one target; every night has its fixes."""

    def __init__(self, program: Program, sandbox: RunningSandbox) -> None:
        self.program, self.sandbox = program, sandbox

    def run(self, new: str = "", *options: str) -> Ended:
        """Let a night pass in which P9 becomes this."""
        given = ("--fixes", str(table(Path("mine.csv"), ("Priority", "P9", new)))) if new else ()
        command = ("run", "export.csv", "-m", "jira", "--api-url", self.sandbox.url, "--yes", "--json", "--rate", "0")
        return self.program(*command, "--max-rejected", "100%", "--out", "reports", *given, *options)

    @property
    def severities(self) -> list[str]:
        return [issue["severity"] for issue in self.sandbox.issues()]


def test_nights_with_fixes(program: Program, serve: Serve) -> None:
    """A changed fix is a change of the row, which `update` writes; one that ends in the source changes nothing."""
    nights = Nights(program, serve())
    write_csv(Path("export.csv"), [issue_row(1, "P9"), issue_row(2)])
    first = nights.run("High")
    assert first.outcomes() == {"created": 2}
    assert "fixes: 1 value, 1 row\n" in first.err
    assert nights.run("High").outcomes() == {"unchanged": 2}
    changed = nights.run("Low")
    assert (changed.outcomes(), changed.summary["findings"]) == ({"unchanged": 1, "changed": 1}, {"changed": 1})
    assert nights.run("Low", "--on-change", "update").outcomes() == {"updated": 1, "unchanged": 1}
    assert sorted(nights.severities) == ["high", "low"]
    assert nights.run().outcomes() == {"rejected": 1, "unchanged": 1}
    write_csv(Path("export.csv"), [issue_row(1, "Low"), issue_row(2)])
    assert nights.run().outcomes() == {"unchanged": 2}


def test_another_fix_does_not_make_another_key(program: Program) -> None:
    """Of a row whose content is its key: what was read counts, or each fix would make one more issue."""
    Path("mine.yaml").write_text("extends: jira\ninput: {name: demo, key: {content: true}}\n", encoding="utf-8")
    write_csv(Path("export.csv"), [issue_row(1, "P9")])
    keys = []
    for new in ("High", "Low"):
        given = table(Path("mine.csv"), ("Priority", "P9", new))
        program("validate", "export.csv", "-m", "mine.yaml", "--fixes", given)
        keys += [row["key"] for row in read_csv(Path("triage-import-check/results.csv"))]
    assert len(set(keys)) == 1


def test_errors_keep_what_came(program: Program) -> None:
    """A row that is rejected for something else is in errors.csv as it was, for the same command to fix again."""
    write_csv(Path("export.csv"), [issue_row(1, "P9", title="")])
    fixes = table(Path("mine.csv"), ("Priority", "P9", "High"))
    program("validate", "export.csv", "-m", "jira", "--fixes", fixes)
    (row,) = read_csv(Path("triage-import-check/errors.csv"))
    assert (row["Priority"], row["import_code"]) == ("P9", "title-missing")


def test_explain_shows_what_the_mapping_sees(program: Program) -> None:
    """The corrected cell."""
    write_csv(Path("export.csv"), [issue_row(1, "P9")])
    fixes = table(Path("mine.csv"), ("Priority", "P9", "High"))
    assert "Priority = 'High'" in program("explain", "export.csv", "-m", "jira", "--fixes", fixes, "PROJ-1").out


def test_a_wrong_table_ends_it_at_once(program: Program) -> None:
    """Exit code 2, with the line; nothing is read or written."""
    write_csv(Path("export.csv"), [issue_row(1)])
    fixes = table(Path("mine.csv"), ("Prority", "P9", "High"))
    ended = program("validate", "export.csv", "-m", "jira", "--fixes", fixes)
    assert ended.code == 2
    assert "mine.csv:2:column: the mapping reads no column of this name: 'Prority'" in ended.err
    assert "did you mean 'Priority'?" in ended.err
    assert not Path("triage-import-check").exists()


def test_json_columns_and_paths(program: Program) -> None:
    """A key and a path are named as the mapping names them."""
    Path("mine.yaml").write_text(
        "input: {name: demo, key: id}\ntitle: title\nstatus: {value: todo}\ncategory: {value: General}\n"
        "severity: {path: 'fields.priority.name', values: {P1: high}}\n",
        encoding="utf-8",
    )
    Path("a.jsonl").write_text('{"id": 1, "title": "One", "fields": {"priority": {"name": "P9"}}}\n', encoding="utf-8")
    assert program("validate", "a.jsonl", "-m", "mine.yaml").code == 1
    (line,) = read_csv(Path("triage-import-check/fixes.csv"))
    assert (line["column"], line["bad value"]) == ("fields.priority.name", "P9")
    fixes = table(Path("mine.csv"), (line["column"], "P9", "P1"))
    os.utime("a.jsonl", (time.time() - 3600, time.time() - 3600))
    assert program("validate", "a.jsonl", "-m", "mine.yaml", "--fixes", fixes).code == 0


def test_records_within_a_table(program: Program) -> None:
    """Where a column's cells are the records, its header names none of their keys."""
    Path("mine.yaml").write_text(
        "input: {name: demo, key: id}\ntitle: title\nstatus: {value: todo}\ncategory: {value: General}\n"
        "severity: {column: priority, values: {P1: high}}\n",
        encoding="utf-8",
    )
    record = '{"id": 1, "title": "One", "priority": "P9", "text": "long enough to be what the row is about"}'
    write_csv(Path("a.csv"), [("1", "{}", record)], ("_raw_id", "params", "data"))
    fixes = table(Path("mine.csv"), ("priority", "P9", "P1"))
    ended = program("validate", "a.csv", "-m", "mine.yaml", "--fixes", fixes)
    assert (ended.code, "fixes: 1 value, 1 row\n" in ended.err) == (0, True), ended.err
