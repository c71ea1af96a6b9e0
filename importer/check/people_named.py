"""The people whom a source names as owner or assignee, with the number of their issues and their Triage user."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from importer.api import FINISHED
from importer.check.job import Job
from importer.check.plan import Plan
from importer.check.rows import Examined
from importer.mapping.identities import NOBODY, Identity
from importer.transform.shown_people import SOMEBODY, ShownPeople

KNOWN_LIMIT = 10_000
"""People who are counted apart: the callers of a help desk must not fill the memory."""


class Named(NamedTuple):
    """A person of the source: open and closed issues, and the Triage user that they are, or what they get instead."""

    name: str
    open: int
    closed: int
    user: str


class PeopleNamed:
    """Counts issues by the people whom they name; nobody is counted where the mapping has no owner and no assignee."""

    def __init__(self, job: Job, shown: ShownPeople) -> None:
        model = job.mapping.model
        self._roster, self._unmatched = job.people, model.people.unmatched
        self._shown = shown
        self._issues = Counter[tuple[Identity, bool]]()

    def add(self, examined: Examined, _: Plan) -> None:
        """Count the people of a chunk; who is both owner and assignee counts once."""
        records, rows = examined.records, examined.flowing()
        if not records.people.named:
            return
        finished = [status in FINISHED for status in records.targets("status")]
        people = zip(*records.people.named.values(), strict=True)
        alike = Counter(map(list(zip(people, finished, strict=True)).__getitem__, rows))
        for (named, is_finished), issues in alike.items():
            for each in ((who, is_finished) for who in dict.fromkeys(named) if who.shown):
                if each in self._issues or len(self._issues) < KNOWN_LIMIT:
                    self._issues[each] += issues

    def people(self) -> list[Named]:
        """Return everybody: those without a user first, then by their open issues."""
        found = []
        for who in dict.fromkeys(who for who, _ in self._issues):
            opened, closed = self._issues[who, False], self._issues[who, True]
            user = self._roster.find(who)
            instead = self._unmatched.open if opened else self._unmatched.closed
            found.append(Named(self._shown.show(who) or SOMEBODY, opened, closed, user or instead))
        return sorted(found, key=lambda each: (each.user != NOBODY, -each.open, -each.closed, each.name))


def count_open(people: Sequence[Named]) -> int:
    """Count the open issues whose person has no user."""
    return sum(each.open for each in people if each.user == NOBODY)
