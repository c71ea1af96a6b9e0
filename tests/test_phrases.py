"""Phrases that messages are made of."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.phrases import clip, clip_counted, counted, escape_controls, format_duration, listed, readable, shell_join


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234567, "1,234,567 rows")])
def test_a_number_with_its_noun(number: int, text: str) -> None:
    """Only one is one; thousands are easy to read."""
    assert counted(number, "row") == text


@pytest.mark.parametrize(
    ("count", "text"), [(0, ""), (1, "0"), (3, "0, 1, 2"), (4, "0, 1, 2 and 1 more"), (2000, "0, 1, 2 and 1,997 more")]
)
def test_the_first_of_many_names(count: int, text: str) -> None:
    """All of them, or the first few and how many more there are."""
    assert listed([str(number) for number in range(count)], 3) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0.0 s"), (3.21, "3.2 s"), (59.96, "1 min 0 s"), (8000, "2 h 13 min"), (200_000, "2 days 7 h")],
)
def test_durations(seconds: float, text: str) -> None:
    """Two units at most."""
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("é 日本", "é 日本"), ("a\x1b[2Jb", r"a\x1b[2Jb"), ("exe\u202egnp", r"exe\u202egnp"), ("a\nb", r"a\nb")],
)
def test_harmless_texts(text: str, shown: str) -> None:
    """Nothing controls a terminal or turns the direction of writing; other alphabets stay."""
    assert escape_controls(text) == shown


@given(st.lists(st.text(st.characters(exclude_categories=["C", "Z"]))))
def test_words_for_the_shell(words: list[str]) -> None:
    """A shell reads the words that were meant."""
    assert shlex.split(shell_join(words)) == words


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_words_that_are_no_text() -> None:
    """What can't be shown as it is reaches a program all the same, and the line can be shown."""
    words = [
        "my export.csv",
        "it's",
        "",
        "a\nb\t'c'\\",
        "caf\udce9e.csv",
        "\udcff\udcfe",
        "\u202eabc",
        "日本 💥",
        "$HOME `a`",
    ]
    line = shell_join(words)
    assert escape_controls(line) == line
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {line}"], capture_output=True, check=True)
    assert [os.fsdecode(word) for word in done.stdout.split(b"\0")[:-1]] == words


@pytest.mark.parametrize(
    ("text", "clipped", "counted_too"),
    [("", "", ""), ("12345", "12345", "12345"), ("123456", "1234…", "12345… (6 characters)")],
)
def test_a_long_text(text: str, clipped: str, counted_too: str) -> None:
    """Only one that is too long is cut."""
    assert (clip(text, 5), clip_counted(text, 5)) == (clipped, counted_too)


def test_half_a_character_for_the_shell() -> None:
    """A key of a JSON file may have one; it is shown as its escape."""
    assert shell_join(["A-\ud800"]) == r"$'A-\x5cud800'"


def test_names_of_files() -> None:
    """Bytes that are not UTF-8 are escaped, and nothing else is changed."""
    assert readable("caf\udce9 ü\n") == "caf\\xe9 ü\n"
