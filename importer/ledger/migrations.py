"""The schema version of a ledger: creates its tables, or upgrades those of the version before."""

from __future__ import annotations

from sqlalchemy import Connection, insert, inspect, select, update

from importer.errors import UsageError
from importer.ledger.database import not_a_ledger
from importer.ledger.schema import SCHEMA_VERSION, UPGRADE, metadata, stamp
from importer.phrases import shell_join


def read_version(connection: Connection, name: str) -> int:
    """Return the schema version, 0 if there are no tables of a ledger yet.

    Raises:
        UsageError: the tables are another program's, of a newer version, or of one that is too old to be upgraded.
    """
    tables = set(inspect(connection).get_table_names())
    is_server = connection.dialect.name == "postgresql"
    if is_server:
        tables &= set(metadata.tables)  # a database may hold other tables too, a file may not
    if not tables:
        return 0
    if stamp.name not in tables:
        raise not_a_ledger(name)
    version = int(connection.scalar(select(stamp.c.schema_version)) or 0)
    if version > SCHEMA_VERSION or version < 1:
        hint = "Use the version of triage-import that wrote it, or another ledger: --ledger PATH"
        raise UsageError(f"{name} has schema version {version}; this program knows {SCHEMA_VERSION}.", hint=hint)
    if version < SCHEMA_VERSION - 1:
        move = f"Move it away: {shell_join(['mv', name, f'{name}.version-{version}'])}"
        if is_server:
            move = "Name another schema: --ledger 'postgresql://…?options=-csearch_path%3DSCHEMA'"
        hint = f"{move}\nThen record what is in Triage: triage-import rebuild-ledger SOURCE -m MAPPING"
        message = f"{name} has schema version {version}; this program upgrades {SCHEMA_VERSION - 1}, none before it."
        raise UsageError(message, hint=hint)
    return version


def prepare(connection: Connection, name: str) -> None:
    """Create the tables, or upgrade those of the version before, in one transaction. Raises as `read_version`."""
    version = read_version(connection, name)
    if version == SCHEMA_VERSION:
        return
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # Python's driver would commit each DDL statement by itself
    if version == 0:
        metadata.create_all(connection)
        connection.execute(insert(stamp), {"schema_version": SCHEMA_VERSION})
        return
    for statement in UPGRADE:
        connection.exec_driver_sql(statement)
    connection.execute(update(stamp).values(schema_version=SCHEMA_VERSION))
