"""The rows of a check that finds nothing to send: they are the run's rows, and the source isn't read for them again."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain

from importer.check.history import LedgerHistory
from importer.check.plan import Plan
from importer.errors import RunStopped
from importer.ledger.journal import Run
from importer.load.attempt import Sent
from importer.records import Outcome, Row
from importer.scratch import Scratch


class SettledRows:
    """Keeps the rows of one reading on disk, until the first chunk of which something is to be sent."""

    def __init__(self) -> None:
        self._scratch: Scratch | None = None

    @contextmanager
    def open(self) -> Iterator[SettledRows]:
        """Begin a reading; its rows replace those of an earlier one."""
        self.close()
        self._scratch = Scratch("CREATE TABLE chunks (place INTEGER PRIMARY KEY, rows BLOB NOT NULL);")
        yield self

    def write(self, plan: Plan) -> None:
        """Keep the rows of a chunk. Raises StorageFull if the temporary disk is full."""
        if plan.operations or plan.additions:
            self.close()
        if self._scratch is not None:
            columns = dict(zip(Row._fields, map(list, zip(*plan.rows, strict=True)), strict=True))
            for place, row in enumerate(plan.rows):
                if row.outcome is Outcome.UNCHANGED:
                    columns["attempts"][place] = plan.ledger[row.key].attempts
                    columns["title"][place] = ""
            self._scratch.write("INSERT INTO chunks (rows) VALUES (?)", [(pickle.dumps(list(columns.values())),)])

    def are_all(self, run: Run, known: LedgerHistory) -> bool:
        """Whether they are all that there is to a run: nothing is to be sent, looked for, or taken into the ledger."""
        return self._scratch is not None and run.attempts == 1 and not known.matched and not run.find_undecided()

    def hand_over(self, run: Run, sent: Sent) -> Sent:
        """Write them as the rows of a run. What stops that is in the result."""
        assert self._scratch is not None
        chunks = self._scratch.rows("SELECT rows FROM chunks ORDER BY place")
        try:
            run.settle(map(Row._make, chain.from_iterable(zip(*pickle.loads(rows), strict=True) for (rows,) in chunks)))
        except RunStopped as error:
            return replace(sent, stopped=sent.stopped or error)
        finally:
            self.close()
        return sent

    def close(self) -> None:
        """Forget all rows."""
        if self._scratch is not None:
            self._scratch.close()
            self._scratch = None
