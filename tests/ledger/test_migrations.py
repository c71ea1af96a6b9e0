"""A ledger that an older version wrote: it becomes ours, can be read as it is, and its runs go on."""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from importer.errors import ExitCode
from importer.ledger.journal import Decision
from importer.ledger.opening import open_ledger, read_ledger
from importer.ledger.schema import SCHEMA_VERSION, RunKind, State, rows, stamp
from importer.records import Outcome
from importer.sandbox.server import RunningSandbox
from tests.conftest import Serve
from tests.harness.ledger_sending import begin, operation, row
from tests.harness.postgres import PostgresServer, schema_of
from tests.harness.running import Ended, Program, issue_row, read_csv, write_csv, write_issues

VERSION_1 = """
CREATE TABLE stamp (schema_version INTEGER NOT NULL);
CREATE TABLE targets (
    id INTEGER NOT NULL, url VARCHAR NOT NULL, org_id VARCHAR NOT NULL,
    PRIMARY KEY (id), UNIQUE (url)
);
CREATE TABLE sources (
    id INTEGER NOT NULL, target_id INTEGER NOT NULL, name VARCHAR NOT NULL,
    PRIMARY KEY (id), UNIQUE (target_id, name), FOREIGN KEY(target_id) REFERENCES targets (id)
);
CREATE TABLE runs (
    id INTEGER NOT NULL, name VARCHAR NOT NULL, source_id INTEGER NOT NULL, source_digest VARCHAR NOT NULL,
    mapping_digest VARCHAR NOT NULL, out VARCHAR NOT NULL, options BLOB NOT NULL, state VARCHAR NOT NULL,
    exit_code INTEGER, started_at FLOAT NOT NULL, ended_at FLOAT, summary BLOB,
    PRIMARY KEY (id), UNIQUE (name), FOREIGN KEY(source_id) REFERENCES sources (id)
);
CREATE TABLE attempts (
    id INTEGER NOT NULL, run_id INTEGER NOT NULL, pid INTEGER NOT NULL, started_at FLOAT NOT NULL, ended_at FLOAT,
    PRIMARY KEY (id), FOREIGN KEY(run_id) REFERENCES runs (id)
);
CREATE TABLE operations (
    id INTEGER NOT NULL, source_id INTEGER NOT NULL, run_id INTEGER NOT NULL, "key" VARCHAR NOT NULL,
    method VARCHAR NOT NULL, path VARCHAR NOT NULL, marker VARCHAR NOT NULL, body_sha BLOB NOT NULL,
    state VARCHAR NOT NULL, attempts INTEGER NOT NULL, since FLOAT NOT NULL, issue_id VARCHAR NOT NULL,
    triage_id VARCHAR NOT NULL, returned BLOB NOT NULL, code VARCHAR NOT NULL, message VARCHAR NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(source_id) REFERENCES sources (id), FOREIGN KEY(run_id) REFERENCES runs (id)
);
CREATE INDEX operations_triage_id ON operations (triage_id);
CREATE UNIQUE INDEX operations_key ON operations (source_id, "key");
CREATE TABLE rows (
    run_id INTEGER NOT NULL, file INTEGER NOT NULL, record INTEGER NOT NULL, file_name VARCHAR NOT NULL,
    line INTEGER NOT NULL, "key" VARCHAR NOT NULL, outcome VARCHAR NOT NULL, findings BLOB, raw BLOB,
    origin VARCHAR NOT NULL,
    PRIMARY KEY (run_id, file, record), FOREIGN KEY(run_id) REFERENCES runs (id)
) WITHOUT ROWID;
INSERT INTO stamp VALUES (1);
"""
REMEMBERED = ("title", "severity", "status", "category", "source", "owner_id", "assignee_id", "updated_at")
TABLES = ("targets", "sources", "runs", "attempts", "operations", "rows")
FORGET_THE_END = """
UPDATE runs SET state = 'open', exit_code = NULL, ended_at = NULL, summary = NULL;
UPDATE attempts SET ended_at = NULL;
UPDATE operations SET state = 'sent', issue_id = '', triage_id = '', returned = X'' WHERE "key" = 'jira:PROJ-3';
DELETE FROM operations WHERE "key" = 'jira:PROJ-4';
"""
"""It was killed while the third of its rows was on its way, and before the fourth."""


def write_version_1(path: Path, newer: Path) -> None:
    """Write a ledger as version 1 would have written it of what a newer one knows."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(VERSION_1)
        connection.execute("ATTACH ? AS newer", (str(newer),))
        for table in TABLES:
            names = ", ".join(f'"{name}"' for _, name, *_ in connection.execute(f"PRAGMA table_info({table})"))
            connection.execute(f"INSERT INTO main.{table} ({names}) SELECT {names} FROM newer.{table}")
        for id_, returned in connection.execute("SELECT id, returned FROM main.operations").fetchall():
            memory = orjson.loads(returned)
            old = {name: memory[name] for name in REMEMBERED} | {"author_id": None}
            old["description_sha256"] = memory["description"]
            connection.execute("UPDATE main.operations SET returned = ? WHERE id = ?", (orjson.dumps(old), id_))
        connection.commit()


def read_schema(path: Path) -> dict[str, Any]:
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


class Before:
    """An import that version 1 was at: two of four rows are in, the third was on its way, and there is its issue."""

    def __init__(self, program: Program, sandbox: RunningSandbox) -> None:
        self.program, self.sandbox = program, sandbox
        write_csv(Path("export.csv"), map(issue_row, (1, 2, 3)))
        newer = Path("newer.db")
        assert self.run("--ledger", str(newer)).code == 0
        self.path = program.ledger
        self.path.parent.mkdir(parents=True, exist_ok=True)
        write_version_1(self.path, newer)
        with closing(sqlite3.connect(self.path)) as connection:
            connection.executescript(FORGET_THE_END)
        write_csv(Path("export.csv"), map(issue_row, (1, 2, 3, 4)))

    def run(self, *options: str) -> Ended:
        """Run the import with today's program."""
        url = self.sandbox.url
        return self.program(
            "run", "export.csv", "-m", "jira", "--api-url", url, "--yes", "--json", "--rate", "0", *options
        )


@pytest.fixture
def before(program: Program, serve: Serve) -> Before:
    """Give what version 1 has left behind."""
    return Before(program, serve())


def test_its_schema_becomes_that_of_a_new_one(before: Before, tmp_path: Path) -> None:
    """Every table has the same columns and indexes, whether it grew or was made so."""
    assert read_schema(before.path)["stamp"]["columns"].keys() == {"schema_version"}
    for path in (before.path, tmp_path / "new.db"):
        with open_ledger(path):
            pass
    assert read_schema(before.path) == read_schema(tmp_path / "new.db")
    with closing(sqlite3.connect(before.path)) as connection:
        assert connection.execute("SELECT schema_version FROM stamp").fetchall() == [(SCHEMA_VERSION,)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


def test_it_is_read_without_a_touch(before: Before) -> None:
    """Runs, rows and memories are there to look at, and the file is as it was."""
    kept = before.path.read_bytes()
    with read_ledger(before.path) as ledger:
        (run,) = ledger.list_runs()
        assert (run.kind, run.is_open, run.attempts) == (RunKind.IMPORT, True, 1)
        assert [row.key for row in run.results()] == ["jira:PROJ-1", "jira:PROJ-2", "jira:PROJ-3"]
        assert [undecided.key for undecided in run.find_undecided()] == ["jira:PROJ-3"]
        known = ledger.find_known(before.sandbox.url, "jira", ["jira:PROJ-1"])["jira:PROJ-1"]
        assert known.state is State.DONE
        memory = orjson.loads(known.returned)
        assert (memory["title"], len(memory["description"])) == ("Title 1", 64)
        assert "description_sha256" not in memory
    assert before.path.read_bytes() == kept
    assert [path.name for path in before.path.parent.iterdir() if path.is_file()] == [before.path.name]


def test_an_import_goes_on(before: Before) -> None:
    """What is in is unchanged, what was on its way is settled, the rest is sent: each issue is there once."""
    creates = before.sandbox.requests()["POST /v1/triage/issues"]
    ended = before.run()
    assert (ended.code, ended.outcomes()) == (0, {"unchanged": 2, "created": 2})
    assert before.sandbox.requests()["POST /v1/triage/issues"] == creates + 1
    titles = Counter(issue["title"] for issue in before.sandbox.issues())
    assert titles == {f"Title {number}": 1 for number in (1, 2, 3, 4)}
    assert before.program("verify", "last", "--json").summary["same"] == 2
    assert (ended := before.run()).outcomes() == {"unchanged": 4}, ended.err


def test_its_memories_tell_who_changed_what(before: Before) -> None:
    """A row that changed since is updated: nothing in an old memory is taken for a person's edit."""
    write_csv(Path("export.csv"), [issue_row(1, title="New title"), *map(issue_row, (2, 3, 4))])
    ended = before.run("--on-change", "update", "--out", "reports")
    assert (ended.code, ended.outcomes()) == (0, {"updated": 1, "unchanged": 1, "created": 2})
    assert not Path("reports/conflicts.csv").exists()
    assert read_csv(Path("reports/results.csv"))[0]["outcome"] == "updated"
    assert "New title" in {issue["title"] for issue in before.sandbox.issues()}


VERSION_2 = """
CREATE TABLE stamp (
    schema_version INTEGER NOT NULL, generation INTEGER DEFAULT '0' NOT NULL, origin VARCHAR DEFAULT '' NOT NULL
);
CREATE TABLE targets (
    id SERIAL NOT NULL, url VARCHAR NOT NULL, org_id VARCHAR NOT NULL, contact BYTEA,
    PRIMARY KEY (id), UNIQUE (url)
);
CREATE TABLE sources (
    id SERIAL NOT NULL, target_id INTEGER NOT NULL, name VARCHAR NOT NULL, looked INTEGER DEFAULT '0' NOT NULL,
    PRIMARY KEY (id), UNIQUE (target_id, name), FOREIGN KEY(target_id) REFERENCES targets (id)
);
CREATE TABLE found (
    source_id INTEGER NOT NULL, issue_id VARCHAR NOT NULL, triage_id VARCHAR NOT NULL, marker VARCHAR NOT NULL,
    title VARCHAR NOT NULL, created_at FLOAT NOT NULL, returned BYTEA NOT NULL,
    PRIMARY KEY (source_id, issue_id), FOREIGN KEY(source_id) REFERENCES sources (id)
);
CREATE INDEX found_marker ON found (source_id, marker);
CREATE TABLE runs (
    id SERIAL NOT NULL, name VARCHAR NOT NULL, source_id INTEGER NOT NULL, kind VARCHAR DEFAULT 'import' NOT NULL,
    source_digest VARCHAR NOT NULL, mapping_digest VARCHAR NOT NULL, out VARCHAR NOT NULL, options BYTEA NOT NULL,
    state VARCHAR NOT NULL, frozen INTEGER DEFAULT '0' NOT NULL, exit_code INTEGER, started_at FLOAT NOT NULL,
    ended_at FLOAT, summary BYTEA,
    PRIMARY KEY (id), UNIQUE (name), FOREIGN KEY(source_id) REFERENCES sources (id)
);
CREATE TABLE attempts (
    id SERIAL NOT NULL, run_id INTEGER NOT NULL, pid INTEGER NOT NULL, started_at FLOAT NOT NULL, ended_at FLOAT,
    PRIMARY KEY (id), FOREIGN KEY(run_id) REFERENCES runs (id)
);
CREATE TABLE operations (
    id SERIAL NOT NULL, source_id INTEGER NOT NULL, run_id INTEGER NOT NULL, key VARCHAR NOT NULL,
    act VARCHAR DEFAULT 'create' NOT NULL, method VARCHAR NOT NULL, path VARCHAR NOT NULL, marker VARCHAR NOT NULL,
    body_sha BYTEA NOT NULL, content BYTEA NOT NULL, state VARCHAR NOT NULL, attempts INTEGER NOT NULL,
    since FLOAT NOT NULL, issue_id VARCHAR NOT NULL, triage_id VARCHAR NOT NULL, returned BYTEA NOT NULL,
    details BYTEA, code VARCHAR NOT NULL, message VARCHAR NOT NULL,
    PRIMARY KEY (id), FOREIGN KEY(source_id) REFERENCES sources (id), FOREIGN KEY(run_id) REFERENCES runs (id)
);
CREATE INDEX operations_triage_id ON operations (triage_id);
CREATE UNIQUE INDEX operations_act ON operations (source_id, key, act);
CREATE TABLE rows (
    run_id INTEGER NOT NULL, file INTEGER NOT NULL, record INTEGER NOT NULL, file_name VARCHAR NOT NULL,
    line INTEGER NOT NULL, key VARCHAR NOT NULL, outcome VARCHAR NOT NULL, findings BYTEA, raw BYTEA, cells BYTEA,
    origin VARCHAR NOT NULL, attempts INTEGER DEFAULT '0' NOT NULL, issue_id VARCHAR DEFAULT '' NOT NULL,
    triage_id VARCHAR DEFAULT '' NOT NULL, conflicts BYTEA,
    PRIMARY KEY (run_id, file, record), FOREIGN KEY(run_id) REFERENCES runs (id)
);
"""
"""The tables of the first version that a server had."""
TABLES_WITH_IDS = ("targets", "sources", "runs", "attempts", "operations")
KILLED_2 = """
UPDATE {0}.stamp SET schema_version = 2;
UPDATE {0}.runs SET state = 'open', frozen = 0, exit_code = NULL, ended_at = NULL, summary = NULL;
UPDATE {0}.operations SET state = 'sent', issue_id = '', triage_id = '', returned = '' WHERE key = 'jira:PROJ-3';
"""
"""An import of that version that was killed while the last of its rows was on its way."""


def read_server_schema(postgres: PostgresServer, url: str) -> tuple[object, ...]:
    """Read the columns of a ledger's tables, and its indexes and keys."""
    schema = schema_of(url)
    columns = postgres.execute(
        "SELECT table_name, column_name, data_type, is_nullable FROM information_schema.columns "
        f"WHERE table_schema = '{schema}' ORDER BY table_name, column_name"
    )
    query = f"SELECT indexdef FROM pg_indexes WHERE schemaname = '{schema}' ORDER BY indexdef"
    return columns, [str(index).replace(f"{schema}.", "") for (index,) in postgres.execute(query)]


def copy_as_version_2(postgres: PostgresServer, newer: str) -> str:
    """Give a ledger as version 2 would have written it of what a newer one knows."""
    older = postgres.make_ledger()
    old, new = schema_of(older), schema_of(newer)
    postgres.execute(f"SET search_path = {old}; {VERSION_2}")
    columns = f"SELECT column_name FROM information_schema.columns WHERE table_schema = '{old}' AND table_name = "
    for table in ("stamp", "targets", "sources", "found", "runs", "attempts", "operations", "rows"):
        names = ", ".join(str(name) for (name,) in postgres.execute(f"{columns}'{table}'"))
        postgres.execute(f"INSERT INTO {old}.{table} ({names}) SELECT {names} FROM {new}.{table}")
    for table in TABLES_WITH_IDS:
        postgres.execute(f"SELECT setval('{old}.{table}_id_seq', (SELECT max(id) FROM {old}.{table}))")
    postgres.execute(KILLED_2.format(old))
    return older


def test_a_server_s_ledger_is_upgraded(postgres: PostgresServer, url: str, program: Program, serve: Serve) -> None:
    """Version 2 becomes what a new ledger is, in the types that this kind of database has, and its import goes on."""
    sandbox = serve()
    write_issues(Path("export.csv"), 3)
    command = ("run", "export.csv", "-m", "jira", "--api-url", sandbox.url, "--yes", "--json", "--rate", "0")
    assert program(*command, "--ledger", url).outcomes() == {"created": 3}
    older = copy_as_version_2(postgres, url)
    write_issues(Path("export.csv"), 4)
    ended = program(*command, "--ledger", older)
    assert (ended.code, ended.outcomes()) == (0, {"unchanged": 2, "created": 2}), ended.err
    assert len(sandbox.issues()) == 4
    assert read_server_schema(postgres, older) == read_server_schema(postgres, url)
    assert program("verify", "last", "--ledger", older, "--json").summary["same"] == 2
    assert program(*command, "--ledger", older).outcomes() == {"unchanged": 4}


def test_codes_of_version_9(place: str | Path) -> None:
    """Codes and figures that have other names since then have these in rows, operations and summaries; texts stay."""
    with open_ledger(place) as ledger:
        run = begin(ledger)
        run.register([row(1, Outcome.SKIPPED), row(2)])
        run.decide([Decision("k2", State.UNKNOWN, 1, code="fate-unknown", message="lost")], [operation("k2")])
        run.finish(ExitCode.UNKNOWN, {"doubles": 1, "findings": {"double-in-triage": 1}, "value": "mended"})
        findings = [["mended", "double-in-triage"], ["", ""], ['it is "mended"', "é"], ["", ""]]
        with ledger.transaction() as connection:
            connection.execute(update(rows).where(rows.c.record == 1).values(findings=orjson.dumps(findings)))
            connection.exec_driver_sql("ALTER TABLE operations DROP COLUMN dated")
            connection.exec_driver_sql("DROP INDEX operations_waiting")
            connection.execute(update(stamp).values(schema_version=9))
    with open_ledger(place) as ledger:
        run = ledger.find_run("last")
        assert run.summary == {"duplicates": 1, "findings": {"duplicate-in-triage": 1}, "value": "mended"}
        first, second = run.results()
        assert (first.codes, first.messages) == (("row-corrected", "duplicate-in-triage"), ('it is "mended"', "é"))
        assert second.codes == ("outcome-unknown",)
