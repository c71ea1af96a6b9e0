"""Finds which rows that earlier runs rejected are dealt with by the rows of now, and which still wait for somebody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from importer.check.checked_row import CheckedRow
from importer.check.examine import RowRun
from importer.codes import GROUP_PARTIAL, NEWER_FILE_IN, NOT_SELECTED, OLDER_FILE_OPEN
from importer.records import DEALT_WITH, KeptRejected, Outcome, Rejected, digest_row

WAITS = {NOT_SELECTED, OLDER_FILE_OPEN}
"""Why a row is skipped that another run will take."""
OLDER = {NEWER_FILE_IN, GROUP_PARTIAL, "older-than"}
"""Why a row is skipped that says nothing of others of its key."""


def replaces(date: float | None, before: float | None) -> bool:
    """Whether a row takes the place of one of its key that came before, by their dates of change."""
    return date is None or before is None or date >= before


class StillRejected:
    """Compares the rows of now with those that were rejected before.

    `recurs` says that the rows of an issue don't replace each other: then only the same row is one that was rejected.
    """

    def __init__(self, before: Sequence[Rejected], *, recurs: bool) -> None:
        self._before, self._recurs = before, recurs
        self._since = {rejected.digest: rejected.since for rejected in before}
        self._by_key = defaultdict[str, list[Rejected]](list)
        self._by_place = defaultdict[str, list[Rejected]](list)
        for rejected in before:
            self._by_key["" if recurs else rejected.key].append(rejected)
            self._by_place[rejected.place].append(rejected)
        self._met = set[str]()
        self._own_by_key = defaultdict[str, set[str]](set)
        self._own = dict[str, tuple[float | None, float | None]]()  # digest → since when, if before, and date of change
        self._replaced = set[str]()  # of these, those whose key has a newer row further down

    def add(self, run: RowRun) -> None:
        for row in run.rows:
            name = "" if self._recurs else row.key
            is_known = "" in self._by_key or name in self._by_key or name in self._own_by_key
            if is_known or row.outcome is Outcome.REJECTED or row.result.origin:
                self._add(row, name)

    def _add(self, row: CheckedRow, name: str) -> None:
        """Look which rows of before are dealt with by a row that is known by this name, "" by its content alone."""
        if not WAITS.isdisjoint(row.result.codes):
            return
        issue, origin = row.issue, row.result.origin
        date = None if issue.newest is None else issue.newest.timestamp()
        digest = digest_row(issue.row.raw)
        if name and OLDER.isdisjoint(row.result.codes):
            # A newer row of its key was rejected before.
            rejected_before = self._by_key.get(name, ())
            self._met.update(rejected.digest for rejected in rejected_before if replaces(date, rejected.date))
        if digest in self._since:
            # The same row was.
            self._met.add(digest)
        if origin and len(self._by_place.get(origin, ())) == 1:
            # A corrected row says where it came from; files of two nights may have one name.
            self._met.add(self._by_place[origin][0].digest)
        if row.outcome is Outcome.REJECTED:
            self._own[digest] = self._since.get(digest), date
            if name:
                self._own_by_key[name].add(digest)
            return
        # It is the newer row of one that was rejected further up.
        earlier = self._own_by_key.pop(name, set[str]())
        self._replaced |= {earlier_digest for earlier_digest in earlier if replaces(date, self._own[earlier_digest][1])}

    def left(self, *, is_whole: bool) -> list[Rejected]:
        """Return the rows of earlier runs that still wait for somebody.

        What has become of a row, or of a newer one of its key, is told by that one. A row that a whole source doesn't
        have is gone from the tracker, too. Of any other row nobody has said anything.
        """
        if is_whole:
            return []
        return [rejected for rejected in self._before if rejected.digest not in self._met]

    def keep(self, waiting: Sequence[Rejected]) -> KeptRejected:
        """Return what the next run needs to know, of rows of earlier runs that still wait and of those of now."""
        return {
            **{rejected.digest: (rejected.since, rejected.run, rejected.date) for rejected in waiting},
            **{digest: (since, "", date) for digest, (since, date) in self._own.items()},
            **dict.fromkeys(self._replaced, (DEALT_WITH, "", None)),
        }
