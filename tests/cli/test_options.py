"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path

import pytest

from importer.errors import UsageError
from importer.ledger.commands import default_path
from importer.library.inputs import check_source_name, open_job, read_only_list
from tests.harness.running import Program, write_issues
from tests.harness.source_files import table_of


def test_only_is_a_list_or_a_file(tmp_path: Path) -> None:
    """Commas on the command line, lines in a file; a byte order mark, blanks and outer white space don't count."""
    file = tmp_path / "keys.txt"
    file.write_text("\ufeffPROJ-1\r\n\r\n  PROJ-2 \n", encoding="utf-8")
    keys = frozenset({"PROJ-1", "PROJ-2"})
    assert read_only_list(str(file)) == read_only_list("PROJ-1, PROJ-2,,") == keys
    assert read_only_list(None) is None


@pytest.mark.parametrize("name", ["", " ", "a:b", " a", "a\n", "a\nb"])
def test_a_name_that_can_t_be_part_of_a_key(name: str) -> None:
    """A colon would end it early, white space would be lost."""
    with pytest.raises(UsageError, match="can't be part of a key"):
        check_source_name(name)


def test_a_good_name() -> None:
    """Anything else is a name."""
    assert check_source_name("jira-acme (old)") == "jira-acme (old)"


def test_where_the_state_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`$XDG_STATE_HOME`, else `~/.local/state`, as the XDG base directory specification says."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_path() == Path("/state/triage-importer/ledger.db")
    for empty in ("unset", "empty"):
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("XDG_STATE_HOME", "")
        if empty == "unset":
            monkeypatch.delenv("XDG_STATE_HOME")
        assert default_path() == tmp_path / ".local/state/triage-importer/ledger.db"


def test_options_win_over_the_mapping(program: Program) -> None:
    """What the mapping says of the input is what the command line doesn't."""
    Path("mine.yaml").write_text("extends: jira\ninput: {name: acme, delimiter: ';', encoding: cp1252}\n")
    source = str(write_issues(Path("export.csv"), 1))
    given = {"mapping": "mine.yaml", "source_name": None, "encoding": None, "delimiter": ",", "format": None}
    with open_job((source,), **given) as job:  # a dictionary of several types
        assert (job.source_name, job.name_given, table_of(job.source).delimiter) == ("acme", True, ",")
    given |= {"source_name": "umbra"}
    with open_job((source,), **given) as job:
        assert job.source_name == "umbra"
