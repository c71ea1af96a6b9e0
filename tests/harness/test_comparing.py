"""Two versions are compared: what is different is named, and one that is the same isn't."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.harness import corpus, twins
from tests.harness.differences import Difference, find_differences
from tests.harness.mutating import Mutation, copy_program, mutated
from tests.harness.running import LONG, ROOT

ONLY = ("--only", "^samples/jira.csv$")
OTHER_VALUE = Mutation("", "mappings/jira.yaml", "    Highest: critical\n", "    Highest: high\n", "")
SENT_AGAIN = Mutation(
    "", "importer/triage/actions.py", "(range(100, 600), S, S, R, R)", "(range(100, 600), R, R, R, R)", ""
)
ROW = 'A-1,"One, two",{}\r\n'
LINES = '{{"key": "A-1", "body": "{{\\"severity\\": \\"{}\\", \\"labels\\": [1, 2]}}"}}\n'


@pytest.mark.parametrize(
    ("name", "texts", "found"),
    [
        ("stdout", ("a\nb 1\nc", "a\nb 2\nc"), [(2, "", "b 1", "b 2")]),
        ("stdout", ("a\nc", "a\nb\nc"), [(2, "", None, "b")]),
        ("any.csv", [f"key,title,code\r\n{ROW.format(it)}" for it in ("x", "y")], [(2, "code", "x", "y")]),
        ("any.csv", ["k\r\n1\r\n", "k\r\n1\r\n2\r\n"], [(3, "a row", None, '["2"]')]),
        (
            "any.csv",
            ["k,n\r\n1,2\r\n", "k\r\n1\r\n"],
            [(1, "the header", "k,n", "k"), (2, "n", "2", None)],
        ),
        ("any.jsonl", [LINES.format(it) for it in ("low", "high")], [(1, ".body.severity", "low", "high")]),
        ("any.json", ('{"a": [1, 2]}', '{"a": [1, 3], "b": 0}'), [(1, ".a[2]", "2", "3"), (1, ".b", None, "0")]),
        ("any.json", ("{}", None), [(0, "the file", "{}", None)]),
    ],
)
def test_what_is_different(name: str, texts: tuple[str, str | None], found: list[tuple[object, ...]]) -> None:
    """In tables and JSON it is a cell, elsewhere a line; lines that are more or fewer don't make all others differ."""
    assert [tuple(each) for each in find_differences(name, *texts)] == found


def test_differences_of_a_kind() -> None:
    """The same change in other rows is the same kind, another change is another."""
    kinds = [
        Difference(at, "code", *texts).kind() for at, texts in enumerate((("1 x", "2 x"), ("3 x", "45 x"), ("x", "y")))
    ]
    assert kinds[0] == kinds[1] != kinds[2]


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """Give a folder with a copy of this checkout."""
    folder = tmp_path / "copy"
    folder.mkdir()
    copy_program(folder)
    return folder


@pytest.mark.slow(seconds=30)
def test_the_corpus_names_a_difference(copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A value of a preset that has another target, and nothing where it is as before."""
    kept = str(tmp_path / "kept")
    assert corpus.main([str(ROOT), "--keep", kept, *ONLY]) == 0
    assert corpus.main([kept, str(copied)]) == 0
    assert "0 differences in 1 inputs" in capsys.readouterr().out
    with mutated(OTHER_VALUE, copied):
        assert corpus.main([kept, str(copied)]) == 1
    said = capsys.readouterr().out
    assert "samples/jira.csv: validate: checked/planned.jsonl:1 .body.severity\n  - 'critical'\n  + 'high'\n" in said
    assert "  validate: planned.jsonl .body.severity: 'critical' → 'high'   (samples/jira.csv)" in said


@pytest.mark.slow(seconds=60)
def test_twins_name_a_difference(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What got no answer is sent again at once, and nothing where it is as before."""
    seeds = ("--seeds", "1", "--first", "2")
    if LONG:
        assert twins.main([str(ROOT), str(copied), *seeds]) == 0
        assert "0 of 1 seeds are different" in capsys.readouterr().out
    with mutated(SENT_AGAIN, copied):
        assert twins.main([str(ROOT), str(copied), *seeds]) == 1
    said = capsys.readouterr().out
    assert "writes:\n  - absent\n  + 'POST /v1/triage/issues Title" in said
    assert "broken promises:\n  - absent\n  + \"night 1: doubled: {'Title" in said
