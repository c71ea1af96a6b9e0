"""What discovery found: issues in Triage with a source's marker that no operation in the ledger knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from math import inf
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Select, and_, delete, func, insert, or_, select, union, update

from importer.ledger.known_create import COLUMNS, KnownCreate, as_known
from importer.ledger.schema import FoundState, State, found, operations, runs, sources, unindexed_source
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


FOUND_COLUMNS = tuple(found.c[name] for name in Found._fields)


class DuplicateIssue(NamedTuple):
    """An issue with this source's marker that is not the ledger's own, until a person has settled it.

    triage_id  the issue that the ledger knows of the key; "" if it knows none
    other      the issue's number, and `issue_id` its id
    command    says which is the right one
    is_alone   whether the one that the ledger knows is deleted
    """

    key: str
    triage_id: str
    other: str
    issue_id: str
    command: str
    is_alone: bool = False

    def __str__(self) -> str:
        if self.is_alone:
            return (
                f"{self.triage_id}, the issue of {self.key} that the ledger knows, is deleted in Triage, and "
                f"{self.other} has its marker: another machine or ledger has created it again, or somebody copied it. "
                f"It is the only one that is left; to go on with it: {self.command}"
            )
        if not self.triage_id:
            return (
                f"{self.other} has the marker of {self.key or 'a row of this source'}, and the ledger does not know "
                f"it: another machine or ledger has made it. If it is the right one, say so: {self.command}"
            )
        return (
            f"{self.key} has two issues, {self.triage_id}, which the ledger knows, and {self.other}: two imports ran "
            "at once, something on the way sent a request twice, Triage made one later than anybody waited, or "
            f"somebody copied it. Compare them, and delete the one too many in Triage. If that is {self.other}, the "
            f"next run notices it. If it is {self.triage_id}, first type this with {self.other} in its place; as it "
            f"stands, it keeps both: {self.command}"
        )


LAST = select(func.coalesce(func.max(operations.c.id), 0)).scalar_subquery()
"""The last operation that the ledger knows."""


def mark_incomplete(connection: Connection) -> None:
    """Record that the ledger lost something: discovery is due for all sources, and issues may have more additions."""
    connection.execute(delete(operations).where(operations.c.act == Act.RECALL))
    connection.execute(update(sources).values(looked=0, unsure_to=LAST, look_cursor=""))
    connection.execute(update(runs).values(fingerprint=""))


class Seen:
    """The issues of one source that discovery found in a target. Made by `Ledger.seen`."""

    def __init__(self, transaction: Transaction, source_id: int, settle_command: Callable[[str, str], str]) -> None:
        self._transaction = transaction
        self._source_id, self._settle_command = source_id, settle_command
        self._here = found.c.source_id == source_id

    def doubt(self) -> None:
        """Record that discovery found an issue that the ledger should know: it may lack additions to others, too."""
        with self._transaction() as connection:
            its = operations.c.source_id == self._source_id
            connection.execute(delete(operations).where(its, operations.c.act == Act.RECALL))
        self._set(unsure_to=LAST)

    def is_complete(self) -> bool:
        """Whether discovery has been completed for this source since the ledger was last found to be incomplete."""
        return bool(self._get(sources.c.looked))

    def known(self, triage_ids: Mapping[str, str]) -> set[str]:
        """Return the ids of those issues that belong to a key of this source; `triage_ids` is issue id → `T-…`."""
        done = and_(unindexed_source == self._source_id, operations.c.state == State.DONE)
        with self._transaction() as connection:
            return find_pairs(connection, done, triage_ids)

    def owner_of(self, issue_id: str) -> str:
        """Return the key that has this issue, in any source of this target; "" if none."""
        target_id = select(sources.c.target_id).where(sources.c.id == self._source_id).scalar_subquery()
        owner = (
            select(operations.c.key)
            .join(sources)
            .where(sources.c.target_id == target_id, operations.c.act == Act.CREATE, operations.c.state == State.DONE)
            .where(operations.c.issue_id == issue_id)
        )
        with self._transaction() as connection:
            return connection.scalar(owner.limit(1)) or ""

    def forget(self) -> None:
        """Begin a complete discovery: delete what earlier ones found, but for what a person has to settle, or has."""
        with self._transaction() as connection:
            connection.execute(delete(found).where(self._here, found.c.state == FoundState.NOTED))
        self._set(looked=0)

    def note(self, issues: Sequence[Found], state: FoundState = FoundState.NOTED) -> None:
        """Store issues that were found, replacing what was stored of them before, but for their state."""
        if not issues:
            return
        with self._transaction() as connection:
            these = (self._here, found.c.issue_id.in_([issue.issue_id for issue in issues]))
            kept = connection.execute(select(found.c.issue_id, found.c.state).where(*these))
            states = {issue_id: FoundState(name) for issue_id, name in kept}
            connection.execute(delete(found).where(*these))
            here = {"source_id": self._source_id}
            values = [{**here, **each._asdict(), "state": str(states.get(each.issue_id, state))} for each in issues]
            connection.execute(insert(found), values)

    def complete(self) -> None:
        """End a complete discovery: from now on the ledger knows all issues of this source."""
        self._set(looked=1, look_cursor="")

    def keep_place(self, at: float, top: float, cursor: str) -> None:
        """Keep how far a complete discovery is: when that is, the newest creation time it saw, the next cursor."""
        self._set(look_at=at, look_top=top, look_cursor=cursor)

    def place(self, since: float) -> tuple[float, str]:
        """Return the newest time and the cursor of a discovery that was broken off since then; 0 and "" if none was."""
        is_recent = self._get(sources.c.look_at) >= since
        return (self._get(sources.c.look_top), self._get(sources.c.look_cursor)) if is_recent else (0.0, "")

    def begin_span(self, newest: float) -> None:
        """Note, before the first create after a closing scan, the newest creation time that the target has shown."""
        with self._transaction() as connection:
            this = (sources.c.id == self._source_id, sources.c.unswept.is_(None))
            connection.execute(update(sources).where(*this).values(unswept=newest))

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
        own = select(operations.c.id, *COLUMNS).where(*self._is_own())
        if mark > -inf:
            own = own.where(operations.c.mark > mark)
        for page in read_pages(self._transaction, own, operations.c.id, is_descending=True):
            yield from (as_known(each[1:]) for each in page)

    def first_own(self) -> str:
        """Return the id of the source's own issue that was made first; "" if there is none."""
        first = select(operations.c.issue_id).where(*self._is_own()).order_by(operations.c.id)
        with self._transaction() as connection:
            return connection.scalar(first.limit(1)) or ""

    def _is_own(self) -> Sequence[ColumnElement[bool]]:
        # Both queries follow the ids: from the index of the source, all would be sorted again for each page.
        its = operations.c
        return unindexed_source == self._source_id, its.act == Act.CREATE, its.state == State.DONE

    def remember(self, issues: Iterable[KnownCreate]) -> None:
        """Store the snapshots of own issues."""
        with self._transaction() as connection:
            for each in issues:
                its = (operations.c.source_id == self._source_id, operations.c.key == each.key)
                this = update(operations).where(*its, operations.c.act == Act.CREATE)
                connection.execute(this.values(returned=each.returned))

    def _get(self, column: Column[Any]) -> Any:
        with self._transaction() as connection:
            return connection.scalar(select(column).where(sources.c.id == self._source_id))

    def _set(self, **values: object) -> None:
        with self._transaction() as connection:
            connection.execute(update(sources).where(sources.c.id == self._source_id).values(**values))

    def find(self, markers: Iterable[str]) -> dict[str, list[Found]]:
        """Return the found issues with these markers, by marker, without those that a person has set aside.

        Where there are several, or one that may be another record's, a person has to say whose they are.
        """
        candidates, left = {marker: list[Found]() for marker in markers}, found.c.state != FoundState.SETTLED
        alone = select(*FOUND_COLUMNS).where(self._here, left, found.c.marker.in_(PORTION)).order_by(found.c.created_at)
        with self._transaction() as connection:
            issues = list(map(Found._make, find_in_portions(connection, alone, candidates)))
        for issue in (*issues, *self._shared):
            for marker in candidates.keys() & issue.marker.split():
                candidates[marker].append(issue)
        return {marker: issues for marker, issues in candidates.items() if issues}

    @cached_property
    def _shared(self) -> list[Found]:
        with self._transaction() as connection:
            several = select(*FOUND_COLUMNS).where(self._here, found.c.marker.contains(" "))
            return list(map(Found._make, connection.execute(several)))

    def without_known(self, markers: Sequence[str]) -> list[str]:
        """Leave out the markers of records whose issue the ledger knows."""
        its = (operations.c.source_id == self._source_id, operations.c.marker.in_(markers))
        done = select(operations.c.marker).where(*its, operations.c.act == Act.CREATE, operations.c.state == State.DONE)
        with self._transaction() as connection:
            known = set(connection.scalars(done))
        return [marker for marker in markers if marker not in known]

    def unmarked(self) -> list[Found]:
        """Return the found issues without a marker, some of which may come from this source's rows."""
        with self._transaction() as connection:
            kept = connection.execute(select(*FOUND_COLUMNS).where(self._here, found.c.marker == ""))
            return [Found(*values) for values in kept]

    def count(self, states: Collection[State] = (State.DONE,)) -> int:
        """Count the records that have a found issue but no create in one of these states."""
        lacking = select(found.c.marker).where(operations.c.id.is_(None))
        markers = union(*_with_creates(lacking, self._source_id, states)).subquery()
        with self._transaction() as connection:
            return connection.scalar(select(func.count()).select_from(markers)) or 0

    def duplicates(self) -> list[DuplicateIssue]:
        """Return the issues that a person has to settle: a key's second one, and what only a closing scan has seen."""
        with self._transaction() as connection:
            return find_duplicate_issues(connection, self._source_id, self._settle_command)

    def count_settled(self) -> int:
        """Count the issues that are left beside the right one, as a person has said."""
        with self._transaction() as connection:
            settled = select(func.count()).where(self._here, found.c.state == FoundState.SETTLED)
            return connection.scalar(settled) or 0

    def settle(self, issue_ids: Collection[str]) -> None:
        """Note that a person has said which issue is the right one beside these."""
        with self._transaction() as connection:
            these = (self._here, found.c.issue_id.in_(issue_ids))
            connection.execute(update(found).where(*these).values(state=FoundState.SETTLED.value))

    def number_own(self) -> None:
        """Take over the numbers of the ledger's own issues whose creates were answered without one."""
        its = (found.c.source_id == operations.c.source_id, found.c.issue_id == operations.c.issue_id)
        number = select(found.c.triage_id).where(*its).limit(1).scalar_subquery()
        own = (operations.c.source_id == self._source_id, operations.c.act == Act.CREATE, operations.c.triage_id == "")
        with self._transaction() as connection:
            has_number = select(found.c.issue_id).where(*its).exists()
            connection.execute(update(operations).where(*own, has_number).values(triage_id=number))

    def drop(self, issue_id: str) -> None:
        """Forget an issue that isn't in Triage any more, or that a record has now."""
        with self._transaction() as connection:
            connection.execute(delete(found).where(self._here, found.c.issue_id == issue_id))


def find_duplicate_issues(
    connection: Connection, source_id: int, settle_command: Callable[[str, str], str]
) -> list[DuplicateIssue]:
    """Return the issues of a source that a person has to settle, by key; a key and an issue make the command."""
    statement = (
        select(
            *(operations.c.key, found.c.key, operations.c.triage_id, found.c.triage_id, found.c.issue_id),
            operations.c.returned,
        )
        .where(found.c.state != FoundState.SETTLED)
        .where(or_(found.c.issue_id != operations.c.issue_id, found.c.state == FoundState.STRANGER))
        .where(or_(operations.c.issue_id.is_(None), found.c.issue_id != operations.c.issue_id))
    )
    joined = _with_creates(statement, source_id, (State.DONE,))
    found_ones = [tuple(row) for each in joined for row in connection.execute(each)]
    duplicates = list[DuplicateIssue]()
    for key, said, own, other, issue_id, returned in sorted(found_ones, key=lambda each: (each[0] or "", each[3])):
        is_alone = GONE_MARK in (returned or b"")
        right = other if is_alone else own or other
        command = settle_command(key or said or "KEY", right)
        duplicates.append(DuplicateIssue(key or said, own or "", other, issue_id, command, is_alone))
    return duplicates


def _with_creates(statement: Select[Any], source_id: int, states: Collection[State]) -> Iterator[Select[Any]]:
    """Join the found issues of a source that have a marker with the creates of its record that are in these states.

    Nearly all have their key in the footer, and operations an index of keys. For those whose key a person took away
    SQLite makes an index of markers for the statement; one that is kept would cost each create half as much again.
    """
    here = found.c.source_id + 0 == source_id  # in their own order: that of the markers is random
    its_own = operations.c.marker == found.c.marker  # a key may have been pasted
    create = and_(operations.c.act == Act.CREATE, operations.c.state.in_(states), its_own)
    by_key = and_(operations.c.source_id == found.c.source_id, operations.c.key == found.c.key)
    by_marker = unindexed_source == found.c.source_id
    for its, some in ((by_key, found.c.key != ""), (by_marker, found.c.key == "")):
        joined = statement.select_from(found.outerjoin(operations, and_(its, create)))
        yield joined.where(here, found.c.marker != "", some)
