"""What the target keeps of long texts: the longest that was seen whole, in each unit that a target may count.

A target may cut a text, and a marker with it. So a long text that is longer than any that was seen whole goes alone,
and is read back, as an answer may be abbreviated, or show what is cut when it is stored. Once a text was cut, none is
sent that is longer than what was seen whole: a description is shortened, as one over Triage's own limit is, and goes on
in comments, and a comment is sent in parts.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from operator import le
from typing import NamedTuple

from importer.api import COMMENT_LIMIT, DESCRIPTION_LIMIT, count_units
from importer.transform.footers import find_footer
from importer.transform.lengths import CONTINUED, REST_LIMIT, split_text
from importer.triage.snapshot import find_left


class Size(NamedTuple):
    """The length of a text in each unit that a target may count."""

    characters: int
    units: int
    bytes: int

    @classmethod
    def of(cls, text: str) -> Size:
        """Measure a text."""
        length = len(text)
        return cls(length, length, length) if text.isascii() else cls(length, count_units(text), len(text.encode()))

    def takes(self, text: str) -> bool:
        """Whether a text isn't larger in any unit."""
        return all(map(le, Size.of(text), self))

    def joined(self, other: Size) -> Size:
        """Return the larger one in each unit."""
        return Size(*map(max, self, other))

    def __str__(self) -> str:
        return f"{self.characters:,} characters ({self.bytes:,} bytes)"


class Fitted(NamedTuple):
    """A description as it is sent: the row's `whole`, its issue's `text`, and the parts `moved` to comments.

    `text` is "" where it isn't sent, as its marker would be lost.
    """

    whole: str
    text: str
    moved: Sequence[str] = ()


class Keeping:
    """What the target keeps of one kind of text.

    whole  the longest that was seen whole: a long text by a reading, any other by its answer
    cuts   whether one was cut
    """

    def __init__(self, limit: int) -> None:
        """`limit` is Triage's own; a text of more than half as many bytes is long."""
        self._long, self.whole, self.cuts = limit // 2, Size(0, 0, 0), False

    @property
    def limit(self) -> Size | None:
        """How long a text may be; None if none was cut."""
        return self.whole if self.cuts else None

    def takes(self, text: str) -> bool:
        """Whether a text may be sent."""
        return not self.cuts or self.whole.takes(text)

    def why_held(self, text: str) -> str:
        """Say why a text isn't sent."""
        return f"not sent, as it would be cut: it has {Size.of(text)}, and Triage keeps {self.whole}"

    def fit(self, description: str) -> Fitted:
        """Shorten a description as far as needed."""
        return shorten(description, self.takes)

    def may_cut(self, text: str) -> bool:
        """Whether a text is to go alone: it is long, and none as long was seen whole."""
        return not self.cuts and self._is_long(text) and not self.whole.takes(text)

    def _is_long(self, text: str) -> bool:
        return len(text) * 4 > self._long and len(text.encode()) > self._long

    async def look(self, sent: str, shown: str, read: Callable[[], Awaitable[str | None]]) -> str | None:
        """Return what is left of a text, None if nothing was cut; `read` gives what is stored, None if it can't."""
        left, is_proved = find_left(sent, shown), self.whole.takes(sent)
        if left is not None or (self._is_long(sent) and not is_proved):
            if (stored := await read()) is None:
                return left
            left = find_left(sent, stored)
        if left is None:
            self.whole = self.whole if is_proved else self.whole.joined(Size.of(sent))
        else:  # so much is kept; of a text that should be kept whole, no more than that is believed
            self.cuts, kept = True, Size.of(left)
            self.whole = kept if is_proved else self.whole.joined(kept)
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
