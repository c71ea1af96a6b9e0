"""Finds the people that a row names, and the Triage users that they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from importer.api import FINISHED, PERSON_FIELDS
from importer.mapping.identities import FINDING, NOBODY, Identity, Roster
from importer.mapping.issue_parts import Person, Unmatched
from importer.mapping.model import MappingModel
from importer.mapping.patterns import compile_pattern
from importer.mapping.vocabulary import meaning
from importer.records import Finding
from importer.row.compiler import Compiler, no_cells
from importer.row.remembered import Remembered
from importer.row.same_cells import SameCells
from importer.sources.source_rows import Layout, SourceRow
from importer.transform.shown_people import SOMEBODY, ShownPeople

_HINT = "give them a triage_user_id in the file of --users, then run the same command again"
_NO_TABLE_HINT = (
    "`triage-import users SOURCE` writes users.csv; give them a triage_user_id there, then add --users users.csv"
)


_NOBODY = Identity()

FindName = Callable[[str], str]
"""The name that the source itself has for an account, "" where it has none."""


def find_no_name(account: str) -> str:
    """Find no name: for a source without accounts."""
    return ""


class PersonReader:
    """Reads who it is that the rows of a file name, as the source says it."""

    def __init__(self, person: Person, compiler: Compiler) -> None:
        parts = (person.name, person.account, person.mail)
        self._texts = [compiler.text(part) for part in parts]
        self._cells = [None if part is None else compiler.cells(part) for part in parts]
        # A preset knows columns of many languages.
        self._is_absent = all(read_cells in (None, no_cells) for read_cells in self._cells)
        self._identities = Remembered[tuple[str, ...], Identity](_identify)

    def read(self, row: SourceRow) -> Identity:
        """The person that a row names; of several, the first."""
        return self._identities[tuple([read_text(row) for read_text in self._texts])]

    def read_all(self, row: SourceRow) -> list[Identity]:
        """Everybody whom a row names, with empty identities as padding.

        Repeated columns of names, accounts and mails are paired in order. If their numbers differ, they can't be
        paired, and only the first person is given.
        """
        if self._is_absent:
            return []
        parts = [None if read_cells is None else read_cells(row) for read_cells in self._cells]
        widths = {len(cells) for cells in parts if cells is not None}
        if len(widths) != 1:
            return [self.read(row)]
        people = list[Identity]()
        for place in range(*widths):
            people.append(self._identities[tuple(["" if cells is None else cells[place] for cells in parts])])
        return people


def _identify(cells: tuple[str, ...]) -> Identity:
    return Identity(*map(_name, cells))


def _name(cell: str) -> str:
    """Somebody's name, "" where it says that it is nobody's: `Unassigned`."""
    if meaning("person", cell):
        return ""
    return " ".join(cell.split())


@dataclass(frozen=True)
class PersonMap:
    """An owner or assignee of a mapping, ready to be applied to rows. `field` is that of the API: owner_id."""

    field: str
    person: Person
    unmatched: Unmatched
    roster: Roster
    shown: ShownPeople

    def find_unmatched(self, identity: Identity, user_id: str) -> Identity:
        """The person whom users.csv doesn't match, where the source gives no user id; else an empty identity."""
        if user_id or self._users[identity]:
            return Identity()
        return identity

    def resolve(self, identity: Identity, user_id: str, status: str | None) -> tuple[str, Finding | None]:
        """A person's user id, "" for nobody, and the finding of somebody whom users.csv lacks.

        identity  who it is, as the source says it
        user_id   the user id from the source itself, which is kept, "" where it has none
        status    the target of the row's status
        """
        if user_id:
            return user_id, None
        state = "closed" if status in FINISHED else "open"
        return self._resolved[*identity, state]

    @cached_property
    def _users(self) -> Remembered[tuple[str, ...], str]:
        return Remembered(lambda parts: self.roster.find(Identity(*parts)))

    @cached_property
    def _resolved(self) -> Remembered[tuple[str, ...], tuple[str, Finding | None]]:
        return Remembered(lambda case: self._resolve(Identity(*case[:-1]), case[-1]))

    def _resolve(self, identity: Identity, state: str) -> tuple[str, Finding | None]:
        """A person's user id, and a finding if users.csv lacks them; none without a users.csv and an `unmatched`."""
        user_id = self._users[identity]
        if user_id or not identity.shown:
            return user_id, None
        choice = self.unmatched.closed if state == "closed" else self.unmatched.open
        if choice == NOBODY and not self.roster.lines:
            return "", None
        name = self.shown.show(identity) or SOMEBODY
        message = f"users.csv has no user for {name}"
        if choice != FINDING:
            message += f": their {state} issues get {choice}"
        value = f"{name} ({state})"  # open and closed issues are settled apart
        hint = _HINT if self.roster.lines else _NO_TABLE_HINT
        finding = Finding("person-unmatched", self.field, message, hint, value, rejects=choice == FINDING)
        return "" if choice in (NOBODY, FINDING) else choice, finding


def person_maps(mapping: MappingModel, roster: Roster) -> dict[str, PersonMap]:
    """The owner and the assignee of a mapping, by the API's field."""
    unmatched, as_shown = mapping.people.unmatched, ShownPeople(mapping.people, roster)
    maps = dict[str, PersonMap]()
    for field, person in mapping.holders.items():
        if person is not None:
            maps[field] = PersonMap(field, person, unmatched, roster, as_shown)
    return maps


def name_mentions(text: str, pattern: str, roster: Roster, find_name: FindName) -> str:
    """Replace each mention of an account in a text, group 1 of the pattern, by `@Ann Meyer`; unknown accounts stay.

    The names of users.csv take precedence.
    """

    def name(mention: re.Match[str]) -> str:
        account = mention[1] or ""
        person = roster.name_of(account) or find_name(account)
        return f"@{person}" if person else mention[0]

    return compile_pattern(pattern).sub(name, text)


class Matched(NamedTuple):
    """The Triage users of owner and assignee, "" for nobody.

    unmatched  the people whom Triage doesn't know; an empty identity where there is none
    findings   what there is to say of these
    """

    user_ids: tuple[str, ...]
    unmatched: tuple[Identity, ...]
    findings: Sequence[Finding]


class People:
    """Owner and assignee of rows with the same cells, and whom they are matched with, once for each status.

    named  who they are in the source; an empty identity for nobody
    """

    def __init__(self, named: tuple[Identity, ...], user_ids: Sequence[str], maps: Sequence[PersonMap | None]) -> None:
        self.named = named
        self._user_ids, self._maps = user_ids, maps
        self._by_status: dict[str | None, Matched] = {}

    def match(self, status: str | None) -> Matched:
        """Find their Triage users; `status` is the target of the issue's status."""
        matched = self._by_status.get(status)
        if matched is None:
            matched = self._by_status[status] = self._match(status)
        return matched

    def _match(self, status: str | None) -> Matched:
        user_ids, unmatched, findings = [], [], list[Finding]()
        for person_map, person, user_id in zip(self._maps, self.named, self._user_ids, strict=True):
            if person_map is None:
                user_ids.append(user_id)
                unmatched.append(_NOBODY)
                continue
            unmatched.append(person_map.find_unmatched(person, user_id))
            user_id, finding = person_map.resolve(person, user_id, status)
            user_ids.append(user_id)
            if finding is not None:
                findings.append(finding)
        return Matched(tuple(user_ids), tuple(unmatched), findings)


NO_PEOPLE = People(tuple(_NOBODY for _ in PERSON_FIELDS), [""] * len(PERSON_FIELDS), [None] * len(PERSON_FIELDS))


class PeopleReader:
    """Reads owner and assignee of a file's rows; the same cells name the same people."""

    def __init__(self, mapping: MappingModel, layout: Layout, shown: ShownPeople) -> None:
        maps = person_maps(mapping, shown.roster)
        self._maps = [maps.get(name) for name in PERSON_FIELDS]
        self._ids = [mapping.text_of(name) for name in PERSON_FIELDS]
        texts = [text for text in self._ids if text]
        texts += [text for person in mapping.holders.values() if person for text in person.texts]
        self._people = SameCells[People](layout, texts, self._compile)

    def read(self, row: SourceRow) -> People:
        """Owner and assignee of a row."""
        return self._people.read(row)

    def _compile(self, compiler: Compiler) -> Callable[[SourceRow], People]:
        readers = [None if each is None else PersonReader(each.person, compiler) for each in self._maps]
        user_ids = [compiler.stripped(text) for text in self._ids]

        def read(row: SourceRow) -> People:
            named = tuple(_NOBODY if reader is None else reader.read(row) for reader in readers)
            return People(named, [reader(row) for reader in user_ids], self._maps)

        return read
