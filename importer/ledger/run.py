"""One run: its rows, its operations, and what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, and_, case, func, select, tuple_, update
from sqlalchemy import Row as Selected

from importer.errors import ExitCode
from importer.ledger.database import Database
from importer.ledger.exchange import Exchange
from importer.ledger.schema import UNDECIDED, RunKind, State, attempts, operations, rows, runs, sources
from importer.ledger.statements import (
    DECIDE,
    FORGET,
    INTEND,
    REGISTER,
    REMEMBER,
    WITH_OPERATION,
    refresh_statistics,
)
from importer.records import Act, Operation, Outcome, Row

PAGE = 1000
OPERATION_COLUMNS = tuple(
    operations.c[name].label(f"create_{name}")
    for name in ("state", "attempts", "issue_id", "triage_id", "code", "message")
)
CHANGES = operations.alias("changes")
CHANGE_COLUMNS = tuple(
    CHANGES.c[name].label(f"change_{name}") for name in ("run_id", "state", "attempts", "code", "message", "details")
)
PENDING = operations.alias("pending")
IN_TRIAGE = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED)
FOUND_AT_TARGET = "found-at-target"
"""Code of a create that an opening look took in: who made the issue is not known."""
CONFLICT = "conflict"
"""Code of a change that left fields alone which a person had changed."""
ON_ITS_WAY = ("fate-unknown", "it was on its way when the run ended")
FINISHED = (ExitCode.DONE, ExitCode.PARTLY)
Transaction = Callable[[], AbstractContextManager[Connection]]


class Memory(NamedTuple):
    """What a create's operation is to remember after a change: see `compare`, and the row that it stands for now."""

    returned: bytes
    body_sha: bytes
    content: bytes


class Decision(NamedTuple):
    """What became of a key's operation, after so many requests. `since` is the end of an unknown one's request.

    A change comes with its `operation`, which is written down if it was never sent. Its `details` say what was left
    alone, or what may have been sent; `memory` is what it leaves for the create to remember.
    """

    key: str
    state: State
    attempts: int = 1
    since: float = 0.0
    issue_id: str = ""
    triage_id: str = ""
    returned: bytes = b""
    code: str = ""
    message: str = ""
    operation: Operation | None = None
    details: bytes | None = None
    memory: Memory | None = None

    @property
    def act(self) -> Act:
        """What the operation does."""
        return Act.CREATE if self.operation is None else self.operation.act


class Undecided(NamedTuple):
    """A create of which nobody knows whether it was executed.

    `since` is in seconds since 1970, `body_sha` the SHA-256 of what was sent.
    """

    key: str
    marker: str
    since: float
    body_sha: bytes


class Made(NamedTuple):
    """An issue that a run made or changed; `returned` is its memory, `cells` the source cells of its value fields.

    `pending` is the body of a change of which nobody knows whether it was executed, else b"".
    """

    key: str
    issue_id: str
    triage_id: str
    marker: str
    returned: bytes
    body_sha: bytes
    content: bytes
    cells: bytes | None
    pending: bytes


class Run:
    """One import of a source with a mapping into a target, and this process's attempt at it. Made by a Ledger.

    A repair or an undo is a run too: each issue that it looks at is a row, in its place in the input.
    """

    def __init__(
        self,
        database: Database,
        found: Selected[Any],
        attempt_id: int,
        now: Callable[[], float],
    ) -> None:
        self._database, self._transaction = database, database.transaction
        self._id, self._source_id, self._attempt_id = found.id, found.source_id, attempt_id
        self._now = now
        self._exchange: Exchange[dict[str, Any], Decision] | None = None
        self.name: str = found.name
        self.kind = RunKind(found.kind)
        self.target: str = found.target
        self.source_name: str = found.source_name
        self.out = Path(found.out)
        self.is_open: bool = found.state == "open"
        self._is_frozen: bool = bool(found.frozen)
        self.exit_code: int | None = found.exit_code
        self.started_at: float = found.started_at
        self.ended_at: float | None = found.ended_at
        self.attempts: int = found.attempts
        self.options: Mapping[str, Any] = orjson.loads(found.options)
        self.summary: Mapping[str, Any] = orjson.loads(found.summary or b"{}")

    def register(self, planned: Iterable[Row]) -> None:
        """Write down a chunk of rows as the check left them, in the place of those written before."""
        values = [_encode(self._id, row) for row in planned]
        with self._transaction() as connection:
            REGISTER.execute(connection, values)

    def find_undecided(self) -> list[Undecided]:
        """List the source's creates of which nobody knows what became, of this attempt or of a crashed one."""
        columns = operations.c.key, operations.c.marker, operations.c.since, operations.c.body_sha
        undecided = and_(operations.c.act == Act.CREATE, operations.c.state.in_(UNDECIDED))
        with self._transaction() as connection:
            found = connection.execute(select(*columns).where(operations.c.source_id == self._source_id, undecided))
            return [Undecided(*values) for values in found]

    def find_issues(self, triage_ids: Mapping[str, str]) -> set[str]:
        """Say which issues of this target the ledger knows as a key's own; `triage_ids` is issue id → `T-…`."""
        target_id = select(sources.c.target_id).where(sources.c.id == self._source_id).scalar_subquery()
        known = (
            select(operations.c.issue_id)
            .join(sources)
            .where(sources.c.target_id == target_id)
            # The index is on the `T-…`, but only the id is sure to be there.
            .where(operations.c.triage_id.in_(set(triage_ids.values())), operations.c.issue_id.in_(list(triage_ids)))
        )
        with self._transaction() as connection:
            return set(connection.scalars(known))

    def made(self) -> Iterator[Made]:
        """Give the issues that this run made or changed and that are there, in input order and flat memory."""
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
            PENDING.c.details,
        )
        statement = (
            select(rows.c.file, rows.c.record, *columns)
            .select_from(joined.outerjoin(PENDING, pending))
            .where(rows.c.run_id == self._id, operations.c.state == State.DONE)
            .where(became.in_((Outcome.CREATED, Outcome.UPDATED)))
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

    @asynccontextmanager
    async def sending(self, concurrency: int) -> Any:
        """Open the exchange of intents and outcomes; at its end everything handed in is durable."""
        write = self._write_in_thread if self._database.is_remote else self._write
        self._exchange = Exchange(write, max(1, concurrency // 2))
        try:
            yield
            await self._exchange.flush()
        finally:
            self._exchange.close()
            self._exchange = None

    async def intend(self, operation: Operation, details: bytes | None = None) -> None:
        """Return when it is durable that this operation may have been sent; `details` is the body of a change.

        Raises:
            StorageFull: the ledger can't be written.
        """
        assert self._exchange is not None
        await self._exchange.intend(self._intent(operation, details))

    def _intent(self, operation: Operation, details: bytes | None) -> dict[str, Any]:
        return {
            "source_id": self._source_id,
            "run_id": self._id,
            "key": operation.key,
            "act": operation.act.value,
            "method": operation.method,
            "path": operation.path,
            "marker": operation.marker,
            "body_sha": operation.whole_sha or hashlib.sha256(operation.body).digest(),
            "content": operation.content,
            "state": State.SENT.value,
            "since": self._now(),
            "issue_id": operation.issue_id,
            "details": details,
            "code": "",
        }

    def record(self, decision: Decision) -> None:
        """Hand in what became of an operation; it is durable with the next group of intents, or in 50 ms."""
        assert self._exchange is not None
        self._exchange.record(decision)

    async def flush(self) -> None:
        """Return when everything handed in is durable."""
        assert self._exchange is not None
        await self._exchange.flush()

    def decide(self, decisions: Iterable[Decision], intents: Iterable[Operation] = ()) -> None:
        """Write down outcomes at once, outside of sending; `intents` are operations that nobody sent in this run."""
        with self._database.advance() as connection:
            INTEND.execute(connection, [self._intent(operation, None) for operation in intents])
            self._decide(connection, list(decisions))

    def _write(self, intents: Sequence[dict[str, Any]], decisions: Sequence[Decision]) -> Callable[[], None]:
        with ExitStack() as stack:
            connection = stack.enter_context(self._database.advance())
            self._decide(connection, decisions)
            INTEND.execute(connection, intents)
            return stack.pop_all().close  # which commits

    def _write_in_thread(self, intents: Sequence[dict[str, Any]], decisions: Sequence[Decision]) -> Callable[[], None]:
        return lambda: self._write(intents, decisions)()

    def _decide(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        changes = [decision for decision in decisions if decision.operation is not None]
        if changes:
            INTEND.execute(connection, (self._intent(each.operation, None) for each in changes if each.operation))
        DECIDE.execute(connection, map(self._parameters, decisions))
        if changes:
            REMEMBER.execute(connection, (self._remembered(each.key, each.memory) for each in changes if each.memory))
            deleted = (each for each in changes if each.act is Act.DELETE and each.state is State.DONE)
            FORGET.execute(connection, (self._create(each.key) for each in deleted))

    def _create(self, key: str) -> dict[str, Any]:
        return {"its_source": self._source_id, "its_key": key, "its_act": Act.CREATE.value}

    def _remembered(self, key: str, memory: Memory) -> dict[str, Any]:
        returned, body_sha, content = memory
        return {
            **self._create(key),
            "its_returned": returned,
            "its_body_sha": body_sha,
            "its_content": content,
        }

    def _parameters(self, decision: Decision) -> dict[str, Any]:
        return {
            "its_source": self._source_id,
            "its_run": self._id,
            "its_key": decision.key,
            "its_act": decision.act.value,
            "its_state": decision.state.value,
            "more": decision.attempts,
            "its_since": decision.since,
            "its_issue": decision.issue_id,
            "its_triage": decision.triage_id,
            "its_returned": decision.returned,
            "its_details": decision.details,
            "its_code": decision.code,
            "its_message": decision.message,
        }

    def results(self) -> Iterator[Row]:
        """Give every row with its outcome, in order of file and record, in flat memory."""
        with self._transaction() as connection:
            refresh_statistics(connection)
        after = (-1, -1)
        while True:
            with self._transaction() as connection:
                page = self._page(connection, after)
            yield from page
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
        decode = _decode if self._is_frozen else self._decode
        return [decode(found) for found in connection.execute(statement)]

    def conflicts(self) -> Iterator[tuple[str, str, list[list[str]]]]:
        """Give what this run's changes left alone: key, `T-…`, and a list of field, ours, theirs, new."""
        for row in self.results():
            if row.conflicts is not None:
                yield row.key, row.triage_id, orjson.loads(row.conflicts)

    def count(self) -> dict[Outcome, int]:
        """Count the rows by outcome; every outcome is in it."""
        became, joined = self._became.label("became"), rows if self._is_frozen else self._joined
        statement = select(became, func.count()).select_from(joined).where(rows.c.run_id == self._id)
        with self._transaction() as connection:
            refresh_statistics(connection)
            found = {str(name): int(number) for name, number in connection.execute(statement.group_by("became"))}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @property
    def _joined(self) -> Any:
        """Rows with their key's create and update; a row that was skipped names the issue of its key."""
        create = and_(
            operations.c.source_id == self._source_id,
            operations.c.key == rows.c.key,
            operations.c.act == Act.CREATE,
            rows.c.outcome.in_((*WITH_OPERATION, Outcome.SKIPPED)),
        )
        change = and_(
            CHANGES.c.source_id == self._source_id,
            CHANGES.c.key == rows.c.key,
            CHANGES.c.act != Act.CREATE,
            CHANGES.c.run_id == self._id,
            rows.c.outcome.in_(WITH_OPERATION),
        )
        return rows.outerjoin(operations, create).outerjoin(CHANGES, change)

    @property
    def _became(self) -> Any:
        """A row and its operations → what became of the row in this run."""
        if self._is_frozen:
            return rows.c.outcome
        ours = and_(operations.c.run_id == self._id, rows.c.outcome.in_(WITH_OPERATION))
        made = and_(ours, operations.c.state == State.DONE, operations.c.code != FOUND_AT_TARGET)
        return case(
            # A key that an earlier attempt of this run made was registered as unchanged by the later one.
            (made, Outcome.CREATED),
            (CHANGES.c.state == State.DONE, Outcome.UPDATED),
            (CHANGES.c.state == State.SAME, Outcome.UNCHANGED),
            (CHANGES.c.state == State.LEFT, Outcome.SKIPPED),
            (CHANGES.c.state == State.REFUSED, Outcome.FAILED),
            (CHANGES.c.state.in_(UNDECIDED), Outcome.UNKNOWN),
            (rows.c.outcome != Outcome.PLANNED, rows.c.outcome),
            (and_(ours, operations.c.state == State.REFUSED), Outcome.FAILED),
            (operations.c.state.in_(UNDECIDED), Outcome.UNKNOWN),
            else_=Outcome.PLANNED,
        )

    def finish(self, exit_code: ExitCode, summary: Mapping[str, Any]) -> None:
        """End this attempt; the run is finished with exit code 0 or 1, else the same command continues it."""
        ended = {"ended_at": self._now()}
        state = "finished" if exit_code in FINISHED else "open"
        end = {"state": state, "exit_code": int(exit_code), "summary": orjson.dumps(summary), **ended}
        with self._transaction() as connection:
            connection.execute(update(runs).where(runs.c.id == self._id).values(end))
            connection.execute(update(attempts).where(attempts.c.id == self._attempt_id).values(ended))
            if state == "finished":
                self._freeze(connection)

    def _freeze(self, connection: Connection) -> None:
        """Let each row say itself what became of it. Raw rows are kept for people to mend; what is in needs none."""
        after = (-1, -1)
        while page := self._page(connection, after):
            REGISTER.execute(
                connection,
                (_encode(self._id, row._replace(raw=None) if row.outcome in IN_TRIAGE else row) for row in page),
            )
            after = (page[-1].file, page[-1].record)
        connection.execute(update(runs).where(runs.c.id == self._id).values(frozen=1))

    def _decode(self, found: Selected[Any]) -> Row:
        """Make a row of what was registered and of the operations that say what became of it."""
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
            # The operation of a row that was skipped is another row's.
            attempts=0 if found.outcome == Outcome.SKIPPED else (attempts or 0) + on_its_way,
            issue_id=found.create_issue_id or row.issue_id,
            triage_id=found.create_triage_id or row.triage_id,
            conflicts=found.change_details if changed and code == CONFLICT else None,
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
    )


def _encode(run_id: int, row: Row) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "file": row.file,
        "record": row.record,
        "file_name": row.file_name,
        "line": row.line,
        "key": row.key,
        "outcome": row.outcome.value,
        "findings": orjson.dumps((row.codes, row.fields, row.messages, row.hints)) if row.codes else None,
        "raw": None if row.raw is None else orjson.dumps(row.raw),
        "cells": row.cells,
        "origin": row.origin,
        "attempts": row.attempts,
        "issue_id": row.issue_id,
        "triage_id": row.triage_id,
        "conflicts": row.conflicts,
    }
