"""Plans the additions to an issue: what is sent after its create, in order, each under a stable name."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import orjson

from importer.mapping.issue_parts import Bundling
from importer.records import Act, Addition, AlreadyAdded, Comment, Flag, IssueParts, Mention, Relation
from importer.transform.comment_texts import (
    LIMITS,
    NAME,
    SEPARATOR,
    Detail,
    Takes,
    continue_description,
    divide,
    is_rest,
    name_rest,
    open_rest,
)
from importer.transform.encoding import encode
from importer.transform.footers import find_footer
from importer.transform.lengths import REST_LIMIT, is_longer, split_text
from importer.transform.occurrences import find_last, plan_recall, plan_reopening, say_what_is_new
from importer.transform.plain_text import is_filled

FindMentions = Callable[[str, str], Sequence[Mention]]
"""Of a text and the key of its issue, the other issues that the text names; see `References.find`."""


class Due(NamedTuple):
    """A record's issue, to which something may be added; `description` is the one that its create sends."""

    key: str
    parts: IssueParts
    bundling: Bundling
    had: AlreadyAdded
    description: str = ""


def plan_additions(issue: Due, find_mentions: FindMentions | None = None, takes: Takes | None = None) -> list[Addition]:
    """Plan what is still to be added to an issue: evidence, flags, comments, relations, references, in order.

    `find_mentions` finds the issues that comments name, where their numbers are to be put in; `takes` is given where a
    target keeps less of a comment than Triage.

    A relation that another record owns is planned under that record's key even if it was sent already, since `had` has
    only this record's names. A comment that is in Triage completely, by itself or folded, is not planned again, even if
    it would be bundled differently now.

    Raises orjson.JSONEncodeError for text that is not Unicode (a lone surrogate); `validate` finds it before.
    """
    key = issue.key
    had = issue.had
    last = find_last(key, issue.parts.occurrences, had)
    if issue.parts.occurrences:
        issue = issue._replace(parts=say_what_is_new(issue.parts, last))
    parts = issue.parts
    planned = [*plan_recall(key, parts, had, last)]
    planned += [_attach(key, kind, name) for kind, name in parts.evidence]
    planned += [_flag(key, flag) for flag in parts.flags]
    planned += [_comment(key, detail, find_mentions) for detail in plan_comments(issue, takes)]
    planned += [_relate(relation) for relation in parts.relations]
    if parts.mentions:
        body = orjson.dumps({"description": issue.description})
        planned.append(Addition(key, Act.REFER, "", body, mentions=parts.mentions))
    planned += plan_reopening(key, parts, had, last)
    if len(planned) == 1 and not had.names:  # as of most issues
        return planned
    fresh = dict[tuple[str, Act, str], Addition]()  # a name that comes again is the same addition
    for addition in planned:
        if addition.key != key or (addition.act, addition.name) not in had.names:
            fresh[addition.key, addition.act, addition.name] = addition
    return list(fresh.values())


def _comment(key: str, detail: Detail, find_mentions: FindMentions | None) -> Addition:
    """Source: post/triage-issues-id-comments."""
    name, text, covers = detail
    mentions: Sequence[Mention] = ()
    if find_mentions is not None:
        mentions = find_mentions(text[: find_footer(text)], key)
    body = encode({"detail": text})
    return Addition(key, Act.COMMENT, name, body, covers, tuple(mentions))


def _attach(key: str, kind: str, name: str) -> Addition:
    """Source: post/triage-issues-id-resources."""
    body = orjson.dumps({"resource_type": kind, "resource_id": name})
    return Addition(key, Act.EVIDENCE, f"{kind}/{name}", body)


def _flag(key: str, flag: Flag) -> Addition:
    """Source: post/triage-issues-id-flags, where a note has at least one character."""
    fields = {"call_id": flag.call, "type": flag.type, "note": flag.note or None, "message_index": flag.message_index}
    body = orjson.dumps({name: value for name, value in fields.items() if value is not None})
    return Addition(key, Act.FLAG, _digest(body, 16), body)


def _relate(relation: Relation) -> Addition:
    """Source: post/triage-issues-id-relations."""
    body = orjson.dumps({"relation_type": relation.type})
    name = f"{relation.type}/{relation.other}"
    return Addition(relation.owner, Act.RELATION, name, body, other=relation.other)


def plan_comments(issue: Due, takes: Takes | None = None) -> Iterator[Detail]:
    """Each comment of an issue that is not in Triage yet, in order: what its description goes on in, and the source's.

    The source's are separate or folded.
    """
    if issue.parts.rest:
        yield from continue_description(issue.key, issue.parts.rest)
    if not issue.parts.comments:
        return
    comments, begun = _choose(issue)
    divided = ((comment, divide(issue.key, comment, takes, begun.get(comment.id, 0))) for comment in comments)
    if issue.bundling == "fold":
        yield from _fold(divided, begun, takes)
        return
    for _, details in divided:
        yield from details


def _choose(issue: Due) -> tuple[Sequence[Comment], Mapping[str, int]]:
    """The comments that are not in Triage yet, and of those that are there in part: id → of how many parts.

    The latter aren't folded.
    """
    had = issue.had
    comments = list[Comment]()
    if issue.bundling != "drop":
        comments = [comment for comment in issue.parts.comments if is_filled(comment.text)]
    begun: Mapping[str, int] = {}
    if had.covered or had.names:  # not so of a new issue
        begun, complete = _find_arrived(had)
        comments = list(_find_missing(comments, begun, complete, had))
    if len(comments) > 1:
        # An export may list a comment twice, as one that was edited; the later one counts.
        by_id = {comment.id: comment for comment in comments}
        comments = list(by_id.values())
    return comments, begun


def _find_missing(
    comments: Iterable[Comment], begun: Collection[str], complete: Collection[str], had: AlreadyAdded
) -> Iterator[Comment]:
    """The comments that are not completely in Triage."""
    contents = {name.partition("=")[2] for name in had.covered} - {""}
    for comment in comments:
        if comment.content in begun:
            comment = comment._replace(id=comment.content, content="")  # as it was begun, before it had an id
        is_known = comment.id in complete or comment.content in complete
        is_known |= comment.content in contents and comment.id not in begun  # there under another id
        if not is_known:
            yield comment


def count_edited(comments: Iterable[Comment], had: AlreadyAdded) -> int:
    """Count the comments that are in Triage, by the source's own id, and say something else by now."""
    known_ids = set[str]()
    for name in had.covered:
        id_, is_said, _ = name.partition("=")
        if is_said:
            known_ids.add(id_)
    return sum(comment.id in known_ids and had.covered.isdisjoint(comment.covers[1:]) for comment in comments)


def part_rest(texts: Sequence[str], had: AlreadyAdded, takes: Takes | None = None, start: int = 2) -> tuple[str, ...]:
    """Part the parts of a description anew that are too long for a target's comments, but for those that it has.

    One that is there in part goes on as it was begun; `start` is the number of the first part.
    """
    parted = list[str]()
    for text in texts:
        parted += _part(text, had, takes, start + len(parted))
    return tuple(parted)


def _part(text: str, had: AlreadyAdded, takes: Takes | None, start: int) -> Sequence[str]:
    """Part a part of a description."""

    def count_there(way: Sequence[str]) -> int:
        number_there = 0
        for number, part in enumerate(way, start):
            if (Act.COMMENT, name_rest(number, part)) in had.names:
                number_there += 1
        return number_there

    rooms = [limit - (LIMITS[0] - REST_LIMIT) for limit in LIMITS]
    if takes is None and not had.names:  # as nearly all
        return split_text(text, rooms[0], rooms[0])
    if count_there([text]):
        return [text]
    ways = [split_text(text, room, room) for room in rooms]
    begun = max(ways, key=count_there)
    if count_there(begun[:1]):
        return [begun[0], *part_rest(begun[1:], had, takes, start + 1)]
    for way in ways:
        if takes is None or all(takes(open_rest(part)) for part in way):
            return way
    return ways[-1]


def is_cut_otherwise(texts: Sequence[str], had: AlreadyAdded) -> bool:
    """Whether an issue has parts of its description in comments, all that there were, but other ones than now.

    As after a mapping that writes more into footers, for which the description has less room. Of an import that isn't
    over, fewer parts than now are perhaps not all that there were.
    """
    names_there = {name for act, name in had.names if act is Act.COMMENT and is_rest(name)}
    if not names_there:
        return False
    names = {name for name, _, _ in continue_description("", texts)}
    if len(names_there) < len(names) and not had.is_over:
        return False
    return not names_there <= names


def _find_arrived(had: AlreadyAdded) -> tuple[Mapping[str, int], Collection[str]]:
    """Of comments that are in Triage in part: id → of how many parts; and the ids of those that are there whole."""
    if not had.names:  # as of every new issue
        return {}, had.covered
    parts = Counter[tuple[str, str, str]]()
    for act, name in had.names:
        if act is not Act.COMMENT:
            continue
        match = NAME.fullmatch(name)
        if match is not None:
            parts[match[1], match[3], match[4]] += 1
    begun = {comment: int(total) for (comment, _, total), _ in reversed(parts.most_common())}
    complete = {comment for (comment, _, total), number in parts.items() if number == int(total)}
    return begun, (had.covered - begun.keys()) | complete


def _fold(
    comments: Iterable[tuple[Comment, list[Detail]]], begun: Collection[str], takes: Takes | None
) -> Iterator[Detail]:
    """Pack comments in order into as few as possible; one that is too long, or partly sent, stays separate."""
    pack: list[Detail] = []
    for comment, details in comments:
        is_alone = len(details) > 1 or comment.id in begun
        if pack and (is_alone or not _is_taken(_join([*pack, *details]), takes)):
            yield _wrap(pack)
            pack = []
        if is_alone:
            yield from details
        else:
            pack += details
    if pack:
        yield _wrap(pack)


def _is_taken(text: str, takes: Takes | None) -> bool:
    if is_longer(text, LIMITS[0]):
        return False
    return takes is None or takes(text)


def _join(pack: Iterable[Detail]) -> str:
    return SEPARATOR.join([text for _, text, _ in pack])


def _wrap(pack: Sequence[Detail]) -> Detail:
    if len(pack) == 1:  # as of most issues
        ((_, text, covers),) = pack
    else:
        text = _join(pack)
        covers = tuple([id_ for _, _, ids in pack for id_ in ids])
    digest = _digest("\n".join(covers).encode(), 16)
    return digest, text, covers


def _digest(content: bytes, digits: int) -> str:
    digest = hashlib.sha256(content).hexdigest()
    return digest[:digits]
