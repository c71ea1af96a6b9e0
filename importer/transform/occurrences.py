"""Occurrences of issues that recur: what each row says, and what of it is news to its issue.

An occurrence is a comment, whose id is derived from the texts under `recurring: occurrence`. No comment can be edited,
so each later correction or withdrawal is a comment of its own, numbered from 1. The ledger has them among what the
comments of an issue cover, as `ID@NUMBER[!][~DATE]=CONTENT[@NUMBER][.ROW:SEVERITY]`: number 0 is the occurrence itself,
`!` a withdrawal; DATE is that of the row, where `duplicates` takes the newest one; the number is repeated as a
correction may say what an earlier one has said; ROW is the digest of the row, SEVERITY how severe it was.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

import orjson

from importer.codes import SKIP_PREFIX
from importer.records import Act, Addition, AlreadyAdded, Comment, Flag, IssueParts, Occurrence
from importer.transform.markers import comment_marker, short_digest

ANSWER_PREFIX = "answer-"
_ABOUT = re.compile(
    r"([0-9a-f]{16})@([0-9]+)(!?)(?:~([0-9.]+))?=([0-9a-f]{16})(?:@[0-9]+)?(?:\.([0-9a-f]{16}):([a-z]*))?"
)


def is_withdrawal(skip: str) -> bool:
    """Whether the code of a skipped row says that it is no finding: a skip rule of the mapping, or its answer."""
    return skip.startswith((SKIP_PREFIX, ANSWER_PREFIX))


class Word(NamedTuple):
    """The last word on an occurrence, of those that its issue has.

    number         0 is the occurrence itself, 1 the first correction or withdrawal; -1: nothing was said
    is_withdrawal  whether it withdrew the occurrence
    content        the digest of the cells that it says; "" if only its marker is known
    dated          the date of its row, in seconds since 1970; 0 if there is none
    row, severity  the digest of that row, and how severe it was; "" if an earlier version has said it
    """

    number: int = -1
    is_withdrawal: bool = False
    content: str = ""
    dated: float = 0.0
    row: str = ""
    severity: str = ""

    def says(self, occurrence: Occurrence) -> bool:
        """Whether an occurrence is as it was said: its note and answer are the same, or all of its row is.

        An earlier version compared them as the mapping words them. Where only a marker is known, they are taken for the
        same.
        """
        if self.number < 0 or self.is_withdrawal != occurrence.is_withdrawn:
            return False
        contents = ("", occurrence.comment.content, occurrence.worded)
        return self.content in contents or self.row == occurrence.row != ""


UNSAID = Word()


def read_covered(covered: Iterable[str]) -> dict[str, Word]:
    """Return the last word on each occurrence, by the occurrence's id."""
    last = dict[str, Word]()
    for name in covered:
        match = _ABOUT.fullmatch(name)
        if match is None:
            continue
        id_, number, withdrawal, dated, content, *row = match.groups("")
        word = Word(int(number), bool(withdrawal), content, float(dated or 0), *row)
        last[id_] = max(last.get(id_, UNSAID), word)
    return last


def read_said(covered: Iterable[str]) -> Counter[str]:
    """Count the words on occurrences as `new`, `corrected` or `withdrawn`, one in several parts once."""
    words = {match.group(1, 2, 3) for match in map(_ABOUT.fullmatch, covered) if match}
    counts = Counter[str]()
    for _, number, sign in words:
        if sign:
            counts["withdrawn"] += 1
        elif int(number):
            counts["corrected"] += 1
        else:
            counts["new"] += 1
    return counts


def find_last(key: str, occurrences: Iterable[Occurrence], had: AlreadyAdded) -> dict[str, Word]:
    """Return the last word on each occurrence, by the occurrence's id; {} if an issue is to get none.

    They come from the ledger and, if that was lost, from the markers that were read in the issue's comments.
    """
    last = read_covered(had.covered) if occurrences else {}
    if (Act.RECALL, "") not in had.names:
        return last
    for occurrence in occurrences:
        id_ = occurrence.comment.id
        word: Word | None = last.get(id_, UNSAID)
        while word is not None:
            last[id_] = word
            candidates = [Word(word.number + 1, is_withdrawal) for is_withdrawal in (False, True)]
            word = None
            for candidate in candidates:
                if is_recalled(key, f"{_name(id_, candidate)}/1", had):
                    word = candidate
                    break
    return last


def is_recalled(key: str, stem: str, had: AlreadyAdded) -> bool:
    """Whether the marker of a comment, or of a part of it, is among those that its issue has shown."""
    return comment_marker(key, stem) in had.covered


def _name(id_: str, word: Word) -> str:
    """The id of the comment with a word on an occurrence, whatever it says."""
    if not word.number:
        return id_
    sign = "!" * word.is_withdrawal
    return short_digest(f"{id_}@{word.number}{sign}")


def say_what_is_new(parts: IssueParts, last: Mapping[str, Word]) -> IssueParts:
    """Turn the occurrences of an issue into comments: new ones, corrections, withdrawals; `last` is from `find_last`.

    What was said already is a comment, too, as a part of it may not have been sent. A withdrawn occurrence isn't
    withdrawn again, whatever its row says by now. Only a new occurrence has its flags.
    """
    comments = list[Comment]()
    left_out = set[Flag]()
    for occurrence in parts.occurrences:
        word = last.get(occurrence.comment.id, UNSAID)
        number = word.number
        is_known = word.says(occurrence)
        if occurrence.is_withdrawn and (number < 0 or word.is_withdrawal) and not is_known:
            continue
        # A flag that is still to be made is in the ledger; one of another row would be a second one.
        if number > 0 or (number == 0 and not (is_known and word.row in ("", occurrence.row))):
            left_out.update(occurrence.flags)
        if is_known and word.content:
            comment = occurrence.comment._replace(content=word.content)
            occurrence = occurrence._replace(comment=comment, row="")
        if not is_known:
            number += 1
        comments.append(_comment_on(occurrence, number))
    flags = tuple(flag for flag in parts.flags if flag not in left_out)
    return parts._replace(comments=(*parts.comments, *comments), flags=flags)


def _comment_on(occurrence: Occurrence, number: int) -> Comment:
    """The comment with the word of this number on an occurrence."""
    comment = occurrence.comment
    is_withdrawn = occurrence.is_withdrawn
    content = f"{comment.content}@{number}" if number else comment.content
    row = _say_row(occurrence.row, occurrence.severity)
    worded = comment._replace(about=_about(occurrence, number), content=content + row)
    if not number:
        return worded
    id_ = _name(comment.id, Word(number, is_withdrawn))
    verdict = "Withdrawn" if is_withdrawn else "Corrected"
    return worded._replace(id=id_, text=f"{verdict}: {comment.text}")


def _about(occurrence: Occurrence, number: int) -> str:
    dated = f"~{occurrence.dated}" if occurrence.dated > 0 else ""
    sign = "!" * occurrence.is_withdrawn
    return f"{occurrence.comment.id}@{number}{sign}{dated}"


def _say_row(row: str, severity: str) -> str:
    return f".{row}:{severity}" if row else ""


def plan_recall(key: str, parts: IssueParts, had: AlreadyAdded, last: Mapping[str, Word]) -> Iterator[Addition]:
    """Plan what the ledger is to know without sending anything.

    If it was lost, the issue's comments are to be read, once. The dates of newer rows that say nothing new are to be
    kept, so that no row that is older than these corrects anything.
    """
    if parts.occurrences and had.was_lost:
        yield Addition(key, Act.RECALL, "", b"{}")
    newer = list[str]()
    for occurrence in parts.occurrences:
        word = last.get(occurrence.comment.id, UNSAID)
        says_nothing = word.says(occurrence) or (word.is_withdrawal and occurrence.is_withdrawn)
        if word.content and says_nothing and word.dated < occurrence.dated:
            row = _say_row(word.row, word.severity)
            newer.append(f"{_about(occurrence, word.number)}={word.content}{row}")
    if newer:
        name = short_digest("\n".join(newer))
        yield Addition(key, Act.RECALL, name, b"{}", tuple(newer))


def plan_reopening(key: str, parts: IssueParts, had: AlreadyAdded, last: Mapping[str, Word]) -> Iterator[Addition]:
    """Plan to reopen a known issue, if it is finished, for its new occurrences and withdrawn ones that fail again.

    The addition is named by the latest of these. If the run was broken off, those that it has added already count, too.
    """
    if not last:
        return
    begun = read_covered(had.begun)
    new = dict[str, Occurrence]()
    for occurrence in parts.occurrences:
        id_ = occurrence.comment.id
        word = last.get(id_, UNSAID)
        number = word.number
        if number < 0 or word.is_withdrawal:
            number += 1
        elif id_ not in begun:
            continue  # an earlier run said it
        elif number and not any(name.startswith(f"{id_}@{number - 1}!") for name in had.covered):
            continue  # it corrects what was no withdrawal
        if not occurrence.is_withdrawn:
            name = _name(id_, Word(number))
            new[name] = occurrence
    names = [name for name in new if (Act.REOPEN, name) not in had.names]
    if names:
        latest = max(names, key=lambda name: new[name].at)
        occurrence = new[latest]
        body = orjson.dumps({"reopens": occurrence.reopens, "at": occurrence.at})
        yield Addition(key, Act.REOPEN, latest, body)
