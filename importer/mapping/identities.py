"""Identities of people: what a source knows them by, matching them, and the lines of users.csv."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Generic, NamedTuple, TypeVar

T = TypeVar("T")


NOBODY, FINDING = "nobody", "finding"
"""The two settings of `unmatched` that are no user id."""


class Identity(NamedTuple):
    """A person as a source names them; a part is "" where the source doesn't have it."""

    name: str = ""
    account: str = ""
    mail: str = ""

    @property
    def shown(self) -> str:
        """The most readable of the three, for messages; "" if all are empty."""
        return self.name or self.mail or self.account

    @property
    def folded(self) -> Identity:
        """The identity for comparison: case and white space of name and mail removed."""
        return Identity(fold_word(self.name), self.account, fold_word(self.mail))


class Directory(Generic[T]):
    """Finds people by account, else by mail, else by a name that only one of them has.

    Case and white space are ignored in mails and names. The same name is no match where both sides have an account, or
    both a mail, and these differ. An identity that was entered with exactly the same parts is always found.
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
        """The entry of a person; None if there is none, or if several with different entries have that mail or name."""
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
    """Number identities from 0, giving those of one person the same number.

    Accounts come first; then identities with only a mail join those that have it, then those with only a name.
    """
    numbers: dict[Identity, int] = {}
    keys: dict[tuple[str, str], int] = {}
    for part in ("account", "mail", "name"):
        # Anew for each part: those with a better one have their numbers by now.
        known = Directory(numbers.items())
        for who in identities:
            word: str = getattr(who, part)
            if word and who not in numbers:
                found = known.find(who)
                key = part, word if part == "account" else fold_word(word)
                numbers[who] = keys.setdefault(key, len(keys)) if found is None else found
    return numbers


def fold_word(text: str) -> str:
    """Normalise a mail or a name for comparison: Unicode form, case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class RosterLine(NamedTuple):
    """A line of users.csv, at line `number` of the file; `user_id` is "" until somebody fills it in."""

    who: Identity
    user_id: str
    number: int = 0
    pseudonym: str = ""


@dataclass(frozen=True)
class Roster:
    """The people of users.csv and their Triage users. Without `lines` it finds nobody; `file` is the path as typed."""

    lines: tuple[RosterLine, ...] = ()
    file: str = ""

    @cached_property
    def _users(self) -> Directory[str]:
        return Directory((line.who, line.user_id) for line in self.lines)

    @cached_property
    def _names(self) -> Mapping[str, str]:
        # Backwards, so that of two lines with one account the first is kept.
        return {line.who.account: line.who.name for line in reversed(self.lines) if line.who.account}

    def find(self, who: Identity) -> str:
        """The Triage user id of a person, "" if there is none."""
        return self._users.find(who) or ""

    @cached_property
    def _pseudonyms(self) -> Directory[str]:
        return Directory((line.who, line.pseudonym) for line in self.lines)

    def pseudonym_of(self, who: Identity) -> str:
        """What a person is called instead, "" if no line says so."""
        return self._pseudonyms.find(who) or ""

    def name_of(self, account: str) -> str:
        """The name that belongs to an account, "" if no line has the account."""
        return self._names.get(account, "")

    def mark(self, digest: str) -> str:
        """Combine a mapping's digest with these people, since the same mapping with others gives other records."""
        if not self.lines:
            return digest
        meaning = sorted((*line.who, line.user_id, *filter(None, [line.pseudonym])) for line in self.lines)
        return sha256(f"{digest} {meaning}".encode("utf-8", "surrogatepass")).hexdigest()
