"""The statements of the hot path, built once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from operator import itemgetter
from typing import Any, TypeVar

from sqlalchemy import Connection, Insert, Update, bindparam, case, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from importer.ledger.schema import State, operations, rows, stamp
from importer.records import Act, Outcome

T = TypeVar("T")


KEYS_A_QUERY = 500


def portions(values: Iterable[T]) -> Iterator[list[T]]:
    """Give as many values as a query takes, again and again."""
    iterator = iter(values)
    while portion := list(islice(iterator, KEYS_A_QUERY)):
        yield portion


class Many:
    """A statement for many rows, compiled once; SQLAlchemy's own way costs as much again as SQLite itself."""

    def __init__(self, statement: Insert | Update) -> None:
        compiled = statement.compile(dialect=sqlite.dialect())
        assert compiled.positiontup is not None  # SQLite's parameters are by position
        self._sql = str(compiled)
        self._fixed = compiled.params
        self._pick = itemgetter(*compiled.positiontup)

    def execute(self, connection: Connection, values: Iterable[Mapping[str, Any]]) -> None:
        """Execute it for each of the mappings; none at all is nothing."""
        parameters = [self._pick(self._fixed | row) for row in values]
        if parameters:
            connection.exec_driver_sql(self._sql, parameters)


WITH_OPERATION = (Outcome.PLANNED, Outcome.UNCHANGED)
"""What a row is registered as where its own operation says what became of it."""
_REGISTER = insert(rows)
REGISTER = Many(
    _REGISTER.on_conflict_do_update(
        index_elements=["run_id", "file", "record"],
        set_={
            name: _REGISTER.excluded[name]
            for name in ("file_name", "line", "key", "outcome", "findings", "raw", "cells", "origin")
        },
    )
)
IDENTITY = ("source_id", "key", "act")
INTENT = ("run_id", "method", "path", "marker", "body_sha", "content", "state", "since", "issue_id", "details")
NOTHING_YET = {"attempts": 0, "triage_id": "", "returned": b"", "code": "", "message": ""}
_INTEND = insert(operations).values({name: bindparam(name) for name in (*IDENTITY, *INTENT)} | NOTHING_YET)
INTEND = Many(
    _INTEND.on_conflict_do_update(index_elements=list(IDENTITY), set_={name: _INTEND.excluded[name] for name in INTENT})
)
_IT = (
    operations.c.source_id == bindparam("its_source"),
    operations.c.key == bindparam("its_key"),
    operations.c.act == bindparam("its_act"),
)
DECIDE = Many(
    update(operations)
    .where(*_IT)
    .values(
        run_id=bindparam("its_run"),
        state=bindparam("its_state"),
        attempts=operations.c.attempts + bindparam("more"),
        since=case((bindparam("its_since") > 0, bindparam("its_since")), else_=operations.c.since),
        issue_id=bindparam("its_issue"),
        triage_id=bindparam("its_triage"),
        returned=bindparam("its_returned"),
        details=bindparam("its_details"),
        code=bindparam("its_code"),
        message=bindparam("its_message"),
    )
)
# After a change the create's operation says what the issue stands for now; a deleted issue may be made again.
REMEMBER = Many(
    update(operations)
    .where(*_IT)
    .values(returned=bindparam("its_returned"), body_sha=bindparam("its_body_sha"), content=bindparam("its_content"))
)
FORGET = Many(update(operations).where(*_IT).values(state=State.DELETED.value))
ADVANCE = update(stamp).values(generation=bindparam("reached"))
# Raw rows are kept for people to mend; those that are in need none.
DROP_RAW = (
    update(rows)
    .where(rows.c.run_id == bindparam("its_run"), rows.c.raw.is_not(None), rows.c.outcome.in_(WITH_OPERATION))
    .where(
        rows.c.key.in_(
            select(operations.c.key).where(
                operations.c.source_id == bindparam("its_source"),
                operations.c.act == Act.CREATE,
                operations.c.state == State.DONE,
            )
        )
    )
    .values(raw=None)
)
