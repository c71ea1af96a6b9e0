"""Rows that were rejected or refused and that nobody has dealt with: without them, a row of a delta ends with its file.

Each import has such rows among its own. It keeps what is known of them beside that, and where those of earlier imports
are that it hasn't met, by a digest of what they say. So the last import knows all of them, no text is there twice, and
what is pruned or forgotten is gone from them.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import orjson
from sqlalchemy import Connection, select, update

from importer import __version__
from importer.ledger.previous_run import forget_fingerprint, hash_reasons
from importer.ledger.schema import RunKind, rows, runs
from importer.ledger.statements import Transaction, find_source, read_pages
from importer.ledger.stored_rows import STORED, decode_row
from importer.records import DEALT_WITH, Outcome, Rejected, Row, digest_row

KEPT, JUDGED_BY = "still_rejected", "judged_by"
"""Options of an import: digest of a row → since when it is rejected, the run that has it, "" for this one, and its date
of change; and by which mapping and which version its rows were judged.
"""
DAYS = 30
"""So long a rejected row is kept in mind."""
NOT_IN = (Outcome.REJECTED, Outcome.FAILED)


def judged_by(digest: str) -> str:
    """Name what decides which rows are rejected: this version, and a mapping with its tables, by their digest."""
    return f"{__version__} {digest}"


def reason_of(row: Row) -> frozenset[int]:
    """Return why a row is rejected or refused, whatever its key."""
    return hash_reasons("", row.outcome, row.codes, row.fields, row.messages)[row.outcome]


def find_rejected(transaction: Transaction, target: str, source_name: str, at: float | None = None) -> list[Rejected]:
    """Return the rows of a source that were rejected and aren't dealt with, the oldest first."""
    rejected_rows = [rejected for rejected, _ in read_rejected(transaction, target, source_name, at)]
    return sorted(rejected_rows, key=lambda rejected: rejected.since)


def read_rejected(
    transaction: Transaction, target: str, source_name: str, at: float | None = None
) -> Iterator[tuple[Rejected, Row]]:
    """Yield the same with the rows themselves, run by run."""
    oldest = (time.time() if at is None else at) - DAYS * 86_400
    with transaction() as connection:
        last = _find_last(connection, find_source(connection, target, source_name))
        if last is None:
            return
        entries: Mapping[str, Sequence[Any]] = orjson.loads(last.options).get(KEPT, {})
        figures = orjson.loads(last.summary or b"{}")
        names = {name for _, name, _ in entries.values() if name}
        if any(figures.get(str(outcome)) for outcome in NOT_IN):  # as hardly any run
            names.add(last.name)
        statement = select(runs.c.id, runs.c.name, runs.c.options, runs.c.started_at)
        statement = statement.where(runs.c.source_id == last.source_id, runs.c.name.in_(names)).order_by(runs.c.id)
        runs_with_rows = connection.execute(statement).all()
    for run in runs_with_rows:
        judge = orjson.loads(run.options).get(JUDGED_BY, "")
        rejected = select(*STORED).where(rows.c.run_id == run.id, rows.c.outcome.in_(NOT_IN), rows.c.raw.is_not(None))
        for page in read_pages(transaction, rejected, rows.c.file, rows.c.record):
            for row in map(decode_row, page):
                digest = digest_row(row.raw or "")
                since, name, date = entries.get(digest, (None, last.name, None))
                since = run.started_at if since is None else since
                if since >= oldest and (name or last.name) == run.name:
                    reason = reason_of(row)
                    yield Rejected(digest, row.key, row.place, row.outcome, reason, since, date, run.name, judge), row


def dismiss(transaction: Transaction, target: str, source_name: str, dismissed: Collection[Rejected]) -> None:
    """Count rows as dealt with, as nobody wants them in Triage."""
    with transaction() as connection:
        last = _find_last(connection, find_source(connection, target, source_name))
        if last is not None:
            options = orjson.loads(last.options)
            entries = options.setdefault(KEPT, {})
            for row in dismissed:
                entries[row.digest] = (DEALT_WITH, row.run, None)
            connection.execute(update(runs).where(runs.c.id == last.id).values(options=orjson.dumps(options)))
            forget_fingerprint(connection, last.source_id, creates=False)  # the next run counts anew


def _find_last(connection: Connection, source_id: int) -> Any:
    """Find the import that has ended last: one that is open will know more when it goes on."""
    run = runs.c
    finished = select(runs).where(run.source_id == source_id, run.kind == RunKind.IMPORT, run.state == "finished")
    newest = finished.order_by(run.ended_at.desc(), run.id.desc()).limit(1)
    return connection.execute(newest).one_or_none()
