"""What the target keeps of long texts: each answer to a create, an update and a comment is looked at here.

A target may cut a text, and a marker with it. What is left says how much it keeps: a longer description is shortened
before it is sent and goes on in comments, as one over Triage's own limit does, and a longer comment is sent in parts.
No answer is a proof: it may be abbreviated, or show what is cut when it is stored. So what an answer doesn't show is
read back, and so is each long text that is longer than any that a reading has shown whole.
"""

from __future__ import annotations

import sys
from bisect import bisect_left
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from operator import le
from typing import TYPE_CHECKING, NamedTuple

import orjson

from importer.api import COMMENT_LIMIT, DESCRIPTION_LIMIT, count_units
from importer.codes import MARKER_CUT, TEXT_CUT
from importer.transform.footers import find_footer
from importer.transform.lengths import REST_LIMIT, split_text
from importer.transform.markers import find_marker
from importer.transform.prose import CONTINUED
from importer.triage.actions import CallFailed
from importer.triage.answers import Issue
from importer.triage.snapshot import Snapshot, find_left

if TYPE_CHECKING:
    from importer.load.driver import RunConnection

TRIMMED = 64
"""By how much less than is kept may be left of a text: no character is split, and what is cut is trimmed."""
TIMES_SHORTENED = 2
"""How often a description whose marker was cut off is written again, each time shorter."""


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


async def look_at_description(
    connection: RunConnection,
    key: str,
    issue: Issue,
    sent: Fitted,
    before: Snapshot,
    record: Callable[[Snapshot, str, str], None],
) -> None:
    """Look at the answer to a create or an update, and write its description again, shorter, if its marker is lost.

    `before` is the snapshot that was recorded; with a better one, and what is cut, `record` is called with its code and
    message. Raises Interrupted, and RunStopped.
    """
    keeping, marker = connection.keeping.descriptions, find_marker(sent.whole)
    if "description" in issue.unanswered:  # and couldn't be read: it counts as sent
        issue = issue._replace(description=sent.text)
    answer = issue

    def end(code: str = "", message: str = "") -> None:
        connection.keeping.continued.update([key] if sent.moved else ())
        record(before.after_write(issue, {"description": sent.whole}, sent.moved), code, message)

    async def read() -> str | None:
        nonlocal issue
        issue = await read_back(connection, answer) or answer
        return None if issue is answer else issue.description

    if find_left(sent.text, issue.description) is not None:  # the ledger says so until somebody has looked
        end(MARKER_CUT, "Triage's answer lacks the end of the description")
    left = first = await keeping.look(sent.text, issue.description, read)
    # An attempt whose outcome was lost had shortened it.
    is_begun = CONTINUED in issue.description and CONTINUED not in sent.text
    if left is None and not is_begun:
        if find_left(sent.text, issue.description) is not None:
            issue = issue._replace(description=sent.text)  # an answer that is known to be abbreviated
        if issue is not answer or sent.moved:
            end()
        return
    said = "" if left is None else f"Triage kept {Size.of(left)} of the {Size.of(sent.text)} of the description"
    if find_marker(issue.description) == marker and not is_begun:
        end(TEXT_CUT, said)
        return
    for _ in range(TIMES_SHORTENED):
        sent = shorten(sent.whole, keeping.takes if left is None else Size.of(left).takes)
        if not sent.text:
            break
        body = orjson.dumps({"description": sent.text})
        try:
            issue = answer = await connection.calls.call(partial(connection.client.update_issue, issue.id, body))
        except CallFailed:
            break
        left = await keeping.look(sent.text, issue.description, read)
        if left is None or find_marker(issue.description) == marker:
            code = "" if first is None else TEXT_CUT
            end(code, code and f"{said}; it was written again, shorter, and goes on in comments")
            return
    keeping.is_lossy, sent = True, sent._replace(moved=())
    end(MARKER_CUT, f"{said}, and its marker is lost")


async def read_back(connection: RunConnection, issue: Issue) -> Issue | None:
    """Read an issue that was just written; None if it can't be read."""
    read = partial(connection.absence.read_once, issue.id, connection.now())
    try:
        return await connection.workers.when_sure(read)
    except CallFailed:
        return None
