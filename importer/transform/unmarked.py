"""Comments without a marker, in ledgers and issues from before they carried one: how they were split, and their text.

They stay as they are, and are known by their text. Nothing new is sent in this way, but for what is missing of a long
comment of which a part is in Triage: it goes on as it was begun.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterable, Iterator
from itertools import chain

import orjson

from importer.records import NUMBER_BESIDE, Act, Addition, IssueParts
from importer.transform.columns import is_filled
from importer.transform.comment_texts import SEPARATOR, continue_description, divide

RULE = " ".join(["", *SEPARATOR.split(), ""])
"""The line between folded comments, on one line with them."""


def plan_unmarked(key: str, parts: IssueParts) -> list[Addition]:
    """All comments of a record's issue as earlier versions sent them, each by itself."""
    comments = [each._replace(id=each.content or each.id, content="") for each in parts.comments]
    details = [
        *continue_description(key, parts.rest, is_marked=False),
        *chain.from_iterable(divide([(key, one, False) for one in comments if is_filled(one.text)])),
    ]
    return [Addition(key, Act.COMMENT, name, orjson.dumps({"detail": text}), covers) for name, text, covers in details]


def normalise(text: str) -> str:
    """A comment's text as it is compared: without outer white space, CR, and the numbers of other issues."""
    text = text.strip()  # first, as a target that trims it may take away the blank before a bracket
    while (shorter := NUMBER_BESIDE.sub("", text)) != text:  # again: what is left may make another
        text = shorter
    return unicodedata.normalize("NFC", text.replace("\r\n", "\n")).strip()


def digest(text: str) -> str:
    """SHA-256 in hex digits of the normalised text."""
    return hashlib.sha256(normalise(text).encode()).hexdigest()


def find_comments(additions: Iterable[Addition], details: Iterable[str]) -> Iterator[Addition]:
    """Yield an issue's comments that contain any of these, each as one addition that covers all that it contains.

    `additions` are comments as they were sent without a marker. Each is found by its own text, however comments were
    folded then and whatever the source has lost since. `details` are the texts of the issue's comments, oldest first.
    """
    left = [(_enclose(orjson.loads(addition.body)["detail"]), addition) for addition in additions]
    for detail in details:
        text, carried = _enclose(detail), list[Addition]()
        for each in list(left):
            if text == RULE:  # nothing else is in this comment
                break
            its_text, addition = each
            if its_text in text:
                text = text.replace(its_text, RULE, 1)
                carried.append(addition)
                left.remove(each)
        if carried:
            covers = tuple(name for addition in carried for name in addition.covers)
            yield carried[0]._replace(body=orjson.dumps({"detail": detail}), covers=covers)


def _enclose(detail: str) -> str:
    """Put a comment's text on one line between two rules, as folded ones are; a target may have trimmed its ends."""
    return f"{RULE}{' '.join(normalise(detail).split())}{RULE}"
