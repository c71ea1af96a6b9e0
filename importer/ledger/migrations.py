"""Which schema version a ledger has, and how an older one becomes ours."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select, update

from importer.errors import UsageError
from importer.ledger.database import not_a_ledger
from importer.ledger.schema import SCHEMA_VERSION, UPGRADES, metadata, stamp


def read_version(connection: Connection, name: str) -> int:
    """Read the schema version, 0 where there is no table of ours yet.

    Raises:
        UsageError: the tables are somebody else's, or of a newer version.
    """
    tables = set(inspect(connection).get_table_names())
    if connection.dialect.name == "postgresql":
        tables &= set(metadata.tables)  # a database may have others beside ours; a file may not
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
    """Make the tables, or make those of an older version into ours: all of it or nothing.

    Raises:
        UsageError: the tables are somebody else's, or of a newer version.
    """
    version = read_version(connection, name)
    if version == SCHEMA_VERSION:
        return
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # else each statement would be committed alone
    if version == 0:
        metadata.create_all(connection)
        connection.execute(insert(stamp), {"schema_version": SCHEMA_VERSION})
    for older in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
        for statement in UPGRADES[older]:
            connection.exec_driver_sql(statement)
    connection.execute(update(stamp).values(schema_version=SCHEMA_VERSION))
