"""What a source says of people: the names of its accounts, and how much of it is whose."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from importer.check.rows import Examined, Job, examine
from importer.errors import UsageError
from importer.mapping.issue_parts import Person
from importer.mapping.model import Mapping as MappingModel
from importer.mapping.users_table import Someone
from importer.transform.columns import Columns
from importer.transform.people import CLOSED, Identity, identify, identify_all, number_people
from importer.transform.transform import Records, collect_refs, collect_tables

if TYPE_CHECKING:
    from importer.check.check_pass import Progress

_MAIL = re.compile(r"[^\s@]+@[^\s@]+")
KNOWN_LIMIT = 100_000
"""Distinct people of whom names are learned: staff has fewer, and a desk's callers must not fill the memory."""


def learn_names(job: Job) -> Mapping[str, str]:
    """Account → name, as the columns of the source say it beside each other; nothing where no text can have accounts.

    Of several names of an account the most frequent counts, then the first. It reads the source, whatever `--limit`.
    """
    model = job.mapping.model
    named = [person for person in _persons(model) if person.name is not None and person.account is not None]
    if (model.people.mentions is None and model.comments is None) or not named:
        return {}
    pairs = Counter[Identity]()
    for chunk in job.source.chunks(collect_refs(named), tables=collect_tables(named)):
        columns = Columns(job.fixes.apply(chunk)[0])
        for person in named:
            _count_known(pairs, chain.from_iterable(identify_all(person, columns)))
    names: dict[str, str] = {}
    for who, _ in pairs.most_common():  # of equal counts the first comes first
        if who.account and who.name:
            names.setdefault(who.account, who.name)
    return names


def _persons(mapping: MappingModel) -> list[Person]:
    return [person for person in (mapping.owner, mapping.assignee, *mapping.people.known) if person is not None]


def _count_known(seen: Counter[Identity], people: Iterable[Identity]) -> None:
    for who, rows in Counter(people).items():
        if who.shown and (who in seen or len(seen) < KNOWN_LIMIT):
            seen[who] += rows


@dataclass(frozen=True)
class Counted:
    """The people of a source who own, do or say something, and how many of its open issues have one."""

    people: tuple[Someone, ...]
    open_issues: int
    open_with_somebody: int


def count_people(job: Job, progress: Progress) -> Counted:
    """Read a source and count what is whose. Rows that are skipped count nothing, keys that come again do so twice.

    Raises:
        UsageError: the mapping names nobody.
    """
    model = job.mapping.model
    if not (model.owner or model.assignee or model.comments):
        raise UsageError(
            f"The mapping {job.mapping.name} names nobody: it has no owner, no assignee and no comments.",
            hint="`assignee: {name: Assignee, account: Assignee Id}` in the mapping names the columns.",
        )
    work = _Work(model)
    progress.start("counting", job.source.total_bytes, "B")
    for examined in examine(job):
        work.add(examined)
        progress.reach(job.source.bytes_read)
    progress.finish()
    return work.count()


class _Work:
    """Counts by distinct people, so that it grows with them and not with the rows."""

    def __init__(self, model: MappingModel) -> None:
        self._holders = [person for person in (model.owner, model.assignee) if person is not None]
        self._known = model.people.known
        self._issues = Counter[tuple[tuple[Identity, ...], bool]]()  # whose it is, and whether it is closed
        self._authors = Counter[str]()
        self._taught = Counter[Identity]()

    def add(self, examined: Examined) -> None:
        """Count a chunk."""
        records, rows = examined.records, examined.flowing()
        statuses = records.targets("status")
        holders = [identify(person, records.columns) for person in self._holders]
        for issue in _issues(records, rows):
            whose = tuple(_first(column[row] for row in issue) for column in holders)
            self._issues[whose, statuses[issue[0]] in CLOSED] += 1
        self._authors.update(_authors(records, rows))
        for person in self._known:
            for column in identify_all(person, records.columns):
                _count_known(self._taught, (column[row] for row in rows))

    def count(self) -> Counted:
        """Put identities of one person together, and their counts."""
        holding, writing = self._holding(), self._writing()
        identities = holding + writing + self._taught
        numbers = number_people(identities)
        issues = {is_closed: Counter[int]() for is_closed in (False, True)}
        for (people, is_closed), rows in self._issues.items():
            # An issue that somebody owns and works on is one issue.
            issues[is_closed].update({numbers[who]: rows for who in people if who.shown})
        comments = Counter[int]()
        for who, written in writing.items():
            comments[numbers[who]] += written
        opened = [(people, rows) for (people, is_closed), rows in self._issues.items() if not is_closed]
        return Counted(
            tuple(
                Someone(who, issues[False][number], issues[True][number], comments[number])
                for number, who in _describe(identities, numbers).items()
                if number in issues[False] or number in issues[True] or number in comments
            ),
            sum(rows for _, rows in opened),
            sum(rows for people, rows in opened if any(who.shown for who in people)),
        )

    def _holding(self) -> Counter[Identity]:
        holding = Counter[Identity]()
        for (people, _), rows in self._issues.items():
            holding.update({who: rows for who in people if who.shown})
        return holding

    def _writing(self) -> Counter[Identity]:
        """Authors are one word each: an account if a column has it as one, else a mail or a name."""
        accounts = {who.account for who in (*self._holding(), *self._taught)}
        writing = Counter[Identity]()
        for author, written in self._authors.items():
            part = "account" if author in accounts else "mail" if _MAIL.fullmatch(author) else "name"
            writing[Identity(**{part: author})] += written
        return writing


def _authors(records: Records, rows: Iterable[int]) -> Iterator[str]:
    told = (records.extras[row] for row in rows if row in records.extras)
    return (comment.author for extras in told for comment in extras.comments if comment.author)


def _issues(records: Records, rows: Collection[int]) -> Iterable[Sequence[int]]:
    """The rows of each issue."""
    if records.groups is None:
        return ((row,) for row in rows)
    wanted = set(rows)
    return (group for group in records.groups if group[0] in wanted)


def _first(people: Iterable[Identity]) -> Identity:
    return next((who for who in people if who.shown), Identity())


def _describe(identities: Counter[Identity], numbers: Mapping[Identity, int]) -> dict[int, Identity]:
    """Number → what is known of that person; where a part differs, the most frequent counts."""
    people: dict[int, Identity] = {}
    for who, _ in identities.most_common():
        before = people.get(numbers[who], Identity())
        people[numbers[who]] = Identity(*(old or new for old, new in zip(before, who, strict=True)))
    return people
