"""Lines fit a terminal, and have colours where it wants them."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.cli.terminal import (
    ALWAYS,
    AUTO,
    NEVER,
    STYLES,
    choose_colour,
    count_lines,
    measure,
    paint,
    wants_colour,
    wrap,
)
from tests.harness.running import Program, issue_row, write_csv

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


class Screen(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It is."""
        return True


@pytest.fixture(autouse=True)
def colours(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Begin without wishes of the surroundings, and leave none behind."""
    for name in ("NO_COLOR", "TERM"):
        monkeypatch.delenv(name, raising=False)
    yield
    choose_colour(AUTO)


def test_first_words_are_painted_and_stay() -> None:
    """The line is what it was, with its colours taken out."""
    painted = paint("Error: no\nwarning: perhaps\n  warning: not a first word")
    assert painted == "\x1b[31m\x1b[1mError:\x1b[0m no\n\x1b[33mwarning:\x1b[0m perhaps\n  warning: not a first word"
    assert all(words.strip() for words in STYLES), "what a colour says, words say"


def test_who_wants_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """A terminal, unless NO_COLOR or a dumb one objects; `--color` decides against all of these."""
    assert (wants_colour(Screen()), wants_colour(io.StringIO())) == (True, False)
    monkeypatch.setenv("TERM", "dumb")
    assert not wants_colour(Screen())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not wants_colour(Screen())
    choose_colour(ALWAYS)
    assert wants_colour(io.StringIO())
    monkeypatch.delenv("NO_COLOR")
    choose_colour(NEVER)
    assert not wants_colour(Screen())


def test_in_a_command(program: Program) -> None:
    """A check is the same with and without; neither a pipe nor an export gets any unasked."""
    write_csv(Path("export.csv"), [issue_row(1, priority="\x1b[31mPressing")])
    plain = program("validate", "export.csv", "-m", "jira", "--limit", "1")
    assert "\x1b" not in plain.out
    painted = program("--color", "always", "validate", "export.csv", "-m", "jira", "--limit", "1")
    assert "\x1b[1mseverity:\x1b[0m\n" in painted.out
    assert "\x1b[31mPressing" not in painted.out
