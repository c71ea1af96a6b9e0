"""What screens, pages and tables say is what is: of rejected rows, of places, of rehearsals, of what is left to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness.running import Program

MAPPING = """\
input: {name: s, key: ID}
title: Title
description: Text
severity: {column: Severity, values: {High: high, Low: low}}
status: {value: todo}
category: {value: Bug}
references: [{pattern: 'P-\\d+'}]
"""
ROWS = """\
ID,Title,Text,Severity
P-1,Login fails,On Safari,High
P-2,Slow page,see P-1,Low
P-2,Slow page again,like P-1,Low
"""


@pytest.fixture
def source(program: Program) -> Path:
    """Give a source in which a key comes twice, and a mapping for it."""
    Path("m.yaml").write_text(MAPPING)
    Path("s.csv").write_text(ROWS)
    return Path("s.csv")


@pytest.mark.parametrize("duplicates", ["reject", "first"])
def test_a_key_that_comes_twice_promises_no_number_each_night(program: Program, source: Path, duplicates: str) -> None:
    """A row that loses isn't what the issue was last sent as; that leaves nothing to be done for the one that wins."""
    Path("m.yaml").write_text(f"{MAPPING}duplicates: {duplicates}\n")
    options = ("--sandbox", "--yes", "--on-change", "update", "--max-rejected", "90%", "--fail-on", "new", "--json")
    first, second, third = (program("run", source, "-m", "m.yaml", *options) for _ in range(3))
    assert first.summary["additions"] == {"refer": 1}
    assert second.summary["forecast"] == {"requests": 0}
    assert third.summary["same_as"]
