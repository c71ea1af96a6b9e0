"""The outcome of each row of a run: derived from its operations while it is open, stored in the rows once finished."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, and_, case, exists, func, or_, select, tuple_, update
from sqlalchemy import Row as Selected

from importer.codes import (
    CONFLICT,
    DOUBLE_IN_TRIAGE,
    FATE_UNKNOWN,
    FOUND_AT_TARGET,
    GONE_AT_TARGET,
    GROUP_INCOMPLETE,
    INCOMPLETE,
)
from importer.ledger.added import Added, read_additions
from importer.ledger.schema import UNDECIDED, State, operations, rows, runs
from importer.ledger.statements import REGISTER, WITH_OPERATION, Transaction, refresh_statistics
from importer.ledger.target_scan import find_doubles
from importer.records import ADDITIONS, PASSED_OVER, Act, Outcome, Row

PAGE = 1000
OPERATION_COLUMNS = tuple(
    operations.c[name].label(f"create_{name}")
    for name in ("state", "attempts", "issue_id", "triage_id", "code", "message")
)
CHANGES = operations.alias("changes")
CHANGE_COLUMNS = tuple(
    CHANGES.c[name].label(f"change_{name}")
    for name in ("run_id", "state", "attempts", "issue_id", "triage_id", "code", "message", "details")
)
PENDING = operations.alias("pending")
ADDED = operations.alias("added")
IN_TRIAGE = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CHANGED)
ON_ITS_WAY = (FATE_UNKNOWN, "it was on its way when the run ended")


class Made(NamedTuple):
    """An issue that a run created or changed.

    returned  its snapshot
    body_sha  SHA-256 of the body that it stands for
    content   digest of its row, 8 bytes
    cells     JSON of the source cells of its value fields, for `repair`; None in ledgers of earlier versions
    since     when the answer to its create came, in seconds since 1970
    pending   a change of unknown outcome, as `record_pending_patch` wrote it; b"" if there is none
    """

    key: str
    issue_id: str
    triage_id: str
    marker: str
    returned: bytes
    body_sha: bytes
    content: bytes
    cells: bytes | None
    since: float
    pending: bytes


class Results:
    """Reads the rows of one run with their outcomes; with `is_frozen` these are stored in the rows themselves."""

    def __init__(self, transaction: Transaction, run_id: int, source_id: int, *, is_frozen: bool) -> None:
        self._transaction = transaction
        self._id, self._source_id, self._is_frozen = run_id, source_id, is_frozen
        self._doubles: dict[str, str] | None = None  # by key: the sentence on its other issue; read once for a pass

    def rows(self) -> Iterator[Row]:
        """Yield every row with its outcome, in order of file and record, in flat memory."""
        with self._transaction() as connection:
            refresh_statistics(connection)
        after, tell, self._doubles = (-1, -1), _Followers(), None
        while True:
            with self._transaction() as connection:
                page = self._page(connection, after)
            yield from page if self._is_frozen else map(tell, page)
            if len(page) < PAGE:
                return
            after = (page[-1].file, page[-1].record)

    def _page(self, connection: Connection, after: tuple[int, int]) -> list[Row]:
        columns = () if self._is_frozen else (self._became.label("became"), *OPERATION_COLUMNS, *CHANGE_COLUMNS)
        statement = (
            select(rows, *columns)
            .select_from(rows if self._is_frozen else self._joined)
            .where(rows.c.run_id == self._id, tuple_(rows.c.file, rows.c.record) > after)
            .order_by(rows.c.file, rows.c.record)
            .limit(PAGE)
        )
        if self._is_frozen:
            return [_decode(found) for found in connection.execute(statement)]
        return self._complete(connection, [self._decode(found) for found in connection.execute(statement)])

    def _complete(self, connection: Connection, page: list[Row]) -> list[Row]:
        """Add the outcomes of their additions, and their issues' doubles, to the rows of a page."""
        if self._doubles is None:
            self._doubles = {each.key: str(each) for each in find_doubles(connection, self._source_id)}
        page = [_with_double(row, self._doubles) if row.key in self._doubles else row for row in page]
        added = read_additions(connection, self._source_id, (row.key for row in page if _may_have_more(row)))
        return [_with_additions(row, added.get(row.key, ()), self._id) if _may_have_more(row) else row for row in page]

    def conflicts(self) -> Iterator[tuple[str, str, list[list[str]]]]:
        """Yield the conflicts of this run: key, `T-…`, and for each field its name, ours, theirs and new."""
        for row in self.rows():
            if row.conflicts is not None:
                yield row.key, row.triage_id, orjson.loads(row.conflicts)

    def count(self) -> dict[Outcome, int]:
        """Count the rows by outcome; every outcome has a count."""
        became, joined = self._became.label("became"), rows if self._is_frozen else self._joined
        statement = select(became, func.count()).select_from(joined).where(rows.c.run_id == self._id)
        with self._transaction() as connection:
            refresh_statistics(connection)
            found = {str(name): int(number) for name, number in connection.execute(statement.group_by("became"))}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @property
    def _joined(self) -> Any:
        """Rows joined with their key's create and change; one passed over too, as its report names the key's issue."""
        create = and_(
            operations.c.source_id == self._source_id,
            operations.c.key == rows.c.key,
            operations.c.act == Act.CREATE,
            rows.c.outcome.in_((*WITH_OPERATION, *PASSED_OVER)),
        )
        change = and_(
            CHANGES.c.source_id == self._source_id,
            CHANGES.c.key == rows.c.key,
            CHANGES.c.act.in_((Act.UPDATE, Act.DELETE)),
            CHANGES.c.run_id == self._id,
            rows.c.outcome.in_(WITH_OPERATION),
        )
        return rows.outerjoin(operations, create).outerjoin(CHANGES, change)

    @property
    def _became(self) -> Any:
        """SQL expression: the outcome of a row in this run, from its registered outcome and its operations."""
        if self._is_frozen:
            return rows.c.outcome
        own = and_(operations.c.run_id == self._id, rows.c.outcome.in_(WITH_OPERATION))
        made = and_(own, operations.c.state == State.DONE, operations.c.code != FOUND_AT_TARGET)
        is_added_to = and_(
            rows.c.outcome == Outcome.UNCHANGED,  # also one that only another row's relation was added to
            CHANGES.c.key.is_(None),
        )
        return case(
            # A key that an earlier attempt of this run made was registered as unchanged by the later one.
            (made, Outcome.CREATED),
            (CHANGES.c.state == State.DONE, Outcome.UPDATED),
            (CHANGES.c.state == State.SAME, Outcome.UNCHANGED),
            (CHANGES.c.state == State.LEFT, Outcome.SKIPPED),
            (CHANGES.c.state == State.REFUSED, Outcome.FAILED),
            (CHANGES.c.state.in_(UNDECIDED), Outcome.UNKNOWN),
            (and_(is_added_to, self._has_added(*UNDECIDED)), Outcome.UNKNOWN),
            (and_(is_added_to, self._has_added(State.DONE)), Outcome.UPDATED),
            (and_(is_added_to, self._has_added(State.REFUSED)), Outcome.FAILED),
            (rows.c.outcome != Outcome.PLANNED, rows.c.outcome),
            (and_(own, operations.c.state == State.REFUSED), Outcome.FAILED),
            (operations.c.state.in_(UNDECIDED), Outcome.UNKNOWN),
            else_=Outcome.PLANNED,
        )

    def _has_added(self, *states: State) -> Any:
        """SQL condition: this run has sent additions to the row's issue that ended in one of these states."""
        return (
            exists()
            .where(ADDED.c.source_id == self._source_id, ADDED.c.key == rows.c.key, ADDED.c.act.in_(ADDITIONS))
            .where(ADDED.c.run_id == self._id, ADDED.c.state.in_(states), ADDED.c.code != FOUND_AT_TARGET)
        )

    def made(self) -> Iterator[Made]:
        """Yield the existing issues that this run created or changed, in input order, in flat memory."""
        became = self._became
        create = and_(
            operations.c.source_id == self._source_id, operations.c.key == rows.c.key, operations.c.act == Act.CREATE
        )
        pending = and_(
            PENDING.c.source_id == self._source_id,
            PENDING.c.key == rows.c.key,
            PENDING.c.act == Act.UPDATE,
            PENDING.c.state.in_(UNDECIDED),
        )
        joined = rows.join(operations, create) if self._is_frozen else self._joined
        columns = (
            operations.c.key,
            operations.c.issue_id,
            operations.c.triage_id,
            operations.c.marker,
            operations.c.returned,
            operations.c.body_sha,
            operations.c.content,
            rows.c.cells,
            operations.c.since,
            PENDING.c.details,
        )
        statement = (
            select(rows.c.file, rows.c.record, *columns)
            .select_from(joined.outerjoin(PENDING, pending))
            .where(rows.c.run_id == self._id, rows.c.follows == 0, operations.c.state == State.DONE)
            .where(became.in_((Outcome.CREATED, Outcome.UPDATED)))
            # An issue that was deleted since and created again belongs to another run.
            .where(or_(rows.c.issue_id == "", rows.c.issue_id == operations.c.issue_id))
            .order_by(rows.c.file, rows.c.record)
            .limit(PAGE)
        )
        with self._transaction() as connection:
            refresh_statistics(connection)
        after = (-1, -1)
        while True:
            with self._transaction() as connection:
                page = connection.execute(statement.where(tuple_(rows.c.file, rows.c.record) > after)).all()
            for each in page:
                yield Made._make((*each[2:-1], each.details or b""))
            if len(page) < PAGE:
                return
            after = (page[-1].file, page[-1].record)

    def freeze(self, connection: Connection) -> None:
        """Store each outcome in its row, as later runs reuse the operations; imported rows lose their raw cells."""
        after, tell, self._doubles = (-1, -1), _Followers(), None
        while page := self._page(connection, after):
            told = map(tell, page)
            REGISTER.execute(
                connection,
                (encode_row(self._id, row._replace(raw=None) if _is_in(row) else row) for row in told),
            )
            after = (page[-1].file, page[-1].record)
        connection.execute(update(runs).where(runs.c.id == self._id).values(frozen=1))

    def _decode(self, found: Selected[Any]) -> Row:
        """Return a registered row with the outcome that its operations give."""
        row = _decode(found)
        changed = found.change_run_id == self._id
        state, code, message = found.create_state, found.create_code, found.create_message
        if changed:
            state, code, message = found.change_state, found.change_code, found.change_message
        became = Outcome(found.became)
        on_its_way = became is Outcome.UNKNOWN and state == State.SENT
        if on_its_way:
            code, message = ON_ITS_WAY
        if code and (changed or became in (Outcome.CREATED, Outcome.FAILED, Outcome.UNKNOWN)):
            row = row._replace(
                codes=(*row.codes, code),
                fields=(*row.fields, ""),
                messages=(*row.messages, message),
                hints=(*row.hints, ""),
            )
        attempts = found.change_attempts if changed else found.create_attempts
        return row._replace(
            outcome=became,
            # The operation that such a row is joined with belongs to another row, or to an earlier run.
            attempts=0 if found.outcome in PASSED_OVER else (attempts or 0) + on_its_way,
            # A change names the issue that it changed; the key may have another issue since.
            issue_id=(found.change_issue_id if changed else found.create_issue_id) or row.issue_id,
            triage_id=(found.change_triage_id if changed else found.create_triage_id) or row.triage_id,
            conflicts=found.change_details if changed and code == CONFLICT else None,
        )


def _is_in(row: Row) -> bool:
    """Whether a row is imported completely, so that there is nothing to mend."""
    return row.outcome in IN_TRIAGE and not {INCOMPLETE, GROUP_INCOMPLETE} & set(row.codes)


class _Followers:
    """Marks the other rows of an issue as incomplete if its first row is. Call it with all rows in order."""

    def __init__(self) -> None:
        self._leader: Row | None = None

    def __call__(self, row: Row) -> Row:
        leader = self._leader
        if not row.follows:
            self._leader = row if row.key else leader  # a row that is left out may stand between
        elif leader is not None and leader.key == row.key and INCOMPLETE in leader.codes:
            return row._replace(
                codes=(*row.codes, GROUP_INCOMPLETE),
                fields=(*row.fields, ""),
                messages=(*row.messages, f"see line {leader.line}, the first row of the same issue"),
                hints=(*row.hints, "the same command sends the rest"),
            )
        return row


def _with_double(row: Row, doubles: Mapping[str, str]) -> Row:
    if row.follows or row.outcome is Outcome.SKIPPED:
        return row
    return row._replace(
        codes=(*row.codes, DOUBLE_IN_TRIAGE),
        fields=(*row.fields, ""),
        messages=(*row.messages, doubles[row.key]),
        hints=(*row.hints, ""),
    )


def _may_have_more(row: Row) -> bool:
    """Whether additions are planned for a row's issue, or it may own a relation that another row states."""
    return bool(row.additions_planned) or (row.outcome is not Outcome.SKIPPED and not row.follows)


def _with_additions(row: Row, added: Iterable[Added], run_id: int) -> Row:
    """Add a row's counts of additions and name the missing ones; waiting ones only in the run that tried them."""
    if not row.issue_id or row.outcome in (Outcome.PLANNED, Outcome.REJECTED):
        return row
    if GONE_AT_TARGET in row.codes and row.outcome is not Outcome.CREATED:  # decided, but for what this run has made
        return row
    # A row that plans no additions may still own relations that other rows state.
    added = [each for each in added if row.additions_planned or (each.act is Act.RELATION and each.run_id == run_id)]
    done = sum(each.state in (State.DONE, State.SAME) for each in added)
    lacking = [each for each in added if each.state is State.REFUSED or each.state in UNDECIDED]
    waiting = [each for each in added if each.state is State.LEFT]
    # The check has reported those whose code the row has already.
    new = [each for each in waiting if each.run_id == run_id and each.code not in row.codes]
    notes = dict.fromkeys((each.code, each.message) for each in new)
    known = done + len(lacking) + len(waiting)
    if any(each.code == FOUND_AT_TARGET and each.run_id == run_id for each in added):
        # The plan didn't know what was in Triage already, nor how an earlier import had folded the comments.
        row = row._replace(additions_planned=known)
    unsent = sum(each.act is Act.RELATION and each.state is State.UNSENT and each.run_id == run_id for each in added)
    rest = max(row.additions_planned - known, unsent)
    row = row._replace(additions_planned=max(row.additions_planned, known + rest))
    if lacking or rest > 0:
        whys = dict.fromkeys(f"{each.act}: {each.message or 'it was on its way'}" for each in lacking)
        why = "; ".join([*list(whys)[:3], *([f"{rest} not sent yet"] if rest > 0 else [])])
        missing = len(lacking) + rest
        notes[(INCOMPLETE, f"{missing} of {row.additions_planned} operations are missing: {why}")] = None
    return row._replace(
        codes=(*row.codes, *(code for code, _ in notes)),
        fields=(*row.fields, *("" for _ in notes)),
        messages=(*row.messages, *(message for _, message in notes)),
        hints=(*row.hints, *("the same command sends the rest" if code == INCOMPLETE else "" for code, _ in notes)),
        additions_done=done,
        additions_failed=len(lacking),
    )


def _decode(found: Selected[Any]) -> Row:
    codes, fields, messages, hints = (tuple(part) for part in orjson.loads(found.findings or b"[[],[],[],[]]"))
    raw = None if found.raw is None else orjson.loads(found.raw)
    return Row(
        file=found.file,
        file_name=found.file_name,
        record=found.record,
        line=found.line,
        key=found.key,
        outcome=Outcome(found.outcome),
        codes=codes,
        fields=fields,
        messages=messages,
        hints=hints,
        raw=tuple(raw) if isinstance(raw, list) else raw,
        cells=found.cells,
        origin=found.origin,
        attempts=found.attempts,
        issue_id=found.issue_id,
        triage_id=found.triage_id,
        conflicts=found.conflicts,
        additions_planned=found.additions_planned,
        additions_done=found.additions_done,
        additions_failed=found.additions_failed,
        follows=bool(found.follows),
    )


def encode_row(run_id: int, row: Row) -> dict[str, Any]:
    """Return the values of a row for its table."""
    return {
        "run_id": run_id,
        "file": row.file,
        "record": row.record,
        "file_name": row.file_name,
        "line": row.line,
        "key": row.key,
        "outcome": str(row.outcome),
        "findings": orjson.dumps((row.codes, row.fields, row.messages, row.hints)) if row.codes else None,
        "raw": None if row.raw is None else orjson.dumps(row.raw),
        "cells": row.cells,
        "origin": row.origin,
        "attempts": row.attempts,
        "issue_id": row.issue_id,
        "triage_id": row.triage_id,
        "conflicts": row.conflicts,
        "additions_planned": row.additions_planned,
        "additions_done": row.additions_done,
        "additions_failed": row.additions_failed,
        "follows": int(row.follows),
    }
