"""Ledgers of an earlier version, killed at twelve places of its work: this one ends the same runs, each thing once."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from importer.errors import ExitCode
from importer.ledger import schema
from importer.ledger.opening import read_ledger
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.left_behind import FILE, KINDS, LeftBehind, list_places, see
from tests.harness.postgres import PostgresServer
from tests.harness.running import Ended, Program

QUICK = ("comments", "creates")
PLACES = [pytest.param(each, marks=() if each in QUICK else pytest.mark.slow) for each in list_places()]


class Continued:
    """What was left behind at one place, put back, with a target that has what it had then."""

    def __init__(self, program: Program, sandbox: RunningSandbox, left: LeftBehind, ledger: str | Path) -> None:
        self._program, self.ledger, self.left, self.sandbox = program, ledger, left, sandbox

    def run(self) -> Ended:
        """Type the same command again."""
        return self._program(*self.left.command(self.sandbox.url, self.ledger))

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


@pytest.mark.parametrize("name", PLACES)
def test_the_same_command_ends_the_run(continued: Continued) -> None:
    """Each row, comment and relation is there once, as if nothing had happened; the next night has nothing to do."""
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
