"""Counts the people of a source whom nothing matches with Triage's users."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator

from importer.check.command_line import SELECTING
from importer.check.examine import Examined
from importer.check.job import Job
from importer.check.plan import Plan
from importer.mapping.identities import Identity, Roster
from importer.phrases import counted

PEOPLE_LIMIT = 10_000
"""People that are told apart: memory must not grow with the rows."""
_ID = re.compile(r"[0-9a-f]{32}")
_BY_IDS = " (the file has ids in place of names: export display values, of ServiceNow's API sysparm_display_value=all)"


class UnmatchedPeople:
    """Counts who owns and works on the rows that are sent. With a users.csv the findings of the rows say it."""

    def __init__(self, roster: Roster) -> None:
        self._asked = not roster.lines
        self._issues: defaultdict[str, Counter[Identity]] = defaultdict(Counter)

    def add(self, examined: Examined, plan: Plan) -> None:
        """Count the people of a chunk."""
        if not self._asked:
            return
        for name, people in examined.records.people.unmatched.items():
            known = self._issues[name]
            sent = [who for row, who in enumerate(people) if row not in plan.left_out] if plan.left_out else people
            issues = Counter(sent)
            for who, count in issues.items():
                if who.shown:
                    known[who if who in known or len(known) < PEOPLE_LIMIT else Identity("(others)")] += count

    def sentences(self, job: Job) -> Iterator[str]:
        """Say how many people are not matched, with the command that helps."""
        command = job.typed.repeat("users", without=(*SELECTING, "--users"))
        for name, known in self._issues.items():
            if known:
                people = "1 person has" if len(known) == 1 else f"{len(known):,} people have"
                who = f"{name.removesuffix('_id')}: {people} {counted(known.total(), 'issue')}"
                named = _BY_IDS if all(_ID.fullmatch(one.shown) for one in known) else ""
                yield f"{who}, and nobody is matched with a user of Triage{named}: {command}"
