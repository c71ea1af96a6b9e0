"""The texts of comments as they are sent: an opening line with who, when and a marker, and in parts if too long."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from importer.api import COMMENT_LIMIT, count_units
from importer.records import Comment
from importer.transform.columns import is_filled, single_line
from importer.transform.comments import read_epoch
from importer.transform.lengths import is_longer, split_text
from importer.transform.markers import comment_marker

WHO_LIMIT = 500
"""In UTF-16 units: a longer line of author and date is treated as part of the comment's text."""

SEPARATOR = "\n\n---\n\n"
"""Between the comments that are folded into one."""

REST = "rest"
"""Stands for a comment's id in the names of the parts of a description."""

NAME = re.compile(r"([0-9a-f]{16})/([0-9]+)(/| of )([0-9]+)")
"""The name of a comment or a part of it: its id, which part, and of how many; see `divide`."""


Detail = tuple[str, str, tuple[str, ...]]
"""A comment to be sent: its name and text, and the ids of the source's comments in it."""


def divide(key: str, comment: Comment, *, is_marked: bool = True) -> list[Detail]:
    """A comment of the source as one comment, or as numbered parts if it is too long, without trailing white space.

    One has the name `ID/1/1`, a part `ID/2 of 3`; without a marker, as earlier versions sent it, a part has `ID/2/3`.
    """
    id_, author, date, text, is_private, _ = comment
    covers = comment.covers
    who, who_else = _say_who(author, date, is_private)
    text = who_else + text.rstrip()
    whole = _open(who, comment_marker(key, f"{id_}/1") if is_marked else "") + text
    if not is_longer(whole, COMMENT_LIMIT):
        return [(name_part(id_, 1, 1), whole, covers)]
    most = count_units(text)  # there are never more parts than units
    marker = comment_marker(key, f"{id_}/{most}") if is_marked else ""
    room = COMMENT_LIMIT - count_units(_open(who, f"part {most} of {most}", marker))
    pieces, details = split_text(text, room, room), list[Detail]()
    for number, piece in enumerate(pieces, start=1):
        marker = comment_marker(key, f"{id_}/{number}") if is_marked else ""
        name = name_part(id_, number, len(pieces)) if is_marked else f"{id_}/{number}/{len(pieces)}"
        details.append((name, _open(who, f"part {number} of {len(pieces)}", marker) + piece, covers))
    return details


def _open(*parts: str) -> str:
    """The opening line of a comment, and the blank one below it; "" if it has no parts."""
    line = " · ".join(filter(None, parts))
    return f"{line}\n\n" if line else ""


def name_part(comment: str, number: int, total: int) -> str:
    """The name of a comment, or of a part of it: of its addition in the ledger."""
    return f"{comment}/{number} of {total}" if total > 1 else f"{comment}/1/1"


def count_parts(name: str) -> int:
    """Of how many parts the comment consists that has this name, or of one of whose parts it is the name."""
    if name.endswith("/1/1"):  # as of nearly all
        return 1
    found = NAME.fullmatch(name)
    return int(found[4]) if found else 1


def stem_of(name: str) -> str:
    """Which comment and part a name stands for, however many parts there are and whatever they say: `ID/2`."""
    return NAME.sub(r"\1/\2", name) if NAME.fullmatch(name) else name.rpartition("/")[0]


def continue_description(key: str, rest: Sequence[str], *, is_marked: bool = True) -> Iterator[Detail]:
    """The parts of a long description after the first, which is in the issue itself."""
    for number, text in enumerate(rest, start=2):
        if not is_filled(text):
            continue
        part = f"part {number} of {len(rest) + 1}"
        detail = f"Description, {part}\n\n{text}"
        if is_marked:
            marker = comment_marker(key, f"{REST}/{number}")
            detail = f"Description, {part} · {marker}\n\n{text}"
            if is_longer(detail, COMMENT_LIMIT):  # a part may fill its room, which leaves none for all of this line
                detail = f"{part} · {marker}\n\n{text}"
        yield f"{REST}/{number}/{hashlib.sha256(text.encode()).hexdigest()[:8]}", detail, ()


@lru_cache(maxsize=4096)
def _say_who(author: str, date: str, is_private: bool) -> tuple[str, str]:
    """The first line of a comment, its author, date and privacy, and what its text begins with: a line too long."""
    moment = read_epoch(date)
    day = f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else single_line(date)
    who = " · ".join(filter(None, (single_line(author), day, "private" if is_private else "")))
    return ("", f"{who}\n\n") if is_longer(who, WHO_LIMIT) else (who, "")
