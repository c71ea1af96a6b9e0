"""What the target keeps of long texts, as each answer to a create, an update and a comment tells.

A target may cut a text, and a marker with it. What is left says how much it keeps: a longer description is shortened
before it is sent and goes on in comments, as one over Triage's own limit does, and a longer comment is sent in parts.
No answer is a proof: it may be abbreviated, or show what is cut when it is stored. So what an answer doesn't show is
read back, and so is each long text that is longer than any that a reading has shown whole.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from operator import le
from typing import NamedTuple

from importer.api import COMMENT_LIMIT, DESCRIPTION_LIMIT, count_units
from importer.transform.footers import find_footer
from importer.transform.lengths import REST_LIMIT, split_text
from importer.transform.prose import CONTINUED
from importer.triage.snapshot import find_left

TRIMMED = 64
"""By how much less than is kept may be left of a text: no character is split, and what is cut is trimmed."""


class Size(NamedTuple):
    """The length of a text in each unit that a target may count."""

    characters: int
    units: int
    bytes: int

    @classmethod
    def of(cls, text: str) -> Size:
        """Measure a text."""
        return cls(len(text), count_units(text), len(text.encode()))

    def takes(self, text: str) -> bool:
        """Whether a text isn't larger in any unit."""
        return all(map(le, Size.of(text), self))

    def __str__(self) -> str:
        return f"{self.characters:,} characters ({self.bytes:,} bytes)"


NO_LIMIT = Size(sys.maxsize, sys.maxsize, sys.maxsize)


class Fitted(NamedTuple):
    """A description as it is sent: the row's `whole`, its issue's `text`, and the parts `moved` to comments.

    `text` is "" where it isn't sent, as its marker would be lost.
    """

    whole: str
    text: str
    moved: Sequence[str] = ()


class Keeping:
    """What the target keeps of one kind of text, as far as an attempt has learned it.

    whole     the most that a reading has shown whole
    most      the least that was left of a text that was cut
    is_lossy  whether a marker was lost with the end of a text, and could not be put back
    """

    def __init__(self, limit: int) -> None:
        """`limit` is Triage's own: a text of more than half as many bytes is long."""
        self._long, self.whole, self.most, self.is_lossy = limit // 2, Size(0, 0, 0), NO_LIMIT, False
        self._abbreviated = -1  # characters of the longest text in an answer that showed less than was stored

    def takes(self, text: str) -> bool:
        """Whether a text is kept whole, in each unit that nothing has refuted."""
        if self.most is NO_LIMIT:
            return True
        sizes = zip(Size.of(text), self.most, self.whole, strict=True)
        return all(size <= most for size, most, whole in sizes if whole <= most + TRIMMED)

    def holds(self, text: str) -> bool:
        """Whether a text isn't sent, as its marker would be lost."""
        return self.is_lossy and not self.takes(text)

    def why_held(self, text: str) -> str:
        """Say why a text isn't sent."""
        return f"not sent, as its marker would be lost: it has {Size.of(text)}, and Triage keeps {self.most}"

    def fit(self, description: str) -> Fitted:
        """Shorten a description as far as needed."""
        if self.most is NO_LIMIT:  # so it is, but at a target that cuts texts
            return Fitted(description, description)
        return Fitted(description, "") if self.holds(description) else shorten(description, self.takes)

    async def look(self, sent: str, shown: str, read: Callable[[], Awaitable[str | None]]) -> str | None:
        """Return what is left of a text, None if nothing was cut; `read` gives what is stored, None if it can't."""
        left = find_left(sent, shown)
        if left is None and len(sent.encode()) <= self._long:
            return None
        if self.whole.takes(sent) and (left is None or len(shown) <= self._abbreviated):
            return None
        if (stored := await read()) is not None:
            is_shown, left = left is None, find_left(sent, stored)
            if left is None:
                self.whole = Size(*map(max, Size.of(sent), self.whole))
                self._abbreviated = max(self._abbreviated, -1 if is_shown else len(shown))
        if left is not None:
            self.most = Size(*map(min, Size.of(left), self.most))
        return left


class TargetKeeping:
    """What the target keeps of descriptions and of comments, as far as an attempt has learned it.

    continued  keys of issues whose description goes on in comments, as the target keeps less of it
    """

    def __init__(self) -> None:
        self.descriptions, self.comments = Keeping(DESCRIPTION_LIMIT), Keeping(COMMENT_LIMIT)
        self.continued = set[str]()


def shorten(description: str, takes: Callable[[str], bool]) -> Fitted:
    """Shorten a description until it is taken. Where there is no room for the footer, only the marker's line stays."""
    if takes(description):
        return Fitted(description, description)
    start = find_footer(description)
    text, footer = description[:start].rstrip().removesuffix(CONTINUED).rstrip(), description[start:]
    head, _, marker = footer.rpartition("\n")
    for begun, last in ((text, footer), (f"{text}\n\n{head}".strip(), marker)):
        ending = f"\n\n{CONTINUED}\n\n{last}"
        if takes(ending):
            room = bisect_left(range(len(begun)), True, key=lambda end: not takes(begun[: end + 1] + ending))
            first, *rest = split_text(begun, room, REST_LIMIT)
            return Fitted(description, first + ending, rest)
    return Fitted(description, "")
