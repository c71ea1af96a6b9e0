"""The ledger's tables, and their version: they are created, or upgraded from those of an earlier version.

Times are seconds since 1970 in UTC; nothing is secret.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from sqlalchemy import (
    Column,
    Connection,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    insert,
    inspect,
    literal_column,
    select,
    update,
)

from importer.codes import EVIDENCE_PENDING
from importer.errors import UsageError
from importer.ledger.database import not_a_ledger
from importer.phrases import shell_join


class State(StrEnum):
    """What is known of an operation."""

    SENT = "sent"  # may have been sent
    UNKNOWN = "unknown"  # was sent, and no answer said whether it was executed
    DONE = "done"
    REFUSED = "refused"
    UNSENT = "unsent"  # certainly not executed
    LEFT = "left"  # of a change: not made, as a person changed the issue or it is gone; of an addition: waits
    SAME = "same"  # of a change or a `refer`: the issue was so already
    DELETED = "deleted"  # of a create: done, and undone since


UNDECIDED = (State.SENT, State.UNKNOWN)


class FoundState(StrEnum):
    """What is known of an issue that was found in Triage."""

    NOTED = "noted"  # by discovery; it may be a row's
    STRANGER = "stranger"  # by a closing scan: made meanwhile, and not by this ledger
    SETTLED = "settled"  # beside the issue that a person has named as the right one


class RunKind(StrEnum):
    """What a run does."""

    IMPORT = "import"
    REPAIR = "repair"
    UNDO = "undo"
    REBUILD = "rebuild"  # records what is in Triage already, by hand or by discovery


metadata = MetaData()

# `generation` grows with each commit while sending; the side file has it too, so that an older copy is recognised.
stamp = Table(
    "stamp",
    metadata,
    Column("schema_version", Integer, nullable=False),
    Column("generation", Integer, nullable=False, server_default="0"),
    Column("origin", String, nullable=False, server_default=""),  # the server and table that it was written in
)

# Everything else belongs to a source, by name, in a target.
targets = Table(
    "targets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", String, nullable=False, unique=True),  # normalised, or `sandbox:FILE`
    Column("org_id", String, nullable=False, default=""),  # as first seen
    Column("contact", LargeBinary),  # JSON: what the canary and a probe found out
)
sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False),
    Column("name", String, nullable=False),
    # Whether discovery has been completed since the ledger was last found to be incomplete.
    Column("looked", Integer, nullable=False, default=0, server_default="0"),
    # The last operation known at that time: up to it, issues may have additions that the ledger doesn't know.
    Column("unsure_to", Integer, nullable=False, default=0, server_default="0"),
    Column("retired_at", Float),  # since when every import of it refuses; NULL: none does
    # Of the oldest create that no closing scan has passed: the newest creation time that the target had shown before,
    # by its own clock; NULL if there is none.
    Column("unswept", Float),
    # A whole reading of the list that was broken off: when, the newest creation time when it began, the next cursor.
    Column("look_at", Float, nullable=False, default=0.0, server_default="0"),
    Column("look_top", Float, nullable=False, default=0.0, server_default="0"),
    Column("look_cursor", String, nullable=False, default="", server_default=""),
    UniqueConstraint("target_id", "name"),
)
runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),  # 2026-11-24-jira-1
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("kind", String, nullable=False, default="import", server_default="import"),
    Column("source_digest", String, nullable=False),
    Column("mapping_digest", String, nullable=False),
    Column("out", String, nullable=False),
    Column("options", LargeBinary, nullable=False),  # JSON
    Column("state", String, nullable=False),  # open, finished
    Column("frozen", Integer, nullable=False, default=0, server_default="0"),  # 1 once its rows hold their outcomes
    Column("exit_code", Integer),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("summary", LargeBinary),  # JSON
    # Of a run that had nothing to do, as long as the ledger is as it left it: what it had nothing to do with, see
    # `previous_run`; how often that came again, and when last.
    Column("fingerprint", String, nullable=False, default="", server_default=""),
    Column("repeats", Integer, nullable=False, default=0, server_default="0"),
    Column("repeated_at", Float),
)
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("exit_code", Integer),
)
# What may have been sent, and its outcome. A row is written before its request leaves.
operations = Table(
    "operations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),  # the last that worked on it
    Column("key", String, nullable=False),
    Column("act", String, nullable=False, default="create", server_default="create"),
    Column("name", String, nullable=False, default="", server_default=""),  # of an addition: which of its act
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("marker", String, nullable=False),
    Column("body_sha", LargeBinary, nullable=False),  # of a create: of the body that the issue stands for now
    Column("content", LargeBinary, nullable=False, default=b""),  # digest of its rows, see `records.rows_in`
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", Float, nullable=False),  # of the intent; for an unknown or a made one, of its answer
    # Of a create: the newest creation time that the target had shown before, by its own clock; 0 if none is known.
    Column("mark", Float, nullable=False, default=0.0, server_default="0"),
    Column("issue_id", String, nullable=False),
    Column("triage_id", String, nullable=False),
    Column("returned", LargeBinary, nullable=False),  # of a create: JSON of the issue after our last write
    # JSON, of a change: while undecided its body, then what it left alone; of an addition: see `added.Added`; of a
    # create while undecided: by what its issue is known without a marker, see `KnownCreate.sought`.
    Column("details", LargeBinary),
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
    Column("link", String, nullable=False, default="", server_default=""),  # of a create: in the old tracker
    Column("dated", Float, nullable=False, default=0.0, server_default="0"),  # of the newest row that it stood for
    # Of a create, what tells its issue from another one under its key, see `check.sameness`: the id by which the source
    # knows it whatever becomes of its key, "" if none is known, and when it was made there, 0 if that isn't.
    Column("fixed_id", String, nullable=False, default="", server_default=""),
    Column("born", Float, nullable=False, default=0.0, server_default="0"),
)
Index("operations_act", operations.c.source_id, operations.c.key, operations.c.act, operations.c.name, unique=True)
HAS_NUMBER = operations.c.triage_id != literal_column("''")
"""Says that an operation's issue has a number, to which the index is limited: an intent has none yet."""
# For queries by number or by id: asked for the source itself, SQLite goes through all its operations.
unindexed_source = operations.c.source_id + literal_column("0")
# Triage numbers issues in sequence, so this index only grows at its end; one on the random issue id would not.
Index("operations_triage_id", operations.c.triage_id, sqlite_where=HAS_NUMBER, postgresql_where=HAS_NUMBER)
WAITS = operations.c.code == literal_column(f"'{EVIDENCE_PENDING}'")
"""Says that an addition waits for evidence that Triage doesn't know yet; few do, and every run asks for them."""
Index("operations_waiting", operations.c.source_id, sqlite_where=WAITS, postgresql_where=WAITS)
HAS_FIXED_ID = operations.c.fixed_id != literal_column("''")
"""Says that the id by which the source knows an operation's issue is known; most mappings name none."""
Index(
    "operations_fixed_id",
    operations.c.source_id,
    operations.c.fixed_id,
    sqlite_where=HAS_FIXED_ID,
    postgresql_where=HAS_FIXED_ID,
)
# Keys that issues of a source have by now, beside those that they had first: of the first is all else in the ledger.
aliases = Table(
    "aliases",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True, autoincrement=False),
    Column("key", String, primary_key=True),
    Column("first", String, nullable=False),
)
# Every row of the source as the check left it. What became of it is told by the operations of its key, see `results`;
# once the run is finished it is stored here, as later runs work on the same operations.
rows = Table(
    "rows",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    Column("file", Integer, primary_key=True, autoincrement=False),
    Column("record", Integer, primary_key=True, autoincrement=False),
    Column("file_name", String, nullable=False),
    Column("line", Integer, nullable=False),
    Column("key", String, nullable=False),
    Column("outcome", String, nullable=False),
    Column("findings", LargeBinary),  # JSON: [codes, fields, messages, hints]
    Column("raw", LargeBinary),  # JSON: a list of cells, or the record's own text
    Column("cells", LargeBinary),  # JSON: the source cells of the value fields, for `repair`
    Column("origin", String, nullable=False),
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    Column("issue_id", String, nullable=False, default="", server_default=""),
    Column("triage_id", String, nullable=False, default="", server_default=""),
    Column("conflicts", LargeBinary),  # JSON: [[field, ours, theirs, new], …]
    Column("additions_planned", Integer, nullable=False, default=0, server_default="0"),
    Column("additions_done", Integer, nullable=False, default=0, server_default="0"),
    Column("additions_failed", Integer, nullable=False, default=0, server_default="0"),
    Column("follows", Integer, nullable=False, default=0, server_default="0"),  # 1 if it is part of another row's issue
    Column("title", String, nullable=False, default="", server_default=""),  # of an unchanged row see its snapshot
    Column("link", String, nullable=False, default="", server_default=""),  # of an unchanged row see its create
    Column("alias", String, nullable=False, default="", server_default=""),  # its key, if its issue had another first
    sqlite_with_rowid=False,
)
# Unchanged rows of finished runs, in place of their own in `rows`: see `stored_rows`.
packed = Table(
    "packed",
    metadata,
    Column("run_id", ForeignKey("runs.id"), primary_key=True, autoincrement=False),
    Column("file", Integer, primary_key=True, autoincrement=False),
    Column("record", Integer, primary_key=True, autoincrement=False),  # of the first
    Column("file_name", String, nullable=False),
    Column("number", Integer, nullable=False),  # of rows
    Column("data", LargeBinary, nullable=False),  # JSON of their columns, compressed
)
# What fields of an issue were before a run updated it, until they are given back. See `replaced.Replacement`.
replaced = Table(
    "replaced",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True, autoincrement=False),
    Column("key", String, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), primary_key=True, autoincrement=False),  # of a repair: the import's
    Column("attempt_id", ForeignKey("attempts.id"), nullable=False),  # the import's last that wrote
    Column("issue_id", String, nullable=False),
    Column("wrote", LargeBinary, nullable=False),  # JSON: field → value that was written, as a snapshot holds it
    Column("before", LargeBinary, nullable=False),  # JSON, compressed: field → value before, texts whole
    Column("body_sha", LargeBinary, nullable=False),  # of the body that the issue stood for before
    Column("content", LargeBinary, nullable=False),  # of the row that it stood for before
)
Index("replaced_run", replaced.c.run_id)
# Issues of a source that discovery found in Triage and that no operation knew then.
found_issues = Table(
    "found",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True, autoincrement=False),
    Column("issue_id", String, primary_key=True),
    Column("triage_id", String, nullable=False),
    Column("marker", String, nullable=False),  # of the record; "" where a person took it away
    Column("title", String, nullable=False),
    Column("created_at", Float, nullable=False),
    Column("returned", LargeBinary, nullable=False),  # snapshot of the issue as it was found
    Column("key", String, nullable=False, default="", server_default=""),  # as its footer says; "" if it doesn't
    Column("state", String, nullable=False, default="noted", server_default="noted"),
)
Index("found_marker", found_issues.c.source_id, found_issues.c.marker)

# Every start of `run`, `repair` and `undo`, see `overview`; of one that was killed there is no end.
starts = Table(
    "starts",
    metadata,
    Column("id", String, primary_key=True),
    Column("started_at", Float, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("command", String, nullable=False),
    Column("import_name", String, nullable=False, default="", server_default=""),  # in the configuration file
    Column("files", String, nullable=False),  # JSON: the sources as they were typed, or the run that is changed
    Column("target", String, nullable=False, default="", server_default=""),
    Column("source_name", String, nullable=False, default="", server_default=""),
    Column("digest", String, nullable=False, default="", server_default=""),  # of a file that is imported once
    Column("run", String, nullable=False, default="", server_default=""),
    Column("seconds", Float),
    Column("exit_code", Integer),
    Column("why", String, nullable=False, default="", server_default=""),  # in a few words
    Column("figures", String, nullable=False, default="", server_default=""),  # JSON: new, updated, failed, …
)

OLDEST = 12
"""The oldest version whose ledgers are upgraded."""
UPGRADES: Sequence[Sequence[str]] = (
    (),  # to 13: what it writes into `rows.cells` (see `encode_cells`) is more than 12 reads
    (
        "ALTER TABLE operations ADD COLUMN fixed_id VARCHAR DEFAULT '' NOT NULL",
        "ALTER TABLE operations ADD COLUMN born FLOAT DEFAULT '0' NOT NULL",
        "CREATE INDEX operations_fixed_id ON operations (source_id, fixed_id) WHERE fixed_id != ''",
        "CREATE TABLE aliases (source_id INTEGER NOT NULL REFERENCES sources (id), key VARCHAR NOT NULL, "
        "first VARCHAR NOT NULL, PRIMARY KEY (source_id, key))",
        "ALTER TABLE rows ADD COLUMN alias VARCHAR DEFAULT '' NOT NULL",
    ),
)
"""The statements that make a ledger of each version since `OLDEST` into one of the next, in SQLite and PostgreSQL.

A ledger goes through them one after the other. So those of a new version are added at the end, and none is ever taken
away or changed: each ledger of version 13 or later opens in every version to come.
"""


def newest_version() -> int:
    """Return the version of the tables above, which this program writes."""
    return OLDEST + len(UPGRADES)


def statements_since(version: int) -> list[str]:
    """Return the statements that make a ledger of this version into one of the newest."""
    return [statement for step in UPGRADES[version - OLDEST :] for statement in step]


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
    if version > newest_version() or version < 1:
        hint = "Use the version of triage-import that wrote it, or another ledger: --ledger PATH"
        message = f"{name} has schema version {version}; this program knows none after {newest_version()}."
        raise UsageError(message, hint=hint)
    if version < OLDEST:
        move = f"Move it away: {shell_join(['mv', name, f'{name}.version-{version}'])}"
        if is_server:
            move = "Name another schema: --ledger 'postgresql://…?options=-csearch_path%3DSCHEMA'"
        hint = f"{move}\nThen record what is in Triage: triage-import rebuild-ledger SOURCE -m MAPPING"
        message = f"{name} has schema version {version}; this program upgrades none before {OLDEST}."
        raise UsageError(message, hint=hint)
    return version


def prepare(connection: Connection, name: str) -> None:
    """Create the tables, or upgrade those of an earlier version, in one transaction. Raises as `read_version`."""
    version = read_version(connection, name)
    if version == newest_version():
        return
    if connection.dialect.name != "postgresql":
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # Python's driver would commit each DDL statement by itself
    if version == 0:
        metadata.create_all(connection)
        connection.execute(insert(stamp), {"schema_version": newest_version()})
        return
    for statement in statements_since(version):
        connection.exec_driver_sql(statement)
    connection.execute(update(stamp).values(schema_version=newest_version()))
