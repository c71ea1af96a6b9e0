"""The texts of comments as they are sent: an opening line with who, when and a marker, and in parts if too long."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import accumulate, repeat

from importer.api import COMMENT_LIMIT, count_units
from importer.records import Comment
from importer.transform.dates import show_epoch
from importer.transform.lengths import SMALLEST_PIECE, is_longer, split_text
from importer.transform.markers import COMMENT_MARKER_LENGTH, comment_marker
from importer.transform.plain_text import is_filled, single_line

WHO_LIMIT = 500
"""In UTF-16 units: a longer line of author and date is treated as part of the comment's text."""

SEPARATOR = "\n\n---\n\n"
"""Between the comments that are folded into one."""

REST = "rest"
"""Stands for a comment's id in the names of the parts of a description."""

NAME = re.compile(r"([0-9a-f]{16})/([0-9]+)(/| of )([0-9]+)")
"""The name of a comment or a part of it: its id, which part, and of how many; see `divide`."""


LIMITS = tuple(accumulate(repeat(COMMENT_LIMIT, 12), lambda limit, _: limit * 3 // 4))
"""In UTF-16 units: Triage's own limit, and the shorter ones that are tried where a target keeps less of a comment."""

Takes = Callable[[str], bool]
"""Whether a target keeps all of a text. What it counts isn't known for sure."""

_BETWEEN = " · "
"""Between what an opening line says."""

Detail = tuple[str, str, tuple[str, ...]]
"""A comment to be sent: its name and text, and the ids of the source's comments in it."""


def divide(key: str, comment: Comment, takes: Takes | None = None, total: int = 0) -> list[Detail]:
    """A comment of the source, whose record has this full key, as one comment, or as numbered parts if too long.

    Without trailing white space. One has the name `ID/1/1`, a part `ID/2 of 3`. It goes on in `total` parts if it was
    begun in as many, whatever the target takes by now; else it is in the first of `LIMITS` by which all is taken.
    """
    if takes is None and not total:  # as nearly all
        return _divide_within(LIMITS[0], key, comment)
    ways = dict[int, list[Detail]]()
    for limit in LIMITS:  # the number of parts has to say where they end: only one way has it
        details = _divide_within(limit, key, comment)
        ways.setdefault(len(details), details)
    if begun := ways.get(total):
        return begun
    for way in ways.values():
        if takes is None or all(takes(text) for _, text, _ in way):
            return way
    return details


def _divide_within(limit: int, key: str, comment: Comment) -> list[Detail]:
    id_, author, date, text, is_private, *_ = comment
    heading, first_line = _say_who(author, date, is_private)
    text = first_line + text.rstrip()
    marker = comment_marker(key, f"{id_}/1")
    detail = f"{heading}{marker}\n\n{text}"
    if is_longer(detail, limit):
        return _divide_long(key, comment, heading, text, limit)
    return [(f"{id_}/1/1", detail, comment.covers)]


def _divide_long(key: str, comment: Comment, heading: str, text: str, limit: int) -> list[Detail]:
    id_ = comment.id
    highest = count_units(text)  # there are never more parts than units
    opening = f"{heading}part {highest} of {highest}{_BETWEEN}{'m' * COMMENT_MARKER_LENGTH}\n\n"
    room = max(limit - count_units(opening), SMALLEST_PIECE)
    pieces = split_text(text, room, room)
    details = list[Detail]()
    for number, piece in enumerate(pieces, start=1):
        marker = comment_marker(key, f"{id_}/{number}")
        detail = f"{heading}part {number} of {len(pieces)}{_BETWEEN}{marker}\n\n{piece}"
        name = name_part(id_, number, len(pieces))
        details.append((name, detail, comment.covers))
    return details


def name_part(comment: str, number: int, total: int) -> str:
    """The name of a comment, or of a part of it: of its addition in the ledger."""
    if total > 1:
        return f"{comment}/{number} of {total}"
    return f"{comment}/1/1"


def count_parts(name: str) -> int:
    """Of how many parts the comment consists that has this name, or of one of whose parts it is the name."""
    if name.endswith("/1/1"):  # as of nearly all
        return 1
    match = NAME.fullmatch(name)
    return int(match[4]) if match else 1


def is_rest(name: str) -> bool:
    """Whether this is the name of a part of a description, not of a comment."""
    return name.startswith(f"{REST}/")


def name_rest(number: int, text: str) -> str:
    """The name of a part of a description."""
    digest = hashlib.sha256(text.encode()).hexdigest()
    return f"{REST}/{number}/{digest[:8]}"


def stem_of(name: str) -> str:
    """Which comment and part a name stands for, however many parts there are and whatever they say: `ID/2`."""
    if NAME.fullmatch(name):
        return NAME.sub(r"\1/\2", name)
    return name.rpartition("/")[0]


def open_rest(text: str, part: str = "part 99 of 99", marker: str = "m" * COMMENT_MARKER_LENGTH) -> str:
    """A part of a description below its opening line."""
    return f"Description, {part} · {marker}\n\n{text}"


def continue_description(key: str, texts: Sequence[str]) -> Iterator[Detail]:
    """The parts of a long description after the first, which is in the issue itself."""
    for number, text in enumerate(texts, start=2):
        if not is_filled(text):
            continue
        part = f"part {number} of {len(texts) + 1}"
        marker = comment_marker(key, f"{REST}/{number}")
        detail = open_rest(text, part, marker)
        if is_longer(detail, COMMENT_LIMIT):  # a part may fill its room, which leaves none for all of this line
            detail = f"{part} · {marker}\n\n{text}"
        yield name_rest(number, text), detail, ()


@lru_cache(maxsize=4096)
def _say_who(author: str, date: str, is_private: bool) -> tuple[str, str]:
    """The opening line up to the marker: author, date and privacy; and what the text begins with: a line too long."""
    privacy = "private" if is_private else ""
    words = list(filter(None, (single_line(author), single_line(show_epoch(date)), privacy)))
    line = _BETWEEN.join(words)
    if is_longer(line, WHO_LIMIT):
        return "", f"{line}\n\n"
    return _BETWEEN.join([*words, ""]), ""
