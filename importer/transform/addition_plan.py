"""Plans the additions to an issue: what is sent after its create, in order, each under a stable name."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from importer.api import COMMENT_LIMIT, count_units
from importer.mapping.issue_parts import Bundling
from importer.records import Act, Addition, AlreadyAdded, Comment, Flag, IssueParts, Mention, Relation
from importer.transform.columns import is_filled, single_line
from importer.transform.comments import read_epoch
from importer.transform.lengths import is_longer, split_text

WHO_LIMIT = 500
"""In UTF-16 units: a longer line of author and date is treated as part of the comment's text."""

SEPARATOR = "\n\n---\n\n"
"""Between the comments that are folded into one."""

FindMentions = Callable[[str], tuple[Mention, ...]]

_PART = re.compile(r"([0-9a-f]{16})/([0-9]+)/([0-9]+)")


class _Detail(NamedTuple):
    """A comment to be sent: its name and text, and the ids of the source's comments in it."""

    name: str
    text: str
    covers: tuple[str, ...] = ()


def plan_additions(
    key: str,
    parts: IssueParts,
    bundling: Bundling,
    had: AlreadyAdded,
    *,
    description: str,
    find_mentions: FindMentions,
) -> list[Addition]:
    """Plan what is still to be added to a record's issue: evidence, flags, comments, relations, references, in order.

    `description` is the one that the create sends. A relation that another record owns is planned under that record's
    key even if it was sent already, since `had` has only this record's names. A comment that is in Triage completely,
    by itself or folded, is not planned again, even if it would be bundled differently now.

    Raises orjson.JSONEncodeError for text that is not Unicode (a lone surrogate); `validate` finds it before.
    """
    comments = [*_continue(parts.rest), *_discuss(parts.comments, bundling, had)]
    planned = [
        *(_attach(key, kind, name) for kind, name in parts.evidence),
        *(_flag(key, flag) for flag in parts.flags),
        *(_comment(key, detail, find_mentions) for detail in comments),
        *(_relate(relation) for relation in parts.relations),
    ]
    if parts.mentions:
        body = orjson.dumps({"description": description})
        planned.append(Addition(key, Act.REFER, "", body, mentions=parts.mentions))
    fresh = {
        (addition.key, addition.act, addition.name): addition
        for addition in planned
        if addition.key != key or (addition.act, addition.name) not in had.names
    }
    return list(fresh.values())


def _attach(key: str, kind: str, name: str) -> Addition:
    """Source: post/triage-issues-id-resources."""
    return Addition(key, Act.EVIDENCE, f"{kind}/{name}", orjson.dumps({"resource_type": kind, "resource_id": name}))


def _flag(key: str, flag: Flag) -> Addition:
    """Source: post/triage-issues-id-flags, where a note has at least one character."""
    whole = {"call_id": flag.call, "type": flag.type, "note": flag.note or None, "message_index": flag.message_index}
    body = orjson.dumps({name: value for name, value in whole.items() if value is not None})
    return Addition(key, Act.FLAG, _digest(body, 16), body)


def _comment(key: str, detail: _Detail, find_mentions: FindMentions) -> Addition:
    """Source: post/triage-issues-id-comments."""
    body = orjson.dumps({"detail": detail.text})
    return Addition(key, Act.COMMENT, detail.name, body, detail.covers, find_mentions(detail.text))


def _relate(relation: Relation) -> Addition:
    """Source: post/triage-issues-id-relations."""
    body = orjson.dumps({"relation_type": relation.type})
    return Addition(relation.owner, Act.RELATION, f"{relation.type}/{relation.other}", body, other=relation.other)


def _continue(rest: Sequence[str]) -> Iterator[_Detail]:
    """The parts of a long description after the first, which is in the issue itself."""
    for number, text in enumerate(rest, start=2):
        if is_filled(text):
            name = f"rest/{number}/{_digest(text.encode(), 8)}"
            yield _Detail(name, f"Description, part {number} of {len(rest) + 1}\n\n{text}")


def _discuss(comments: Iterable[Comment], bundling: Bundling, had: AlreadyAdded) -> Iterator[_Detail]:
    """The comments that are not in Triage yet, separate or folded."""
    if bundling == "drop":
        return
    begun, whole = _find_arrived(had)
    left = [comment for comment in comments if comment.id not in whole and is_filled(comment.text)]
    if bundling == "fold":
        yield from _fold(left, begun)
    else:
        yield from (part for comment in left for part in _divide(comment))


def _find_arrived(had: AlreadyAdded) -> tuple[Collection[str], Collection[str]]:
    """The ids of comments that are in Triage in part, and of those that are there completely."""
    if not had.names:  # as of every new issue
        return (), had.covered
    parts = Counter(
        (match[1], match[3]) for act, name in had.names if act is Act.COMMENT and (match := _PART.fullmatch(name))
    )
    begun = {comment for comment, _ in parts}
    whole = {comment for (comment, total), known in parts.items() if known == int(total)}
    return begun, (had.covered - begun) | whole


def _fold(comments: Iterable[Comment], begun: Collection[str]) -> Iterator[_Detail]:
    """Pack comments in order into as few as possible; one that is too long, or partly sent, stays separate."""
    pack: list[_Detail] = []
    for comment in comments:
        details = list(_divide(comment))
        is_alone = len(details) > 1 or comment.id in begun
        if pack and (is_alone or is_longer(_join([*pack, *details]), COMMENT_LIMIT)):
            yield _wrap(pack)
            pack = []
        if is_alone:
            yield from details
        else:
            pack += details
    if pack:
        yield _wrap(pack)


def _join(pack: Iterable[_Detail]) -> str:
    return SEPARATOR.join(detail.text for detail in pack)


def _wrap(pack: Sequence[_Detail]) -> _Detail:
    covers = tuple(name for detail in pack for name in detail.covers)
    return _Detail(_digest("\n".join(covers).encode(), 16), _join(pack), covers)


def _divide(comment: Comment) -> Iterator[_Detail]:
    """A comment of the source as one comment, or as numbered parts if it is too long, without trailing white space."""
    who, text = _say_who(comment), comment.text.rstrip()
    if is_longer(who, WHO_LIMIT):
        who, text = "", f"{who}\n\n{text}"
    details = [f"{who}\n\n{text}" if who else text]
    if is_longer(details[0], COMMENT_LIMIT):
        details = _number_parts(who, text)
    for number, detail in enumerate(details, start=1):
        yield _Detail(f"{comment.id}/{number}/{len(details)}", detail, (comment.id,))


def _number_parts(who: str, text: str) -> list[str]:
    def opening(number: int, total: int) -> str:
        part = f"part {number} of {total}"
        return f"{who} · {part}\n\n" if who else f"{part}\n\n"

    most = count_units(text)  # there are never more parts than units
    room = COMMENT_LIMIT - count_units(opening(most, most))
    pieces = split_text(text, room, room)
    return [opening(number, len(pieces)) + piece for number, piece in enumerate(pieces, start=1)]


def _say_who(comment: Comment) -> str:
    """The first line of a comment: its author, date and privacy."""
    moment = read_epoch(comment.date)
    date = f"{moment:%Y-%m-%d %H:%M} UTC" if moment is not None else single_line(comment.date)
    return " · ".join(filter(None, (single_line(comment.author), date, "private" if comment.is_private else "")))


def _digest(content: bytes, digits: int) -> str:
    return hashlib.sha256(content).hexdigest()[:digits]
