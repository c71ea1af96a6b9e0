"""A ledger that an earlier version wrote: it becomes ours, can be read as it is, and its runs go on."""

from __future__ import annotations

import shlex
import sqlite3
import subprocess
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from importer.errors import UsageError
from importer.ledger import schema
from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.schema import OLDEST, newest_version
from importer.ledger.store import RunIdentity
from tests.conftest import Serve
from tests.harness.hostile import RunningSandbox
from tests.harness.postgres import PostgresServer, schema_of
from tests.harness.running import Ended, Program, issue_row, write_csv

UNDONE = (
    "DROP TABLE aliases",
    "ALTER TABLE rows DROP COLUMN alias",
    "DROP INDEX operations_fixed_id",
    "ALTER TABLE operations DROP COLUMN fixed_id",
    "ALTER TABLE operations DROP COLUMN born",
)
"""What takes the last step of all back."""
BEFORE = (*UNDONE, "UPDATE stamp SET schema_version = 12")
"""What makes a ledger of the newest version into one of the oldest that is upgraded."""
LATER = (("ALTER TABLE runs ADD COLUMN mood VARCHAR",), ("UPDATE runs SET mood = 'good', repeats = 7",))
"""The steps of two versions to come."""
KILLED = (
    "UPDATE runs SET state = 'open', frozen = 0, exit_code = NULL, ended_at = NULL, summary = NULL",
    "UPDATE attempts SET ended_at = NULL",
    "UPDATE operations SET state = 'sent', issue_id = '', triage_id = '', returned = '' WHERE key = 'jira:PROJ-3'",
)
"""It was killed while the last of its rows was on its way."""


def execute(place: str | Path, *statements: str) -> None:
    """Change a ledger beside the program."""
    with open_ledger(place) as ledger, ledger.transaction() as connection:
        for statement in statements:
            connection.execute(text(statement))


def read_file_schema(path: Path) -> dict[str, Any]:
    """Read tables, columns and indexes, in no order; a default tells only how a column came to be there."""
    with closing(sqlite3.connect(path)) as connection:

        def pragma(name: str, of: str) -> list[tuple[Any, ...]]:
            return connection.execute(f"PRAGMA {name}({of})").fetchall()

        def index(name: str) -> list[str]:
            return [column for _, _, column in pragma("index_info", name)]

        schema: dict[str, Any] = {}
        for (table,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            schema[table] = {
                "columns": {column[1]: (*column[2:4], column[5]) for column in pragma("table_info", table)},
                "indexes": {
                    (name if origin == "c" else "", unique, origin, *index(name))  # SQLite names its own by number
                    for _, name, unique, origin, _ in pragma("index_list", table)
                },
                "references": {each[2:5] for each in pragma("foreign_key_list", table)},
                "without rowid": {each[4] for each in pragma("table_list", table)},
            }
        return schema


def read_server_schema(postgres: PostgresServer, url: str) -> tuple[object, ...]:
    """Read the columns of a ledger's tables, and its indexes and keys."""
    schema = schema_of(url)
    columns = postgres.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        f"WHERE table_schema = '{schema}' ORDER BY table_name, column_name"
    )
    query = f"SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY indexdef"
    return columns, [str(index).replace(f"{schema}.", "") for (index,) in postgres.execute(query)]


class Import:
    """An import into a ledger, which the version before was at when it was killed: the third of its rows has left."""

    def __init__(self, program: Program, sandbox: RunningSandbox, place: str | Path) -> None:
        self.program, self.sandbox, self.place = program, sandbox, place
        write_csv(Path("export.csv"), map(issue_row, (1, 2, 3)))
        assert self.run().code == 0
        execute(place, *KILLED, *BEFORE)
        write_csv(Path("export.csv"), map(issue_row, (1, 2, 3, 4)))

    def run(self, *options: str) -> Ended:
        url, ledger = self.sandbox.url, ("--ledger", str(self.place))
        command = ("run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--json", "--rate", "0")
        return self.program(*command, *ledger, *options)


@pytest.fixture
def before(program: Program, serve: Serve, place: str | Path) -> Import:
    """Give what the version before has left behind."""
    return Import(program, serve(), place)


def test_a_file_becomes_what_a_new_one_is(path: Path, tmp_path: Path) -> None:
    """Every table has the same columns and indexes, whether it grew or was made so."""
    execute(path, *BEFORE)
    for each in (path, tmp_path / "new.db"):
        with open_ledger(each):
            pass
    assert read_file_schema(path) == read_file_schema(tmp_path / "new.db")
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT schema_version FROM stamp").fetchall() == [(newest_version(),)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_server_s_becomes_what_a_new_one_is(postgres: PostgresServer, url: str) -> None:
    """So does one in PostgreSQL."""
    execute(url, *BEFORE)
    new = postgres.make_ledger()
    for each in (url, new):
        with open_ledger(each):
            pass
    assert read_server_schema(postgres, url) == read_server_schema(postgres, new)


def test_it_is_read_without_a_touch(program: Program, serve: Serve, path: Path) -> None:
    """Runs and rows are there to look at, and the file is as it was."""
    Import(program, serve(), path)
    kept = path.read_bytes()
    with read_ledger(path) as ledger:
        (run,) = ledger.list_runs()
        assert (run.is_open, run.attempts) == (True, 1)
        assert [row.key for row in run.results()] == ["jira:PROJ-1", "jira:PROJ-2", "jira:PROJ-3"]
        assert [undecided.key for undecided in run.find_undecided()] == ["jira:PROJ-3"]
    assert path.read_bytes() == kept


def test_a_file_is_kept_as_it_was(program: Program, path: Path) -> None:
    """A copy that only its owner reads is beside it, whole, and named; the next upgrade leaves its own in its place."""
    kept = path.with_name(f"{path.name}.before-upgrade")
    for note in ("first", "second"):
        execute(path, f"INSERT INTO targets (url, org_id) VALUES ('{note}', '')", *BEFORE)
        for is_upgraded in (True, False):
            said = program.apart("settle", "jira:PROJ-1", "absent", "--ledger", path).err
            assert (f"As it was before, it is kept: {kept}\n" in said) == is_upgraded, said
        with closing(sqlite3.connect(kept)) as connection:
            assert connection.execute("SELECT schema_version FROM stamp").fetchall() == [(12,)]
            assert note in {url for (url,) in connection.execute("SELECT url FROM targets")}
        assert kept.stat().st_mode & 0o777 == 0o600


def test_a_copy_that_can_t_be_written(path: Path) -> None:
    """It is named, not the ledger, which stays as it is; what is said to be typed helps."""
    execute(path, *BEFORE)
    kept = path.with_name(f"{path.name}.before-upgrade")
    kept.mkdir()
    with pytest.raises(UsageError, match="can't be written: Is a directory") as caught, open_ledger(path):
        pass
    assert caught.value.message.startswith(f"{kept}, the copy of the ledger")
    command = caught.value.hint.partition(": ")[2].partition(";")[0]
    assert command == f"mv {kept} {kept}.folder"
    subprocess.run(shlex.split(command), check=True)
    with open_ledger(path):
        pass
    assert kept.is_file()


def test_an_import_goes_on(before: Import) -> None:
    """What is in is unchanged, what was on its way is settled, the rest is sent: each issue is there once."""
    ended = before.run()
    assert (ended.code, ended.outcomes()) == (0, {"unchanged": 2, "created": 2}), ended.err
    titles = Counter(issue["title"] for issue in before.sandbox.issues())
    assert titles == {f"Title {number}": 1 for number in (1, 2, 3, 4)}
    assert (ended := before.run()).outcomes() == {"unchanged": 4}, ended.err


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this program be two versions newer, each with a step of its own."""
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, *LATER))


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize("version", [OLDEST, 13, 14, 15])
def test_a_later_version_takes_all_steps(place: str | Path, version: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """From whichever version, each step once and in order, and none that was taken before."""
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "UPGRADES", schema.UPGRADES[: version - OLDEST])
        with open_ledger(place) as ledger:
            ledger.begin_run(RunIdentity("sandbox:here", "jira", "", ""))
        if version == 15:
            execute(place, *LATER[0])
        if version < 14:
            execute(place, *UNDONE)
    for _ in range(2):
        execute(place, "UPDATE runs SET repeats = repeats + 1")
    with open_ledger(place) as ledger, ledger.transaction() as connection:
        assert connection.execute(text("SELECT mood, repeats FROM runs")).one() == ("good", 9)
        assert connection.scalar(text("SELECT schema_version FROM stamp")) == 16


@pytest.mark.usefixtures("later")
def test_reading_what_a_later_version_upgrades(place: str | Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file is read from an upgraded copy; a server's ledger, of which there is none, only after its upgrade."""
    with monkeypatch.context() as earlier:
        earlier.setattr(schema, "UPGRADES", schema.UPGRADES[:2])
        with open_ledger(place) as ledger:
            ledger.begin_run(RunIdentity("sandbox:here", "jira", "", ""))
    with ExitStack() as refused:
        if not isinstance(place, Path):
            refused.enter_context(pytest.raises(UsageError, match="has schema version 14, not 16; a command that"))
        with read_ledger(place) as ledger, ledger.transaction() as connection:
            assert connection.scalar(text("SELECT mood FROM runs")) == "good"
    with open_ledger(place), read_ledger(place) as ledger:
        assert len(ledger.list_runs()) == 1


def test_newer_ones_are_refused(before: Import) -> None:
    """Nothing is sent, and it says that a later version wrote it."""
    before.run()
    execute(before.place, "UPDATE stamp SET schema_version = 99")
    ended = before.run()
    assert ended.code == 2
    assert f"has schema version 99; this program knows none after {newest_version()}." in ended.err
    assert "Use the version of triage-import that wrote it, or another ledger: --ledger PATH" in ended.err


@pytest.mark.parametrize("older", [1, OLDEST - 1])
def test_older_ones_are_refused(before: Import, older: int) -> None:
    """Nothing is sent nor changed, and it says what to type instead."""
    with open_ledger(before.place):
        pass
    execute(before.place, f"UPDATE stamp SET schema_version = {older}")
    ended = before.run()
    assert ended.code == 2
    assert f"has schema version {older}; this program upgrades none before {OLDEST}." in ended.err
    assert "triage-import rebuild-ledger SOURCE -m MAPPING" in ended.err
    assert len(before.sandbox.issues()) == 3
    with pytest.raises(UsageError, match=f"has schema version {older}"), read_ledger(before.place):
        pass
    if isinstance(before.place, Path):
        assert f"mv {before.place} {before.place}.version-{older}" in ended.err
        before.place.rename(f"{before.place}.version-{older}")
        rebuilt = before.program(
            "rebuild-ledger", "export.csv", "-m", "jira", "--api-url", before.sandbox.url,
            "--ledger", str(before.place),
        )  # fmt: skip
        assert rebuilt.code == 0, rebuilt.err
        assert before.run().outcomes() == {"unchanged": 3, "created": 1}
