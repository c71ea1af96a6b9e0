"""Odd words for every option and argument of every command: each ends in a code with a sentence.

    python -m tests.end_to_end.odd_words [--cases N] [--seed N]

Wanted: no exception but those that the command line has a sentence for, and no hang. Whatever is odd lies in the
folder of the test: a folder, an empty file, a binary one, a mapping; or it is no name of a file at all.
"""

from __future__ import annotations

import argparse
import io
import os
import random
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

import click

from importer.cli.main import cli, main
from tests.harness.running import SAMPLES

SOURCE, KEY = "source.csv", "jira:VOICE-101"
ODD = (
    *("", " ", "-", "--", "\n", "\t", "*", "=", "a=", "=b", "a=b", ",", "[", "{}", "%s", "{number}", "null", "ü", "💥"),
    *("\u202e", "e\u0301", "\udcff\udcfe", "x" * 5000, "nope", "last", "jira", "jira:1", "VOICE-101", "T-1001", KEY),
    *("-1", "0", "1", "1-2", "2-1", "1,2", "1e309", "nan", "inf", "9" * 21, "1d", "-5d", "90s", "2026-13-45"),
    *("https://a..b", "http://", "file:///a", "postgresql://[", "folder", "empty.csv", "binary", "map.yaml", SOURCE),
)
_BY_NAME = {"key": KEY, "answer": "T-1001", "name": "jira", "files": "map.yaml", "sources": SOURCE, "words": "validate"}
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
    by_metavar = {"RUN": "last", "KEY|LINE": KEY, "KEY|PERSON": KEY}
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


def fuzz(cases: int, seed: int) -> int:
    """Type so many command lines in a folder of their own; print and count those that end badly."""
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        prepare(Path(name))
        os.chdir(name)
        os.environ.update(XDG_STATE_HOME=f"{name}/state", BLAND_API_KEY="canary-3f9c1d77")
        run_case(["run", "--sandbox", "--yes", SOURCE])
        for words in draw_cases(random.Random(seed), cases):
            code, shown = run_case(words)
            if not is_well(code, shown):
                bad += 1
                print(code, [word[:80] for word in words], shown[-600:], sep="\n")  # noqa: T201
        os.chdir("/")
    return bad


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    sys.exit(min(1, fuzz(chosen.cases, chosen.seed)))
