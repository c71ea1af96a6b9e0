"""What looks at the target have seen of a source: issues with its marker that no operation knows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import Connection, and_, delete, func, insert, select, update

from importer.ledger.schema import State, found, operations, sources
from importer.ledger.statements import Transaction, portions
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

    def __str__(self) -> str:
        return (
            f"{self.key} has two issues, {self.triage_id}, which the ledger knows, and {self.other}: Triage took "
            "longer than --settle-seconds to make one, or somebody copied it. Compare them, and delete one."
        )


def mark_incomplete(connection: Connection) -> None:
    """A ledger knows less than it should: all its sources are to be looked up again, and what hangs on their issues."""
    last = select(func.coalesce(func.max(operations.c.id), 0)).scalar_subquery()
    connection.execute(update(sources).values(looked=0, unsure_to=last))


class Seen:
    """What is known of one source in one target beside its operations. Made by `Ledger.seen`."""

    def __init__(self, transaction: Transaction, source_id: int) -> None:
        self._transaction = transaction
        self._source_id = source_id
        self._here = found.c.source_id == source_id

    def doubt(self) -> None:
        """A look has found an issue that the ledger should know: it may lack what hangs on the others, too."""
        with self._transaction() as connection:
            last = select(func.coalesce(func.max(operations.c.id), 0)).scalar_subquery()
            connection.execute(update(sources).where(sources.c.id == self._source_id).values(unsure_to=last))

    def is_complete(self) -> bool:
        """Say whether all of this source was looked up since the ledger last knew less than it should."""
        with self._transaction() as connection:
            return bool(connection.scalar(select(sources.c.looked).where(sources.c.id == self._source_id)))

    def known(self, triage_ids: Mapping[str, str]) -> set[str]:
        """Say which issues this source's operations know as their keys' own; `triage_ids` is issue id → `T-…`."""
        known = (
            select(operations.c.issue_id)
            .where(operations.c.source_id == self._source_id, operations.c.state == State.DONE)
            # The index is on the `T-…`, but only the id is sure to be there.
            .where(operations.c.triage_id.in_(set(triage_ids.values())), operations.c.issue_id.in_(list(triage_ids)))
        )
        with self._transaction() as connection:
            return set(connection.scalars(known))

    def owner_of(self, issue_id: str) -> str:
        """Say which key of this target's sources has this issue, "" if none."""
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
        """Begin a complete look: it replaces what earlier ones saw."""
        with self._transaction() as connection:
            connection.execute(delete(found).where(self._here))

    def note(self, issues: Sequence[Found]) -> None:
        """Keep what a look has seen, in the place of what was seen of the same issues before."""
        if not issues:
            return
        values = [{"source_id": self._source_id, **issue._asdict()} for issue in issues]
        with self._transaction() as connection:
            ids = [issue.issue_id for issue in issues]
            connection.execute(delete(found).where(self._here, found.c.issue_id.in_(ids)))
            connection.execute(insert(found), values)

    def complete(self) -> None:
        """End a complete look: from now on the ledger knows what is there."""
        with self._transaction() as connection:
            connection.execute(update(sources).where(sources.c.id == self._source_id).values(looked=1))

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

    def count(self, states: Collection[State] = (State.DONE,)) -> int:
        """Count the records of which an issue was seen and no create is known that is in one of these states."""
        decided = select(operations.c.marker).where(
            operations.c.source_id == self._source_id,
            operations.c.act == Act.CREATE,
            operations.c.state.in_(states),
        )
        statement = select(func.count(found.c.marker.distinct())).where(self._here, found.c.marker != "")
        with self._transaction() as connection:
            return connection.scalar(statement.where(found.c.marker.not_in(decided))) or 0

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
