"""`triage-import explain`: the explanation as text."""

from __future__ import annotations

from pathlib import Path

from tests.harness.running import SAMPLES, Program, issue_row, write_csv


def test_what_one_row_becomes(program: Program) -> None:
    """Where it stands, each field, the issue as people will see it, then the body."""
    write_csv(Path("export.csv"), [issue_row(1)])
    ended = program("explain", "export.csv", "-m", "jira", "PROJ-1")
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.startswith("jira:PROJ-1   export.csv:2, row 1: planned\n\nkey\n  cell    Issue key = 'PROJ-1'\n")
    assert "\nseverity\n  cell    Priority = 'High'\n  rule    the value map has it   (jira.yaml:" in ended.out
    assert "\n  result  'high'\n" in ended.out
    assert "As people will see it:\n  | Title 1\n  | \n  | Text 1\n" in ended.out
    assert ended.out.splitlines()[-1].startswith('{"title":"Title 1",')


def test_a_row_that_stays_behind(program: Program) -> None:
    """Each finding with its hint, and that nothing would be sent."""
    ended = program("explain", SAMPLES / "undecided.csv", "-m", "jira", "OPS-2")
    assert ended.code == 0
    assert "\nRejected: severity-unknown: the mapping doesn't know severity 'When idle'\n  add `severity:" in ended.out
    assert ended.out.endswith("\nNothing would be sent.\n")


def test_a_row_that_a_rule_leaves_out(program: Program) -> None:
    """The rule's code."""
    write_csv(Path("export.csv"), [issue_row(1), ("",) * 6])
    ended = program("explain", "export.csv", "-m", "jira", "3")
    assert ended.out.startswith("(no key)   export.csv:3, row 2: skipped\n")
    assert "\nSkipped: row-empty: All cells are empty; skipped.\n" in ended.out


def test_a_long_cell_is_cut_on_screen_only(program: Program) -> None:
    """The body has all of it."""
    write_csv(Path("export.csv"), [(*issue_row(1)[:5], "x" * 5000)])
    ended = program("explain", "export.csv", "-m", "jira", "2")
    assert f"Description = '{'x' * 100}… (5,000 characters)'" in ended.out
    assert "x" * 5000 in ended.out.splitlines()[-1]


def test_what_would_control_a_terminal(program: Program) -> None:
    """Whatever a cell has, it is shown and not carried out, neither in the title nor in its lines."""
    evil = "\x1b[2J\x9b31m\u202e\rgone"
    write_csv(Path("export.csv"), [(*issue_row(1, title=f"Title {evil}")[:5], f"One\n{evil}")])
    for which in ("PROJ-1", "2"):
        ended = program("explain", "export.csv", "-m", "jira", which)
        assert ended.code == 0
        assert all(line.isprintable() for line in (ended.out + ended.err).splitlines()), ended.out
        assert "gone" in ended.out


def test_arguments_in_the_wrong_order(program: Program) -> None:
    """A key before the file, and a file alone, each with the command that was meant."""
    write_csv(Path("export.csv"), [issue_row(1)])
    for words, hint in (
        (("PROJ-1", "export.csv"), "triage-import explain export.csv PROJ-1"),
        (("export.csv",), "triage-import explain export.csv 2"),
        (("PROJ-1",), "triage-import explain PROJ-1 2"),
    ):
        ended = program("explain", *words)
        assert ended.code == 2
        assert ended.err.splitlines()[-1] == hint
