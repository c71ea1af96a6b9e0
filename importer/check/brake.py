"""The brake on emptied values: how many of one name may be blank at once, in a source or in a project of its keys.

A person clears a text, and a label is retired; an exporting account that may not read a field any more finds all of its
values blank.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from string import digits
from typing import NamedTuple

MOST = 10
"""Values of one name that may be emptied within a week, however few issues have one."""
KINDS = 100
"""Values that are told apart: one that most issues lose is among the first."""
_BEFORE_NUMBER = ("-", "#", "/", "!")


class Emptied(NamedTuple):
    """How many values of one name are emptied.

    decisions  the same, with those that most of them were as one, see `LostValues`
    rows       rows with an issue, of the runs that emptied any
    """

    values: int = 0
    decisions: int = 0
    rows: int = 0

    def joined(self, other: Emptied) -> Emptied:
        return Emptied._make(one + more for one, more in zip(self, other, strict=True))


class LostValues:
    """Counts values of one name that are blank now.

    A label that is retired is one decision, on however many issues it was. Where an account may not read a field any
    more, it loses many values.
    """

    def __init__(self) -> None:
        self.values = 0
        self._alike = Counter[object]()

    def add(self, value: object) -> None:
        """Count a value as it is stored; None if that isn't known."""
        self.values += 1
        if value is not None and (value in self._alike or len(self._alike) < KINDS):
            self._alike[value] += 1

    @property
    def decisions(self) -> int:
        """How many values are lost, with one that most issues lose counted once."""
        alike = max(self._alike.values(), default=0)
        return self.values - alike + 1 if 2 * alike > self.values else self.values


def project_of(key: str) -> str:
    """Return the source and the project that a key names, "" if it doesn't: `jira:VOICE-1` is of `jira:VOICE`."""
    project = key.rstrip(digits)
    return project[:-1] if project != key and project.endswith(_BEFORE_NUMBER) else ""


def scopes_of(key: str) -> list[str]:
    """Return within what the emptied values of an issue are counted: all of the source, and the key's project."""
    return list(dict.fromkeys(("", project_of(key))))


def add_up(runs: Iterable[Iterable[tuple[str, str, int, int, int]]]) -> Mapping[tuple[str, str], Emptied]:
    """Add up what runs have kept of `check.observers.held_values`."""
    total = defaultdict[tuple[str, str], Emptied](Emptied)
    for project, name, *emptied in (each for run in runs for each in run):
        total[project, name] = total[project, name].joined(Emptied(*emptied))
    return total


def are_too_many(tonight: Emptied, week: Emptied, count_stored: Callable[[], int]) -> bool:
    """Whether so many values of one name are blank tonight that they stay: more than a few, and more than half.

    week          what the runs of the last week have emptied
    count_stored  counts the issues that have such a value; it takes long
    """
    both = tonight.joined(week)
    if both.values <= MOST:
        return False
    # A file of one project, whose keys don't name it, is few of the rows of a week.
    if tonight.values > MOST and 2 * tonight.decisions > tonight.rows:
        return True
    # In what has changed a day, a permission that was lost is seen a few rows a night.
    if 2 * both.decisions > both.rows:
        return True
    return 2 * both.values > count_stored() + week.values
