"""Writes users.csv: a line for each person of a source, with counts, and proposals for their users in Triage."""

from __future__ import annotations

import csv
import io
import os
import random
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import count
from pathlib import Path

from importer.authoring.people_counts import Someone
from importer.errors import StorageFull
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
from importer.mapping.identities import Directory, Identity
from importer.spreadsheet import escape_cell
from importer.triage.answers import Member
from importer.triage.redaction import redact


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
        _replace(self.path, text.getvalue().encode(self._sheet.encoding, "backslashreplace"))
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


def _replace(path: Path, data: bytes) -> None:
    """Replace a file atomically. It names people, so only its owner may read it."""
    target = path.resolve()  # a link stays one
    try:
        descriptor, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(redact(data))
            Path(temporary).replace(target)
        except BaseException:
            with suppress(OSError):
                Path(temporary).unlink()
            raise
    except OSError as error:
        raise StorageFull(f"{path} can't be written: {error.strerror}.", hint="Name another with -o FILE.") from error
