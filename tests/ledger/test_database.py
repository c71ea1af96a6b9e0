"""Transactions of the ledger."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from importer.errors import StorageFull
from importer.ledger.database import Database

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
