"""The cross-walk of a source: every key of all its runs, and where it stands."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Select, and_, func, or_, select

from importer.ledger.registered import decode_row
from importer.ledger.schema import UNDECIDED, RunKind, State, operations, rows, runs, unindexed_source
from importer.ledger.source_list import no_source
from importer.ledger.store import Ledger, find_source
from importer.records import Act, Outcome

PAGE = 1000


class KeyState(StrEnum):
    """The state of a key over all runs."""

    IN_TRIAGE = "in Triage"
    UNDONE = "undone"  # its issue was deleted or closed by `undo`
    UNKNOWN = "unknown"
    FAILED = "failed"
    REJECTED = "rejected"
    SKIPPED = "skipped"
    PLANNED = "planned"  # still to be sent


OF_CREATES = {
    State.DONE: KeyState.IN_TRIAGE,
    State.DELETED: KeyState.UNDONE,
    State.SENT: KeyState.UNKNOWN,
    State.UNKNOWN: KeyState.UNKNOWN,
    State.REFUSED: KeyState.FAILED,
}
"""State of a create → what it says of its key; in any other its row says it."""
OF_ROWS = {
    Outcome.UNKNOWN: KeyState.UNKNOWN,
    Outcome.FAILED: KeyState.FAILED,
    Outcome.REJECTED: KeyState.REJECTED,
    Outcome.SKIPPED: KeyState.SKIPPED,
}


class CrosswalkEntry(NamedTuple):
    """A key; `run` is the one that last worked on it, `returned` the snapshot of its issue, `link` its old address."""

    key: str
    title: str
    link: str
    state: KeyState
    triage_id: str
    issue_id: str
    code: str
    message: str
    run: str
    returned: bytes


def walk(ledger: Ledger, target: str, name: str) -> Iterator[CrosswalkEntry]:
    """Yield every key of a source: first those that have or had an issue, in the order of their creation.

    Raises:
        UsageError: the ledger knows no source of this name in this target.
    """
    with ledger.transaction() as connection:
        source_id = find_source(connection, target, name)
    if not source_id:
        raise no_source(ledger, target, name)
    creates = (unindexed_source == source_id, operations.c.act == Act.CREATE)
    has_issue = operations.c.state.in_((State.DONE, State.DELETED))
    yield from _walk_issues(ledger, _creates().where(*creates, has_issue))
    seen = set[str]()
    with ledger.transaction() as connection:
        for row in connection.execute(_rows_without_issue(source_id), execution_options={"yield_per": PAGE}):
            seen.add(row.key)
            yield _of_row(row)
    # Of a run that was pruned there are no rows.
    yield from (each for each in _walk_issues(ledger, _creates().where(*creates, ~has_issue)) if each.key not in seen)


def _creates() -> Select[Any]:
    return select(operations, runs.c.name.label("run")).join(runs, runs.c.id == operations.c.run_id)


def _walk_issues(ledger: Ledger, statement: Select[Any]) -> Iterator[CrosswalkEntry]:
    after = 0
    while True:
        page = statement.where(operations.c.id > after).order_by(operations.c.id).limit(PAGE)
        with ledger.transaction() as connection:
            found = connection.execute(page).all()
        for each in found:
            issue = orjson.loads(each.returned) if each.returned else {}
            state, title = OF_CREATES.get(State(each.state), KeyState.PLANNED), issue.get("title") or ""
            row_says = issue.get("sent", {}).get("status", "closed")  # which an undo keeps beside what it has done
            if state is KeyState.IN_TRIAGE and issue.get("status") == "closed" != row_says:
                state = KeyState.UNDONE
            code, message = ("", "") if state is KeyState.IN_TRIAGE else (each.code, each.message)
            place = each.triage_id, each.issue_id
            yield CrosswalkEntry(each.key, title, each.link, state, *place, code, message, each.run, each.returned)
        if len(found) < PAGE:
            return
        after = found[-1].id


def _rows_without_issue(source_id: int) -> Select[Any]:
    """Select the newest row of each key that has and had no issue, with its create, if there is one."""
    newest_first = (rows.c.run_id.desc(), rows.c.outcome == Outcome.SKIPPED, rows.c.file, rows.c.record)
    create = and_(operations.c.source_id == source_id, operations.c.key == rows.c.key, operations.c.act == Act.CREATE)
    numbered = (
        select(
            rows,
            runs.c.name.label("run"),
            operations.c.state,
            operations.c.code.label("create_code"),
            operations.c.message.label("create_message"),
            func.row_number().over(partition_by=rows.c.key, order_by=newest_first).label("place"),
        )
        .select_from(rows.join(runs, runs.c.id == rows.c.run_id).outerjoin(operations, create))
        .where(runs.c.source_id == source_id, runs.c.kind == RunKind.IMPORT, rows.c.key != "")
        .where(or_(operations.c.id.is_(None), operations.c.state.not_in((State.DONE, State.DELETED))))
        .subquery()
    )
    return select(numbered).where(numbered.c.place == 1).order_by(numbered.c.run_id, numbered.c.file, numbered.c.record)


def _of_row(found: Any) -> CrosswalkEntry:
    row = decode_row(found)
    code, message = (row.codes[0], "; ".join(row.messages)) if row.codes else ("", "")
    state = OF_ROWS.get(row.outcome, KeyState.PLANNED)
    if found.state in (*UNDECIDED, State.REFUSED):
        state, code, message = OF_CREATES[State(found.state)], found.create_code, found.create_message
    link = "" if row.is_withheld else row.link
    return CrosswalkEntry(row.key, row.shown_title, link, state, "", "", code, message, found.run, b"")
