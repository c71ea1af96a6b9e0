"""The outcome of each row of a run: derived from its operations while it is open, stored in the rows once finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, compress, groupby, islice
from operator import attrgetter, not_
from typing import Any

import orjson
from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, tuple_, update
from sqlalchemy import Row as Selected

from importer.codes import (
    CONFLICT,
    DUPLICATE_IN_TRIAGE,
    FOUND_AT_TARGET,
    GONE_AT_TARGET,
    GROUP_INCOMPLETE,
    INCOMPLETE,
    MARKER_CUT,
    OUTCOME_UNKNOWN,
    PERHAPS_GONE,
    RELATION_END_MISSING,
    RELATION_END_REJECTED,
    TEXT_CUT,
)
from importer.ledger.added import Added, read_additions
from importer.ledger.known_create import COLUMNS, IS_PENDING, PENDING, KnownCreate, as_known
from importer.ledger.previous_run import forget_fingerprint
from importer.ledger.schema import UNDECIDED, State, operations, rows, runs
from importer.ledger.statements import REGISTER, SOME, WITH_OPERATION, Transaction, find_in_portions, refresh_statistics
from importer.ledger.stored_rows import (
    Block,
    count_packed,
    decode_row,
    drop_packed,
    encode_row,
    find_plain,
    pack,
    read_packed,
    write_packed,
)
from importer.ledger.target_scan import find_duplicate_issues
from importer.records import ADDITIONS, PASSED_OVER, Act, Outcome, Row, Rows

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
ADDED = operations.alias("added")
ON_ITS_WAY = (OUTCOME_UNKNOWN, "it was on its way when the run ended")


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
        self._duplicates: dict[str, str] | None = None  # by key: the sentence on its other issue; read once for a pass

    def rows(self) -> Iterator[Row]:
        """Yield every row with its outcome, in order of file and record, in flat memory."""
        return chain.from_iterable(self.blocks())

    def blocks(self) -> Iterator[Rows]:
        """Yield the same rows, some at a time: a block of unchanged ones as it is unpacked."""
        packed = read_packed(self._transaction, self._id) if self.is_frozen else iter(())
        return _merge(self._stored_rows(), packed)

    def _stored_rows(self, condition: ColumnElement[bool] | None = None) -> Iterator[Row]:
        with self._transaction() as connection:
            refresh_statistics(connection)
        after, follow, self._duplicates = (-1, -1), Followers(), None
        while True:
            with self._transaction() as connection:
                page = self._page(connection, after, condition)
            yield from page if self.is_frozen else map(follow, page)
            if len(page) < PAGE:
                return
            after = (page[-1].file, page[-1].record)

    def _page(
        self, connection: Connection, after: tuple[int, int], condition: ColumnElement[bool] | None = None
    ) -> list[Row]:
        columns = () if self.is_frozen else (self._became.label("became"), *OPERATION_COLUMNS, *CHANGE_COLUMNS)
        statement = (
            select(rows, *columns)
            .select_from(rows if self.is_frozen else self._joined)
            .where(rows.c.run_id == self._id, tuple_(rows.c.file, rows.c.record) > after)
            .order_by(rows.c.file, rows.c.record)
            .limit(PAGE)
        )
        if condition is not None:
            statement = statement.where(condition)
        if self.is_frozen:
            return [decode_row(found) for found in connection.execute(statement)]
        return self._complete(
            connection, [self._decode(found) for found in connection.execute(statement)], may_have_more
        )

    def _complete(self, connection: Connection, page: list[Row], may_have_more: Callable[[Row], bool]) -> list[Row]:
        """Add the outcomes of their additions, and their issues' duplicates, to the rows of a page."""
        duplicates = self._find_duplicates(connection)
        page = [with_duplicate(row, duplicates[row.key]) if row.key in duplicates else row for row in page]
        added = read_additions(connection, self._source_id, (row.key for row in page if may_have_more(row)))
        return [with_additions(row, added.get(row.key, ()), self._id) if may_have_more(row) else row for row in page]

    def _find_duplicates(self, connection: Connection) -> dict[str, str]:
        if self._duplicates is None:
            duplicates = find_duplicate_issues(connection, self._source_id, self._settle_command)
            self._duplicates = {each.key: str(each) for each in duplicates}
        return self._duplicates

    def conflicts(self) -> Iterator[tuple[str, str, list[list[str]]]]:
        """Yield the conflicts of this run: key, `T-…`, and for each field its name, ours, theirs and new."""
        conflicting = rows.c.conflicts.is_not(None) if self.is_frozen else CHANGES.c.code == CONFLICT
        for row in self._stored_rows(conflicting):
            if row.conflicts is not None:
                yield row.key, row.triage_id, orjson.loads(row.conflicts)

    def count(self) -> dict[Outcome, int]:
        """Count the rows by outcome; every outcome has a count."""
        became, joined = self._became.label("became"), rows if self.is_frozen else self._joined
        statement = select(became, func.count()).select_from(joined).where(rows.c.run_id == self._id)
        with self._transaction() as connection:
            refresh_statistics(connection)
            found = Counter(
                {str(name): int(number) for name, number in connection.execute(statement.group_by("became"))}
            )
            found[Outcome.UNCHANGED] += count_packed(connection, self._id)  # of an open run there are none
        return {outcome: found[outcome] for outcome in Outcome}

    @property
    def _its_create(self) -> ColumnElement[bool]:
        own = operations.c.source_id == self._source_id
        return and_(own, operations.c.key == rows.c.key, operations.c.act == Act.CREATE)

    @property
    def _joined(self) -> Any:
        """Rows joined with their key's create and change; one passed over too, as its report names the key's issue."""
        create = and_(self._its_create, rows.c.outcome.in_((*WITH_OPERATION, *PASSED_OVER)))
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
        """SQL expression: the outcome of a row in this run, the first that its operations have written."""
        if self.is_frozen:
            return rows.c.outcome
        # A key that an earlier attempt of this run made was registered as unchanged by the later one. What nobody knows
        # of a create stays so in each run.
        counts = or_(operations.c.run_id == self._id, operations.c.outcome == Outcome.UNKNOWN)
        created = case((and_(counts, rows.c.outcome.in_(WITH_OPERATION)), operations.c.outcome))
        return func.coalesce(created, CHANGES.c.outcome, self._added, rows.c.outcome)

    @property
    def _added(self) -> Any:
        """SQL expression: what this run's additions make of an unchanged row, also those that another row states."""
        unknown_first = (ADDED.c.outcome == Outcome.UNKNOWN).desc(), ADDED.c.outcome.desc()  # `updated`, `failed`
        return (
            select(ADDED.c.outcome)
            .where(ADDED.c.source_id == self._source_id, ADDED.c.key == rows.c.key, ADDED.c.act.in_(ADDITIONS))
            .where(ADDED.c.run_id == self._id, ADDED.c.outcome.is_not(None), rows.c.outcome == Outcome.UNCHANGED)
            .order_by(*unknown_first)
            .limit(1)
            .correlate(rows)
            .scalar_subquery()
        )

    def made(self) -> Iterator[KnownCreate]:
        """Yield the existing issues that this run created or changed, in input order, in flat memory."""
        became = self._became
        joined = rows.join(operations, self._its_create) if self.is_frozen else self._joined
        statement = (
            select(rows.c.file, rows.c.record, rows.c.cells, PENDING.c.details, *COLUMNS)
            .select_from(joined.outerjoin(PENDING, IS_PENDING))
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
                yield as_known(each[4:], cells=each.cells, pending=each.details or b"")
            if len(page) < PAGE:
                return
            after = (page[-1].file, page[-1].record)

    def freeze(self, connection: Connection) -> None:
        """Store each outcome in its row, as later runs reuse the operations; imported rows lose their raw cells.

        Unchanged rows are packed.
        """
        after, follow, self._duplicates = (-1, -1), Followers(), None
        place = tuple_(rows.c.file, rows.c.record)
        while page := self._page(connection, after):
            last = (page[-1].file, page[-1].record)
            told = [row._replace(raw=None) if is_in(row) else row for row in map(follow, page)]
            if any(find_plain(Rows.of(told))):
                connection.execute(delete(rows).where(rows.c.run_id == self._id, place > after, place <= last))
            self._store(connection, told)
            after = last
        self._end_freezing(connection)

    def settle(self, checked: Iterable[Block | Rows]) -> None:
        """Store the rows of a run that sends nothing, each with its outcome, in place of `register` and `freeze`.

        A block is of rows that plan no additions, and that follow no other.
        """
        follow, self._duplicates = Followers(), None
        with self._transaction() as connection:
            forget_fingerprint(connection, self._source_id)
            for some in checked:
                if isinstance(some, Block) and not self._find_duplicates(connection):
                    write_packed(connection, self._id, some)
                    continue
                page = self._name_issues(connection, list(some.rows() if isinstance(some, Block) else some))
                # Only what a run has made itself counts for a row that plans nothing.
                page = self._complete(connection, page, lambda row: row.additions_planned > 0)
                self._store(connection, list(map(follow, page)))
            self._end_freezing(connection)

    def _name_issues(self, connection: Connection, page: list[Row]) -> list[Row]:
        """Name the key's issue in the rows that are passed over."""
        own = (operations.c.source_id == self._source_id, operations.c.act == Act.CREATE, operations.c.key.in_(SOME))
        its = select(operations.c.key, operations.c.issue_id, operations.c.triage_id).where(*own)
        passed_over = (row.key for row in page if row.outcome in PASSED_OVER)
        issues = {key: place for key, *place in find_in_portions(connection, its, passed_over)}
        return [
            row._replace(issue_id=issues[row.key][0] or row.issue_id, triage_id=issues[row.key][1] or row.triage_id)
            if row.outcome in PASSED_OVER and row.key in issues
            else row
            for row in page
        ]

    def _store(self, connection: Connection, told: Sequence[Row]) -> None:
        plain = find_plain(Rows.of(told))
        for _, its_rows in groupby(compress(told, plain), key=attrgetter("file")):
            write_packed(connection, self._id, pack(Rows.of(list(its_rows))))
        REGISTER.execute(connection, (encode_row(self._id, row) for row in compress(told, map(not_, plain))))

    def _end_freezing(self, connection: Connection) -> None:
        connection.execute(update(runs).where(runs.c.id == self._id).values(frozen=1))
        self.is_frozen = True

    def _decode(self, found: Selected[Any]) -> Row:
        """Return a registered row with the outcome that its operations give."""
        row = decode_row(found)
        changed = found.change_run_id == self._id
        state, code, message = found.create_state, found.create_code, found.create_message
        if changed:
            state, code, message = found.change_state, found.change_code, found.change_message
        became = Outcome(found.became)
        on_its_way = became is Outcome.UNKNOWN and state == State.SENT
        if on_its_way:
            code, message = ON_ITS_WAY
        if code and (changed or became in (Outcome.CREATED, Outcome.FAILED, Outcome.UNKNOWN)):
            row = with_finding(row, code, message)
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


def _merge(few: Iterator[Row], blocks: Iterator[Rows]) -> Iterator[Rows]:
    """Merge rows into blocks of rows, in order of file and record; a block that none of them is within stays whole."""
    other = next(few, None)
    for block in blocks:
        end, merged = (block.columns["file"][-1], block.columns["record"][-1]), list[Row]()
        if other is None or (other.file, other.record) > end:
            yield block
            continue
        for row in block:
            while other is not None and (other.file, other.record) < (row.file, row.record):
                merged.append(other)
                other = next(few, None)
                if len(merged) == PAGE:  # any number may stand between two unchanged rows
                    yield Rows.of(merged)
                    merged.clear()
            merged.append(row)
        yield Rows.of(merged)
    left = chain([] if other is None else [other], few)
    while page := list(islice(left, PAGE)):
        yield Rows.of(page)


def thaw(connection: Connection, run_id: int) -> None:
    """Forget the stored outcomes of an open run, which is continued: its rows are registered again."""
    drop_packed(connection, run_id)
    connection.execute(update(runs).where(runs.c.id == run_id, runs.c.frozen == 1).values(frozen=0))


THE_REST = "the same command sends the rest"
IN_TRIAGE = (Outcome.CREATED, Outcome.UPDATED, Outcome.UNCHANGED, Outcome.CHANGED)


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
    return row.outcome in IN_TRIAGE and not {INCOMPLETE, GROUP_INCOMPLETE} & set(row.codes)


def with_duplicate(row: Row, sentence: str) -> Row:
    """Name the other issue of a row's key."""
    if row.follows or row.outcome is Outcome.SKIPPED:
        return row
    return with_finding(row, DUPLICATE_IN_TRIAGE, sentence)


def may_have_more(row: Row) -> bool:
    """Whether additions are planned for a row's issue, or it may own a relation that another row states."""
    return bool(row.additions_planned) or (row.outcome is not Outcome.SKIPPED and not row.follows)


def with_additions(row: Row, added: Collection[Added], run_id: int) -> Row:
    """Add a row's counts of additions and name the missing ones; waiting ones only in the run that tried them."""
    if not row.issue_id or row.outcome in (Outcome.PLANNED, Outcome.REJECTED) or not (added or row.additions_planned):
        return row
    # Their issue has a code of its own, but for what this run has made.
    if {GONE_AT_TARGET, PERHAPS_GONE}.intersection(row.codes) and row.outcome is not Outcome.CREATED:
        return row
    # A row that plans no additions may still own relations that other rows state.
    added = [each for each in added if row.additions_planned or (each.act is Act.RELATION and each.run_id == run_id)]
    done = sum(each.state in (State.DONE, State.SAME) for each in added)
    lacking = [each for each in added if each.state is State.REFUSED or each.state in UNDECIDED]
    waiting = [each for each in added if each.state is State.LEFT]
    # The check has reported those whose code the row has already; that of a rejected end it calls otherwise.
    told = {*row.codes, *({RELATION_END_MISSING} if RELATION_END_REJECTED in row.codes else ())}
    cut = [each for each in added if each.state is State.DONE and each.code in (TEXT_CUT, MARKER_CUT)]
    new = [each for each in (*waiting, *cut) if each.run_id == run_id and each.code not in told]
    known = done + len(lacking) + len(waiting)
    if any(each.code == FOUND_AT_TARGET and each.run_id == run_id for each in added):
        # The plan didn't know what was in Triage already, nor how an earlier import had folded the comments.
        row = row._replace(additions_planned=known)
    unsent = sum(each.act is Act.RELATION and each.state is State.UNSENT and each.run_id == run_id for each in added)
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


class Followers:
    """Marks the other rows of an issue as incomplete if its first row is. Call it with all rows in order."""

    def __init__(self) -> None:
        self._leader: Row | None = None

    def __call__(self, row: Row) -> Row:
        """Return the row, with a finding where the first row of its issue lacks something."""
        leader = self._leader
        if not row.follows:
            self._leader = row if row.key else leader  # a row that is left out may stand between
        elif leader is not None and leader.key == row.key and INCOMPLETE in leader.codes:
            message = f"see line {leader.line}, the first row of the same issue"
            return with_finding(row, GROUP_INCOMPLETE, message, THE_REST)
        return row
