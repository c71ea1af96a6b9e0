"""Colours of lines."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.cli.terminal import ALWAYS, AUTO, NEVER, STYLES, choose_colour, paint, wants_colour
from tests.harness.running import Program, issue_row, write_csv


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
