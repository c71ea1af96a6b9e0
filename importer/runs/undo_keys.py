"""What an undo asks of the keys of a run: what the run has made of each, and what earlier undos have, on disk."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from importer.ledger.journal import Run
from importer.ledger.schema import RunKind
from importer.ledger.statements import portions
from importer.ledger.store import Ledger
from importer.records import Outcome
from importer.runs.planned_changes import PlannedChange
from importer.scratch import Scratch

_SCHEMA = """
CREATE TABLE keys (
    key TEXT PRIMARY KEY, became TEXT NOT NULL DEFAULT '', tried TEXT NOT NULL DEFAULT '',
    is_planned INTEGER NOT NULL DEFAULT 0, is_given_back INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
"""
CREATED = "became = 'created' AND tried != 'updated'"
"""Keys whose issues the run created, and no earlier attempt has closed or deleted."""
CREATED_BEFORE = "became = 'created' AND tried = 'updated'"
"""Those that it has closed or deleted."""
GIVEN_BEFORE = "became != 'created' AND tried = 'updated'"
"""Keys whose issues an earlier attempt has given their old values back."""
OTHERS = "became = 'updated' AND tried != 'updated' AND NOT is_planned"
"""Keys whose issues the run updated, and of which there is nothing to give back."""
GIVEN_ALREADY = f"{OTHERS} AND is_given_back"
"""Those that another undo has given their old values back."""


class UndoKeys:
    """The keys of a run. Every method raises StorageFull if the temporary disk is full."""

    def __init__(self, ledger: Ledger, run: Run, own: Run | None) -> None:
        """Read them; `own` is the run of an attempt at the same undo that is still open."""
        self._scratch = Scratch(_SCHEMA)
        became = (row for row in run.results() if row.outcome in (Outcome.CREATED, Outcome.UPDATED))
        self._put("became", ((row.key, row.outcome.value) for row in became))
        if own is not None:
            self._put("tried", ((row.key, row.outcome.value) for row in own.results()))
        self._scratch.write("UPDATE keys SET is_given_back = 1 WHERE key = ?", find_given_back(ledger, run))

    def _put(self, column: str, values: Iterator[tuple[str, str]]) -> None:
        put = f"INSERT INTO keys (key, {column}) VALUES (?, ?) ON CONFLICT DO UPDATE SET {column} = excluded.{column}"
        self._scratch.write(put, values)

    def choose(self, changes: Iterable[PlannedChange]) -> Iterator[PlannedChange]:
        """Yield the changes that are still to be made; what the run created is not given back, but taken back."""
        for some in portions(changes):
            known = self._find([change.operation.key for change in some])
            chosen = list[PlannedChange]()
            for change in some:
                became, tried = known.get(change.operation.key, ("", ""))
                if change.restores != (became == Outcome.CREATED) and tried != Outcome.UPDATED:
                    chosen.append(change._replace(was_sent=tried == Outcome.UNKNOWN))
            restored = ((change.operation.key,) for change in chosen if change.restores)
            self._scratch.write("UPDATE keys SET is_planned = 1 WHERE key = ?", restored)
            yield from chosen

    def _find(self, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """Return for each known key what the run has made of it, and what the open attempt."""
        query = f"SELECT key, became, tried FROM keys WHERE key IN ({', '.join('?' * len(keys))})"
        return {key: (became, tried) for key, became, tried in self._scratch.rows(query, keys)}

    def count(self, condition: str) -> int:
        """Count the keys that meet one of the conditions above."""
        (number,) = self._scratch.row(f"SELECT count(*) FROM keys WHERE {condition}")
        return int(number)


def find_given_back(ledger: Ledger, run: Run) -> Iterator[tuple[str]]:
    """Yield the keys of the issues that earlier undos of a run have dealt with, or found dealt with."""
    undos = (each for each in ledger.list_runs() if each.kind is RunKind.UNDO and each.options.get("of") == run.name)
    done = (Outcome.UPDATED, Outcome.UNCHANGED)
    return ((row.key,) for each in undos for row in each.results() if row.outcome in done)
