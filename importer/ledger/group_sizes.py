"""How many rows an issue was made of when it was last written, where several rows are one issue."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import func, select

from importer.ledger.schema import State, operations, rows
from importer.ledger.statements import portions
from importer.ledger.store import Ledger, find_source
from importer.records import Act, Outcome

WRITES = (Act.CREATE, Act.UPDATE)
LEFT_OUT = (Outcome.REJECTED, Outcome.SKIPPED)


def count_written_rows(ledger: Ledger, target: str, name: str, keys: Iterable[str]) -> dict[str, int]:
    """Return key → the rows that its issue was last written from; keys that no import has written are absent."""
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    its = (operations.c.source_id == source_id, operations.c.act.in_(WRITES))
    last = select(operations.c.key, func.max(operations.c.run_id).label("run_id")).where(
        *its, operations.c.state == State.DONE
    )
    counts = dict[str, int]()
    for some in portions(keys):
        with ledger.transaction() as connection:
            newest = connection.execute(last.where(operations.c.key.in_(some)).group_by(operations.c.key)).all()
            written = {each.key: each.run_id for each in newest}
            found = connection.execute(
                select(rows.c.key, rows.c.run_id, func.count())
                .where(rows.c.run_id.in_(set(written.values())), rows.c.key.in_(some), rows.c.outcome.not_in(LEFT_OUT))
                .group_by(rows.c.key, rows.c.run_id)
            ).all()
        counts.update({key: count for key, run_id, count in found if written.get(key) == run_id})
    return counts
