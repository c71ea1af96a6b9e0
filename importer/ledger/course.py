"""The course of a run: its attempts, what happened in each minute, and when its issues were made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, func, insert, select, update

from importer.ledger.schema import State, attempts, minutes, operations
from importer.ledger.statements import Transaction
from importer.records import Act, Minute

MINUTE = 60
ROWS_AT_ONCE = 10_000
COUNTS = Minute._fields[1:]


class AttemptTimes(NamedTuple):
    """When an attempt began and ended, in seconds since 1970, and how.

    It has no end where its process was killed or is still running, and no exit code then.
    """

    began: float
    ended: float | None
    exit_code: int | None


@dataclass(frozen=True)
class Course:
    """How a run went.

    made     minute since 1970 → issues made in it
    minutes  what happened to requests, in order
    """

    attempts: Sequence[AttemptTimes]
    made: Mapping[int, int]
    minutes: Sequence[Minute] = ()


class CourseReader:
    """Reads the course of one run."""

    def __init__(self, transaction: Transaction, run_id: int) -> None:
        self._transaction, self._run_id = transaction, run_id

    def __call__(self, created: int) -> Course:
        """Return it as it is by now; of a run that has `created` nothing no issue is looked for."""
        own = select(attempts.c.started_at, attempts.c.ended_at, attempts.c.exit_code).order_by(attempts.c.id)
        sums = select(minutes.c.minute, *(func.sum(minutes.c[name]) for name in COUNTS)).join(attempts)
        by_minute = sums.where(attempts.c.run_id == self._run_id).group_by(minutes.c.minute)
        answered = select(operations.c.since).where(
            operations.c.run_id == self._run_id, operations.c.act == Act.CREATE, operations.c.state == State.DONE
        )
        made = Counter[int]()
        with self._transaction() as connection:
            tries = [AttemptTimes(*each) for each in connection.execute(own.where(attempts.c.run_id == self._run_id))]
            noted = [Minute(*each) for each in connection.execute(by_minute.order_by(minutes.c.minute))]
            if created:
                for times in connection.execute(answered).scalars().partitions(ROWS_AT_ONCE):
                    made.update(int(seconds // MINUTE) for seconds in times if seconds)
        return Course(tries, dict(sorted(made.items())), noted)


def write_minutes(connection: Connection, attempt_id: int, noted: Sequence[Minute]) -> None:
    """Add what happened in minutes of an attempt; a clock that was put back gives a minute twice."""
    for each in noted:
        its = (minutes.c.attempt_id == attempt_id, minutes.c.minute == each.minute)
        more = {name: minutes.c[name] + getattr(each, name) for name in COUNTS}
        if not connection.execute(update(minutes).where(*its).values(more)).rowcount:
            connection.execute(insert(minutes).values(attempt_id=attempt_id, **each._asdict()))
