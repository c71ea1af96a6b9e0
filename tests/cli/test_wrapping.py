"""Lines that are broken where words end."""

from __future__ import annotations

import pytest

from importer.cli.terminal import count_lines, measure, wrap

COMMAND = "triage-import users 'jira export.csv' -m jira --source-name acme"


def test_a_line_that_fits_is_left_alone() -> None:
    """With its white space, and an empty one, too."""
    assert wrap("  a   →  b", 10) == ["  a   →  b"]
    assert wrap("", 10) == [""]


def test_words_stay_whole() -> None:
    """What goes on is indented by two more; nothing is lost."""
    line = "  New categories, which Triage can't rename or delete later: Story 26, Task 18."
    lines = wrap(line, 40)
    assert lines == [
        "  New categories, which Triage can't",
        "    rename or delete later: Story 26,",
        "    Task 18.",
    ]
    assert " ".join(each.strip() for each in lines) == line.strip()


@pytest.mark.parametrize("quoted", [COMMAND, "`comments: {open: fold, closed: fold}` in mine.yaml"])
def test_what_is_copied_stays_whole(quoted: str) -> None:
    """A command begins on a line of its own, where the terminal breaks it; so does a line of YAML."""
    lines = wrap(f"warning: 3 people have 60 issues, and nobody is matched: {quoted}", 30)
    assert quoted.partition(" in ")[0] in [line.strip() for line in lines]


def test_lines_are_counted_as_they_are_broken() -> None:
    """A command that is wider than the terminal takes several; a wide sign takes two columns."""
    assert count_lines(["one two three", "", "x" * 25], 10) == 2 + 1 + 3
    assert measure("已x") == 3
