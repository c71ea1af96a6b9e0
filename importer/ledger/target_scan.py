"""What discovery found: issues in Triage with a source's marker that no operation in the ledger knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from importer.ledger.schema import State, found, operations, sources
from importer.ledger.statements import Transaction, portions
from importer.records import Act

COLUMNS = (found.c.issue_id, found.c.triage_id, found.c.marker, found.c.title, found.c.created_at, found.c.returned)


class Found(NamedTuple):
    """An issue of the source that discovery found in Triage.

    marker      its record's, "" if a person removed it
    created_at  seconds since 1970
    returned    its snapshot, see `triage.snapshot`
    """

    issue_id: str
    triage_id: str
    marker: str
    title: str
    created_at: float
    returned: bytes


class Double(NamedTuple):
    """A key with two issues in Triage: the one that the ledger knows, and another."""

    key: str
    triage_id: str
    other: str

    def __str__(self) -> str:
        return (
            f"{self.key} has two issues, {self.triage_id}, which the ledger knows, and {self.other}: Triage took "
            "longer than --settle-seconds to make one, or somebody copied it. Compare them, and delete one."
        )


def mark_incomplete(connection: Connection) -> None:
    """Record that the ledger lost something: discovery is due for all sources, and issues may have more additions."""
    last = select(func.coalesce(func.max(operations.c.id), 0)).scalar_subquery()
    connection.execute(update(sources).values(looked=0, unsure_to=last))


class Seen:
    """The issues of one source that discovery found in a target. Made by `Ledger.seen`."""

    def __init__(self, transaction: Transaction, source_id: int) -> None:
        self._transaction = transaction
        self._source_id = source_id
        self._here = found.c.source_id == source_id

    def doubt(self) -> None:
        """Record that discovery found an issue that the ledger should know: it may lack additions to others, too."""
        with self._transaction() as connection:
            last = select(func.coalesce(func.max(operations.c.id), 0)).scalar_subquery()
            connection.execute(update(sources).where(sources.c.id == self._source_id).values(unsure_to=last))

    def is_complete(self) -> bool:
        """Whether discovery has been completed for this source since the ledger was last found to be incomplete."""
        with self._transaction() as connection:
            return bool(connection.scalar(select(sources.c.looked).where(sources.c.id == self._source_id)))

    def known(self, triage_ids: Mapping[str, str]) -> set[str]:
        """Return the ids of those issues that belong to a key of this source; `triage_ids` is issue id → `T-…`."""
        known = (
            select(operations.c.issue_id)
            .where(operations.c.source_id == self._source_id, operations.c.state == State.DONE)
            # The index is on the `T-…`, but only the id is certain to be known.
            .where(operations.c.triage_id.in_(set(triage_ids.values())), operations.c.issue_id.in_(list(triage_ids)))
        )
        with self._transaction() as connection:
            return set(connection.scalars(known))

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
        """Begin a complete discovery: delete what earlier ones found."""
        with self._transaction() as connection:
            connection.execute(delete(found).where(self._here))

    def note(self, issues: Sequence[Found]) -> None:
        """Store issues that were found, replacing what was stored of them before."""
        if not issues:
            return
        values = [{"source_id": self._source_id, **issue._asdict()} for issue in issues]
        with self._transaction() as connection:
            ids = [issue.issue_id for issue in issues]
            connection.execute(delete(found).where(self._here, found.c.issue_id.in_(ids)))
            connection.execute(insert(found), values)

    def complete(self) -> None:
        """End a complete discovery: from now on the ledger knows all issues of this source."""
        with self._transaction() as connection:
            connection.execute(update(sources).where(sources.c.id == self._source_id).values(looked=1))

    def find(self, markers: Iterable[str]) -> dict[str, Found]:
        """Return the found issues with these markers, by marker; of two with the same the older one."""
        statement = select(*COLUMNS).where(self._here).order_by(found.c.created_at.desc())
        with self._transaction() as connection:
            return {
                values.marker: Found(*values)
                for some in portions(markers)
                for values in connection.execute(statement.where(found.c.marker.in_(some)))
            }

    def unmarked(self) -> list[Found]:
        """Return the found issues without a marker, some of which may come from this source's rows."""
        with self._transaction() as connection:
            kept = connection.execute(select(*COLUMNS).where(self._here, found.c.marker == ""))
            return [Found(*values) for values in kept]

    def count(self, states: Collection[State] = (State.DONE,)) -> int:
        """Count the records that have a found issue but no create in one of these states."""
        decided = select(operations.c.marker).where(
            operations.c.source_id == self._source_id,
            operations.c.act == Act.CREATE,
            operations.c.state.in_(states),
        )
        statement = select(func.count(found.c.marker.distinct())).where(self._here, found.c.marker != "")
        with self._transaction() as connection:
            return connection.scalar(statement.where(found.c.marker.not_in(decided))) or 0

    def doubles(self) -> list[Double]:
        """Return the keys for which another issue was found than the one that the ledger knows."""
        same = and_(found.c.source_id == operations.c.source_id, found.c.marker == operations.c.marker)
        statement = (
            select(operations.c.key, operations.c.triage_id, found.c.triage_id)
            .select_from(found.join(operations, same))
            .where(self._here, operations.c.state == State.DONE, operations.c.act == Act.CREATE)
            .where(found.c.issue_id != operations.c.issue_id)
            .order_by(operations.c.key)
        )
        with self._transaction() as connection:
            return [Double(*values) for values in connection.execute(statement)]
