"""Transactions of the ledger."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from importer.errors import StorageFull
from importer.ledger.database import Database
from importer.ledger.store import Ledger
from tests.harness.running import WAIT_SECONDS

TABLES = """
CREATE TABLE sources (id INTEGER PRIMARY KEY);
CREATE TABLE runs (source INTEGER REFERENCES sources (id) DEFERRABLE INITIALLY DEFERRED);
"""


def test_a_failed_commit_leaves_nothing_behind(tmp_path: Path) -> None:
    """SQLite keeps a transaction open whose commit it refuses: what it has written doesn't go with the next one."""
    engine = create_engine(f"sqlite:///{tmp_path / 'ledger.db'}", poolclass=StaticPool)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA foreign_keys = ON"))
    database = Database(engine, "ledger.db")
    with database.transaction() as connection:
        for statement in filter(str.strip, TABLES.split(";")):
            connection.exec_driver_sql(statement)
    with pytest.raises(StorageFull), database.transaction() as connection:
        connection.exec_driver_sql("INSERT INTO runs VALUES (1)")
    with database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 0
        connection.exec_driver_sql("INSERT INTO sources VALUES (1)")
    with database.transaction() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM runs").scalar() == 0
    engine.dispose()


ENDLESS = {
    "sqlite": "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n",
    "postgresql": f"SELECT pg_sleep({WAIT_SECONDS})",
}


def test_a_long_statement_hears_a_signal(ledger: Ledger) -> None:
    """Ctrl-C, and SIGTERM as well, ends a command while its database works, and not only after that."""
    given_up = list[str]()

    def give_up(connection: Any) -> None:
        given_up.append("no signal was heard")
        (connection.interrupt if hasattr(connection, "interrupt") else connection.cancel)()

    def work() -> None:
        with ExitStack() as stack, ledger.transaction() as connection:
            late = threading.Timer(WAIT_SECONDS / 10, give_up, [connection.connection.driver_connection])
            for timer in (late, threading.Timer(0.2, os.kill, [os.getpid(), signal.SIGINT])):
                timer.start()
                stack.callback(timer.cancel)
            connection.exec_driver_sql(ENDLESS[connection.dialect.name])

    with pytest.raises(KeyboardInterrupt):
        work()
    assert not given_up
