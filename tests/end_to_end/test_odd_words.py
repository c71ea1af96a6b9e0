"""Odd words on the command line, some of them; and names of files that are not UTF-8."""

from __future__ import annotations

import os
import random
import shutil
from pathlib import Path

import pytest

from importer.errors import ExitCode
from tests.end_to_end.odd_words import SOURCE, draw_cases, is_well, prepare, run_case
from tests.harness.running import SAMPLES, Program

pytestmark = pytest.mark.slow
CASES = 150
SEED = 20261128
OTHER = os.fsdecode(b"caf\xe9")
"""A name in Latin-1, as archives from elsewhere leave it."""


def test_each_ends_with_a_sentence(program: Program) -> None:
    """No word, for whatever option or argument, is a bug of the program."""
    prepare(Path())
    assert program("run", "--sandbox", "--yes", SOURCE).code == ExitCode.DONE
    for words in draw_cases(random.Random(SEED), CASES):
        code, shown = run_case(words)
        assert is_well(code, shown), (words, shown)


def test_a_source_whose_name_is_not_utf_8(program: Program) -> None:
    """It is imported, and what is shown to be typed next is its name."""
    source = f"{OTHER}.csv"
    shutil.copy(SAMPLES / "jira.csv", source)
    checked = program("validate", source)
    assert checked.code == ExitCode.DONE
    assert "triage-import run $'caf\\xe9.csv' --sandbox" in checked.out
    assert program("run", "--sandbox", "--yes", "--json", source).outcomes() == {"created": 12, "skipped": 2}
    assert program("run", "--sandbox", "--yes", "--json", source).outcomes() == {"unchanged": 12, "skipped": 2}


@pytest.mark.parametrize("option", ["--out", "--source-name", "-m", "--users", "--ledger"])
def test_other_names_that_are_not_utf_8(program: Program, option: str) -> None:
    """They couldn't be stored; nothing is sent."""
    Path(OTHER).mkdir()
    shutil.copy(SAMPLES / "jira.csv", "source.csv")
    ended = program("run", "--sandbox", "--yes", "source.csv", option, OTHER)
    assert ended.code == ExitCode.UNUSABLE
    assert ended.err.startswith("Error: caf\\xe9 is not UTF-8.\nOnly the files to be imported")


def test_a_folder_whose_name_is_not_utf_8(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    """In it a check can work, and a run with its reports elsewhere."""
    Path(OTHER).mkdir()
    monkeypatch.chdir(OTHER)
    shutil.copy(SAMPLES / "jira.csv", "source.csv")
    assert program("validate", "source.csv").code == ExitCode.DONE
    ended = program("run", "--sandbox", "--yes", "source.csv")
    assert ended.code == ExitCode.UNUSABLE
    assert "can't be used: its name is not UTF-8.\nName another folder with --out." in ended.err
    assert program("run", "--sandbox", "--yes", "source.csv", "--out", str(program.state / "out")).code == ExitCode.DONE
