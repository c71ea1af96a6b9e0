"""How what is typed is read, and to what the shell completes it."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.cli.option_types import FiniteRange, RateType, RowLimitType
from importer.errors import ExitCode
from importer.library.options import RowLimit
from importer.mapping.presets import preset_names
from tests.harness.running import Program, write_issues

FILE = [("file", "")]


def complete(program: Program, *words: str, apart: bool = False) -> list[tuple[str, str]]:
    """What bash is told for the last of these words: kind and text of each proposal. Nothing is said on stderr."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("_TRIAGE_IMPORT_COMPLETE", "bash_complete")
        patch.setenv("COMP_WORDS", " ".join(("triage-import", *words)))
        patch.setenv("COMP_CWORD", str(len(words)))
        ended = program.apart() if apart else program()
    assert (ended.code, ended.err) == (0, "")
    pairs = (line.partition(",") for line in ended.out.splitlines())
    return [(kind, text) for kind, _, text in pairs]


@pytest.mark.parametrize("words", [("run", ""), ("run", "-m", "jira"), ("report", ""), ("sources", "retire", "")])
def test_a_shell_starts_the_program(program: Program, words: tuple[str, ...]) -> None:
    """A process of its own says the same as the others here, which stay in this one."""
    write_issues(Path("export.csv"), 1)
    program("run", "export.csv", "-m", "jira", "--sandbox")
    told = complete(program, *words, apart=True)
    assert told
    assert told == complete(program, *words)


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
    assert complete(program, *words) == FILE


def test_mappings(program: Program) -> None:
    """Presets, YAML files, and where neither begins so, whatever file or folder there is."""
    Path("own").mkdir()
    for name in ("jira-acme.yaml", "notes.txt", "own/mine.yml"):
        Path(name).touch()
    presets = [("plain", name) for name in preset_names() if name.startswith("jira")]
    assert presets
    for words in (("run", "-m"), ("validate", "--mapping"), ("repair", "last", "-m"), ("mappings", "check")):
        assert complete(program, *words, "jira") == [*presets, ("plain", "jira-acme.yaml")]
        assert complete(program, *words, "own/") == [("plain", "own/mine.yml")]
        assert complete(program, *words, "notes") == [("file", "notes")]
        assert complete(program, *words, "none/") == [("file", "none/")]
    assert complete(program, "mappings", "show", "jira") == presets


def test_runs(program: Program) -> None:
    """The imports of the ledger, the newest first, and `last`; a repair is none of them."""
    write_issues(Path("export.csv"), 1)
    names: list[str] = []
    for source_name in ("one", "two"):
        ended = program("run", "export.csv", "-m", "jira", "--source-name", source_name, "--sandbox", "--json")
        names.insert(0, ended.summary["run_id"])
    for command in ("verify", "repair", "undo", "report"):
        assert complete(program, command, "") == [("plain", name) for name in ("last", *names)]
        assert complete(program, command, "la") == [("plain", "last")]
    assert complete(program, "report", "--ledger", str(program.ledger), names[0]) == [("plain", names[0])]


def test_sources(program: Program) -> None:
    """The names of the sources in the ledger, to retire one."""
    write_issues(Path("export.csv"), 1)
    for source_name in ("two", "one"):
        program("run", "export.csv", "-m", "jira", "--source-name", source_name, "--sandbox")
    for command in ("retire", "resume"):
        assert complete(program, "sources", command, "") == [("plain", "one"), ("plain", "two")]


@pytest.mark.parametrize("ledger", ["none.db", "text.db", ".", "postgresql://127.0.0.1:9/none", "none://x"])
def test_runs_of_a_ledger_that_can_t_be_read(program: Program, ledger: str) -> None:
    """Nothing is said in the middle of a line, and nothing is made."""
    Path("text.db").write_text("my notes " * 100, encoding="utf-8")
    assert complete(program, "report", "--ledger", ledger, "") == [("plain", "last")]
    assert [path.name for path in program.folder.iterdir()] == ["text.db"]
    assert not program.state.exists()


def read(text: str) -> RowLimit:
    """Read one as the command line does."""
    return RowLimitType().convert(text, None, None)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("0", RowLimit(0, False)),
        ("20", RowLimit(20, False)),
        ("0%", RowLimit(0, True)),
        ("5%", RowLimit(5, True, least=10)),
        (" 2.5% ", RowLimit(2.5, True, least=10)),
        ("100%", RowLimit(100, True, least=10)),
    ],
)
def test_two_forms(text: str, share: RowLimit) -> None:
    """A bare number counts rows, one with % is a share, of which ten are allowed in any case but that of 0%."""
    assert read(text) == share


@pytest.mark.parametrize("text", ["", "%", "-1", "101%", "many", "5 %%", "nan", "inf", "1_000", "5,5%"])
def test_nothing_else(text: str) -> None:
    """Anything else is refused with the two forms."""
    with pytest.raises(click.BadParameter, match="neither a number of rows nor a share like 5%"):
        read(text)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_zero_allows_none_and_all_allows_all(rows: int, more: int) -> None:
    """`0` and `0%` allow no row, `100%` any number of them, and so many rows are not more than that."""
    total = rows + more
    assert RowLimit(0, False).is_exceeded(rows, total) == RowLimit(0, True).is_exceeded(rows, total) == (rows > 0)
    assert not RowLimit(100, True).is_exceeded(rows, total)
    assert not RowLimit(rows, False).is_exceeded(rows, total)


@pytest.mark.parametrize("text", ["nan", "inf", "-1", "five"])
def test_numbers_are_finite(text: str) -> None:
    """A rate that is no number would hold nothing back."""
    with pytest.raises(click.BadParameter):
        FiniteRange(min=0).convert(text, None, None)


@pytest.mark.parametrize("command", ["run x.csv", "settle a:1 T-1", "rebuild-ledger x.csv", "verify last", "undo last"])
@pytest.mark.parametrize("rate", ["1e-320", "0.0000001", "0.0099", "-1", "nan", "inf"])
def test_a_rate_has_a_least_value(program: Program, command: str, rate: str) -> None:
    """Slower than a request in 100 seconds no import ends, and nobody could wait for some of these."""
    ended = program(*command.split(), "--rate", rate)
    assert (ended.code, "'--rate'" in ended.err, "\n" in ended.err.strip()) == (ExitCode.UNUSABLE, True, True), ended
    assert RateType(min=0).convert("0", None, None) == 0
    assert RateType(min=0).convert("0.01", None, None) == 0.01
