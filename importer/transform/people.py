"""Finds the people that a row names, and the Triage users that they are."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from importer.api import FINISHED, PERSON_FIELDS
from importer.mapping.identities import FINDING, NOBODY, Identity, Roster
from importer.mapping.issue_parts import Person, Unmatched
from importer.mapping.model import MappingModel
from importer.mapping.patterns import compile_pattern
from importer.mapping.vocabulary import meaning
from importer.records import Finding
from importer.transform.columns import Columns, map_distinct
from importer.transform.scan import find_core, find_texts
from importer.transform.shown_people import SOMEBODY, ShownPeople

_HINT = "give them a triage_user_id in the file of --users, then run the same command again"
_NO_TABLE_HINT = (
    "`triage-import users SOURCE` writes users.csv; give them a triage_user_id there, then add --users users.csv"
)


FindName = Callable[[str], str]
"""The name that the source itself has for an account, "" where it has none."""


def find_no_name(account: str) -> str:
    """Find no name: for a source without accounts."""
    return ""


def identify(person: Person, columns: Columns) -> list[Identity]:
    """The person that each row of a chunk names; of several, the first."""
    nobody = [""] * len(columns)
    parts = (nobody if text is None else columns.text(text) for text in (person.name, person.account, person.mail))
    return _join(*parts)


def identify_all(person: Person, columns: Columns) -> list[list[Identity]]:
    """Everybody whom the rows of a chunk name: a list for each column of the file, with empty identities as padding.

    Repeated columns of names, accounts and mails are paired in order. If their numbers differ, they can't be paired,
    and only the first person of each row is given.
    """
    parts = [None if text is None else columns.every_cell(text) for text in (person.name, person.account, person.mail)]
    widths = {len(cells) for cells in parts if cells is not None}
    if len(widths) != 1:
        return [identify(person, columns)]
    nobody = [""] * len(columns)
    return [_join(*(nobody if cells is None else cells[place] for cells in parts)) for place in range(*widths)]


def _join(*parts: Sequence[str]) -> list[Identity]:
    return map_distinct(lambda cells: Identity(*map(_named, cells)), list(zip(*parts, strict=True)))


def _named(cell: str) -> str:
    """Somebody's name, "" where it says that it is nobody's: `Unassigned`."""
    return "" if meaning("person", cell) else " ".join(cell.split())


@dataclass(frozen=True, slots=True)
class RowPeople:
    """The people of a chunk's rows, one entry a row in every list.

    owners     the owner's Triage user id, "" for nobody
    assignees  the assignee's
    named      field of the API → who it is, as the source says it; fields that the mapping doesn't name are absent
    unmatched  the same, with an empty identity where nobody is left to be matched
    """

    owners: list[str]
    assignees: list[str]
    named: Mapping[str, Sequence[Identity]]
    unmatched: Mapping[str, Sequence[Identity]]


@dataclass(frozen=True)
class PersonMap:
    """An owner or assignee of a mapping, ready to be applied to chunks. `field` is that of the API: owner_id."""

    field: str
    person: Person
    unmatched: Unmatched
    roster: Roster
    shown: ShownPeople

    def find_unmatched(self, people: Sequence[Identity], given: Sequence[str]) -> list[Identity]:
        """The people whom users.csv doesn't match, where the source gives no user id; else an empty identity."""
        if not (self.roster.lines or any(given)):  # there is no users.csv
            return list(people)
        unmatched = {who: Identity() if self.roster.find(who) else who for who in set(people)}
        return [Identity() if user_id else unmatched[who] for who, user_id in zip(people, given, strict=True)]

    def apply(
        self, people: Sequence[Identity], given: Sequence[str], statuses: Sequence[str | None]
    ) -> tuple[list[str], dict[int, Finding]]:
        """Each row's user id, "" for nobody, and the findings of rows whose person users.csv doesn't match.

        people    who it is, as the source says it
        given     user ids from the source itself, which are kept
        statuses  the target of each row's status
        """
        if not self.roster.lines and self.unmatched.open == self.unmatched.closed == NOBODY:  # as without a users.csv
            return list(given), {}
        cases = list(zip(people, map(FINISHED.__contains__, statuses), strict=True))
        found = {case: self._resolve(*case) for case in set(cases)}
        ids = [user_id or found[case][0] for user_id, case in zip(given, cases, strict=True)]
        lacking = {case: finding for case, (_, finding) in found.items() if finding is not None}
        rows = enumerate(zip(given, cases, strict=True)) if lacking else ()
        return ids, {row: lacking[case] for row, (user_id, case) in rows if not user_id and case in lacking}

    def _resolve(self, who: Identity, is_closed: bool) -> tuple[str, Finding | None]:
        """A person's user id, and a finding if users.csv lacks them; none without a users.csv and an `unmatched`."""
        user_id = self.roster.find(who)
        if user_id or not who.shown:
            return user_id, None
        choice, state = (self.unmatched.closed, "closed") if is_closed else (self.unmatched.open, "open")
        if choice == NOBODY and not self.roster.lines:
            return "", None
        name = self.shown.show(who) or SOMEBODY
        message = f"users.csv has no user for {name}"
        if choice != FINDING:
            message += f": their {state} issues get {choice}"
        value = f"{name} ({state})"  # open and closed issues are settled apart
        hint = _HINT if self.roster.lines else _NO_TABLE_HINT
        finding = Finding("person-unmatched", self.field, message, hint, value, rejects=choice == FINDING)
        return "" if choice in (NOBODY, FINDING) else choice, finding


def person_maps(mapping: MappingModel, roster: Roster) -> dict[str, PersonMap]:
    """The owner and the assignee of a mapping, by the API's field."""
    named = zip(PERSON_FIELDS, (mapping.owner, mapping.assignee), strict=True)
    unmatched, shown = mapping.people.unmatched, ShownPeople(mapping.people, roster)
    return {field: PersonMap(field, person, unmatched, roster, shown) for field, person in named if person is not None}


def name_mentions(texts: Sequence[str], pattern: str | None, roster: Roster, find_name: FindName) -> Sequence[str]:
    """Replace each mention of an account, group 1 of the pattern, by `@Ann Meyer`; unknown accounts stay.

    The names of users.csv take precedence.
    """
    if pattern is None:
        return texts

    def name(mention: re.Match[str]) -> str:
        account = mention[1] or ""
        known = roster.name_of(account) or find_name(account)
        return f"@{known}" if known else mention[0]

    named, searcher = list(texts), compile_pattern(pattern)
    for place in find_texts([find_core(pattern)], texts):
        named[place] = searcher.sub(name, texts[place])
    return named
