"""The schema version of a ledger: creates its tables, or upgrades those of an older version."""

from __future__ import annotations

import re

from sqlalchemy import Connection, insert, inspect, select, update

from importer.errors import UsageError
from importer.ledger.database import not_a_ledger
from importer.ledger.schema import SCHEMA_VERSION, UPGRADES, metadata, stamp


def read_version(connection: Connection, name: str) -> int:
    """Return the schema version, 0 if there are no tables of a ledger yet.

    Raises:
        UsageError: the tables are another program's, or of a newer version.
    """
    tables = set(inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":
        tables &= set(metadata.tables)  # a database may hold other tables too, a file may not
    if not tables:
        return 0
    if stamp.name not in tables:
        raise not_a_ledger(name)
    version = int(connection.scalar(select(stamp.c.schema_version)) or 0)
    if not 1 <= version <= SCHEMA_VERSION:
        hint = "Use the version of triage-import that wrote it, or another ledger: --ledger PATH"
        raise UsageError(f"{name} has schema version {version}; this program knows {SCHEMA_VERSION}.", hint=hint)
    return version


def prepare(connection: Connection, name: str) -> None:
    """Create the tables, or upgrade those of an older version, in one transaction.

    Raises:
        UsageError: the tables are another program's, or of a newer version.
    """
    version = read_version(connection, name)
    if version == SCHEMA_VERSION:
        return
    is_server = connection.dialect.name == "postgresql"
    if not is_server:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # Python's driver would commit each DDL statement by itself
    if version == 0:
        metadata.create_all(connection)
        connection.execute(insert(stamp), {"schema_version": SCHEMA_VERSION})
    for older in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
        for statement in UPGRADES[older]:
            connection.exec_driver_sql(_for_server(statement) if is_server else statement)
    connection.execute(update(stamp).values(schema_version=SCHEMA_VERSION))


def _for_server(statement: str) -> str:
    """Write a statement for PostgreSQL, whose bytes become text, and texts bytes, in an encoding that is named."""
    statement = re.sub(r"CAST\((\w+) AS TEXT\)", r"convert_from(\1, 'UTF8')", statement)
    statement = re.sub(r"CAST\((REPLACE\(.+?\)) AS BLOB\)", r"convert_to(\1, 'UTF8')", statement)
    return statement.replace(" BLOB", " BYTEA")
