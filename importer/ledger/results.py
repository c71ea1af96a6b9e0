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


class Told(NamedTuple):
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


READ = tuple(operations.c[name] for name in Told._fields)
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
        its = operations.c
        conflicting = exists().where(
            its.source_id == self._source_id, its.key == rows.c.key, its.act == Act.UPDATE, its.code == CONFLICT
        )
        for row in self._stored_rows(rows.c.conflicts.is_not(None) if self.is_frozen else conflicting):
            if row.conflicts is not None:
                yield row.key, row.triage_id, orjson.loads(row.conflicts)

    def count(self) -> dict[Outcome, int]:
        """Count the rows by outcome; every outcome has a count."""
        if self.is_frozen:
            statement = select(rows.c.outcome, func.count()).where(rows.c.run_id == self._id).group_by(rows.c.outcome)
            with self._transaction() as connection:
                found = Counter({Outcome(name): number for name, number in connection.execute(statement)})
                found[Outcome.UNCHANGED] += count_packed(connection, self._id)
        else:
            found = Counter(became for became, _ in self._outcomes(rows.c.key))
        return {outcome: found[outcome] for outcome in Outcome}

    def made(self) -> Iterator[KnownCreate]:
        """Yield the existing issues that this run created or changed, in input order, in flat memory."""
        did = (Outcome.CREATED, Outcome.UPDATED)
        statement = (
            select(PENDING.c.details, *COLUMNS)
            .select_from(operations.outerjoin(PENDING, IS_PENDING))
            .where(operations.c.source_id == self._source_id, operations.c.key.in_(PORTION))
            .where(operations.c.act == Act.CREATE, operations.c.state == State.DONE)
        )
        conditions = (rows.c.follows == 0, *[rows.c.outcome.in_(did)] * self.is_frozen)
        every = self._outcomes(rows.c.key, rows.c.cells, conditions=conditions)
        for some in portions(row for became, row in every if became in did):
            with self._transaction() as connection:
                found = connection.execute(statement, {"portion": [row.key for row in some]}).all()
            creates = {each.key: each for each in found}
            # An issue that was deleted since and created again belongs to another run.
            for row in some:
                if (create := creates.get(row.key)) and row.issue_id in ("", create.issue_id):
                    yield as_known(create[1:], pending=create.details or b"", cells=row.cells)

    def has_issues(self) -> bool:
        """Whether any issue that this run created or changed is not deleted by an undo."""
        return next(self.made(), None) is not None

    def _outcomes(
        self, *columns: Column[Any], conditions: Iterable[ColumnElement[bool]] = ()
    ) -> Iterator[tuple[Outcome, Any]]:
        """Yield the outcome of each row, and columns of it: half of what it takes to read it whole."""
        fold, its = Fold(self._source_id, self._id), dict[str, list[Told]]()
        statement = select(*PLACE, rows.c.outcome, rows.c.issue_id, *columns)
        statement = statement.where(rows.c.run_id == self._id, *conditions)
        with self._transaction() as connection:
            refresh_statistics(connection)
        for page in read_pages(self._transaction, statement, *PLACE):
            if not self.is_frozen:
                with self._transaction() as connection:
                    its = fold.find(connection, (each.key for each in page))
            for each in page:
                yield fold.outcome_of(Outcome(each.outcome), each.issue_id, its.get(each.key, ()))[0], each

    def freeze(self, connection: Connection) -> None:
        """Store each outcome in its row, as later runs reuse the operations; imported rows lose their raw cells.

        Unchanged rows are packed.
        """
        fold, place = self._fold(connection), tuple_(*PLACE)
        for page in self._pages(lambda: nullcontext(connection)):
            first, last = ((row.file, row.record) for row in (page[0], page[-1]))
            told = [row._replace(raw=None) if is_in(row) else row for row in fold(connection, page, page)]
            # Anew, as a row without its raw cells would leave its room in the page unused.
            connection.execute(delete(rows).where(rows.c.run_id == self._id, place >= first, place <= last))
            self._store(connection, told)
        self._end_freezing(connection)

    def settle(self, checked: Iterable[Block | Sequence[Row]]) -> None:
        """Store the rows of a run that sends nothing, each with its outcome, in place of `register` and `freeze`.

        A block is of rows that plan no additions, and that follow no other.
        """
        with self._transaction() as connection:
            forget_fingerprint(connection, self._source_id, creates=False)
            fold = self._fold(connection)
            for some in checked:
                if isinstance(some, Block) and not fold.duplicates:
                    write_packed(connection, self._id, some)
                    continue
                page = some.rows() if isinstance(some, Block) else some
                # Only what a run has made itself counts for a row that plans nothing.
                told = (row for row in page if row.additions_planned or row.outcome in PASSED_OVER)
                self._store(connection, fold(connection, page, told))
            self._end_freezing(connection)

    def _store(self, connection: Connection, told: Sequence[Row]) -> None:
        for _, plain_rows in groupby(filter(is_plain, told), key=attrgetter("file")):
            write_packed(connection, self._id, pack(list(plain_rows)))
        REGISTER.execute(connection, (encode_row(self._id, row) for row in filterfalse(is_plain, told)))

    def _end_freezing(self, connection: Connection) -> None:
        connection.execute(update(runs).where(runs.c.id == self._id).values(frozen=1))
        self.is_frozen = True

    def _fold(self, connection: Connection) -> Fold:
        duplicates = find_duplicate_issues(connection, self._source_id, self._settle_command)
        return Fold(self._source_id, self._id, {each.key: str(each) for each in duplicates})


class Fold:
    """Tells what became of the rows of a run, from the operations of their keys. Call it with all pages in order.

    `duplicates` is key → the sentence on its other issue.
    """

    def __init__(self, source_id: int, run_id: int, duplicates: Mapping[str, str] = NO_DUPLICATES) -> None:
        self.duplicates, self._run_id = duplicates, run_id
        self._leader: Row | None = None
        self._its = select(*READ).where(operations.c.source_id == source_id, operations.c.key.in_(PORTION))

    def __call__(self, connection: Connection, page: Sequence[Row], those: Iterable[Row]) -> list[Row]:
        """Return the rows of a page with their outcomes; of others than `those` no operation is asked for."""
        every, told = self.find(connection, (row.key for row in those)), list[Row]()
        # An issue may have many rows and many operations: what became of rows that stand alike is found once.
        outcomes = dict[tuple[str, Outcome, str], tuple[Outcome, Told | None]]()
        for row in page:
            if its := every.get(row.key, []):
                alike = row.key, row.outcome, row.issue_id
                if alike not in outcomes:
                    outcomes[alike] = self.outcome_of(row.outcome, row.issue_id, its)
                row = _with_outcome(row, *outcomes[alike])
                if row.outcome in PASSED_OVER and row.additions_planned:
                    row = self._with_loss(row, its)
            stands_alone = row.outcome is not Outcome.SKIPPED and not row.follows
            if stands_alone and (duplicate := self.duplicates.get(row.key)):
                row = with_finding(row, DUPLICATE_IN_TRIAGE, duplicate)
            # One that plans none may own a relation that another row states; its create stands beside that.
            if row.additions_planned or (stands_alone and len(its) > 1):
                issues = [each.issue_id for each in its if each.act == Act.CREATE and each.state == State.DONE]
                present = [each for each in its if each.act in ADDITIONS and each.issue_id in issues]
                row = with_additions(row, present, self._run_id)
            told.append(self._follow(row))
        return told

    def find(self, connection: Connection, keys: Iterable[str]) -> dict[str, list[Told]]:
        """Return the operations of these keys; keys without any are absent."""
        its = dict[str, list[Told]]()
        for each in map(Told._make, find_in_portions(connection, self._its, keys)):
            its.setdefault(each.key, []).append(each)
        return its

    def outcome_of(self, registered: Outcome, issue_id: str, its: Sequence[Told]) -> tuple[Outcome, Told | None]:
        """Return the outcome of a row, and the operation that tells of it: this run's change, the create, or None.

        It is the first that these give: its create, this run's change, this run's additions. `issue_id` is the issue
        that the check has compared the row with, if any.
        """
        if registered not in TOLD_OF:
            return registered, None
        create, became = next((each for each in its if each.act == Act.CREATE), None), None
        if create is not None and (registered in WITH_OPERATION or issue_id):
            # What an earlier attempt of this run made, a later one has found there: unchanged, or written by another
            # run since, and passed over. It stays what this run has made, or nobody could undo it. What nobody knows
            # of a create stays so in each run.
            created = _given_by(create)
            became = created if created is Outcome.UNKNOWN or create.run_id == self._run_id else None
        if registered in PASSED_OVER:
            return became or registered, create
        own = [each for each in its if each.run_id == self._run_id and each is not create]
        change = next((each for each in own if each.act in (Act.UPDATE, Act.DELETE)), None)
        became = became or _given_by(change)
        added = list(filter(None, (_given_by(each) for each in own if each.act in ADDITIONS)))
        is_conflict = became is Outcome.SKIPPED and change is not None and change.code == CONFLICT
        if is_conflict and Outcome.UPDATED in added:
            became = Outcome.UPDATED  # what somebody has changed is left, and all else is there
        if became is None and registered is Outcome.UNCHANGED:  # relations that other rows state count, too
            # `updated` is later in the alphabet than `failed`.
            became = max(added, key=lambda each: (each is Outcome.UNKNOWN, each), default=None)
        return became or registered, change or create

    def _with_loss(self, row: Row, its: Iterable[Told]) -> Row:
        """Add the finding that this run found an issue deleted to a row that has nothing but additions."""
        own = (each for each in its if each.run_id == self._run_id and each.act == Act.UPDATE)
        gone = next((each for each in own if each.code in IS_GONE and each.code not in row.codes), None)
        return row if gone is None else with_finding(row, gone.code, gone.message)

    def _follow(self, row: Row) -> Row:
        """Mark another row of an issue as incomplete if its first row is."""
        leader = self._leader
        if not row.follows:
            self._leader = row if row.key else leader  # a row that is left out may stand between
        elif leader is not None and leader.key == row.key and INCOMPLETE in leader.codes:
            message = f"see line {leader.line}, the first row of the same issue"
            return with_finding(row, GROUP_INCOMPLETE, message, THE_REST)
        return row


def _with_outcome(row: Row, became: Outcome, last: Told | None) -> Row:
    """Give a row its outcome, with what the operation says that tells of it."""
    if last is None:
        return row._replace(outcome=became)
    is_change, code, message, attempts = last.act != Act.CREATE, last.code, last.message, last.attempts
    if became is Outcome.UNKNOWN and last.state == State.SENT:
        code, message, attempts = OUTCOME_UNKNOWN, "it was on its way when the run ended", attempts + 1
    if code and (is_change or became in (Outcome.CREATED, Outcome.FAILED, Outcome.UNKNOWN)):
        row = with_finding(row, code, message)
    return row._replace(
        outcome=became,
        # The create of a row that stays passed over belongs to another row, or to an earlier run.
        attempts=0 if became is row.outcome and became in PASSED_OVER else attempts,
        # A change names the issue that it changed; the key may have another issue since.
        issue_id=last.issue_id or row.issue_id,
        triage_id=last.triage_id or row.triage_id,
        conflicts=last.details if is_change and code == CONFLICT else None,
    )


def _given_by(operation: Told | None) -> Outcome | None:
    """Return the outcome that an operation gives its row; what was there already gives none."""
    if operation is None or operation.code == FOUND_AT_TARGET:
        return None
    return OUTCOMES[operation.act].get(operation.state)


def _merge(few: Iterator[Row], blocks: Iterator[Sequence[Row]]) -> Iterator[Sequence[Row]]:
    """Merge rows into blocks of rows, in order of file and record; a block that none of them is within stays whole."""
    other = next(few, None)
    for block in blocks:
        end, merged = (block[-1].file, block[-1].record), list[Row]()
        if other is None or (other.file, other.record) > end:
            yield block
            continue
        for row in block:
            while other is not None and (other.file, other.record) < (row.file, row.record):
                merged.append(other)
                other = next(few, None)
                if len(merged) == PAGE:  # any number may stand between two unchanged rows
                    yield merged
                    merged = []
            merged.append(row)
        yield merged
    left = chain([] if other is None else [other], few)
    while page := list(islice(left, PAGE)):
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


def with_additions(row: Row, added: Sequence[Told], run_id: int) -> Row:
    """Add a row's counts of additions and name the missing ones; waiting ones only in the run that tried them."""
    if not row.issue_id or row.outcome in (Outcome.PLANNED, Outcome.REJECTED) or not (added or row.additions_planned):
        return row
    # Their issue has a code of its own, but for what this run has made.
    if IS_GONE.intersection(row.codes) and row.outcome is not Outcome.CREATED:
        return row
    # A row that plans no additions may still own relations that other rows state.
    added = [each for each in added if row.additions_planned or (each.act == Act.RELATION and each.run_id == run_id)]
    done = sum(each.state in (State.DONE, State.SAME) for each in added)
    lacking = [each for each in added if each.state == State.REFUSED or each.state in UNDECIDED]
    waiting = [each for each in added if each.state == State.LEFT]
    # The check has reported those whose code the row has already; a rejected or an unclear end it calls otherwise.
    is_told = {RELATION_END_REJECTED, RELATION_AMBIGUOUS}.intersection(row.codes)
    told = {*row.codes, *({RELATION_END_MISSING} if is_told else ())}
    cut = [each for each in added if each.state == State.DONE and each.code in (TEXT_CUT, MARKER_CUT)]
    new = [each for each in (*waiting, *cut) if each.run_id == run_id and each.code not in told]
    known = done + len(lacking) + len(waiting)
    if any(each.code == FOUND_AT_TARGET and each.run_id == run_id for each in added):
        # The plan didn't know what was in Triage already, nor how an earlier import had folded the comments.
        row = row._replace(additions_planned=known)
    unsent = sum(each.act == Act.RELATION and each.state == State.UNSENT and each.run_id == run_id for each in added)
    rest = max(row.additions_planned - known, unsent)
    row = row._replace(
        additions_planned=max(row.additions_planned, known + rest), additions_done=done, additions_failed=len(lacking)
    )
    for code, message in dict.fromkeys((each.code, each.message) for each in new):
        row = with_finding(row, code, message)
    if lacking or rest > 0:
        whys = dict.fromkeys(f"{each.act}: {each.message or 'it was on its way'}" for each in lacking)
        why = "; ".join([*list(whys)[:3], *([f"{rest} not sent yet"] if rest > 0 else [])])
        missing = len(lacking) + rest
        message = f"{missing} of {row.additions_planned} operations are missing: {why}"
        row = with_finding(row, INCOMPLETE, message, THE_REST)
    return row
