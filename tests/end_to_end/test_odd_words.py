"""Odd words for every option and argument of every command, and names of files that are not UTF-8.

Wanted: no exception but those that the command line has a sentence for, and no hang. Whatever is odd lies in the
folder of the test: a folder, an empty file, a binary one, a mapping; or it is no name of a file at all.
"""

from __future__ import annotations

import io
import os
import random
import shutil
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import click
import pytest

from importer.cli.main import cli, main
from importer.errors import ExitCode
from tests.harness.running import LONG, SAMPLES, SEED, Program

pytestmark = pytest.mark.slow
CASES = 3000 if LONG else 150
OTHER = os.fsdecode(b"caf\xe9")
"""A name in Latin-1, as archives from elsewhere leave it."""

SOURCE, KEY = "source.csv", "jira:VOICE-101"
ODD = (
    *("", " ", "-", "--", "\n", "\t", "*", "=", "a=", "=b", "a=b", ",", "[", "{}", "%s", "{number}", "null", "ü", "💥"),
    *("\u202e", "e\u0301", "\udcff\udcfe", "x" * 5000, "nope", "last", "jira", "jira:1", "VOICE-101", "T-1001", KEY),
    *("-1", "0", "1", "1-2", "2-1", "1,2", "1e309", "nan", "inf", "9" * 21, "1d", "-5d", "90s", "2026-13-45"),
    *("https://a..b", "http://", "file:///a", "postgresql://[", "folder", "empty.csv", "binary", "map.yaml", SOURCE),
)
_BY_NAME = {
    "key": KEY,
    "rows": KEY,
    "answer": "T-1001",
    "name": "jira",
    "code": "conflict",
    "date": "2030-01-15",
    "files": "map.yaml",
    "sources": SOURCE,
    "words": "validate",
}
SERVES = ("sandbox",)
"""Commands that don't end by themselves."""


def prepare(folder: Path) -> None:
    """Write what the words name."""
    shutil.copy(SAMPLES / "jira.csv", folder / SOURCE)
    (folder / "folder").mkdir()
    (folder / "empty.csv").touch()
    (folder / "binary").write_bytes(bytes(range(256)) * 20)
    (folder / "map.yaml").write_text("extends: jira\n", encoding="utf-8")


def draw_cases(draw: random.Random, count: int) -> list[list[str]]:
    """Draw command lines: one odd word each in a good one, or several."""
    commands = list(_walk(cli, []))
    return [_draw_case(draw, *draw.choice(commands)) for _ in range(count)]


def _walk(command: click.Command, path: list[str]) -> Iterator[tuple[list[str], click.Command]]:
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        inner = command.get_command(context, name)
        assert inner is not None
        if name not in SERVES:
            yield from _walk(inner, [*path, name])


def _draw_case(draw: random.Random, path: list[str], command: click.Command) -> list[str]:
    options = [param for param in command.params if isinstance(param, click.Option) and "--help" not in param.opts]
    given = [_usual(param) for param in command.params if isinstance(param, click.Argument)]
    if given and draw.random() < 0.3:
        given[draw.randrange(len(given))] = draw.choice(ODD)
    words = list(path)
    for option in draw.sample(options, min(len(options), draw.choice((0, 1, 1, 2, 4)))):
        words.append(option.opts[0])
        words += [] if option.is_flag else draw.choices(ODD, k=option.nargs)
    usual = [name for option in options for name in option.opts if name in ("--sandbox", "--yes")]
    return [*words, *(name for name in usual if name not in words), "--", *given]


def _usual(argument: click.Argument) -> str:
    by_metavar = {"RUN": "last", "KEY|LINE": KEY, "KEY...": KEY}
    return by_metavar.get(argument.metavar or "") or _BY_NAME[argument.name or ""]


def run_case(words: Sequence[str]) -> tuple[int, str]:
    """Type a command line in this process and folder; give the exit code and what was shown."""
    shown = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    code = -1
    with patch("sys.stdin", io.TextIOWrapper(io.BytesIO())), redirect_stdout(shown), redirect_stderr(shown):
        try:
            main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
    shown.seek(0)
    return code, shown.read()


def is_well(code: int, shown: str) -> bool:
    """Whether a command ended as one should."""
    return code in (0, 1, 2, 3, 4, 5, 6, 7, 8) and "This is a bug" not in shown and "Traceback" not in shown


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
