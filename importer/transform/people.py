"""People: whom a row names, and which Triage user that is. Pure: the tables of people come from outside."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

from importer.mapping.issue_parts import Person, Unmatched
from importer.mapping.model import Mapping as MappingModel
from importer.records import Finding
from importer.transform.columns import Columns

T = TypeVar("T")

NOBODY, FINDING = "nobody", "finding"
"""What `unmatched` says beside a user id."""
CLOSED = frozenset(("done", "closed"))
"""Statuses of issues that nobody works on any more."""
_HINT = "give them a triage_user_id in users.csv: `triage-import users SOURCE` writes it, `--users users.csv` reads it"


class Identity(NamedTuple):
    """Who somebody is, as a source says it; each part is "" where it doesn't."""

    name: str = ""
    account: str = ""
    mail: str = ""

    @property
    def shown(self) -> str:
        """What a person calls them; "" where nobody is meant."""
        return self.name or self.mail or self.account

    @property
    def folded(self) -> Identity:
        """The same for all who differ in nothing that counts."""
        return Identity(fold_word(self.name), self.account, fold_word(self.mail))


class Directory(Generic[T]):
    """People by what identifies them: the account, else the mail, else a name that only one of them has.

    Case and white space don't count in mails and names. A name proves nothing where both sides have accounts, or
    mails, and these differ. Who is there with just these parts is found, whoever shares some of them.
    """

    def __init__(self, people: Iterable[tuple[Identity, T]]) -> None:
        self._accounts: dict[str, T] = {}
        self._alike: dict[Identity, list[tuple[Identity, T]]] = {}
        self._mails: dict[str, list[tuple[Identity, T]]] = {}
        self._names: dict[str, list[tuple[Identity, T]]] = {}
        for who, found in people:
            self._alike.setdefault(who.folded, []).append((who, found))
            if who.account:
                self._accounts.setdefault(who.account, found)
            if who.mail:
                self._mails.setdefault(fold_word(who.mail), []).append((who, found))
            if who.name:
                self._names.setdefault(fold_word(who.name), []).append((who, found))

    def find(self, who: Identity) -> T | None:
        """What is known of somebody; None for strangers, and where it is more than one who has that mail or name."""
        if who.account in self._accounts:
            return self._accounts[who.account]
        if who.shown and who.folded in self._alike:
            return _only(self._alike[who.folded])
        same_mail = self._mails.get(fold_word(who.mail))
        if same_mail:
            return _only(same_mail)
        same_name = self._names.get(fold_word(who.name), [])
        if any((who.account and other.account) or (who.mail and other.mail) for other, _ in same_name):
            return None
        return _only(same_name)


def _only(people: Sequence[tuple[Identity, T]]) -> T | None:
    first = people[0][1] if people else None
    return first if all(found == first for _, found in people) else None


def number_people(identities: Collection[Identity]) -> dict[Identity, int]:
    """Number identities, from 0, so that those of one person have one number.

    Who has an account is told apart by it; the others are whom a mail, or else a name, finds among those before.
    """
    numbers: dict[Identity, int] = {}
    keys: dict[tuple[str, str], int] = {}
    for part in ("account", "mail", "name"):
        known = Directory(numbers.items())
        for who in identities:
            word: str = getattr(who, part)
            if word and who not in numbers:
                found = known.find(who)
                key = part, word if part == "account" else fold_word(word)
                numbers[who] = keys.setdefault(key, len(keys)) if found is None else found
    return numbers


def fold_word(text: str) -> str:
    """What mails and names are compared by."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Line(NamedTuple):
    """A line of users.csv: `user_id` is "" where nobody has filled it in; `number` is where it stands."""

    who: Identity
    user_id: str
    number: int = 0


@dataclass(frozen=True)
class Roster:
    """Who is who in Triage, as users.csv says it; without lines it knows nobody. `file` is what it was read from."""

    lines: tuple[Line, ...] = ()
    file: str = ""

    @cached_property
    def _users(self) -> Directory[str]:
        return Directory((line.who, line.user_id) for line in self.lines)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        return {line.who.account: line.who.name for line in reversed(self.lines) if line.who.account}

    def find(self, who: Identity) -> str:
        """The Triage user of somebody, "" where there is none."""
        return self._users.find(who) or ""

    def name_of(self, account: str) -> str:
        """The name of an account, "" where no line has it."""
        return self._names.get(account, "")

    def mark(self, digest: str) -> str:
        """The digest of a mapping together with these people: with others, it means something else."""
        if not self.lines:
            return digest
        meaning = sorted((*line.who, line.user_id) for line in self.lines)
        return sha256(f"{digest} {meaning}".encode("utf-8", "surrogatepass")).hexdigest()


def identify(person: Person, columns: Columns) -> list[Identity]:
    """Whom each row of a chunk names; of several the first."""
    nobody = [""] * len(columns)
    parts = (nobody if text is None else columns.text(text) for text in (person.name, person.account, person.mail))
    return _join(*parts)


def identify_all(person: Person, columns: Columns) -> list[list[Identity]]:
    """Everybody whom the rows of a chunk name, one list a physical column; rows that name fewer have nobodies.

    Columns that repeat are paired in their order; where there are not as many of each, nobody knows what is whose, and
    only the first counts.
    """
    parts = [None if text is None else columns.every_cell(text) for text in (person.name, person.account, person.mail)]
    widths = {len(cells) for cells in parts if cells is not None}
    if len(widths) != 1:
        return [identify(person, columns)]
    nobody = [""] * len(columns)
    return [_join(*(nobody if cells is None else cells[place] for cells in parts)) for place in range(*widths)]


def _join(*parts: Sequence[str]) -> list[Identity]:
    cells = list(zip(*parts, strict=True))
    people = {cell: Identity(*(" ".join(part.split()) for part in cell)) for cell in set(cells)}
    return list(map(people.__getitem__, cells))


@dataclass(frozen=True)
class PersonMap:
    """One person of a mapping, ready to be applied to chunks. `field` is what the API calls it: owner_id."""

    field: str
    person: Person
    unmatched: Unmatched
    roster: Roster

    def apply(
        self, columns: Columns, given: Sequence[str], statuses: Sequence[str | None]
    ) -> tuple[list[str], dict[int, Finding]]:
        """Each row's user id, "" for nobody, and the findings of rows whose person users.csv doesn't match.

        given     ids that the source has itself: they stay
        statuses  what each row's status becomes
        """
        known: dict[tuple[Identity, bool], tuple[str, Finding | None]] = {}
        ids, findings = list(given), dict[int, Finding]()
        cases = zip(identify(self.person, columns), map(CLOSED.__contains__, statuses), strict=True)
        for row, case in enumerate(cases):
            if ids[row]:
                continue
            if case not in known:
                known[case] = self._resolve(*case)
            ids[row], finding = known[case]
            if finding is not None:
                findings[row] = finding
        return ids, findings

    def _resolve(self, who: Identity, is_closed: bool) -> tuple[str, Finding | None]:
        """The user of somebody. That users.csv lacks them is worth a word only where there is one, or a choice."""
        user_id = self.roster.find(who)
        if user_id or not who.shown:
            return user_id, None
        choice, state = (self.unmatched.closed, "closed") if is_closed else (self.unmatched.open, "open")
        if choice == NOBODY and not self.roster.lines:
            return "", None
        message = f"users.csv has no user for {who.shown}"
        if choice != FINDING:
            message += f": their {state} issues get {choice}"
        value = f"{who.shown} ({state})"  # open and closed issues are settled apart
        finding = Finding("person-unmatched", self.field, message, _HINT, value, rejects=choice == FINDING)
        return "" if choice in (NOBODY, FINDING) else choice, finding


def person_maps(mapping: MappingModel, roster: Roster) -> dict[str, PersonMap]:
    """The people of a mapping that Triage has a field for, by that field."""
    named = {"owner_id": mapping.owner, "assignee_id": mapping.assignee}
    unmatched = mapping.people.unmatched
    return {field: PersonMap(field, person, unmatched, roster) for field, person in named.items() if person is not None}


def name_mentions(text: str, pattern: re.Pattern[str], roster: Roster, learned: Mapping[str, str]) -> str:
    """A text with `@Ann Meyer` for each mention of an account, group 1 of the pattern; unknown ones stay as they are.

    `learned` are the names that the source itself has; users.csv is stronger.
    """

    def name(mention: re.Match[str]) -> str:
        account = mention[1] or ""
        known = roster.name_of(account) or learned.get(account, "")
        return f"@{known}" if known else mention[0]

    return pattern.sub(name, text)
