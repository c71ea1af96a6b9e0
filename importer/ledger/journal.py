"""A run in the ledger: registers rows, records intents and outcomes, and reads the results back."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from functools import partial
from math import inf
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from sqlalchemy import ColumnElement, Connection, and_, bindparam, delete, func, insert, select, update
from sqlalchemy import Row as Selected

from importer.codes import CONFLICT, OUTCOME_UNKNOWN, REFUSED
from importer.errors import ExitCode, RunStopped
from importer.ledger import replaced
from importer.ledger.added import AddedOperations
from importer.ledger.commands import run_command, settle_command
from importer.ledger.database import Database
from importer.ledger.group_commit import GroupCommit
from importer.ledger.known_create import COLUMNS, KnownCreate, as_known
from importer.ledger.previous_run import forget_fingerprint
from importer.ledger.replaced import ReplacedValues, Replacement
from importer.ledger.results import Results
from importer.ledger.schema import (
    UNDECIDED,
    RunKind,
    State,
    aliases,
    attempts,
    operations,
    rows,
    runs,
    sources,
    unindexed_source,
)
from importer.ledger.statements import (
    DECIDE,
    INTEND,
    LEARN,
    PORTION,
    REGISTER,
    REMEMBER,
    SET_STATE,
    Lookup,
    find_in_portions,
    find_pairs,
    select_numbered,
    word,
)
from importer.ledger.stored_rows import encode_row
from importer.records import Act, AttemptTimes, Lesson, Operation, Row

VERIFIED, ATTEMPTS = "verified", "attempts"
"""The option of a run that has its last verification, and how many attempts the run had then."""


class Intent(NamedTuple):
    """What says that an operation may have been sent, and is durable before it is.

    values       those of its row, see `statements.INTEND`
    replacement  what it replaces: key, issue id, values; None if nothing is kept of it
    """

    values: tuple[Any, ...]
    replacement: tuple[str, str, Replacement] | None = None


class Decision(NamedTuple):
    """The outcome of an operation.

    attempts   requests that it took
    since      end of the request, in seconds since 1970, while the outcome is unknown; 0 for an existing issue
    returned   of a create: the issue's snapshot
    operation  None for a create; others are recorded even if they were never sent
    details    JSON of what a change left alone or may have sent; for an addition see `added.encode_details`
    remember   the create as it is after a change: its snapshot, body and row, and a later date; None leaves it as it is
    is_own     whether it counts as this run's work; otherwise it stays that of the run that has sent it
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
    remember: KnownCreate | None = None
    is_own: bool = True

    @property
    def act(self) -> Act:
        """The kind of the operation."""
        return Act.CREATE if self.operation is None else self.operation.act


class Run:
    """One import of a source with a mapping into a target, and this process's attempt at it. Made by a Ledger.

    A repair or an undo is a run too: its rows are the issues that it assesses, with their places in the input.
    """

    def __init__(self, database: Database, stored: Selected[Any], attempt_id: int, clock: Callable[[], float]) -> None:
        self._database, self._transaction = database, database.transaction
        self._id, self._source_id, self._attempt_id = stored.id, stored.source_id, attempt_id
        self._now, self._is_exact = clock, False
        self._commits: GroupCommit[Intent, Decision] | None = None
        self.name: str = stored.name
        self.kind, self.out = RunKind(stored.kind), Path(stored.out)
        self.target: str = stored.target
        self.source_name: str = stored.source_name
        self.is_open: bool = stored.state == "open"
        self.additions = AddedOperations(self._transaction, self.target, self._source_id, self._id)
        self.replaced = ReplacedValues(self._transaction, self._source_id, self._id)
        self.ledger, self.command = database.name, partial(run_command, database.name)
        self.settle_command = settle = partial(settle_command, database.name, self.target)
        self._results = Results(self._transaction, self._id, self._source_id, settle, is_frozen=bool(stored.frozen))
        self.settle, self.results, self.result_blocks = self._results.settle, self._results.rows, self._results.blocks
        self.conflicts, self.written_creates = self._results.conflicts, self._results.written_creates
        self.count = self._results.count
        self.has_issues = self._results.has_issues
        self.exit_code: int | None = stored.exit_code
        self.started_at: float = stored.started_at
        self.ended_at: float | None = stored.ended_at
        self.attempts: int = stored.attempts
        self.options: Mapping[str, Any] = orjson.loads(stored.options)
        self._changed: tuple[int, int] | None = None
        self.summary: Mapping[str, Any] = orjson.loads(stored.summary or b"{}")

    def folder_of(self, command: str) -> Path:
        """Return the default report folder of a command that works on this run, next to the run's own folder."""
        default = f"triage-import-{self.name}"
        name = self.out.name if self.out.name.startswith(default) else default
        return Path(f"{name}-{command}")

    def register(self, planned: Iterable[Row]) -> None:
        """Write a run of rows as the check left them, replacing those of an earlier attempt."""
        values = [encode_row(self._id, row) for row in planned]
        with self._transaction() as connection:
            REGISTER.execute(connection, values)

    def learn(self, lessons: Sequence[Lesson]) -> None:
        """Write what rows say of their issues that the ledger didn't know: it decides nothing of this run."""
        if not lessons:
            return
        values = [(lesson.fixed_id, lesson.born, *self._create(lesson.key)) for lesson in lessons]
        with self._transaction() as connection:
            LEARN.execute(connection, values)

    def follow(self, moves: Mapping[str, str]) -> None:
        """Write the keys that issues have by now, beside those that they had first."""
        if not moves:
            return
        values = [{"source_id": self._source_id, "key": key, "first": first} for key, first in moves.items()]
        earlier = delete(aliases).where(aliases.c.source_id == self._source_id, aliases.c.key.in_(moves))
        with self._transaction() as connection:
            connection.execute(earlier)
            connection.execute(insert(aliases), values)

    def find_undecided(self) -> list[KnownCreate]:
        """Return the source's creates with an unknown outcome, of this attempt or an earlier one."""
        return self._find_creates(operations.c.state.in_(UNDECIDED))

    def find_refused(self) -> list[KnownCreate]:
        """Return the source's creates that Triage refused, in this attempt or an earlier one."""
        return self._find_creates(and_(operations.c.state == State.REFUSED, operations.c.code == REFUSED))

    def _find_creates(self, condition: ColumnElement[bool]) -> list[KnownCreate]:
        is_create = (operations.c.source_id == self._source_id, operations.c.act == Act.CREATE)
        statement = select(operations.c.details, *COLUMNS).where(*is_create, condition)
        creates = list[KnownCreate]()
        with self._transaction() as connection:
            for details, *values in connection.execute(statement):
                creates.append(as_known(values, sought=details or b""))
        return creates

    def first_mark(self) -> float:
        """Return the newest creation time that the target had shown before the run's first create, by its own clock.

        It is 0 if unknown, and infinite if the run has created nothing.
        """
        first = select(func.min(operations.c.mark)).where(operations.c.run_id == self._id)
        first = first.where(operations.c.act == Act.CREATE, operations.c.state == State.DONE)
        with self._transaction() as connection:
            mark = connection.scalar(first)
        return inf if mark is None else float(mark)

    def find_issues(self, triage_ids: Mapping[str, str]) -> set[str]:
        """Return the ids of those issues that belong to a key of this target; `triage_ids` is issue id → `T-…`."""
        target_id = select(sources.c.target_id).where(sources.c.id == self._source_id).scalar_subquery()
        is_of_target = unindexed_source.in_(select(sources.c.id).where(sources.c.target_id == target_id))
        with self._transaction() as connection:
            return find_pairs(connection, is_of_target, triage_ids)

    @asynccontextmanager
    async def sending(self, concurrency: int, *, exact: bool = False) -> Any:
        """Take intents and outcomes while the block runs; at its end all of them are durable.

        `exact` is for operations that discovery could not find if the ledger lost them: see `Database.advance`.
        """
        self._is_exact = exact
        with self._transaction() as connection:
            forget_fingerprint(connection, self._source_id)
        write = self._write_in_thread if self._database.is_remote else self._write
        self._commits = GroupCommit(write, concurrency)
        try:
            try:
                yield
            except Exception:  # what ends a run leaves only once all that was handed in is durable
                await self._commits.flush()
                raise
            await self._commits.flush()
        finally:
            self._commits.close()
            self._commits = None

    async def intend(
        self,
        operation: Operation,
        details: bytes | None = None,
        replacement: Replacement | None = None,
        *,
        mark: float = 0.0,
    ) -> None:
        """Return once it is durable that this operation may have been sent.

        details      what a change would write; of a create, `KnownCreate.sought`
        replacement  what it would replace, which is kept for an undo of this run
        mark         of a create, see `KnownCreate`

        Raises:
            StorageFull: the ledger can't be written.
        """
        assert self._commits is not None
        intent = self._intent(operation, details, mark)
        if replacement is not None and self.kind is not RunKind.UNDO:
            intent = intent._replace(replacement=(operation.key, operation.issue_id, replacement))
        await self._commits.intend(intent)

    def _intent(self, operation: Operation, details: bytes | None, mark: float = 0.0) -> Intent:
        is_create = operation.act is Act.CREATE
        values = (
            self._source_id,
            self._id,
            operation.key,
            str(operation.act),
            operation.name,
            operation.method,
            operation.path,
            operation.marker,
            operation.whole_sha or hashlib.sha256(operation.body).digest(),
            operation.content,
            self._now(),
            mark,
            operation.issue_id,
            details,
            operation.link,
            operation.dated,
            operation.fixed_id if is_create else "",
            operation.born if is_create else 0,
        )
        return Intent(values)

    def record(self, decision: Decision) -> None:
        """Hand in an outcome; it becomes durable with the next group of intents, or within 200 ms."""
        assert self._commits is not None
        self._commits.record(decision)

    async def flush(self) -> None:
        """Return once everything handed in is durable."""
        assert self._commits is not None
        await self._commits.flush()

    def decide(self, decisions: Iterable[Decision], intents: Iterable[Operation] = ()) -> None:
        """Write outcomes at once, outside of `sending`; `intents` are operations that were not sent in this run."""
        with self._doubting_shared(), self._database.advance() as connection:
            forget_fingerprint(connection, self._source_id)
            INTEND.execute(connection, (self._intent(operation, None).values for operation in intents))
            self._decide(connection, list(decisions))

    @contextmanager
    def _doubting_shared(self) -> Iterator[None]:
        """Record two creates that got the same issue as unknown, so that both are looked for."""
        try:
            yield
        except SharedIssue as shared:
            doubt = Decision("", State.UNKNOWN, 0, code=OUTCOME_UNKNOWN, message=shared.message)
            doubts = [doubt._replace(key=key) for key in shared.keys]
            with self._database.advance() as connection:
                DECIDE.execute(connection, map(self._parameters, doubts))
            raise

    def _write(self, intents: Sequence[Intent], decisions: Sequence[Decision]) -> Callable[[], None]:
        with self._doubting_shared(), ExitStack() as stack:
            connection = stack.enter_context(self._database.advance(exact=self._is_exact))
            # Outcomes before intents: an operation may be sent again, which must not count as settled.
            self._decide(connection, decisions)
            writes = [intent.replacement for intent in intents if intent.replacement]
            if writes:
                replaced.record(connection, self._source_id, *self._find_changed(connection), writes)
            INTEND.execute(connection, (intent.values for intent in intents))
            return stack.pop_all().close  # which commits

    def _write_in_thread(self, intents: Sequence[Intent], decisions: Sequence[Decision]) -> Callable[[], None]:
        return lambda: self._write(intents, decisions)()

    def _decide(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        changes = [decision for decision in decisions if decision.operation is not None]
        if changes:
            intents = (self._intent(change.operation, None) for change in changes if change.operation)
            INTEND.execute(connection, (intent.values for intent in intents))
        refuse_shared(connection, self._source_id, decisions)
        DECIDE.execute(connection, map(self._parameters, decisions))
        if changes:
            self._change_creates(connection, changes)
        if self.kind is RunKind.UNDO:
            for change in changes:
                self._give_back(connection, change)

    def _change_creates(self, connection: Connection, changes: Sequence[Decision]) -> None:
        remembered, deleted = list[tuple[Any, ...]](), list[tuple[Any, ...]]()
        for change in changes:
            create = self._create(change.key)
            if issue := change.remember:
                remembered.append((issue.body_sha, issue.content, issue.returned, issue.dated, *create))
            if change.act is Act.DELETE and change.state is State.DONE:
                deleted.append((State.DELETED.value, *create))
        REMEMBER.execute(connection, remembered)
        SET_STATE.execute(connection, deleted)

    def _find_changed(self, connection: Connection) -> tuple[int, int]:
        """Return the ids of the import that a repair or undo changes, and of its first attempt; else this run's own."""
        if self._changed is None:
            self._changed = (self._id, self._attempt_id)
            if name := self.options.get("of"):
                first = select(runs.c.id, func.min(attempts.c.id)).join(attempts, attempts.c.run_id == runs.c.id)
                first = first.where(runs.c.name == name).group_by(runs.c.id)
                for run_id, attempt_id in connection.execute(first):
                    self._changed = (run_id, attempt_id)
        return self._changed

    def _give_back(self, connection: Connection, change: Decision) -> None:
        """Delete the old values that an undo's update has restored or found restored."""
        is_settled = change.state in (State.DONE, State.SAME) or change.code == CONFLICT
        if change.operation is None or change.act is not Act.UPDATE or not is_settled:
            return
        kept_fields = [name for name, *_ in orjson.loads(change.details or b"[]")]
        run_id, _ = self._find_changed(connection)
        replaced.forget(connection, self._source_id, run_id, change.key, kept_fields)

    def _create(self, key: str) -> tuple[Any, ...]:
        return self._source_id, key, Act.CREATE.value, ""

    def _parameters(self, decision: Decision) -> tuple[Any, ...]:
        act, state, operation = decision.act, decision.state, decision.operation
        since = decision.since or None
        # Of a new issue when it was made, as nobody may see it for a while.
        if since is None and act is Act.CREATE and state is State.DONE:
            since = self._now()
        return (
            self._id if decision.is_own else None,
            str(state),
            decision.attempts,
            since,
            decision.issue_id,
            decision.triage_id,
            decision.returned,
            decision.details,
            decision.code,
            decision.message,
            self._source_id,
            decision.key,
            str(act),
            operation.name if operation else "",
        )

    def find_titles(self, keys: Sequence[str]) -> dict[str, str]:
        """Return key → title of its issue, as last written; keys without an issue are absent.

        Unchanged rows are stored without one.
        """
        create = operations.c
        statement = select(create.key, create.returned).where(create.source_id == self._source_id)
        statement = statement.where(create.act == Act.CREATE, create.key.in_(PORTION))
        with self._transaction() as connection:
            creates = find_in_portions(connection, statement, keys)
            return {key: orjson.loads(returned).get("title") or "" for key, returned in creates if returned}

    def find_keys(self, titles: Iterable[str]) -> dict[str, str]:
        """Return title → key of the run's rows with these titles, one of each; unchanged rows are absent."""
        statement = select(rows.c.title, rows.c.key).where(rows.c.run_id == self._id, rows.c.title.in_(PORTION))
        with self._transaction() as connection:
            return {row.title: row.key for row in find_in_portions(connection, statement, titles)}

    def read_attempts(self) -> list[AttemptTimes]:
        """Read its attempts, the first one first."""
        statement = select(attempts.c.started_at, attempts.c.ended_at, attempts.c.exit_code)
        statement = statement.where(attempts.c.run_id == self._id).order_by(attempts.c.id)
        with self._transaction() as connection:
            return [AttemptTimes(*times) for times in connection.execute(statement)]

    def keep_verification(self, figures: Mapping[str, Any]) -> None:
        """Keep the figures of a verification with the run."""
        self.keep(VERIFIED, {**figures, ATTEMPTS: self.attempts})

    def keep(self, name: str, value: object) -> None:
        """Keep something with the run, in place of what it has kept under this name."""
        self.options = {**self.options, name: value}
        with self._transaction() as connection:
            connection.execute(update(runs).where(runs.c.id == self._id).values(options=orjson.dumps(self.options)))

    @property
    def verification(self) -> Mapping[str, Any]:
        """The figures of its last verification; {} if there is none, or if an attempt has begun since."""
        figures: Mapping[str, Any] = self.options.get(VERIFIED, {})
        return figures if figures.get(ATTEMPTS) == self.attempts else {}

    def finish(self, exit_code: ExitCode, summary: Mapping[str, Any], *, is_over: bool = False) -> None:
        """End this attempt. With exit code 0 or 1 the run is finished; otherwise the same command continues it.

        With `is_over` it is finished whatever the code says.
        """
        ended_at, code = self._now(), int(exit_code)
        state = "finished" if is_over or ExitCode.of(exit_code).is_complete else "open"
        run_end = {"state": state, "exit_code": code, "summary": orjson.dumps(summary), "ended_at": ended_at}
        attempt_end = {"ended_at": ended_at, "exit_code": code}
        with self._database.advance() as connection:
            connection.execute(update(runs).where(runs.c.id == self._id).values(run_end))
            connection.execute(update(attempts).where(attempts.c.id == self._attempt_id).values(attempt_end))
            if state == "finished" and not self._results.is_frozen:
                self._results.freeze(connection)


class SharedIssue(RunStopped):
    """Two creates were given the same issue."""

    def __init__(self, key: str, owner: str, triage_id: str) -> None:
        super().__init__(
            f"Triage gave {key} and {owner} the same issue, {triage_id}: one of them has none.",
            hint="A proxy or a cache may answer in its place. Run the same command again: it looks for both first.",
        )
        self.keys = (key, owner)


OWNERS = {
    are_numbers: Lookup(statement)
    for are_numbers, statement in select_numbered(
        unindexed_source == bindparam("its_source"),
        operations.c.act == word(Act.CREATE),
        operations.c.state == word(State.DONE),
    ).items()
}


def refuse_shared(connection: Connection, source_id: int, decisions: Sequence[Decision]) -> None:
    """Raise SharedIssue if an issue would become that of two keys: one of their creates was answered wrongly."""
    last = {decision.key: decision for decision in decisions if decision.operation is None}
    creates = [decision for decision in last.values() if decision.state is State.DONE and decision.issue_id]
    owners = {create.issue_id: create for create in creates}
    for create in creates:
        owner = owners[create.issue_id]
        if owner is not create:
            raise SharedIssue(create.key, owner.key, owner.triage_id)
    numbers = [create.triage_id for create in creates]
    for key, issue_id, _ in OWNERS["" not in numbers].find(connection, source_id, numbers):
        if issue_id in owners and key not in last:
            owner = owners[issue_id]
            if key != owner.key:
                raise SharedIssue(key, owner.key, owner.triage_id)
