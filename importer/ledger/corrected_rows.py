"""Rows that were rejected once, and whose issue was then made from the corrected row in an errors file."""

from __future__ import annotations

from typing import NamedTuple

import orjson
from sqlalchemy import and_, func, or_, select

from importer.ledger.previous_run import Reasons, reasons_of
from importer.ledger.schema import RunKind, State, operations, rows, runs
from importer.ledger.statements import SOME, find_in_portions
from importer.ledger.store import Ledger, find_source
from importer.records import Act, Outcome

UPDATES = operations.alias("updates")


class CorrectedRow(NamedTuple):
    """A key whose issue was last written from a corrected row.

    run      name of the run that did
    reasons  why its row was rejected before, in any run
    """

    run: str
    issue_id: str
    triage_id: str
    reasons: set[Reasons]


def find_corrected_rows(ledger: Ledger, target: str, name: str) -> dict[str, CorrectedRow]:
    """Return the corrected keys of a source: few, as somebody has corrected each of them by hand."""
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    its_runs = and_(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT)
    create = and_(
        operations.c.source_id == source_id,
        operations.c.key == rows.c.key,
        operations.c.act == Act.CREATE,
        operations.c.state == State.DONE,
    )
    update = and_(
        UPDATES.c.source_id == source_id,
        UPDATES.c.key == rows.c.key,
        UPDATES.c.act == Act.UPDATE,
        UPDATES.c.state == State.DONE,
    )
    last = func.coalesce(UPDATES.c.run_id, operations.c.run_id)
    written = (
        select(rows.c.key, runs.c.name, operations.c.issue_id, operations.c.triage_id)
        # Outer, though `last` leaves only rows with a create: else SQLite goes through the rows once for each create.
        .select_from(
            rows.join(runs, runs.c.id == rows.c.run_id).outerjoin(operations, create).outerjoin(UPDATES, update)
        )
        .where(its_runs, rows.c.origin != "", last == rows.c.run_id)
        .where(or_(rows.c.outcome == Outcome.CREATED, rows.c.outcome == Outcome.UPDATED))
    )
    rejected = (
        select(rows.c.key, rows.c.findings)
        .select_from(rows.join(runs, runs.c.id == rows.c.run_id))
        .where(its_runs, rows.c.outcome == Outcome.REJECTED, rows.c.key.in_(SOME))
    )
    with ledger.transaction() as connection:
        corrected = {each.key: CorrectedRow(each.name, *each[2:], set()) for each in connection.execute(written)}
        for key, findings in find_in_portions(connection, rejected, corrected):
            codes, fields, messages, _ = orjson.loads(findings)
            corrected[key].reasons.add(reasons_of(codes, fields, messages))
    return corrected
