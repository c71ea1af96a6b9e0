"""One run: its rows, its operations, and what became of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Connection, and_, case, func, select, tuple_, update
from sqlalchemy import Row as Found

from importer.errors import ExitCode
from importer.ledger.exchange import Exchange
from importer.ledger.schema import UNDECIDED, State, attempts, operations, rows, runs, sources
from importer.ledger.statements import DECIDE, DROP_RAW, INTEND, REGISTER, WITH_OPERATION
from importer.records import Operation, Outcome, Row

PAGE = 1000
OPERATION_COLUMNS = (
    operations.c.state,
    operations.c.attempts,
    operations.c.issue_id,
    operations.c.triage_id,
    operations.c.code,
    operations.c.message,
)
ON_ITS_WAY = ("fate-unknown", "it was on its way when the run ended")
FINISHED = (ExitCode.DONE, ExitCode.PARTLY)
Transaction = Callable[[], AbstractContextManager[Connection]]


class Decision(NamedTuple):
    """What became of a key's operation, after so many requests. `since` is the end of an unknown one's request."""

    key: str
    state: State
    attempts: int = 1
    since: float = 0.0
    issue_id: str = ""
    triage_id: str = ""
    returned: bytes = b""
    code: str = ""
    message: str = ""


class Undecided(NamedTuple):
    """An operation of which nobody knows whether it was executed; `since` in seconds since 1970."""

    key: str
    marker: str
    since: float


class Run:
    """One import of a source with a mapping into a target, and this process's attempt at it. Made by a Ledger."""

    def __init__(self, transaction: Transaction, found: Found[Any], attempt_id: int, now: Callable[[], float]) -> None:
        self._transaction = transaction
        self._id, self._source_id, self._attempt_id = found.id, found.source_id, attempt_id
        self._now = now
        self._exchange: Exchange[dict[str, Any], Decision] | None = None
        self.name: str = found.name
        self.out = Path(found.out)
        self.exit_code: int | None = found.exit_code
        self.started_at: float = found.started_at
        self.ended_at: float | None = found.ended_at
        self.options: Mapping[str, Any] = orjson.loads(found.options)
        self.summary: Mapping[str, Any] = orjson.loads(found.summary or b"{}")

    def register(self, planned: Iterable[Row]) -> None:
        """Write down a chunk of rows as the check left them, in the place of those written before."""
        values = [_encode(self._id, row) for row in planned]
        with self._transaction() as connection:
            REGISTER.execute(connection, values)

    def find_undecided(self) -> list[Undecided]:
        """List the source's operations of which nobody knows what became, of this attempt or of a crashed one."""
        columns = operations.c.key, operations.c.marker, operations.c.since
        undecided = operations.c.state.in_(UNDECIDED)
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

    @asynccontextmanager
    async def sending(self, concurrency: int) -> Any:
        """Open the exchange of intents and outcomes; at its end everything handed in is durable."""
        self._exchange = Exchange(self._write, max(1, concurrency // 2))
        try:
            yield
            await self._exchange.flush()
        finally:
            self._exchange.close()
            self._exchange = None

    async def intend(self, operation: Operation) -> None:
        """Return when it is durable that this operation may have been sent.

        Raises:
            StorageFull: the ledger can't be written.
        """
        assert self._exchange is not None
        await self._exchange.intend(
            {
                "source_id": self._source_id,
                "run_id": self._id,
                "key": operation.key,
                "method": operation.method,
                "path": operation.path,
                "marker": operation.marker,
                "body_sha": hashlib.sha256(operation.body).digest(),
                "state": State.SENT.value,
                "since": self._now(),
            }
        )

    def record(self, decision: Decision) -> None:
        """Hand in what became of an operation; it is durable with the next group of intents, or in 50 ms."""
        assert self._exchange is not None
        self._exchange.record(decision)

    async def flush(self) -> None:
        """Return when everything handed in is durable."""
        assert self._exchange is not None
        await self._exchange.flush()

    def decide(self, decisions: Sequence[Decision]) -> None:
        """Write down outcomes at once, outside of sending."""
        self._write([], decisions)()

    def _write(self, intents: Sequence[Mapping[str, Any]], decisions: Sequence[Decision]) -> Callable[[], None]:
        with ExitStack() as stack:
            connection = stack.enter_context(self._transaction())
            DECIDE.execute(connection, map(self._parameters, decisions))
            INTEND.execute(connection, intents)
            return stack.pop_all().close  # which commits

    def _parameters(self, decision: Decision) -> dict[str, Any]:
        return {
            "its_source": self._source_id,
            "its_run": self._id,
            "its_key": decision.key,
            "its_state": decision.state.value,
            "more": decision.attempts,
            "its_since": decision.since,
            "its_issue": decision.issue_id,
            "its_triage": decision.triage_id,
            "its_returned": decision.returned,
            "its_code": decision.code,
            "its_message": decision.message,
        }

    def results(self) -> Iterator[Row]:
        """Give every row with its outcome, in order of file and record, in flat memory."""
        after = (-1, -1)
        while page := self._page(after):
            yield from page
            after = (page[-1].file, page[-1].record)

    def _page(self, after: tuple[int, int]) -> list[Row]:
        statement = (
            select(rows, self._outcome.label("became"), *OPERATION_COLUMNS)
            .select_from(self._joined)
            .where(rows.c.run_id == self._id, tuple_(rows.c.file, rows.c.record) > after)
            .order_by(rows.c.file, rows.c.record)
            .limit(PAGE)
        )
        with self._transaction() as connection:
            return [_decode(found) for found in connection.execute(statement)]

    def count(self) -> dict[Outcome, int]:
        """Count the rows by outcome; every outcome is in it."""
        became = self._outcome.label("became")
        statement = select(became, func.count()).select_from(self._joined).where(rows.c.run_id == self._id)
        with self._transaction() as connection:
            found = {str(name): int(number) for name, number in connection.execute(statement.group_by(became))}
        return {outcome: found.get(outcome, 0) for outcome in Outcome}

    @property
    def _joined(self) -> Any:
        same = and_(operations.c.source_id == self._source_id, operations.c.key == rows.c.key)
        return rows.outerjoin(operations, and_(same, rows.c.outcome.in_(WITH_OPERATION)))

    @property
    def _outcome(self) -> Any:
        """A row and its operation → what became of the row in this run."""
        ours = operations.c.run_id == self._id
        return case(
            # A key that an earlier attempt of this run made was registered as unchanged by the later one.
            (and_(ours, operations.c.state == State.DONE), Outcome.CREATED),
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
                connection.execute(DROP_RAW, {"its_run": self._id, "its_source": self._source_id})


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
        "origin": row.origin,
    }


def _decode(found: Found[Any]) -> Row:
    codes, fields, messages, hints = (tuple(part) for part in orjson.loads(found.findings or b"[[],[],[],[]]"))
    raw = None if found.raw is None else orjson.loads(found.raw)
    on_its_way = found.became == Outcome.UNKNOWN and found.state == State.SENT
    code, message = ON_ITS_WAY if on_its_way else (found.code, found.message)
    if code and found.became in (Outcome.CREATED, Outcome.FAILED, Outcome.UNKNOWN):
        codes, fields = (*codes, code), (*fields, "")
        messages, hints = (*messages, message), (*hints, "")
    return Row(
        file=found.file,
        file_name=found.file_name,
        record=found.record,
        line=found.line,
        key=found.key,
        outcome=Outcome(found.became),
        codes=codes,
        fields=fields,
        messages=messages,
        hints=hints,
        raw=tuple(raw) if isinstance(raw, list) else raw,
        origin=found.origin,
        attempts=(found.attempts or 0) + on_its_way,
        issue_id=found.issue_id or "",
        triage_id=found.triage_id or "",
    )
