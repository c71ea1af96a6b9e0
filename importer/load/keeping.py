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
        if text.isascii():
            return cls(length, length, length)
        return cls(length, count_units(text), len(text.encode()))

    def takes(self, text: str) -> bool:
        """Whether a text isn't larger in any unit."""
        return all(map(le, Size.of(text), self))

    def joined(self, size: Size) -> Size:
        """Return the larger one in each unit."""
        return Size(*map(max, self, size))

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
        self._long = limit // 2
        self.whole = Size(0, 0, 0)
        self.cuts = False

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

    async def look(
        self, sent_text: str, shown_text: str, read_stored: Callable[[], Awaitable[str | None]]
    ) -> str | None:
        """Return what is left of a text, None if nothing was cut; `read` gives what is stored, None if it can't."""
        cut_text = find_left(sent_text, shown_text)
        is_proved = self.whole.takes(sent_text)
        if cut_text is not None or (self._is_long(sent_text) and not is_proved):
            stored = await read_stored()
            if stored is None:
                return cut_text
            cut_text = find_left(sent_text, stored)
        if cut_text is None:
            if not is_proved:
                self.whole = self.whole.joined(Size.of(sent_text))
        else:  # so much is kept; of a text that should be kept whole, no more than that is believed
            self.cuts = True
            kept_size = Size.of(cut_text)
            self.whole = kept_size if is_proved else self.whole.joined(kept_size)
        return cut_text


class TargetKeeping:
    """What the target keeps of descriptions and of comments, as far as an attempt has learned it.

    continued  keys of issues whose description goes on in comments, as the target keeps less of it
    """

    def __init__(self) -> None:
        self.descriptions = Keeping(DESCRIPTION_LIMIT)
        self.comments = Keeping(COMMENT_LIMIT)
        self.continued = set[str]()


def shorten(description: str, takes: Callable[[str], bool]) -> Fitted:
    """Shorten a description until it is taken. Where there is no room for the footer, only the marker's line stays."""
    if takes(description):
        return Fitted(description, description)
    start = find_footer(description)
    text = description[:start].rstrip().removesuffix(CONTINUED).rstrip()
    footer = description[start:]
    head, _, marker = footer.rpartition("\n")
    for begun, last in ((text, footer), (f"{text}\n\n{head}".strip(), marker)):
        ending = f"\n\n{CONTINUED}\n\n{last}"
        if takes(ending):
            lengths = range(len(begun))
            room = bisect_left(lengths, True, key=lambda end: not takes(begun[: end + 1] + ending))
            first, *moved = split_text(begun, room, REST_LIMIT)
            return Fitted(description, first + ending, moved)
    return Fitted(description, "")
