"""Pruning: drops what reports, repairs and undos of old runs need, and nothing that prevents duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import orjson
from sqlalchemy import and_, delete, exists, not_, or_, select, update

from importer.ledger.journal import Run
from importer.ledger.packed_rows import drop_packed
from importer.ledger.previous_run import WHOLE
from importer.ledger.schema import RunKind, State, operations, replaced, rows, runs
from importer.ledger.store import Ledger
from importer.records import Act, Outcome

PRUNED = "pruned"
"""Option of a run whose rows were dropped."""
OLDER = runs.alias("older")


def measure(ledger: Ledger) -> int:
    """Return the size of a ledger in bytes."""
    with ledger.transaction() as connection:
        if connection.dialect.name == "postgresql":
            sizes = (
                "SELECT sum(pg_total_relation_size(relid)) FROM pg_stat_user_tables WHERE schemaname = current_schema()"
            )
            return int(connection.exec_driver_sql(sizes).scalar() or 0)
    path = Path(ledger.name)
    return sum(each.stat().st_size for each in (path, Path(f"{path}-wal")) if each.exists())


def find_prunable(ledger: Ledger, keep: int, before: float) -> list[Run]:
    """Return the finished runs to prune, the oldest first: those that ended before a time, in seconds since 1970.

    Of each source the newest `keep` stay in any case, and the last import of a whole input, which the next one is
    compared with. So do imports that a repair or an undo is still working on.
    """
    known = ledger.list_runs()
    busy = {run.options.get("of") for run in known if run.is_open}
    seen, compared, found = dict[tuple[str, str], int](), set[tuple[str, str]](), list[Run]()
    for run in known:
        source = (run.target, run.source_name)
        seen[source] = seen.get(source, 0) + 1
        is_compared = run.kind is RunKind.IMPORT and not run.is_open and bool(run.options.get(WHOLE))
        stays = run.is_open or run.name in busy or (is_compared and source not in compared)
        if is_compared:
            compared.add(source)
        if not stays and seen[source] > keep and (run.ended_at or before) < before and not run.options.get(PRUNED):
            found.append(run)
    return found[::-1]


def prune(ledger: Ledger, old: Iterable[Run]) -> None:
    """Drop the rows of runs, and the values that an undo would give back; their summaries stay.

    Rows stay, without texts, that change detection asks for: those of errors files, and rejected ones whose issue was
    made since. The file gets smaller.
    """
    for run in old:
        with ledger.transaction() as connection:
            run_id, source_id = connection.execute(
                select(runs.c.id, runs.c.source_id).where(runs.c.name == run.name)
            ).one()
            its_rows, its_create = rows.c.run_id == run_id, operations.c.key == rows.c.key
            made = exists().where(operations.c.source_id == source_id, its_create, operations.c.act == Act.CREATE)
            corrected = and_(rows.c.outcome == Outcome.REJECTED, made.where(operations.c.state == State.DONE))
            needed = or_(rows.c.origin != "", corrected)
            connection.execute(delete(rows).where(its_rows, not_(needed)))
            connection.execute(update(rows).where(its_rows).values(raw=None, cells=None, conflicts=None))
            drop_packed(connection, run_id)
            options = orjson.dumps({**run.options, PRUNED: True})
            connection.execute(update(runs).where(runs.c.id == run_id).values(options=options))
            # An undo of an older run must still see what this one has written later.
            older = select(OLDER.c.options).where(OLDER.c.source_id == source_id, OLDER.c.id < run_id)
            if all(orjson.loads(each).get(PRUNED) for each in connection.scalars(older)):
                connection.execute(delete(replaced).where(replaced.c.run_id == run_id))
    compact(ledger)


def compact(ledger: Ledger) -> None:
    """Take what was deleted out of a ledger's file."""
    with ledger.transaction() as connection:
        if connection.dialect.name != "postgresql":  # a server does it by itself
            connection.exec_driver_sql("VACUUM")


def lost_ways(old: Sequence[Run]) -> list[str]:
    """Return the names of the imports that can't be undone or repaired after they were pruned."""
    return [
        run.name
        for run in old
        if run.kind is RunKind.IMPORT and (run.summary.get("created") or run.summary.get("updated"))
    ]
