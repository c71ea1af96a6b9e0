"""Account names: what a source calls the person of each account, so that mentions in texts can show names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

from importer.check.job import Job
from importer.mapping.identities import Identity
from importer.mapping.reads import collect_persons, collect_refs, collect_tables
from importer.records import Chunk, Ref, Table
from importer.transform.columns import Columns
from importer.transform.people import identify_all

KNOWN_LIMIT = 100_000
"""Distinct people whose names are kept: a staff has fewer, and the callers of a help desk must not fill the memory."""


class AccountNames:
    """Counts the names of each account, in the columns that have both of a person.

    None are wanted without mentions and comments, or where no file may have such columns.
    """

    def __init__(self, job: Job) -> None:
        model = job.mapping.model
        are_wanted = model.people.mentions is not None or model.comments is not None
        self._persons = [
            person
            for person in (collect_persons(model) if are_wanted else ())
            if person.name is not None
            and person.account is not None
            and job.source.may_have(person.name.refs, person.account.refs)
        ]
        self.refs: Sequence[Ref] = collect_refs(self._persons)
        self.tables: Sequence[Table] = collect_tables(self._persons)
        self._pairs = Counter[Identity]()

    def add(self, chunk: Chunk, columns: Columns) -> None:
        """Count the people of a chunk."""
        for person in self._persons:
            count_known(self._pairs, chain.from_iterable(identify_all(person, columns)))

    def by_account(self) -> Mapping[str, str]:
        """Account → name: of several the most frequent, then the first."""
        names: dict[str, str] = {}
        for who, _ in self._pairs.most_common():  # of equal counts the first comes first
            if who.account and who.name:
                names.setdefault(who.account, who.name)
        return names


def count_known(seen: Counter[Identity], people: Iterable[Identity]) -> None:
    """Count rows by person, up to KNOWN_LIMIT distinct people, so that memory stays flat."""
    for who, rows in Counter(people).items():
        if who.shown and (who in seen or len(seen) < KNOWN_LIMIT):
            seen[who] += rows
