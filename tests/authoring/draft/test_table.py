"""The table for people who don't write YAML."""

from __future__ import annotations

import codecs
from pathlib import Path

from importer.authoring.draft.values import Value, new_table
from importer.mapping.edited_tables import VALUE_COLUMNS, read_decisions
from tests.harness.running import read_csv


def test_open_values_come_first_and_cells_are_safe(tmp_path: Path) -> None:
    """`?` marks what is open; a formula gets its apostrophe; the table reads back as it was."""
    values = [
        Value("status", "Done", 9, 0, "P-1 x", "done", "a known word", True),
        Value("status", "=cmd()", 2, 1, "+P-2 x", "todo", "no evidence", False),
        Value("category", "", 1, 1, "@x", "General", "it has none", True),
    ]
    path = tmp_path / "values.csv"
    path.write_bytes(new_table(values))
    assert path.read_bytes().startswith(codecs.BOM_UTF8)
    lines = read_csv(path)
    assert tuple(lines[0]) == VALUE_COLUMNS
    assert [list(line.values()) for line in lines] == [
        ["status", "'=cmd()", "2", "1", "'+P-2 x", "todo", "?"],
        ["status", "Done", "9", "0", "P-1 x", "done", ""],
        ["category", "", "1", "1", "'@x", "General", ""],
    ]
    decisions, problems = read_decisions(path)
    assert not problems
    assert [(each.field, each.value, each.target) for each in decisions] == [
        ("status", "=cmd()", "?"),
        ("status", "Done", ""),
        ("category", "", ""),
    ]
