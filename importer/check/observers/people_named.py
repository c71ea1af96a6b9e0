"""The people whom a source names as owner or assignee: how many issues they have, and who has no user in Triage."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from importer.api import FINISHED, PERSON_FIELDS
from importer.check.examine import RowRun
from importer.check.job import Job
from importer.check.plan import DISTINCT_LIMIT
from importer.mapping.identities import NOBODY, Identity
from importer.phrases import counted
from importer.sources.command_line import SELECTING
from importer.transform.shown_people import SOMEBODY, ShownPeople

_ID = re.compile(r"[0-9a-f]{32}")
_BY_IDS = " (the file has ids instead of names: export display values; in ServiceNow's API, sysparm_display_value=all)"


class Named(NamedTuple):
    """A person of the source: open and closed issues, and the Triage user that they are, or what they get instead."""

    name: str
    open: int
    closed: int
    user: str


class Assignments(NamedTuple):
    """Owners and assignees of a source, counted together.

    people, matched  whom it names, and how many of these have a user in Triage
    named, planned   how often it names somebody, and how many of the issues' fields would be filled
    """

    people: int = 0
    matched: int = 0
    named: int = 0
    planned: int = 0

    def as_json(self, sent: int) -> dict[str, int]:
        has = {"people": self.people, "matched": self.matched}
        return {**has, "source_says": 0, "file_has": self.named, "planned": self.planned, "sent": sent}


class PeopleNamed:
    """Counts issues by the people whom they name; nobody is counted where the mapping has no owner and no assignee."""

    def __init__(self, job: Job, shown: ShownPeople) -> None:
        self._job, self._roster, self._shown = job, job.people, shown
        self._issues = Counter[tuple[Identity, bool]]()
        self._unmatched = defaultdict[str, Counter[Identity]](Counter)
        self._named = self._planned = 0
        model = job.mapping.model
        self._asks = model.owner is not None or model.assignee is not None

    def add(self, run: RowRun) -> None:
        """Count the people of a run of rows; who is both owner and assignee counts once."""
        # With a users.csv the findings of the rows say who is unmatched.
        if not self._roster.lines:
            sent = Counter(row.issue.unmatched for row in run.rows if not row.is_left_out)
            for unmatched, number in sent.items():
                self._count_unmatched(unmatched, number)
        if not self._asks:
            return
        planned = (row.issue for row in run.rows if row.operation is not None)
        self._planned += sum(bool(user_id) for issue in planned for user_id in issue.user_ids)
        counted_issues = (row.issue for row in run.rows if row.is_counted)
        holders = Counter((issue.people.named, issue.status in FINISHED) for issue in counted_issues)
        for (named, is_finished), number in holders.items():
            self._count_named([who for who in named if who.shown], number, is_finished=is_finished)

    def _count_unmatched(self, unmatched: Sequence[Identity], number: int) -> None:
        for name, who in zip(PERSON_FIELDS, unmatched, strict=True):
            known = self._unmatched[name]
            if who.shown:
                known[who if who in known or len(known) < DISTINCT_LIMIT else Identity("(others)")] += number

    def _count_named(self, named: Sequence[Identity], number: int, *, is_finished: bool) -> None:
        self._named += number * len(named)
        for who in dict.fromkeys(named):
            if (who, is_finished) in self._issues or len(self._issues) < DISTINCT_LIMIT:
                self._issues[who, is_finished] += number

    def assignments(self) -> Assignments:
        people = {who for who, _ in self._issues}
        matched = sum(1 for who in people if self._roster.find(who))
        return Assignments(len(people), matched, self._named, self._planned)

    def people(self) -> list[Named]:
        """Return everybody: those without a user first, then by their open issues."""
        found = []
        for who in dict.fromkeys(who for who, _ in self._issues):
            opened, closed = self._issues[who, False], self._issues[who, True]
            user = self._roster.find(who)
            unmatched = self._job.mapping.model.people.unmatched
            instead = unmatched.open if opened else unmatched.closed
            found.append(Named(self._shown.show(who) or SOMEBODY, opened, closed, user or instead))
        return sorted(found, key=lambda each: (each.user != NOBODY, -each.open, -each.closed, each.name))

    def warnings(self) -> Iterator[str]:
        """Say how many people of the rows that are sent are not matched, with the command that helps."""
        command = self._job.typed.repeat("users", without=(*SELECTING, "--users"))
        for name, known in self._unmatched.items():
            if known:
                people = counted(len(known), "person has", "people have")
                who = f"{name.removesuffix('_id')}: {people} {counted(known.total(), 'issue')}"
                named = _BY_IDS if all(_ID.fullmatch(one.shown) for one in known) else ""
                yield f"{who}, and none is matched with a Triage user{named}: {command}"


def count_open(people: Sequence[Named]) -> int:
    return sum(each.open for each in people if each.user == NOBODY)
