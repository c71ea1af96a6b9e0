"""What looks at the target have seen of a source: issues with its marker that no operation knows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from importer.ledger.run import Transaction
from importer.ledger.schema import State, found, operations, sources
from importer.ledger.statements import portions
from importer.records import Act

COLUMNS = (found.c.issue_id, found.c.triage_id, found.c.marker, found.c.title, found.c.created_at, found.c.returned)


class Found(NamedTuple):
    """An issue of ours at the target as it was seen there; `marker` is "" where a person took it away.

    `created_at` is in seconds since 1970, `returned` its memory, see `compare`.
    """

    issue_id: str
    triage_id: str
    marker: str
    title: str
    created_at: float
    returned: bytes


class Double(NamedTuple):
    """A key with two issues: the ledger's own and another one."""

    key: str
    triage_id: str
    other: str


class Horizon(NamedTuple):
    """How far back the ledger knows what was sent: nothing at all (`complete` is False), or all until `since`.

    `since` is the time of the newest intent, in seconds since 1970.
    """

    complete: bool
    since: float


class Seen:
    """What is known of one source in one target beside its operations. Made by `Ledger.seen`."""

    def __init__(self, transaction: Transaction, source_id: int) -> None:
        self._transaction = transaction
        self._source_id = source_id
        self._here = found.c.source_id == source_id

    def horizon(self) -> Horizon:
        """Say how far back the ledger knows what was sent of this source."""
        newest = select(func.max(operations.c.since)).where(
            operations.c.source_id == self._source_id, operations.c.act == Act.CREATE
        )
        with self._transaction() as connection:
            looked = connection.scalar(select(sources.c.looked).where(sources.c.id == self._source_id))
            return Horizon(bool(looked), connection.scalar(newest) or 0.0)

    def note(self, issues: Iterable[Found], *, complete: bool) -> None:
        """Keep what a look has seen, but issues that an operation knows; a complete look replaces earlier ones."""
        with self._transaction() as connection:
            if complete:
                connection.execute(delete(found).where(self._here))
                connection.execute(update(sources).where(sources.c.id == self._source_id).values(looked=1))
            for some in portions(issues):
                ids = [issue.issue_id for issue in some]
                connection.execute(delete(found).where(self._here, found.c.issue_id.in_(ids)))
                known = _find_known(connection, some)
                new = {issue.issue_id: issue for issue in some if issue.issue_id not in known}
                if new:
                    values = [{"source_id": self._source_id, **issue._asdict()} for issue in new.values()]
                    connection.execute(insert(found), values)

    def find(self, markers: Iterable[str]) -> dict[str, Found]:
        """Give the issues that were seen with these markers, by marker; of two the older one."""
        statement = select(*COLUMNS).where(self._here).order_by(found.c.created_at.desc())
        with self._transaction() as connection:
            return {
                values.marker: Found(*values)
                for some in portions(markers)
                for values in connection.execute(statement.where(found.c.marker.in_(some)))
            }

    def unmarked(self) -> list[Found]:
        """Give the issues that were seen without a marker: some may have been made of this source's rows."""
        with self._transaction() as connection:
            kept = connection.execute(select(*COLUMNS).where(self._here, found.c.marker == ""))
            return [Found(*values) for values in kept]

    def count(self) -> int:
        """Count the issues that were seen with a marker and belong to no operation."""
        with self._transaction() as connection:
            return connection.scalar(select(func.count()).where(self._here, found.c.marker != "")) or 0

    def doubles(self) -> list[Double]:
        """Give the keys of which another issue was seen than the ledger's own."""
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


def _find_known(connection: Connection, issues: list[Found]) -> set[str]:
    """Give the ids that an operation knows. The index is on the `T-…`, but only the id is sure to be there."""
    numbers, ids = {issue.triage_id for issue in issues}, [issue.issue_id for issue in issues]
    known = select(operations.c.issue_id).where(operations.c.triage_id.in_(numbers), operations.c.issue_id.in_(ids))
    return set(connection.scalars(known.where(operations.c.state == State.DONE)))
