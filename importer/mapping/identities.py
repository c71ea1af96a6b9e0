"""Who people are: what identifies a person in a source, and the lines of users.csv."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


NOBODY, FINDING = "nobody", "finding"
"""What `unmatched` says beside a user id."""


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
