"""Whether a row and an issue in Triage are one: its key may be another issue's, and its issue may have another key.

A key can come to another issue: a project made anew, another product's list, another site. An id that stays with its
issue tells that; so does the date of creation, together with the title. No id alone is a reason to write.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import NamedTuple

import orjson

from importer.check.observers.drift import UNLIKE, letters, likeness
from importer.ledger.known_create import KnownCreate
from importer.records import Operation, is_same_row
from importer.triage.snapshot import Snapshot

QUARTER_MINUTES, DAY_MINUTES = 15, 26 * 60
"""Time zones differ by whole quarters of an hour, and by no more than 26 hours."""
TITLE_COMPARED = 150
"""Letters of titles that are compared: a longer title is cut where it is sent."""


class Facts(NamedTuple):
    """What tells an issue from others.

    fixed_id  the id that it keeps when its key changes, after its site; "" if none is known
    born      when it was made in the source, in seconds since 1970; 0 if that isn't known
    title     as it is sent
    content   digest of its row, see `records.rows_in`; empty where there is none
    dated     the date of its newest row, as `born`
    """

    fixed_id: str = ""
    born: float = 0.0
    title: str = ""
    content: bytes = b""
    dated: float = 0.0


def row_facts(create: Operation) -> Facts:
    """Return the facts of a row, from the create that it makes."""
    return Facts(create.fixed_id, create.born, str(orjson.loads(create.body)["title"]), create.content)


def issue_facts(issue: KnownCreate) -> Facts:
    """Return the facts of an issue, as they were last sent."""
    title = Snapshot.parse(issue.returned).ours.get("title") if issue.returned else ""
    return Facts(issue.fixed_id, issue.born, str(title or ""), issue.content, issue.dated)


def describe_stranger(row: Facts, known: Facts) -> str:
    """Say why a row isn't the issue that Triage has under its key; "" if nothing speaks against it."""
    # A mapping that reads title and date elsewhere makes no other issue of the same row.
    if is_same_row(row.content, known.content):
        return ""
    if are_comparable(row, known):
        if row.fixed_id == known.fixed_id:
            return ""
        # Whoever moves a whole site to another server gives new ids to issues that stay the same.
        if has_same_title(row, known) and is_born_with(row, known):
            return ""
        return f"its id is {row.fixed_id}, and that of the key's issue in Triage {known.fixed_id}"
    # A title may be rewritten, and a date be written otherwise: both at once is another issue.
    if not known.title or is_born_with(row, known) or likeness(known.title, row.title) >= UNLIKE:
        return ""
    return "it was created at another time than the key's issue in Triage, and has another title"


class Move(Enum):
    """Whether a row with a new key is an issue that Triage has under another one."""

    NONE = auto()
    UNSURE = auto()
    SURE = auto()


def weigh_move(row: Facts, known: Facts) -> Move:
    """Say whether a row whose key is new is an issue that the source has moved: both have one id."""
    if row.fixed_id != known.fixed_id or not row.fixed_id:
        return Move.NONE
    # Two sites under one source name may give one id to two issues, which were not made in the same minute.
    if not is_born_with(row, known):
        return Move.NONE
    if row.born and row.born == known.born:
        return Move.SURE
    # In another time zone, or without a date, the title has to say so, too.
    if has_same_title(row, known) and known.title:
        return Move.SURE
    return Move.UNSURE


def is_certain(row: Facts, known: Facts) -> bool:
    """Whether its title says nothing more of a row with a known key: it is the issue, or one of a project made anew."""
    if row.fixed_id and row.fixed_id == known.fixed_id:
        return True
    if row.born and row.born == known.born:
        return True
    # What was made after the known one was last changed has come in its place; another site's is mostly older.
    return 0 < known.dated < row.born


def are_comparable(one: Facts, other: Facts) -> bool:
    """Whether the ids of both are known, and both with their site or both without."""
    if not one.fixed_id or not other.fixed_id:
        return False
    return (" " in one.fixed_id) == (" " in other.fixed_id)


def has_same_title(one: Facts, other: Facts) -> bool:
    """Whether both titles have the same letters, as far as a target keeps them."""
    return letters(one.title)[:TITLE_COMPARED] == letters(other.title)[:TITLE_COMPARED]


def is_born_with(one: Facts, other: Facts) -> bool:
    """Whether both were made at the same time, by clocks of any time zone; where one isn't known, they may be."""
    if not one.born or not other.born:
        return True
    minutes = abs(one.born // 60 - other.born // 60)
    return minutes <= DAY_MINUTES and minutes % QUARTER_MINUTES == 0
