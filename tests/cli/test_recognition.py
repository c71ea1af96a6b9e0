"""A source without `-m`: recognised, asked for, or refused with the candidates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from importer.authoring.recognise import preset_shapes
from importer.errors import ExitCode
from tests.harness.running import Program, write_csv

ISSUES: list[dict[str, Any]] = [{"number": n, "title": f"T{n}", "state": "open", "body": "", "html_url": f"https://github.com/o/r/issues/{n}",
           "labels": [], "created_at": "2026-01-01", "user": {"login": "a"}} for n in (1, 2)]  # fmt: skip
LONG = 9
"""Columns of a form that is not easily outdone by a third one."""


def test_the_evidence_is_said(program: Program) -> None:
    """On screen before anything else, and in the summary."""
    ended = program("validate", Path(__file__).parents[2] / "sample_data" / "jira.csv", "--json")
    assert ended.code == ExitCode.PARTLY or ended.code == ExitCode.DONE
    assert ended.summary["recognised"].startswith("jira CSV: ")
    assert ended.summary["recognised"] in ended.err.splitlines()[0]


def test_two_arrays_that_are_as_good(program: Program) -> None:
    """Neither is read in silence: both are named."""
    Path("both.json").write_text(json.dumps({"open": ISSUES[:1], "closed": ISSUES[1:]}), encoding="utf-8")
    ended = program("validate", "both.json")
    assert ended.code == ExitCode.UNUSABLE
    assert "open" in ended.err
    assert "closed" in ended.err


@pytest.mark.parametrize("wrap", [lambda issue: {"type": "RECORD", "stream": "issues", "record": issue}, dict])
def test_wrapped_or_not(program: Program, wrap: object) -> None:
    """A connector's messages give the same rows as the records themselves."""
    lines = "".join(json.dumps(wrap(issue)) + "\n" for issue in ISSUES)  # type: ignore[operator]
    Path("issues.jsonl").write_text(lines, encoding="utf-8")
    ended = program("validate", "issues.jsonl", "--json")
    assert ended.summary["planned"] == 2
    assert ended.summary["recognised"].startswith("github ")


def tied_header() -> tuple[set[str], list[str]]:
    """Two presets of which a form has as many columns, and a header with all of both."""
    forms: dict[int, tuple[str, list[str]]] = {}
    for preset, shapes in preset_shapes().items():
        for shape in shapes:
            names = [names[0] for names in (*shape.needs, *shape.columns)]
            if not (shape.only or shape.records or any("." in name for name in names)):
                other, columns = forms.setdefault(len(names), (preset, names))
                if other != preset and len(names) > LONG:
                    return {preset, other}, list(dict.fromkeys([*columns, *names]))
    raise AssertionError("no two forms are as long")


def test_a_tie_is_asked_on_a_terminal(program: Program) -> None:
    """Two presets fit: the answer decides; without a terminal both are named and nothing is done."""
    presets, header = tied_header()
    write_csv(Path("both.csv"), [["text"] * len(header)], header)
    ended = program("validate", "both.csv")
    assert ended.code == ExitCode.UNUSABLE
    assert "both.csv may be of several trackers" in ended.err
    assert all(f"  {preset} " in ended.err for preset in presets)
    with program.on_terminal("validate", "both.csv") as terminal:
        terminal.read_until("Which is it?")
        terminal.type(f"{min(presets)}\n")
        assert "checked 1 rows" in terminal.end().err
