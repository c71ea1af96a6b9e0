"""What became of each row of a run: told by the operations of its key while the run is open, then stored in the row.

It is not stored with the operations, as it follows from all of a key together, and later runs work on the same ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import chain, filterfalse, groupby, islice
from operator import attrgetter
from typing import Any, NamedTuple

import orjson
from sqlalchemy import Column, ColumnElement, Connection, delete, exists, func, select, tuple_, update

from importer.codes import (
    CONFLICT,
    DUPLICATE_IN_TRIAGE,
    FOUND_AT_TARGET,
    GROUP_INCOMPLETE,
    INCOMPLETE,
    IS_GONE,
    MARKER_CUT,
    OUTCOME_UNKNOWN,
    RELATION_AMBIGUOUS,
    RELATION_END_MISSING,
    RELATION_END_REJECTED,
    TEXT_CUT,
)
from importer.ledger.known_create import COLUMNS, IS_PENDING, PENDING, KnownCreate, as_known
from importer.ledger.previous_run import forget_fingerprint
from importer.ledger.schema import UNDECIDED, State, operations, rows, runs
from importer.ledger.statements import (
    PORTION,
    REGISTER,
    WITH_OPERATION,
    Transaction,
    find_in_portions,
    portions,
    read_pages,
    refresh_statistics,
)
from importer.ledger.stored_rows import (
    STORED,
    Block,
    count_packed,
    decode_row,
    drop_packed,
    encode_row,
    is_plain,
    pack,
    read_packed,
    write_packed,
)
from importer.ledger.target_scan import find_duplicate_issues
from importer.records import ADDITIONS, PASSED_OVER, Act, Outcome, Row

PAGE = 1000
PLACE = (rows.c.file, rows.c.record)
NO_DUPLICATES: Mapping[str, str] = {}


class OperationRow(NamedTuple):
    """What an operation tells of its row. As a row of SQLAlchemy's, each field of it would take ten times as long."""

    key: str
    act: Act
    run_id: int
    state: State
    attempts: int
    issue_id: str
    triage_id: str
    code: str
    message: str
    details: bytes | None


READ = tuple(operations.c[name] for name in OperationRow._fields)
_ANY = {
    State.SENT: Outcome.UNKNOWN,
    State.UNKNOWN: Outcome.UNKNOWN,
    State.DONE: Outcome.UPDATED,
    State.REFUSED: Outcome.FAILED,
}
_CHANGE = _ANY | {State.SAME: Outcome.UNCHANGED, State.LEFT: Outcome.SKIPPED}
OUTCOMES: Mapping[Act, Mapping[State, Outcome]] = {
    Act.CREATE: _ANY | {State.DONE: Outcome.CREATED},
    Act.UPDATE: _CHANGE,
    Act.DELETE: _CHANGE,
    **dict.fromkeys(ADDITIONS, _ANY),
}
"""Act and state of an operation → the outcome of its row; where there is none, the row stays as the check left it."""
TOLD_OF = (*WITH_OPERATION, *PASSED_OVER)
"""Registered outcomes of rows of which operations tell."""


class Results:
    """Reads the rows of one run with their outcomes; with `is_frozen` these are stored in the rows themselves."""

    def __init__(
        self,
        transaction: Transaction,
        run_id: int,
        source_id: int,
        settle_command: Callable[[str, str], str],
        *,
        is_frozen: bool,
    ) -> None:
        self._transaction, self._settle_command = transaction, settle_command
        self._id, self._source_id, self.is_frozen = run_id, source_id, is_frozen

    def rows(self) -> Iterator[Row]:
        """Yield every row with its outcome, in order of file and record, in flat memory."""
        return chain.from_iterable(self.blocks())

    def blocks(self) -> Iterator[Sequence[Row]]:
        """Yield the same rows, some at a time: a block of unchanged ones as it is unpacked."""
        packed = read_packed(self._transaction, self._id) if self.is_frozen else iter(())
        return _merge(self._stored_rows(), packed)

    def _stored_rows(self, *conditions: ColumnElement[bool]) -> Iterator[Row]:
        with self._transaction() as connection:
            refresh_statistics(connection)
            fold = None if self.is_frozen else self._fold(connection)
        for page in self._pages(self._transaction, *conditions):
            if fold is not None:
                with self._transaction() as connection:
                    page = fold(connection, page, page)
            yield from page

    def _pages(self, transaction: Transaction, *conditions: ColumnElement[bool]) -> Iterator[list[Row]]:
        """Yield the rows as they are stored."""
        statement = select(*STORED).where(rows.c.run_id == self._id, *conditions)
        for page in read_pages(transaction, statement, *PLACE):
            yield list(map(decode_row, page))

    def conflicts(self) -> Iterator[tuple[str, str, list[list[str]]]]:
        """Yield the conflicts of this run: key, `T-…`, and for each field its name, ours, theirs and new."""
        operation = operations.c
        is_conflict = exists().where(operation.source_id == self._source_id, operation.key == rows.c.key)
        is_conflict = is_conflict.where(operation.act == Act.UPDATE, operation.code == CONFLICT)
        for row in self._stored_rows(rows.c.conflicts.is_not(None) if self.is_frozen else is_conflict):
            if row.conflicts is not None:
                yield row.key, row.triage_id, orjson.loads(row.conflicts)

    def count(self) -> dict[Outcome, int]:
        """Count the rows by outcome; every outcome has a count."""
        if self.is_frozen:
            statement = select(rows.c.outcome, func.count()).where(rows.c.run_id == self._id).group_by(rows.c.outcome)
            with self._transaction() as connection:
                counts = Counter({Outcome(name): number for name, number in connection.execute(statement)})
                counts[Outcome.UNCHANGED] += count_packed(connection, self._id)
        else:
            counts = Counter(outcome for outcome, _ in self._outcomes(rows.c.key))
        return {outcome: counts[outcome] for outcome in Outcome}

    def written_creates(self) -> Iterator[KnownCreate]:
        """Yield the existing issues that this run created or changed, in input order, in flat memory."""
        has_written = (Outcome.CREATED, Outcome.UPDATED)
        statement = select(PENDING.c.details, *COLUMNS).select_from(operations.outerjoin(PENDING, IS_PENDING))
        statement = statement.where(operations.c.source_id == self._source_id, operations.c.key.in_(PORTION))
        statement = statement.where(operations.c.act == Act.CREATE, operations.c.state == State.DONE)
        conditions = [rows.c.follows == 0]
        if self.is_frozen:
            conditions.append(rows.c.outcome.in_(has_written))
        outcomes = self._outcomes(rows.c.key, rows.c.cells, conditions=conditions)
        for written_rows in portions(row for outcome, row in outcomes if outcome in has_written):
            keys = [row.key for row in written_rows]
            with self._transaction() as connection:
                creates = {create.key: create for create in connection.execute(statement, {"portion": keys})}
            for row in written_rows:
                create = creates.get(row.key)
                # An issue that was deleted since and created again belongs to another run.
                if create and row.issue_id in ("", create.issue_id):
                    yield as_known(create[1:], pending=create.details or b"", cells=row.cells)

    def has_issues(self) -> bool:
        """Whether any issue that this run created or changed is not deleted by an undo."""
        return next(self.written_creates(), None) is not None

    def _outcomes(
        self, *columns: Column[Any], conditions: Iterable[ColumnElement[bool]] = ()
    ) -> Iterator[tuple[Outcome, Any]]:
        """Yield the outcome of each row, and columns of it: half of what it takes to read it whole."""
        fold = Fold(self._source_id, self._id)
        by_key = dict[str, list[OperationRow]]()
        statement = select(*PLACE, rows.c.outcome, rows.c.issue_id, *columns)
        statement = statement.where(rows.c.run_id == self._id, *conditions)
        with self._transaction() as connection:
            refresh_statistics(connection)
        for page in read_pages(self._transaction, statement, *PLACE):
            if not self.is_frozen:
                with self._transaction() as connection:
                    by_key = fold.find(connection, (row.key for row in page))
            for row in page:
                outcome, _ = fold.outcome_of(Outcome(row.outcome), row.issue_id, by_key.get(row.key, ()))
                yield outcome, row

    def freeze(self, connection: Connection) -> None:
        """Store each outcome in its row, as later runs reuse the operations; imported rows lose their raw cells.

        Unchanged rows are packed.
        """
        fold, place = self._fold(connection), tuple_(*PLACE)
        for page in self._pages(lambda: nullcontext(connection)):
            first, last = ((row.file, row.record) for row in (page[0], page[-1]))
            final_rows = [row._replace(raw=None) if is_in(row) else row for row in fold(connection, page, page)]
            # Anew, as a row without its raw cells would leave its room in the page unused.
            connection.execute(delete(rows).where(rows.c.run_id == self._id, place >= first, place <= last))
            self._store(connection, final_rows)
        self._end_freezing(connection)

    def settle(self, checked: Iterable[Block | Sequence[Row]]) -> None:
        """Store the rows of a run that sends nothing, each with its outcome, in place of `register` and `freeze`.

        A block is of rows that plan no additions, and that follow no other.
        """
        with self._transaction() as connection:
            forget_fingerprint(connection, self._source_id, creates=False)
            fold = self._fold(connection)
            for block in checked:
                if isinstance(block, Block) and not fold.duplicates:
                    write_packed(connection, self._id, block)
                    continue
                page = block.rows() if isinstance(block, Block) else block
                # Only what a run has made itself counts for a row that plans nothing.
                asked_rows = (row for row in page if row.additions_planned or row.outcome in PASSED_OVER)
                self._store(connection, fold(connection, page, asked_rows))
            self._end_freezing(connection)

    def _store(self, connection: Connection, final_rows: Sequence[Row]) -> None:
        for _, plain_rows in groupby(filter(is_plain, final_rows), key=attrgetter("file")):
            write_packed(connection, self._id, pack(list(plain_rows)))
        REGISTER.execute(connection, (encode_row(self._id, row) for row in filterfalse(is_plain, final_rows)))

    def _end_freezing(self, connection: Connection) -> None:
        connection.execute(update(runs).where(runs.c.id == self._id).values(frozen=1))
        self.is_frozen = True

    def _fold(self, connection: Connection) -> Fold:
        duplicates = find_duplicate_issues(connection, self._source_id, self._settle_command)
        return Fold(self._source_id, self._id, {duplicate.key: str(duplicate) for duplicate in duplicates})


class Fold:
    """Tells what became of the rows of a run, from the operations of their keys. Call it with all pages in order.

    `duplicates` is key → the sentence on its other issue.
    """

    def __init__(self, source_id: int, run_id: int, duplicates: Mapping[str, str] = NO_DUPLICATES) -> None:
        self.duplicates, self._run_id = duplicates, run_id
        self._leader: Row | None = None
        columns = operations.c
        self._statement = select(*READ).where(columns.source_id == source_id, columns.key.in_(PORTION))

    def __call__(self, connection: Connection, page: Sequence[Row], asked_rows: Iterable[Row]) -> list[Row]:
        """Return the rows of a page with their outcomes; of others than `asked_rows` no operation is asked for."""
        operations_by_key = self.find(connection, (row.key for row in asked_rows))
        final_rows = list[Row]()
        # An issue may have many rows and many operations: what became of rows that stand alike is found once.
        outcomes = dict[tuple[str, Outcome, str], tuple[Outcome, OperationRow | None]]()
        for row in page:
            row_operations = operations_by_key.get(row.key, [])
            if row_operations:
                alike = row.key, row.outcome, row.issue_id
                if alike not in outcomes:
                    outcomes[alike] = self.outcome_of(row.outcome, row.issue_id, row_operations)
                row = _with_outcome(row, *outcomes[alike])
                if row.outcome in PASSED_OVER and row.additions_planned:
                    row = self._with_loss(row, row_operations)
            stands_alone = row.outcome is not Outcome.SKIPPED and not row.follows
            if stands_alone and (duplicate := self.duplicates.get(row.key)):
                row = with_finding(row, DUPLICATE_IN_TRIAGE, duplicate)
            # One that plans none may own a relation that another row states; its create stands beside that.
            if row.additions_planned or (stands_alone and len(row_operations) > 1):
                row = with_additions(row, _present_additions(row_operations), self._run_id)
            final_rows.append(self._follow(row))
        return final_rows

    def find(self, connection: Connection, keys: Iterable[str]) -> dict[str, list[OperationRow]]:
        """Return the operations of these keys; keys without any are absent."""
        by_key = dict[str, list[OperationRow]]()
        for operation in map(OperationRow._make, find_in_portions(connection, self._statement, keys)):
            by_key.setdefault(operation.key, []).append(operation)
        return by_key

    def outcome_of(
        self, registered: Outcome, issue_id: str, row_operations: Sequence[OperationRow]
    ) -> tuple[Outcome, OperationRow | None]:
        """Return the outcome of a row, and the operation that tells of it: this run's change, the create, or None.

        It is the first that these give: its create, this run's change, this run's additions. `issue_id` is the issue
        that the check has compared the row with, if any.
        """
        if registered not in TOLD_OF:
            return registered, None
        create = next((operation for operation in row_operations if operation.act == Act.CREATE), None)
        outcome = None
        if create is not None and (registered in WITH_OPERATION or issue_id):
            # What an earlier attempt of this run made, a later one has found there: unchanged, or written by another
            # run since, and passed over. It stays what this run has made, or nobody could undo it. What nobody knows
            # of a create stays so in each run.
            created = _given_by(create)
            if created is Outcome.UNKNOWN or create.run_id == self._run_id:
                outcome = created
        if registered in PASSED_OVER:
            return outcome or registered, create
        of_run = [operation for operation in row_operations if operation.run_id == self._run_id]
        run_operations = [operation for operation in of_run if operation is not create]
        change = next((operation for operation in run_operations if operation.act in (Act.UPDATE, Act.DELETE)), None)
        outcome = outcome or _given_by(change)
        additions = [_given_by(operation) for operation in run_operations if operation.act in ADDITIONS]
        of_additions = [addition for addition in additions if addition is not None]
        is_conflict = outcome is Outcome.SKIPPED and change is not None and change.code == CONFLICT
        if is_conflict and Outcome.UPDATED in of_additions:
            outcome = Outcome.UPDATED  # what somebody has changed is left, and all else is there
        if outcome is None and registered is Outcome.UNCHANGED:  # relations that other rows state count, too
            # `updated` is later in the alphabet than `failed`.
            outcome = max(of_additions, key=lambda addition: (addition is Outcome.UNKNOWN, addition), default=None)
        return outcome or registered, change or create

    def _with_loss(self, row: Row, row_operations: Iterable[OperationRow]) -> Row:
        """Add the finding that this run found an issue deleted to a row that has nothing but additions."""
        for operation in row_operations:
            is_change = operation.run_id == self._run_id and operation.act == Act.UPDATE
            if is_change and operation.code in IS_GONE and operation.code not in row.codes:
                return with_finding(row, operation.code, operation.message)
        return row

    def _follow(self, row: Row) -> Row:
        """Mark another row of an issue as incomplete if its first row is."""
        leader = self._leader
        if not row.follows:
            self._leader = row if row.key else leader  # a row that is left out may stand between
        elif leader is not None and leader.key == row.key and INCOMPLETE in leader.codes:
            message = f"see line {leader.line}, the first row of the same issue"
            return with_finding(row, GROUP_INCOMPLETE, message, THE_REST)
        return row


def _present_additions(row_operations: Iterable[OperationRow]) -> list[OperationRow]:
    issue_ids, additions = set[str](), list[OperationRow]()
    for operation in row_operations:
        if operation.act == Act.CREATE and operation.state == State.DONE:
            issue_ids.add(operation.issue_id)
        elif operation.act in ADDITIONS:
            additions.append(operation)
    return [addition for addition in additions if addition.issue_id in issue_ids]


def _with_outcome(row: Row, outcome: Outcome, operation: OperationRow | None) -> Row:
    """Give a row its outcome, with what the operation says that tells of it."""
    if operation is None:
        return row._replace(outcome=outcome)
    is_change = operation.act != Act.CREATE
    code, message, attempts = operation.code, operation.message, operation.attempts
    if outcome is Outcome.UNKNOWN and operation.state == State.SENT:
        code, message = OUTCOME_UNKNOWN, "it was on its way when the run ended"
        attempts += 1
    if code and (is_change or outcome in (Outcome.CREATED, Outcome.FAILED, Outcome.UNKNOWN)):
        row = with_finding(row, code, message)
    # The create of a row that stays passed over belongs to another row, or to an earlier run.
    if outcome is row.outcome and outcome in PASSED_OVER:
        attempts = 0
    return row._replace(
        outcome=outcome,
        attempts=attempts,
        # A change names the issue that it changed; the key may have another issue since.
        issue_id=operation.issue_id or row.issue_id,
        triage_id=operation.triage_id or row.triage_id,
        conflicts=operation.details if is_change and code == CONFLICT else None,
    )


def _given_by(operation: OperationRow | None) -> Outcome | None:
    """Return the outcome that an operation gives its row; what was there already gives none."""
    if operation is None or operation.code == FOUND_AT_TARGET:
        return None
    return OUTCOMES[operation.act].get(operation.state)


def _merge(few: Iterator[Row], blocks: Iterator[Sequence[Row]]) -> Iterator[Sequence[Row]]:
    """Merge rows into blocks of rows, in order of file and record; a block that none of them is within stays whole."""
    stored = next(few, None)
    for block in blocks:
        end, merged = (block[-1].file, block[-1].record), list[Row]()
        if stored is None or (stored.file, stored.record) > end:
            yield block
            continue
        for row in block:
            while stored is not None and (stored.file, stored.record) < (row.file, row.record):
                merged.append(stored)
                stored = next(few, None)
                if len(merged) == PAGE:  # any number may stand between two unchanged rows
                    yield merged
                    merged = []
            merged.append(row)
        yield merged
    remaining = chain([] if stored is None else [stored], few)
    while page := list(islice(remaining, PAGE)):
        yield page


def thaw(connection: Connection, run_id: int) -> None:
    """Forget the stored outcomes of an open run, which is continued: its rows are registered again."""
    drop_packed(connection, run_id)
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.frozen == 1).values(frozen=0))


THE_REST = "the same command sends the rest"
IN_TRIAGE = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CHANGED)
PARTLY_IN = frozenset((INCOMPLETE, GROUP_INCOMPLETE))


def with_finding(row: Row, code: str, message: str, hint: str = "") -> Row:
    """Append a finding to those that a row has already."""
    return row._replace(
        codes=(*row.codes, code),
        fields=(*row.fields, ""),
        messages=(*row.messages, message),
        hints=(*row.hints, hint),
    )


def is_in(row: Row) -> bool:
    """Whether a row is imported completely, so that there is nothing to correct."""
    return row.outcome in IN_TRIAGE and PARTLY_IN.isdisjoint(row.codes)


def with_additions(row: Row, additions: Sequence[OperationRow], run_id: int) -> Row:
    """Add a row's counts of additions and name the missing ones; waiting ones only in the run that tried them."""
    if not row.issue_id or row.outcome in (Outcome.PLANNED, Outcome.REJECTED):
        return row
    if not additions and not row.additions_planned:
        return row
    # Their issue has a code of its own, but for what this run has made.
    if IS_GONE.intersection(row.codes) and row.outcome is not Outcome.CREATED:
        return row
    # A row that plans no additions may still own relations that other rows state.
    if not row.additions_planned:
        relations = [addition for addition in additions if addition.act == Act.RELATION]
        additions = [relation for relation in relations if relation.run_id == run_id]
    # The check has reported those whose code the row has already; a rejected or an unclear end it calls otherwise.
    reported_codes = set(row.codes)
    if not reported_codes.isdisjoint((RELATION_END_REJECTED, RELATION_AMBIGUOUS)):
        reported_codes.add(RELATION_END_MISSING)
    lacking, waiting, cut = list[OperationRow](), list[OperationRow](), list[OperationRow]()
    done_count = unsent_count = 0
    was_found = False
    for addition in additions:
        is_of_run = addition.run_id == run_id
        if addition.state in (State.DONE, State.SAME):
            done_count += 1
        elif addition.state == State.REFUSED or addition.state in UNDECIDED:
            lacking.append(addition)
        elif addition.state == State.LEFT:
            waiting.append(addition)
        elif addition.state == State.UNSENT and addition.act == Act.RELATION and is_of_run:
            unsent_count += 1
        if addition.state == State.DONE and addition.code in (TEXT_CUT, MARKER_CUT):
            cut.append(addition)
        if addition.code == FOUND_AT_TARGET and is_of_run:
            was_found = True
    known_count = done_count + len(lacking) + len(waiting)
    if was_found:
        # The plan didn't know what was in Triage already, nor how an earlier import had folded the comments.
        row = row._replace(additions_planned=known_count)
    unsent_count = max(row.additions_planned - known_count, unsent_count)
    planned_count = max(row.additions_planned, known_count + unsent_count)
    row = row._replace(additions_planned=planned_count, additions_done=done_count, additions_failed=len(lacking))
    reportable = [addition for addition in (*waiting, *cut) if addition.run_id == run_id]
    for code, message in dict.fromkeys((addition.code, addition.message) for addition in reportable):
        if code not in reported_codes:
            row = with_finding(row, code, message)
    if lacking or unsent_count > 0:
        reasons = dict.fromkeys(f"{addition.act}: {addition.message or 'it was on its way'}" for addition in lacking)
        parts = list(reasons)[:3]
        if unsent_count > 0:
            parts.append(f"{unsent_count} not sent yet")
        missing_count = len(lacking) + unsent_count
        message = f"{missing_count} of {planned_count} operations are missing: {'; '.join(parts)}"
        row = with_finding(row, INCOMPLETE, message, THE_REST)
    return row
