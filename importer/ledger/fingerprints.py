"""Fingerprints of runs that had nothing to do: of all that decides what is written; and how often they came again.

Whatever writes an operation of the source takes them away: where there is one, the ledger is as the run left it.
"""

from __future__ import annotations

from sqlalchemy import Connection, select, update

from importer.ledger.schema import runs, sources, targets
from importer.ledger.statements import Transaction


def find_newest(transaction: Transaction, target: str, source_name: str) -> tuple[str, str]:
    """Return name and fingerprint of the newest run of a source, whatever it did; "" for each that doesn't exist."""
    newest = (
        select(runs.c.name, runs.c.fingerprint)
        .select_from(runs.join(sources, sources.c.id == runs.c.source_id).join(targets))
        .where(targets.c.url == target, sources.c.name == source_name)
        .order_by(runs.c.id.desc())
        .limit(1)
    )
    with transaction() as connection:
        name, fingerprint = connection.execute(newest).one_or_none() or ("", "")
    return name, fingerprint


def keep(transaction: Transaction, run: str, fingerprint: str) -> None:
    """Store the fingerprint of a run that had nothing to do."""
    with transaction() as connection:
        connection.execute(update(runs).where(runs.c.name == run).values(fingerprint=fingerprint))


def forget(connection: Connection, source_id: int) -> None:
    """Delete a source's fingerprint: called before anything of the source is written."""
    connection.execute(
        update(runs).where(runs.c.source_id == source_id, runs.c.fingerprint != "").values(fingerprint="")
    )


def note_repeat(transaction: Transaction, run: str, at: float) -> int:
    """Count a repetition of a run; return how many there are by now."""
    this = runs.c.name == run
    with transaction() as connection:
        connection.execute(update(runs).where(this).values(repeats=runs.c.repeats + 1, repeated_at=at))
        return connection.scalar(select(runs.c.repeats).where(this)) or 0
