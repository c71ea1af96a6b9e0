"""What discovery found: issues in Triage with a source's marker that no operation in the ledger knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, union, update

from importer.ledger.known_create import COLUMNS, KnownCreate, as_known
from importer.ledger.schema import FoundState, State, found_issues, operations, runs, sources, unindexed_source
from importer.ledger.statements import PORTION, Transaction, find_in_portions, find_pairs, read_pages
from importer.records import GONE_MARK, Act


class Found(NamedTuple):
    """An issue of the source that discovery found in Triage.

    marker      its record's, "" if a person removed it; of several whose issue it may be, with blanks between
    created_at  seconds since 1970, by the target's clock
    returned    its snapshot, see `triage.snapshot`
    key         its record's, as the footer says it
    """

    issue_id: str
    triage_id: str
    marker: str
    title: str
    created_at: float
    returned: bytes
    key: str = ""


FOUND_COLUMNS = tuple(found_issues.c[name] for name in Found._fields)


class DuplicateIssue(NamedTuple):
    """An issue with this source's marker that is not the ledger's own, until a person has settled it.

    triage_id  the issue that the ledger knows of the key; "" if it knows none
    number     the issue's number, and `issue_id` its id
    command    says which is the right one
    is_alone   whether the one that the ledger knows is deleted
    """

    key: str
    triage_id: str
    number: str
    issue_id: str
    command: str
    is_alone: bool = False

    def __str__(self) -> str:
        if self.is_alone:
            return (
                f"{self.triage_id}, the issue of {self.key} that the ledger knows, is deleted in Triage, and "
                f"{self.number} has its marker: another machine or ledger has created it again, or somebody copied it. "
                f"It is the only one that is left; to go on with it: {self.command}"
            )
        if not self.triage_id:
            return (
                f"{self.number} has the marker of {self.key or 'a row of this source'}, and the ledger does not know "
                f"it: another machine or ledger has made it. If it is the right one, say so: {self.command}"
            )
        return (
            f"{self.key} has two issues, {self.triage_id}, which the ledger knows, and {self.number}: two imports ran "
            "at once, something on the way sent a request twice, Triage made one later than anybody waited, or "
            f"somebody copied it. Compare them, and delete the one too many in Triage. If that is {self.number}, the "
            f"next run notices it. If it is {self.triage_id}, first type this with {self.number} in its place; as it "
            f"stands, it keeps both: {self.command}"
        )


LAST = select(func.coalesce(func.max(operations.c.id), 0)).scalar_subquery()
"""The last operation that the ledger knows."""


def mark_incomplete(connection: Connection) -> None:
    """Record that the ledger lost something: discovery is due for all sources, and issues may have more additions."""
    connection.execute(delete(operations).where(operations.c.act == Act.RECALL))
    connection.execute(update(sources).values(looked=0, unsure_to=LAST, look_cursor=""))
    connection.execute(update(runs).values(fingerprint=""))


class TargetScan:
    """The issues of one source that discovery found in a target. Made by `Ledger.target_scan`."""

    def __init__(self, transaction: Transaction, source_id: int, settle_command: Callable[[str, str], str]) -> None:
        self._transaction = transaction
        self._source_id, self._settle_command = source_id, settle_command
        self._of_source = found_issues.c.source_id == source_id

    def doubt(self) -> None:
        """Record that discovery found an issue that the ledger should know: it may lack additions to others, too."""
        with self._transaction() as connection:
            is_of_source = operations.c.source_id == self._source_id
            connection.execute(delete(operations).where(is_of_source, operations.c.act == Act.RECALL))
        self._set(unsure_to=LAST)

    def is_complete(self) -> bool:
        """Whether discovery has been completed for this source since the ledger was last found to be incomplete."""
        return bool(self._get(sources.c.looked))

    def known(self, triage_ids: Mapping[str, str]) -> set[str]:
        """Return the ids of those issues that belong to a key of this source; `triage_ids` is issue id → `T-…`."""
        is_done = and_(unindexed_source == self._source_id, operations.c.state == State.DONE)
        with self._transaction() as connection:
            return find_pairs(connection, is_done, triage_ids)

    def owner_of(self, issue_id: str) -> str:
        """Return the key that has this issue, in any source of this target; "" if none."""
        target_id = select(sources.c.target_id).where(sources.c.id == self._source_id).scalar_subquery()
        create = operations.c
        owner = select(create.key).join(sources)
        owner = owner.where(sources.c.target_id == target_id, create.act == Act.CREATE, create.state == State.DONE)
        owner = owner.where(create.issue_id == issue_id).limit(1)
        with self._transaction() as connection:
            return connection.scalar(owner) or ""

    def forget(self) -> None:
        """Begin a complete discovery: delete what earlier ones found, but for what a person has to settle, or has."""
        with self._transaction() as connection:
            connection.execute(delete(found_issues).where(self._of_source, found_issues.c.state == FoundState.NOTED))
        self._set(looked=0)

    def note(self, issues: Sequence[Found], state: FoundState = FoundState.NOTED) -> None:
        """Store issues that were found, replacing what was stored of them before, but for their state."""
        if not issues:
            return
        with self._transaction() as connection:
            conditions = (self._of_source, found_issues.c.issue_id.in_([issue.issue_id for issue in issues]))
            statement = select(found_issues.c.issue_id, found_issues.c.state).where(*conditions)
            states = {issue_id: FoundState(name) for issue_id, name in connection.execute(statement)}
            connection.execute(delete(found_issues).where(*conditions))
            values = list[dict[str, object]]()
            for issue in issues:
                issue_state = states.get(issue.issue_id, state)
                values.append({"source_id": self._source_id, **issue._asdict(), "state": str(issue_state)})
            connection.execute(insert(found_issues), values)

    def complete(self) -> None:
        """End a complete discovery: from now on the ledger knows all issues of this source."""
        self._set(looked=1, look_cursor="")

    def keep_place(self, at: float, top: float, cursor: str) -> None:
        """Keep how far a complete discovery is: when that is, the newest creation time it saw, the next cursor."""
        self._set(look_at=at, look_top=top, look_cursor=cursor)

    def place(self, since: float) -> tuple[float, str]:
        """Return the newest time and the cursor of a discovery that was broken off since then; 0 and "" if none was."""
        if self._get(sources.c.look_at) < since:
            return 0.0, ""
        return self._get(sources.c.look_top), self._get(sources.c.look_cursor)

    def begin_span(self, newest: float) -> None:
        """Note, before the first create after a closing scan, the newest creation time that the target has shown."""
        with self._transaction() as connection:
            statement = update(sources).where(sources.c.id == self._source_id, sources.c.unswept.is_(None))
            connection.execute(statement.values(unswept=newest))

    def unswept(self) -> float | None:
        """Return the creation time to which the closing scan has to read back, None if nothing was created since."""
        unswept: float | None = self._get(sources.c.unswept)
        return unswept

    def end_span(self) -> None:
        """Note that a closing scan has passed all creates."""
        self._set(unswept=None)

    def own_since(self, mark: float) -> Iterator[KnownCreate]:
        """Yield the source's own issues that were made after Triage had shown a later creation time than this.

        The last made is the first. With `-inf` all are yielded, also those of which that isn't known.
        """
        creates = select(operations.c.id, *COLUMNS).where(*self._is_create())
        if mark > -inf:
            creates = creates.where(operations.c.mark > mark)
        for page in read_pages(self._transaction, creates, operations.c.id, is_descending=True):
            yield from (as_known(create[1:]) for create in page)

    def first_own(self) -> str:
        """Return the id of the source's own issue that was made first; "" if there is none."""
        first = select(operations.c.issue_id).where(*self._is_create()).order_by(operations.c.id).limit(1)
        with self._transaction() as connection:
            return connection.scalar(first) or ""

    def _is_create(self) -> Sequence[ColumnElement[bool]]:
        # Both queries follow the ids: from the index of the source, all would be sorted again for each page.
        columns = operations.c
        return unindexed_source == self._source_id, columns.act == Act.CREATE, columns.state == State.DONE

    def remember(self, issues: Iterable[KnownCreate]) -> None:
        """Store the snapshots of own issues."""
        with self._transaction() as connection:
            for create in issues:
                is_of_key = (operations.c.source_id == self._source_id, operations.c.key == create.key)
                statement = update(operations).where(*is_of_key, operations.c.act == Act.CREATE)
                connection.execute(statement.values(returned=create.returned))

    def _get(self, column: Column[Any]) -> Any:
        statement = select(column).where(sources.c.id == self._source_id)
        with self._transaction() as connection:
            return connection.scalar(statement)

    def _set(self, **values: object) -> None:
        statement = update(sources).where(sources.c.id == self._source_id).values(**values)
        with self._transaction() as connection:
            connection.execute(statement)

    def find(self, markers: Iterable[str]) -> dict[str, list[Found]]:
        """Return the found issues with these markers, by marker, without those that a person has set aside.

        Where there are several, or one that may be another record's, a person has to say whose they are.
        """
        candidates = {marker: list[Found]() for marker in markers}
        columns = found_issues.c
        statement = select(*FOUND_COLUMNS).where(self._of_source, columns.state != FoundState.SETTLED)
        statement = statement.where(columns.marker.in_(PORTION)).order_by(columns.created_at)
        with self._transaction() as connection:
            issues = list(map(Found._make, find_in_portions(connection, statement, candidates)))
        for issue in (*issues, *self._shared):
            for marker in candidates.keys() & issue.marker.split():
                candidates[marker].append(issue)
        return {marker: issues for marker, issues in candidates.items() if issues}

    @cached_property
    def _shared(self) -> list[Found]:
        statement = select(*FOUND_COLUMNS).where(self._of_source, found_issues.c.marker.contains(" "))
        with self._transaction() as connection:
            return list(map(Found._make, connection.execute(statement)))

    def without_known(self, markers: Sequence[str]) -> list[str]:
        """Leave out the markers of records whose issue the ledger knows."""
        create = operations.c
        statement = select(create.marker).where(create.source_id == self._source_id, create.marker.in_(markers))
        statement = statement.where(create.act == Act.CREATE, create.state == State.DONE)
        with self._transaction() as connection:
            known_markers = set(connection.scalars(statement))
        return [marker for marker in markers if marker not in known_markers]

    def unmarked(self) -> list[Found]:
        """Return the found issues without a marker, some of which may come from this source's rows."""
        statement = select(*FOUND_COLUMNS).where(self._of_source, found_issues.c.marker == "")
        with self._transaction() as connection:
            return [Found(*values) for values in connection.execute(statement)]

    def count(self, states: Collection[State] = (State.DONE,)) -> int:
        """Count the records that have a found issue but no create in one of these states."""
        without_create = select(found_issues.c.marker).where(operations.c.id.is_(None))
        markers = union(*_with_creates(without_create, self._source_id, states)).subquery()
        statement = select(func.count()).select_from(markers)
        with self._transaction() as connection:
            return connection.scalar(statement) or 0

    def duplicates(self) -> list[DuplicateIssue]:
        """Return the issues that a person has to settle: a key's second one, and what only a closing scan has seen."""
        with self._transaction() as connection:
            return find_duplicate_issues(connection, self._source_id, self._settle_command)

    def count_settled(self) -> int:
        """Count the issues that are left beside the right one, as a person has said."""
        statement = select(func.count()).where(self._of_source, found_issues.c.state == FoundState.SETTLED)
        with self._transaction() as connection:
            return connection.scalar(statement) or 0

    def settle(self, issue_ids: Collection[str]) -> None:
        """Note that a person has said which issue is the right one beside these."""
        statement = update(found_issues).where(self._of_source, found_issues.c.issue_id.in_(issue_ids))
        statement = statement.values(state=FoundState.SETTLED.value)
        with self._transaction() as connection:
            connection.execute(statement)

    def number_own(self) -> None:
        """Take over the numbers of the ledger's own issues whose creates were answered without one."""
        create, issue = operations.c, found_issues.c
        is_of_create = (issue.source_id == create.source_id, issue.issue_id == create.issue_id)
        number = select(issue.triage_id).where(*is_of_create).limit(1).scalar_subquery()
        has_number = select(issue.issue_id).where(*is_of_create).exists()
        statement = update(operations).where(create.source_id == self._source_id, create.act == Act.CREATE)
        statement = statement.where(create.triage_id == "", has_number).values(triage_id=number)
        with self._transaction() as connection:
            connection.execute(statement)

    def drop(self, issue_id: str) -> None:
        """Forget an issue that isn't in Triage any more, or that a record has now."""
        statement = delete(found_issues).where(self._of_source, found_issues.c.issue_id == issue_id)
        with self._transaction() as connection:
            connection.execute(statement)


def find_duplicate_issues(
    connection: Connection, source_id: int, settle_command: Callable[[str, str], str]
) -> list[DuplicateIssue]:
    """Return the issues of a source that a person has to settle, by key; a key and an issue make the command."""
    create, issue = operations.c, found_issues.c
    is_other_issue = issue.issue_id != create.issue_id
    statement = select(create.key, issue.key, create.triage_id, issue.triage_id, issue.issue_id, create.returned)
    statement = statement.where(issue.state != FoundState.SETTLED)
    statement = statement.where(or_(is_other_issue, issue.state == FoundState.STRANGER))
    statement = statement.where(or_(create.issue_id.is_(None), is_other_issue))
    pairs = list[tuple[Any, ...]]()
    for joined in _with_creates(statement, source_id, (State.DONE,)):
        pairs += map(tuple, connection.execute(joined))
    pairs.sort(key=lambda pair: (pair[0] or "", pair[3]))
    duplicates = list[DuplicateIssue]()
    for create_key, footer_key, create_number, number, issue_id, returned in pairs:
        is_alone = GONE_MARK in (returned or b"")
        right_number = number if is_alone else create_number or number
        key = create_key or footer_key
        command = settle_command(key or "KEY", right_number)
        duplicates.append(DuplicateIssue(key, create_number or "", number, issue_id, command, is_alone))
    return duplicates


def _with_creates(statement: Select[Any], source_id: int, states: Collection[State]) -> Iterator[Select[Any]]:
    """Join the found issues of a source that have a marker with the creates of its record that are in these states.

    Nearly all have their key in the footer, and operations an index of keys. For those whose key a person took away
    SQLite makes an index of markers for the statement; one that is kept would cost each create half as much again.
    """
    create, issue = operations.c, found_issues.c
    is_of_source = issue.source_id + 0 == source_id  # in their own order: that of the markers is random
    has_marker = create.marker == issue.marker  # a key may have been pasted
    is_create = and_(create.act == Act.CREATE, create.state.in_(states), has_marker)
    by_key = and_(create.source_id == issue.source_id, create.key == issue.key)
    by_marker = unindexed_source == issue.source_id
    for is_same, condition in ((by_key, issue.key != ""), (by_marker, issue.key == "")):
        joined = statement.select_from(found_issues.outerjoin(operations, and_(is_same, is_create)))
        yield joined.where(is_of_source, issue.marker != "", condition)
