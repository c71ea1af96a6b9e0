"""The course of a run: its attempts, and when its issues were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select

from importer.ledger.schema import State, attempts, operations
from importer.ledger.statements import Transaction
from importer.records import Act

MINUTE = 60
ROWS_AT_ONCE = 10_000


@dataclass(frozen=True)
class Course:
    """How a run went. Times are seconds since 1970.

    attempts  beginning and end of each attempt; no end where its process was killed, or is still running
    made      minute since 1970 → issues made in it
    """

    attempts: Sequence[tuple[float, float | None]]
    made: Mapping[int, int]


class CourseReader:
    """Reads the course of one run."""

    def __init__(self, transaction: Transaction, run_id: int) -> None:
        self._transaction, self._run_id = transaction, run_id

    def __call__(self) -> Course:
        """Return it as it is by now."""
        began = select(attempts.c.started_at, attempts.c.ended_at).where(attempts.c.run_id == self._run_id)
        answered = select(operations.c.since).where(
            operations.c.run_id == self._run_id, operations.c.act == Act.CREATE, operations.c.state == State.DONE
        )
        made = Counter[int]()
        with self._transaction() as connection:
            tries = [(begin, end) for begin, end in connection.execute(began.order_by(attempts.c.id))]
            for times in connection.execute(answered).scalars().partitions(ROWS_AT_ONCE):
                made.update(int(seconds // MINUTE) for seconds in times if seconds)
        return Course(tries, dict(sorted(made.items())))
