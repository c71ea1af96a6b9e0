"""The statements of the hot path, built once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Insert, Update, bindparam, case, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite import insert

from importer.ledger.schema import State, operations, rows
from importer.records import Outcome


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
_REGISTER = insert(rows)
REGISTER = Many(
    _REGISTER.on_conflict_do_update(
        index_elements=["run_id", "file", "record"],
        set_={
            name: _REGISTER.excluded[name]
            for name in ("file_name", "line", "key", "outcome", "findings", "raw", "origin")
        },
    )
)
NOTHING_YET = {"attempts": 0, "issue_id": "", "triage_id": "", "returned": b"", "code": "", "message": ""}
_INTEND = insert(operations).values(
    {
        name: bindparam(name)
        for name in ("source_id", "run_id", "key", "method", "path", "marker", "body_sha", "state", "since")
    }
    | NOTHING_YET
)
INTEND = Many(
    _INTEND.on_conflict_do_update(
        index_elements=["source_id", "key"],
        set_={
            name: _INTEND.excluded[name]
            for name in ("run_id", "method", "path", "marker", "body_sha", "state", "since")
        },
    )
)
DECIDE = Many(
    update(operations)
    .where(operations.c.source_id == bindparam("its_source"), operations.c.key == bindparam("its_key"))
    .values(
        run_id=bindparam("its_run"),
        state=bindparam("its_state"),
        attempts=operations.c.attempts + bindparam("more"),
        since=case((bindparam("its_since") > 0, bindparam("its_since")), else_=operations.c.since),
        issue_id=bindparam("its_issue"),
        triage_id=bindparam("its_triage"),
        returned=bindparam("its_returned"),
        code=bindparam("its_code"),
        message=bindparam("its_message"),
    )
)
# Raw rows are kept for people to mend; those that are in need none.
DROP_RAW = (
    update(rows)
    .where(rows.c.run_id == bindparam("its_run"), rows.c.raw.is_not(None), rows.c.outcome.in_(WITH_OPERATION))
    .where(
        rows.c.key.in_(
            select(operations.c.key).where(
                operations.c.source_id == bindparam("its_source"), operations.c.state == State.DONE
            )
        )
    )
    .values(raw=None)
)
