"""The ledger in PostgreSQL: what only a server does to it. What both kinds promise is in test_ledger."""

from __future__ import annotations

import asyncio
import re
import socket
import subprocess
import sys
import threading
import time
import traceback
from contextlib import ExitStack
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from importer.errors import ImporterError, StorageFull, UsageError, how_to_install
from importer.ledger import schema
from importer.ledger.journal import Decision
from importer.ledger.opening import name_ledger, open_ledger, read_ledger
from importer.ledger.schema import State
from importer.ledger.store import RunIdentity
from importer.records import Outcome
from tests.harness.ledger_sending import NOON, TARGET, begin, operation, row, send
from tests.harness.postgres import GUARDED_PASSWORD, PostgresServer, schema_of, serve_pooler, with_option
from tests.harness.running import wait_for

PASSWORD = "canary-pa55"
WAITING = "SELECT 1 FROM pg_locks WHERE NOT granted"


def sessions(postgres: PostgresServer) -> list[int]:
    """List the server's processes that serve a ledger of this process."""
    found = postgres.execute("SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'process % on %'")
    return [int(str(pid)) for (pid,) in found]


def end_sessions(postgres: PostgresServer) -> None:
    """Take the connection from every ledger that is open."""
    postgres.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'process %'")
    wait_for(lambda: not sessions(postgres))


def test_the_session_is_durable_and_quick(url: str) -> None:
    """Whatever role or database say, a commit waits for the disk, and no plan is compiled: that takes longer."""
    settings: list[Any] = []

    def note(connection: Connection) -> None:
        names = ("application_name", "synchronous_commit", "jit")
        session, *found = (connection.exec_driver_sql(f"SHOW {name}").scalar() for name in names)
        if str(session).startswith("process "):  # a ledger's, not the one in which the tests ask for plans
            settings.extend(found)

    event.listen(Engine, "commit", note)
    try:
        with open_ledger(url.replace("-csearch_path", "-csynchronous_commit%3Doff%20-csearch_path")) as ledger:
            send(begin(ledger), "k1")
    finally:
        event.remove(Engine, "commit", note)
    assert settings == ["on", "off"] * (len(settings) // 2) != []


@pytest.mark.parametrize("timeout", ["statement_timeout", "idle_in_transaction_session_timeout"])
def test_no_timeout_ends_what_takes_long(url: str, timeout: str) -> None:
    """Whatever role or database say: a command that took too long once would do so each time."""
    impatient = url.replace("-csearch_path", f"-c{timeout}%3D50%20-csearch_path")
    with open_ledger(url):
        pass
    for open_ in (open_ledger, read_ledger):
        with open_(impatient) as ledger, ledger.transaction() as connection:
            connection.exec_driver_sql("SELECT pg_sleep(0.1)")
            time.sleep(0.1)
            assert connection.exec_driver_sql("SELECT 1").scalar() == 1


def test_ledgers_of_one_database(postgres: PostgresServer, url: str) -> None:
    """Each schema is a ledger, with a lock of its own."""
    with open_ledger(url) as one, open_ledger(postgres.make_ledger()) as other:
        send(begin(one), "k1")
        assert one.find_known(TARGET, "jira-acme", ["k1"])
        assert not other.find_known(TARGET, "jira-acme", ["k1"])


def test_a_lost_connection_stops_everything(postgres: PostgresServer, url: str) -> None:
    """From then on every call fails, and nothing connects again: the lock may be another's."""
    with open_ledger(url) as ledger:
        run = begin(ledger)
        send(run, "k1")
        end_sessions(postgres)
        for _ in range(2):
            with pytest.raises(StorageFull, match=r"connection to the ledger postgresql://.* is lost: "):
                send(run, "k2")
        assert not sessions(postgres)
        with open_ledger(url) as other:
            assert set(other.find_known(TARGET, "jira-acme", ["k1", "k2"])) == {"k1"}
        with pytest.raises(StorageFull, match=r"is lost: .*terminating connection"):
            ledger.read_facts(TARGET, "jira-acme")


def test_a_commit_does_not_hold_up_the_loop(postgres: PostgresServer, url: str) -> None:
    """While the server takes its time for a statement, the loop goes on."""
    with open_ledger(with_option(url, "options", f"-csearch_path={schema_of(url)} -clock_timeout=10s")) as ledger:
        run = begin(ledger)

        async def main() -> None:
            with postgres.connect() as blocker:
                blocker.execute(f"LOCK TABLE {schema_of(url)}.operations".encode())
                async with run.sending(1):
                    intent = asyncio.create_task(run.intend(operation("k1")))
                    await asyncio.to_thread(wait_for, lambda: bool(postgres.execute(WAITING)))
                    assert not intent.done()
                    blocker.rollback()
                    await intent

        asyncio.run(main())
        assert ledger.find_known(TARGET, "jira-acme", ["k1"])


def test_a_server_without_room(postgres: PostgresServer, url: str) -> None:
    """What the server says is said, in one line."""
    with open_ledger(url) as ledger:
        run = begin(ledger)
        postgres.execute(
            f"""
            CREATE FUNCTION {schema_of(url)}.fail() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                RAISE 'could not extend file: No space left on device' USING ERRCODE = 'disk_full';
            END $$;
            CREATE TRIGGER fail BEFORE INSERT ON {schema_of(url)}.operations EXECUTE FUNCTION {schema_of(url)}.fail()
            """
        )
        with pytest.raises(StorageFull, match=r"can't be used: could not extend file: No space left on device\.$"):
            send(run, "k1")


def test_times_are_exact(url: str) -> None:
    """Whatever role or database say: a deadline that was rounded would be years away."""
    rounding = url.replace("-csearch_path", "-cextra_float_digits%3D-15%20-csearch_path")
    with open_ledger(rounding, now=lambda: NOON + 0.25) as ledger:
        name = begin(ledger).name
    with read_ledger(rounding) as ledger:
        assert ledger.find_run(name).started_at == NOON + 0.25


def test_a_schema_that_is_not_there(url: str) -> None:
    """Not even reading takes it for an empty ledger: the name is wrong, or the role may not use it."""
    for open_ in (open_ledger, read_ledger):
        with pytest.raises(UsageError, match="has no schema") as caught, open_(f"{url}_misspelled"):
            pass
        assert "?options=-csearch_path%3DSCHEMA" in caught.value.hint


def test_beside_the_tables_of_others(postgres: PostgresServer, url: str) -> None:
    """A schema may have other tables, but not one that is called like ours."""
    postgres.execute(f"CREATE TABLE {schema_of(url)}.bookmarks (url text)")
    with open_ledger(url) as ledger:
        assert ledger.read_facts(TARGET, "x").keys == 0
    stranger = postgres.make_ledger()
    postgres.execute(f"CREATE TABLE {schema_of(stranger)}.rows (url text)")
    for open_ in (open_ledger, read_ledger):
        with pytest.raises(UsageError, match="is not a ledger"), open_(stranger):
            pass


def test_reading_changes_nothing(postgres: PostgresServer, url: str) -> None:
    """A look makes no tables where there are none, and can't write where there are."""
    with read_ledger(url) as ledger:
        assert ledger.read_facts(TARGET, "x").keys == 0
    assert not postgres.execute(f"SELECT 1 FROM pg_tables WHERE schemaname = '{schema_of(url)}'")
    with open_ledger(url):
        pass
    with read_ledger(url) as ledger, pytest.raises(StorageFull, match="read-only"):
        ledger.begin_run(RunIdentity(TARGET, "x", "s", "m"))


def test_reading_analyses_nothing(url: str) -> None:
    """A replica refuses that, so that no report could be written from one."""
    with open_ledger(url) as ledger:
        send(begin(ledger), "k1")
    statements = list[str]()

    def note(_connection: Connection, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    try:
        with read_ledger(url) as ledger:
            list(ledger.find_run("last").results())
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    assert statements
    assert not [statement for statement in statements if "ANALYZE" in statement]


def test_reading_upgrades_nothing(postgres: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger of the version before, whose tables are those of this one, is read as it is, and stays so."""
    with open_ledger(url) as ledger:
        run = begin(ledger)
        run.register([row(1, key="k1")])
        send(run, "k1")
    version = f"SELECT schema_version FROM {schema_of(url)}.stamp"
    (before,) = postgres.execute(version)
    monkeypatch.setattr(schema, "UPGRADES", (*schema.UPGRADES, ()))
    with read_ledger(url) as ledger:
        (found,) = ledger.list_runs()
        assert [result.key for result in found.results()] == ["k1"]
    assert postgres.execute(version) == [before]


def test_nul_characters(url: str) -> None:
    """PostgreSQL has no text with NUL; a rejected row's key and a target's message may have one."""
    with open_ledger(url) as ledger:
        run = begin(ledger)
        run.register([row(1, Outcome.REJECTED, key="k\0"), row(2, key="k2")])
        send(run, "k2", state=State.SENT)
        run.decide([Decision("k2", State.REFUSED, code="refused", message="no\0")])
        assert [result.key for result in run.results()] == [r"k\x00", "k2"]
        assert [result.messages for result in run.results()] == [(), (r"no\x00",)]


def test_a_copy_is_recognised(postgres: PostgresServer, url: str) -> None:
    """A ledger that was dumped and restored may be an old one: what its sources have in Triage is looked up again."""
    with open_ledger(url) as ledger:
        ledger.target_scan(TARGET, "jira", writable=True).complete()
    with open_ledger(url) as ledger:
        assert ledger.target_scan(TARGET, "jira").is_complete()
    schema = schema_of(url)
    postgres.execute(
        f"ALTER TABLE {schema}.stamp RENAME TO old; CREATE TABLE {schema}.stamp AS TABLE {schema}.old;"
        f"DROP TABLE {schema}.old"
    )
    with open_ledger(url) as ledger:
        assert not ledger.target_scan(TARGET, "jira").is_complete()


def test_many_rows_are_read_by_index(postgres: PostgresServer, url: str) -> None:
    """The server plans with what it knows of the tables: with nothing, a thousand rows would cost a million steps."""
    with open_ledger(url) as ledger:
        run = begin(ledger)
        run.register(row(number) for number in range(1, 2001))
        send(run, *(f"k{number}" for number in range(1, 2001)))
        plans: dict[str, str] = {}

        def explain(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: object) -> None:
            of = statement.partition(".")[0]
            if of in ("SELECT rows", "SELECT operations") and of not in plans:
                plans[of] = ""
                explained = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", parameters)
                plans[of] = str(explained.scalar())

        event.listen(Engine, "before_cursor_execute", explain)
        try:
            assert run.count()[Outcome.CREATED] == len(list(run.results())) == 2000
        finally:
            event.remove(Engine, "before_cursor_execute", explain)
    assert len(plans) == 2
    looked_at_in_vain = re.findall(r"'Rows Removed by [\w ]+': (\d+)", "".join(plans.values()))
    assert sum(map(int, looked_at_in_vain)) < 2000


def test_a_pooler_is_refused(postgres: PostgresServer) -> None:
    """Behind a pooler the session that holds the lock would be anybody's."""
    if not postgres.is_private:
        pytest.skip("The socket of somebody else's server is not known.")
    refused = pytest.raises(UsageError, match="There is a connection pooler before the ledger")
    with serve_pooler(postgres) as url, refused, open_ledger(url):
        pass


def test_a_database_in_another_encoding(postgres: PostgresServer) -> None:
    """Not every text could be kept there."""
    if not postgres.execute("SELECT 1 FROM pg_database WHERE datname = 'latin'"):
        postgres.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    url = with_option(postgres.dsn, "dbname", "latin")
    with pytest.raises(UsageError, match="holds LATIN1, not UTF8"), open_ledger(url):
        pass


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://guarded:{PASSWORD}@127.0.0.1:1/x",
        f"postgresql://guarded:{PASSWORD}@127.0.0.1:port/x",
        f"postgresql://guarded@127.0.0.1:1/x?password={PASSWORD}&sslpassword={PASSWORD}",
        f"postgresql://guarded:%zz{PASSWORD}@127.0.0.1:1/x",
        f"postgresql://guarded@127.0.0.1:1/x?{PASSWORD}",
        f"postgresql://guarded:a@{PASSWORD}@127.0.0.1:1/x",
        f"postgresql://guarded:{PASSWORD}/b@127.0.0.1:1/x",
        f"postgresql://guarded:1/{PASSWORD}@127.0.0.1:1/x",
        f"postgresql://guarded@firm:{PASSWORD}@127.0.0.1:1/x",
        f"postgresql://guarded:1/x?sslmode={PASSWORD}@127.0.0.1:1/x",
        f"mysql://guarded:{PASSWORD}@127.0.0.1:1/x",
    ],
)
def test_the_password_is_shown_nowhere(url: str) -> None:
    """Not in the message, not in the traceback, however the URL is wrong."""
    for open_ in (open_ledger, read_ledger):
        with pytest.raises(ImporterError) as caught, open_(url):
            pass
        error = caught.value
        shown = "".join(traceback.format_exception(error))
        assert PASSWORD not in f"{shown} {error!r} {error.message} {error.hint}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgres://ann:pw@db.example/book", "postgresql://ann@db.example/book"),
        ("postgresql://ann%40firm:pw@db.example:5433/my%20book", "postgresql://ann%40firm@db.example:5433/my%20book"),
        (
            "postgresql://db.example/book?options=-csearch_path%3Dacme&password=pw&sslmode=require",
            "postgresql://db.example/book?options=-csearch_path%3Dacme&sslmode=require",
        ),
        ("postgresql://ann@/book?host=/run/my%20sockets", "postgresql://ann@/book?host=%2Frun%2Fmy%20sockets"),
        ("postgresql://one:1,two:2/book", "postgresql:///book?host=one%2Ctwo&port=1%2C2"),
        ("postgresql://ann:pw@[::1]:5433/book", "postgresql://ann@/book?host=%3A%3A1&port=5433"),
    ],
)
def test_a_name_can_be_pasted(url: str, shown: str) -> None:
    """It is the URL without its secrets: whatever names this ledger and no other, such as its schema, is in it."""
    conninfo = pytest.importorskip("psycopg.conninfo")
    assert name_ledger(url) == shown
    given = conninfo.conninfo_to_dict(url)
    given.pop("password", None)
    assert conninfo.conninfo_to_dict(shown) == given


def test_the_password_comes_from_the_environment(
    postgres: PostgresServer, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It need not stand on a command line; a wrong one is refused without being shown."""
    if not postgres.is_private:
        pytest.skip("The role `guarded` is in a private server alone.")
    postgres.execute(f"GRANT ALL ON SCHEMA {schema_of(url)} TO guarded")
    url = url.replace("postgres@", "guarded@")
    monkeypatch.setenv("PGPASSWORD", GUARDED_PASSWORD)
    with open_ledger(url) as ledger:
        assert ledger.name.startswith("postgresql://guarded@")
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    with pytest.raises(UsageError, match='password authentication failed for user "guarded"') as caught:
        open_ledger(url).__enter__()
    assert PASSWORD not in str(caught.value)


def test_the_driver_is_not_installed(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra, and what to install is said."""
    for name in [name for name in sys.modules if name.startswith("psycopg") or name == "importer.ledger.postgres"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("importer.ledger.postgres", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UsageError) as caught, open_ledger(url):
        pass
    assert caught.value.hint == how_to_install("postgres")


def test_a_session_that_is_left_behind(url: str) -> None:
    """A killed process's session may outlive it by a statement: the next import waits for that, and for no other."""
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    stack = ExitStack()
    with stack.enter_context(open_ledger(url)).transaction() as connection:
        name = f"process {ended.pid} on {socket.gethostname()}"
        connection.exec_driver_sql("SELECT set_config('application_name', %s, false)", (name,))
    threading.Timer(1.0, stack.close).start()
    with open_ledger(url):
        pass
