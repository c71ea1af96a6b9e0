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

    def as_json(self, sent_fields: int) -> dict[str, int]:
        return {
            "people": self.people,
            "matched": self.matched,
            "source_says": 0,
            "file_has": self.named,
            "planned": self.planned,
            "sent": sent_fields,
        }


class PeopleNamed:
    """Counts issues by the people whom they name; nobody is counted where the mapping has no owner and no assignee."""

    def __init__(self, job: Job, shown_people: ShownPeople) -> None:
        self._job = job
        self._roster = job.people
        self._shown = shown_people
        self._issues = Counter[tuple[Identity, bool]]()
        self._unmatched = defaultdict[str, Counter[Identity]](Counter)
        self._named = self._planned = 0
        model = job.mapping.model
        self._asks = any(model.holders.values())

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
        for name, person in zip(PERSON_FIELDS, unmatched, strict=True):
            issues = self._unmatched[name]
            if not person.shown:
                continue
            if person not in issues and len(issues) >= DISTINCT_LIMIT:
                person = Identity("(others)")
            issues[person] += number

    def _count_named(self, named: Sequence[Identity], number: int, *, is_finished: bool) -> None:
        self._named += number * len(named)
        for person in dict.fromkeys(named):
            if (person, is_finished) in self._issues or len(self._issues) < DISTINCT_LIMIT:
                self._issues[person, is_finished] += number

    def assignments(self) -> Assignments:
        people = {person for person, _ in self._issues}
        matched = [person for person in people if self._roster.find(person)]
        return Assignments(len(people), len(matched), self._named, self._planned)

    def people(self) -> list[Named]:
        """Return everybody: those without a user first, then by their open issues."""
        unmatched = self._job.mapping.model.people.unmatched
        everybody = list[Named]()
        for identity in dict.fromkeys(identity for identity, _ in self._issues):
            opened = self._issues[identity, False]
            closed = self._issues[identity, True]
            name = self._shown.show(identity) or SOMEBODY
            user = self._roster.find(identity)
            if not user:
                user = unmatched.open if opened else unmatched.closed
            everybody.append(Named(name, opened, closed, user))
        return sorted(everybody, key=lambda person: (person.user != NOBODY, -person.open, -person.closed, person.name))

    def warnings(self) -> Iterator[str]:
        """Say how many people of the rows that are sent are not matched, with the command that helps."""
        command = self._job.typed.repeat("users", without=(*SELECTING, "--users"))
        for name, issues in self._unmatched.items():
            if not issues:
                continue
            field = name.removesuffix("_id")
            people = counted(len(issues), "person has", "people have")
            are_ids = all(_ID.fullmatch(person.shown) for person in issues)
            remark = _BY_IDS if are_ids else ""
            holdings = f"{field}: {people} {counted(issues.total(), 'issue')}"
            yield f"{holdings}, and none is matched with a Triage user{remark}: {command}"


def count_open(people: Sequence[Named]) -> int:
    return sum(person.open for person in people if person.user == NOBODY)
