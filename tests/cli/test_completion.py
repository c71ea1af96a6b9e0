"""What Tab completes, once a shell has click's completion."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from importer.mapping.presets import preset_names
from tests.harness.running import PROGRAM, Program, write_issues

FILE = [("file", "")]


def complete(*words: str) -> list[tuple[str, str]]:
    """What bash is told for the last of these words: kind and text of each proposal. Nothing is said on stderr."""
    line = " ".join(("triage-import", *words))
    environment = os.environ | {
        "_TRIAGE_IMPORT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(PROGRAM, env=environment, capture_output=True, text=True, check=True, timeout=120)
    assert done.stderr == ""
    pairs = (line.partition(",") for line in done.stdout.splitlines())
    return [(kind, text) for kind, _, text in pairs]


@pytest.mark.parametrize(
    "words",
    [
        ("run", ""),
        ("validate", "export.csv", "-m", "jira", ""),
        ("explain", ""),
        ("users", ""),
        ("draft", ""),
        ("rebuild-ledger", ""),
        ("run", "--comments", ""),
        ("run", "--only", ""),
        ("run", "--fixes", ""),
        ("run", "--users", ""),
        ("run", "--api-key-file", ""),
        ("runs", "--ledger", ""),
    ],
)
def test_files(program: Program, words: tuple[str, ...]) -> None:
    """The shell completes them, as it did before the command had any completion."""
    assert complete(*words) == FILE


def test_mappings(program: Program) -> None:
    """Presets, YAML files, and where neither begins so, whatever file or folder there is."""
    Path("own").mkdir()
    for name in ("jira-acme.yaml", "notes.txt", "own/mine.yml"):
        Path(name).touch()
    presets = [("plain", name) for name in preset_names() if name.startswith("jira")]
    assert presets
    for words in (("run", "-m"), ("validate", "--mapping"), ("repair", "last", "-m"), ("mappings", "check")):
        assert complete(*words, "jira") == [*presets, ("plain", "jira-acme.yaml")]
        assert complete(*words, "own/") == [("plain", "own/mine.yml")]
        assert complete(*words, "notes") == [("file", "notes")]
        assert complete(*words, "none/") == [("file", "none/")]
    assert complete("mappings", "show", "jira") == presets


def test_runs(program: Program) -> None:
    """The imports of the ledger, the newest first, and `last`; a repair is none of them."""
    write_issues(Path("export.csv"), 1)
    names: list[str] = []
    for source_name in ("one", "two"):
        ended = program("run", "export.csv", "-m", "jira", "--source-name", source_name, "--sandbox", "--json")
        names.insert(0, ended.summary["run_id"])
    for command in ("verify", "repair", "undo", "report"):
        assert complete(command, "") == [("plain", name) for name in ("last", *names)]
        assert complete(command, "la") == [("plain", "last")]
    assert complete("report", "--ledger", str(program.ledger), names[0]) == [("plain", names[0])]


def test_sources(program: Program) -> None:
    """The names of the sources in the ledger, to retire one."""
    write_issues(Path("export.csv"), 1)
    for source_name in ("two", "one"):
        program("run", "export.csv", "-m", "jira", "--source-name", source_name, "--sandbox")
    for command in ("retire", "resume"):
        assert complete("sources", command, "") == [("plain", "one"), ("plain", "two")]


@pytest.mark.parametrize("ledger", ["none.db", "text.db", ".", "postgresql://127.0.0.1:9/none", "none://x"])
def test_runs_of_a_ledger_that_can_t_be_read(program: Program, ledger: str) -> None:
    """Nothing is said in the middle of a line, and nothing is made."""
    Path("text.db").write_text("my notes " * 100, encoding="utf-8")
    assert complete("report", "--ledger", ledger, "") == [("plain", "last")]
    assert [path.name for path in program.folder.iterdir()] == ["text.db"]
    assert not program.state.exists()
