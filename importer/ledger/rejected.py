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


def find_rejected(transaction: Transaction, target: str, source_name: str, now: float | None = None) -> list[Rejected]:
    """Return the rows of a source that were rejected and aren't dealt with, the oldest first."""
    found = [each for each, _ in read_rejected(transaction, target, source_name, now)]
    return sorted(found, key=lambda each: each.since)


def read_rejected(
    transaction: Transaction, target: str, source_name: str, now: float | None = None
) -> Iterator[tuple[Rejected, Row]]:
    """Yield the same with the rows themselves, run by run."""
    oldest = (time.time() if now is None else now) - DAYS * 86_400
    with transaction() as connection:
        last = _find_last(connection, find_source(connection, target, source_name))
        if last is None:
            return
        kept: Mapping[str, Sequence[Any]] = orjson.loads(last.options).get(KEPT, {})
        figures = orjson.loads(last.summary or b"{}")
        names = {name for _, name, _ in kept.values() if name}
        names |= {last.name} if any(figures.get(str(each)) for each in NOT_IN) else set()  # as hardly any run
        known = select(runs.c.id, runs.c.name, runs.c.options, runs.c.started_at)
        known = known.where(runs.c.source_id == last.source_id, runs.c.name.in_(names)).order_by(runs.c.id)
        found = connection.execute(known).all()
    for run in found:
        judged = orjson.loads(run.options).get(JUDGED_BY, "")
        its = select(*STORED).where(rows.c.run_id == run.id, rows.c.outcome.in_(NOT_IN), rows.c.raw.is_not(None))
        for page in read_pages(transaction, its, rows.c.file, rows.c.record):
            for row in map(decode_row, page):
                digest = digest_row(row.raw or "")
                since, where, date = kept.get(digest, (None, last.name, None))
                since = run.started_at if since is None else since
                if since >= oldest and (where or last.name) == run.name:
                    why = row.outcome, reason_of(row)
                    yield Rejected(digest, row.key, row.place, *why, since, date, run.name, judged), row


def dismiss(transaction: Transaction, target: str, source_name: str, some: Collection[Rejected]) -> None:
    """Count rows as dealt with, as nobody wants them in Triage."""
    with transaction() as connection:
        last = _find_last(connection, find_source(connection, target, source_name))
        if last is not None:
            options = orjson.loads(last.options)
            options[KEPT] = {**options.get(KEPT, {}), **{each.digest: (DEALT_WITH, each.run, None) for each in some}}
            connection.execute(update(runs).where(runs.c.id == last.id).values(options=orjson.dumps(options)))
            forget_fingerprint(connection, last.source_id, creates=False)  # the next run counts anew


def _find_last(connection: Connection, source_id: int) -> Any:
    """Find the import that has ended last: one that is open will know more when it goes on."""
    its = (runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT, runs.c.state == "finished")
    newest = select(runs).where(*its).order_by(runs.c.ended_at.desc(), runs.c.id.desc())
    return connection.execute(newest.limit(1)).one_or_none()
