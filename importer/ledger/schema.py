"""The ledger's tables. Times are seconds since 1970 in UTC. There is no secret in it."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Column, Float, ForeignKey, Index, Integer, LargeBinary, MetaData, String, Table, UniqueConstraint

SCHEMA_VERSION = 1


class State(StrEnum):
    """What is known of an operation."""

    SENT = "sent"  # may have been sent
    UNKNOWN = "unknown"  # was sent, without an answer that says what became of it
    DONE = "done"
    REFUSED = "refused"
    UNSENT = "unsent"  # surely not executed


UNDECIDED = (State.SENT, State.UNKNOWN)


metadata = MetaData()

stamp = Table("stamp", metadata, Column("schema_version", Integer, nullable=False))

# What everything else belongs to: a source, by name, in a target.
targets = Table(
    "targets",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("url", String, nullable=False, unique=True),  # normalised, or `sandbox:FILE`
    Column("org_id", String, nullable=False, default=""),  # as first seen
)
sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("target_id", ForeignKey("targets.id"), nullable=False),
    Column("name", String, nullable=False),
    UniqueConstraint("target_id", "name"),
)
runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", String, nullable=False, unique=True),  # 2026-11-24-jira-1
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("source_digest", String, nullable=False),
    Column("mapping_digest", String, nullable=False),
    Column("out", String, nullable=False),
    Column("options", LargeBinary, nullable=False),  # JSON
    Column("state", String, nullable=False),  # open, finished
    Column("exit_code", Integer),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
    Column("summary", LargeBinary),  # JSON
)
attempts = Table(
    "attempts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float),
)
# What may have been sent, and what became of it. A row is written before its request leaves.
operations = Table(
    "operations",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source_id", ForeignKey("sources.id"), nullable=False),
    Column("run_id", ForeignKey("runs.id"), nullable=False),  # the last that worked on it
    Column("key", String, nullable=False),
    Column("method", String, nullable=False),
    Column("path", String, nullable=False),
    Column("marker", String, nullable=False),
    Column("body_sha", LargeBinary, nullable=False),
    Column("state", String, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("since", Float, nullable=False),  # of the intent; for an unknown one, of the end of its request
    Column("issue_id", String, nullable=False),
    Column("triage_id", String, nullable=False),
    Column("returned", LargeBinary, nullable=False),  # JSON of the issue after our last write
    Column("code", String, nullable=False),
    Column("message", String, nullable=False),
)
Index("operations_key", operations.c.source_id, operations.c.key, unique=True)
# Numbers are given in sequence, so that this index only grows at its end; an index on the random issue id would not.
Index("operations_triage_id", operations.c.triage_id)
# Every row of the source as the check left it; what became of a planned one is in its operation.
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
    Column("origin", String, nullable=False),
    sqlite_with_rowid=False,
)
