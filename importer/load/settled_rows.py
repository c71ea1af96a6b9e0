"""The rows of a check that finds nothing to send, which become the run's rows without another reading."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from importer.check.examine import Examined
from importer.check.history import LedgerHistory
from importer.check.plan import Plan
from importer.errors import RunStopped
from importer.ledger.journal import Run
from importer.ledger.packed_rows import BLOCK_ROWS, Block, find_plain, pack
from importer.load.attempt import Sent
from importer.records import Outcome, Rows
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

    def add(self, _: Examined, plan: Plan) -> None:
        """Keep the rows of a chunk. Raises StorageFull if the temporary disk is full."""
        if plan.operations or plan.additions:
            self.close()
        if self._scratch is not None:
            self._scratch.write("INSERT INTO chunks (rows) VALUES (?)", [(pickle.dumps(some),) for some in _pack(plan)])

    def are_all(self, run: Run, known: LedgerHistory) -> bool:
        """Whether they make up the whole run: nothing is to be sent, settled, or added to the ledger."""
        return self._scratch is not None and run.attempts == 1 and not (known.matched or known.undecided)

    def hand_over(self, run: Run, sent: Sent) -> Sent:
        """Write them as the rows of a run. An error that stops this is in the result."""
        assert self._scratch is not None
        kept = (pickle.loads(rows) for (rows,) in self._scratch.rows("SELECT rows FROM chunks ORDER BY place"))
        try:
            run.settle(kept)
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


def _pack(plan: Plan) -> Iterator[Block | Rows]:
    """Pack the rows of a chunk, those with more to say as columns; unchanged ones have their title in the ledger."""
    of = dict(plan.rows.columns)
    keyed = zip(of["key"], of["outcome"], of["attempts"], strict=True)
    titled = zip(of["title"], of["outcome"], strict=True)
    of["attempts"] = [plan.ledger[key].attempts if how is Outcome.UNCHANGED else own for key, how, own in keyed]
    of["title"] = ["" if how is Outcome.UNCHANGED else title for title, how in titled]
    for start in range(0, len(plan.rows), BLOCK_ROWS):
        some = Rows({name: column[start : start + BLOCK_ROWS] for name, column in of.items()})
        has_more = any(some.columns["additions_planned"]) or any(some.columns["follows"]) or not all(find_plain(some))
        yield some if has_more else pack(some)
