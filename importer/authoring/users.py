"""The people of a source: how many issues and comments each of them has, and users.csv, which says who they are."""

from __future__ import annotations

import csv
import io
import random
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

from importer.api import FINISHED
from importer.check.examine import RowRun, examine
from importer.check.job import Job
from importer.check.look_up import count_known
from importer.errors import UsageError
from importer.mapping.edited_tables import (
    COUNTED,
    IDENTIFYING,
    PSEUDONYM,
    USER,
    USER_COLUMNS,
    EditedTable,
    identities,
    make_roster,
    read_sheet,
)
from importer.mapping.identities import Directory, Identity, number_people
from importer.mapping.model import MappingModel
from importer.outputs import replace as replace_file
from importer.row.people import PersonReader
from importer.spreadsheet import escape_cell
from importer.triage.answers import Member
from importer.triage.redaction import redact

if TYPE_CHECKING:
    from importer.progress import Progress


_MAIL = re.compile(r"[^\s@]+@[^\s@]+")


@dataclass(frozen=True, slots=True)
class Someone:
    """A person of the source: counts of issues and comments, the proposed user, and the user's id if it is decided."""

    who: Identity
    open_issues: int = 0
    closed_issues: int = 0
    comments: int = 0
    proposal: str = ""
    user_id: str = ""


@dataclass(frozen=True)
class CountedPeople:
    """The people of a source with their counts, the number of open issues, and of those that have a person."""

    people: tuple[Someone, ...]
    open_issues: int
    open_with_somebody: int


def count_people(job: Job, progress: Progress) -> CountedPeople:
    """Read a source and count the issues and comments of each person.

    Skipped rows don't count; keys that are repeated count twice.

    Raises:
        UsageError: the mapping has no owner, assignee or comments.
    """
    model = job.mapping.model
    if not (any(model.holders.values()) or model.comments):
        raise UsageError(
            f"The mapping {job.mapping.name} names no people: it has no owner, no assignee and no comments.",
            hint="`assignee: {name: Assignee, account: Assignee Id}` in the mapping names its columns.",
        )
    shown = model.model_copy(update={"people": model.people.model_copy(update={"show": "name", "mails": "keep"})})
    job = replace(job, mapping=replace(job.mapping, model=shown))  # here people are known by their names
    work = _Work(model)
    progress.start("counting", job.source.total_bytes, "B")
    for run in examine(job):
        work.add(run)
        progress.reach(job.source.bytes_read)
    progress.finish()
    return work.count()


class _Work:
    """Counts by distinct people, so that memory grows with them and not with the rows."""

    def __init__(self, model: MappingModel) -> None:
        self._holders = [person for person in model.holders.values() if person is not None]
        self._known = model.people.known
        self._issues = Counter[tuple[tuple[Identity, ...], bool]]()  # its people, and whether it is closed
        self._authors = Counter[str]()
        self._taught = Counter[Identity]()

    def add(self, run: RowRun) -> None:
        """Count a run of rows."""
        compiler, rows = run.compiler, [row for row in run.rows if row.is_counted]
        holders = [PersonReader(person, compiler) for person in self._holders]
        for row in rows:
            if not row.follows:
                people = tuple(_first(holder.read(member.issue.row) for member in row.members) for holder in holders)
                self._issues[people, row.issue.status in FINISHED] += 1
            self._authors.update(comment.author for comment in row.issue.parts.comments if comment.author)
        for person in self._known:
            read_all = PersonReader(person, compiler).read_all
            count_known(self._taught, (who for row in rows for who in read_all(row.issue.row)))

    def count(self) -> CountedPeople:
        """Merge the identities of each person, and add up their counts."""
        holding, writing = self._holding(), self._writing()
        identities = holding + writing + self._taught
        numbers = number_people(identities)
        issues = {is_closed: Counter[int]() for is_closed in (False, True)}
        for (people, is_closed), rows in self._issues.items():
            # An issue of which somebody is both owner and assignee counts once.
            issues[is_closed].update({numbers[who]: rows for who in people if who.shown})
        comments = Counter[int]()
        for who, written in writing.items():
            comments[numbers[who]] += written
        opened = [(people, rows) for (people, is_closed), rows in self._issues.items() if not is_closed]
        return CountedPeople(
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
        """An author is a single text: an account if a column has it as one, else a mail address or a name."""
        accounts = {who.account for who in (*self._holding(), *self._taught)}
        writing = Counter[Identity]()
        for author, written in self._authors.items():
            part = "account" if author in accounts else "mail" if _MAIL.fullmatch(author) else "name"
            writing[Identity(**{part: author})] += written
        return writing


def _first(people: Iterable[Identity]) -> Identity:
    return next((who for who in people if who.shown), Identity())


def _describe(identities: Counter[Identity], numbers: Mapping[Identity, int]) -> dict[int, Identity]:
    """Return number → identity of that person; where a part differs, the most frequent one counts."""
    people: dict[int, Identity] = {}
    for who, _ in identities.most_common():
        before = people.get(numbers[who], Identity())
        people[numbers[who]] = Identity(*(old or new for old, new in zip(before, who, strict=True)))
    return people


def propose_users(people: Iterable[Someone], members: Sequence[Member], *, fill: bool) -> list[Someone]:
    """Propose for each person the only member with the same mail address, else with the same name.

    With `fill`, a member with the same mail address is entered as the user.
    """
    by_mail = Directory((Identity(mail=member.mail), member.user_id) for member in members)
    by_name = Directory((Identity(name=member.name), member.user_id) for member in members)
    return [_propose(someone, by_mail, by_name, fill) for someone in people]


def _propose(someone: Someone, by_mail: Directory[str], by_name: Directory[str], fill: bool) -> Someone:
    sure = by_mail.find(Identity(mail=someone.who.mail))
    if sure is not None:
        return replace(someone, proposal=f"{sure} (same mail)", user_id=sure if fill else "")
    likely = by_name.find(Identity(name=someone.who.name))
    return someone if likely is None else replace(someone, proposal=f"{likely} (same name)")


class UsersFile:
    """A users.csv to be written or updated; whatever people entered stays.

    Raises UsageError if there is a file that can't be read; nothing is written then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sheet = read_sheet(path) if path.exists() else EditedTable(header=USER_COLUMNS)
        self._roster = make_roster(self._sheet, path)

    def update(self, people: Iterable[Someone], *, pseudonyms: bool = False) -> list[dict[str, str]]:
        """Write the people, most open issues first, with pseudonyms if wanted; return the lines as column → cell.

        An existing line gets new counts and proposals; its ids, names and other columns stay. Lines of people who are
        not in the source stay, with counts of 0.

        Raises:
            StorageFull: it can't be written.
        """
        lines = sorted(self._merge(people), key=_by_work)
        if pseudonyms:
            _name_pseudonyms(lines)
        columns = tuple(dict.fromkeys((*self._sheet.header, *USER_COLUMNS, *[PSEUDONYM] * pseudonyms)))
        text = io.StringIO(newline="")
        writer = csv.writer(text, delimiter=self._sheet.delimiter)
        writer.writerow(columns)
        writer.writerows([escape_cell(line.get(name, "")) for name in columns] for line in lines)
        replace_file(self.path, redact(text.getvalue().encode(self._sheet.encoding, "backslashreplace")))
        return lines

    def _merge(self, people: Iterable[Someone]) -> list[dict[str, str]]:
        kept = [dict(cells) | dict.fromkeys(COUNTED, "0") for _, cells in self._sheet.rows]
        places = Directory((who, place) for place, who in enumerate(identities(self._sheet)))
        taken, added = set[int](), list[dict[str, str]]()
        for someone in people:
            place = places.find(someone.who)
            user_id = self._roster.find(someone.who) or someone.user_id
            new = _cells(someone, user_id)
            if place is None or place in taken or _is_other(kept[place].get("account", ""), someone.who.account):
                added.append(new)
            else:
                taken.add(place)
                said = {name: cell for name, cell in kept[place].items() if cell and name in (*IDENTIFYING, USER)}
                kept[place] |= {name: cell for name, cell in new.items() if cell} | said
        return [*kept, *added]


def _cells(someone: Someone, user_id: str) -> dict[str, str]:
    counts = (someone.open_issues, someone.closed_issues, someone.comments)
    return dict(zip(USER_COLUMNS, (*someone.who, *map(str, counts), someone.proposal, user_id), strict=True))


def _name_pseudonyms(lines: Sequence[dict[str, str]]) -> None:
    """Give those who have none a pseudonym; the numbers say nothing, and are never given twice."""
    taken = {line.get(PSEUDONYM, "") for line in lines}
    free = (name for name in map("Person {}".format, count(1)) if name not in taken)
    new = [line for line in lines if not line.get(PSEUDONYM)]
    random.SystemRandom().shuffle(new)
    for line in new:
        line[PSEUDONYM] = next(free)


def _is_other(account: str, other: str) -> bool:
    """Whether two accounts are known and differ: then two people keep separate lines, whatever else they share."""
    return bool(account and other) and account != other


def _by_work(line: Mapping[str, str]) -> tuple[int | str, ...]:
    return (*(-int(line[name]) for name in COUNTED), line.get("name", ""))
