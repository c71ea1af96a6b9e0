"""Ledgers of an earlier version, killed at twelve places of its work: this one ends the same runs, each thing once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from importer.errors import ExitCode
from importer.ledger import schema
from importer.ledger.opening import read_ledger
from importer.mapping.reader import preset_text
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.left_behind import FILE, KINDS, LeftBehind, list_places, see
from tests.harness.postgres import PostgresServer
from tests.harness.running import Ended, Program

QUICK = ("comments", "creates")
PLACES = [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in list_places()]
GAINED = """
footer: {Gained: Gained column}
severity: {values: {A word that no row has: low}}
owner_id: Gained owner
"""
"""What a preset may gain: a line and a key for columns that the file doesn't have, and a word."""
OTHER = {"comments": "footer: {Kind: Issue Type}", "intent": "input: {key: Summary}"}
"""What makes other bodies, or other keys, of the rows of these places."""
SEVERER = "extends: jira\nseverity: {values: {Medium: critical}}\n"


class Continued:
    """What was left behind at one place, put back, with a target that has what it had then."""

    def __init__(self, program: Program, sandbox: RunningSandbox, left: LeftBehind, ledger: str | Path) -> None:
        self._program, self.ledger, self.left, self.sandbox = program, ledger, left, sandbox
        self._command = left.command(sandbox.url, ledger)

    def run(self, *more: str) -> Ended:
        """Type the same command again."""
        return self._program(*self._command, *more)

    def type(self, *words: str) -> Ended:
        """Type another command for the same ledger."""
        return self._program(*words, "--ledger", str(self.ledger), "--rate", "0")

    def change_mapping(self, text: str) -> None:
        """Let the mapping, or the preset, say more than it did."""
        if "-m" not in self._command:
            return
        name = self._command[self._command.index("-m") + 1]
        if name == "jira":
            self.change_preset(f"extends: jira\n{text}")
        else:
            before = Path(name).rename(f"before-{name}")
            Path(name).write_text(f"extends: {before}\n{text}", encoding="utf-8")

    def change_preset(self, text: str) -> None:
        """Let the preset be this text."""
        self._command[self._command.index("-m") + 1] = "./jira"
        Path("jira").write_text(text, encoding="utf-8")

    def count_writes(self) -> int:
        """Count the requests so far that are to change something."""
        return sum(times for kind, times in self.sandbox.requests().items() if not kind.startswith("GET "))


@pytest.fixture(params=KINDS)
def continued(request: pytest.FixtureRequest, program: Program, serve: Serve, tmp_path: Path, name: str) -> Continued:
    """Put everything back."""
    left = LeftBehind(name, request.param)
    left.write_files(program.folder)
    left.restore_target(tmp_path / "target.db")
    sandbox, path = serve(db=tmp_path / "target.db"), tmp_path / "ledger" / "ledger.db"
    if request.param == FILE:
        left.restore_file(path, sandbox.url)
        return Continued(program, sandbox, left, path)
    postgres: PostgresServer = request.getfixturevalue("postgres")
    url = postgres.make_ledger()
    left.restore_server(url, sandbox.url)
    return Continued(program, sandbox, left, url)


def test_what_is_open_in_twelve_places(tmp_path: Path) -> None:
    """Requests that may have left, answers that say nothing, and what waits for a call."""
    found = set[tuple[str, str]]()
    for name in list_places():
        path = tmp_path / name / "ledger.db"
        LeftBehind(name, FILE).restore_file(path, "")
        with closing(sqlite3.connect(path)) as connection:
            found.update(connection.execute("SELECT act, state FROM operations WHERE state NOT IN ('done', 'same')"))
    sent = {(act, "sent") for act in ("create", "update", "comment", "relation", "flag")}
    unknown = {(act, "unknown") for act in ("create", "comment")}
    assert found == sent | unknown | {("evidence", "left"), ("flag", "left")}
    assert len(list_places()) == 12


@pytest.mark.parametrize("gained", ["", pytest.param(GAINED, marks=pytest.mark.slow)], ids=["", "gained"])
@pytest.mark.parametrize("name", PLACES)
def test_the_same_command_ends_the_run(continued: Continued, gained: str) -> None:
    """Each row, comment and relation is there once, as if nothing had happened; the next night has nothing to do."""
    if gained:
        continued.change_mapping(gained)
    ended = continued.run()
    assert ended.code == ExitCode.DONE, ended
    assert ended.outcomes() == continued.left.undisturbed.outcomes
    assert see(continued.sandbox) == continued.left.undisturbed.target
    with read_ledger(continued.ledger) as ledger:
        assert [run.name for run in ledger.list_runs() if run.is_open] == []
    written = continued.count_writes()
    ended = continued.run()
    assert (ended.code, ended.summary["changed"]) == (ExitCode.DONE, 0), ended
    assert see(continued.sandbox) == continued.left.undisturbed.target
    assert continued.count_writes() == written


@pytest.mark.parametrize("name", ["creates"])
def test_a_version_to_come_ends_it_too(continued: Continued, monkeypatch: pytest.MonkeyPatch) -> None:
    """It upgrades the ledger by one step more."""
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, ("ALTER TABLE runs ADD COLUMN mood VARCHAR",)))
    ended = continued.run()
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, continued.left.undisturbed.outcomes), ended
    assert see(continued.sandbox) == continued.left.undisturbed.target


@pytest.mark.parametrize("name", ["comments", pytest.param("intent", marks=pytest.mark.slow)])
def test_a_mapping_that_says_something_else_begins_a_run(continued: Continued, name: str) -> None:
    """What was sent isn't what it would send, or isn't in the file any more: the run that did stays as it is."""
    continued.change_mapping(OTHER[name])
    ended = continued.run("--max-changes", "100%")
    assert ended.code == ExitCode.DONE, ended
    with read_ledger(continued.ledger) as ledger:
        last, first = ledger.list_runs()
    assert (ended.summary["run_id"], first.is_open, last.is_open) == (last.name, True, False)


@pytest.mark.parametrize("name", ["intent"])
def test_a_repair_after_a_preset_has_gained_a_column(continued: Continued) -> None:
    """The cells that the ledger keeps of all rows are those of the columns with which the run began."""
    preset = preset_text("jira")
    assert preset.count("\nseverity:\n  first: [") == 1
    continued.change_preset(preset.replace("\nseverity:\n  first: [", "\nseverity:\n  first: [Gained priority, "))
    assert continued.run().outcomes() == continued.left.undisturbed.outcomes
    Path("mine.yaml").write_text(SEVERER, encoding="utf-8")
    ended = continued.type("repair", "last", "-m", "mine.yaml", "--fields", "severity", "--apply", "--yes", "--json")
    assert (ended.code, ended.outcomes()) == (ExitCode.DONE, {"updated": 5}), ended
    repaired = [line.replace("| medium |", "| critical |") for line in continued.left.undisturbed.target]
    assert see(continued.sandbox) == repaired
