"""Reading the list of issues page by page: newest first, or by a search word; and whole descriptions of cut items.

A cursor is the last issue of the page before. If that issue is deleted meanwhile, the list is read from its beginning
again, so a caller may see issues twice.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from math import inf

from importer.api import PAGE_LIMIT
from importer.triage.absence import Absence
from importer.triage.actions import CallFailed
from importer.triage.answers import Entry, Issue, Page
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls
from importer.triage.pages import SeenPages

CLOCK_SKEW = 60.0
"""Seconds by which the target's own times may be out of order: it has several clocks, and commits lag behind them."""
BEGINNINGS = 5
"""How often a list is read from its beginning, at most, because the issue of a cursor was deleted."""
MOST_EARLIER = 20_000
"""Ids of so many issues are kept, so that the memory stays flat."""
WORD = 64
"""By how many characters cut descriptions may differ in length, as they may be cut between words."""
ELLIPSES = ("...", "…")


class NewestFirst:
    """The pages of the list of issues, newest first, back to a creation time by the target's clock.

    The last page is the first with an issue that was made more than `skew` seconds before `back_to`, which may be set
    while they are read. A time that can't be parsed ends nothing. `newest` and `oldest` are of what was shown so far.
    """

    def __init__(
        self, client: TriageClient, calls: PacedCalls, back_to: float = -inf, skew: float = CLOCK_SKEW
    ) -> None:
        self._client, self._calls, self._skew = client, calls, skew
        self.back_to, self.newest, self.oldest = back_to, 0.0, inf

    async def __aiter__(self) -> AsyncIterator[tuple[Issue, ...]]:
        """Yield the pages. Raises CallFailed, and TargetUnreachable if they never end."""
        async for page in read_pages(self._client, self._calls):
            times = [created_seconds(issue, inf) for issue in page.items]
            self.newest = max([self.newest, *(seconds for seconds in times if seconds < inf)])
            oldest = min(times, default=inf)
            self.oldest = min(self.oldest, oldest)
            yield page.items
            if oldest < self.back_to - self._skew:
                return

    def reaches(self, issue: Issue) -> bool:
        """Whether an issue isn't older than what is read back to."""
        return created_seconds(issue, inf) >= self.back_to - self._skew


async def read_pages(client: TriageClient, calls: PacedCalls, cursor: str = "") -> AsyncIterator[Page[Issue]]:
    """Yield the pages of `NewestFirst` from a cursor on; from the beginning if it is "" or no longer good."""
    async for page in _read_pages(client, calls, cursor, sort="created_at", order="desc"):
        yield page


async def search_issues(client: TriageClient, calls: PacedCalls, word: str) -> AsyncIterator[tuple[Issue, ...]]:
    """Yield pages of the issues whose title or description contains a word. Raises as `NewestFirst`."""
    async for page in _read_pages(client, calls, "", search=word):
        yield page.items


async def _read_pages(client: TriageClient, calls: PacedCalls, cursor: str, **query: str) -> AsyncIterator[Page[Issue]]:
    first = {"limit": str(PAGE_LIMIT), **query}
    query_of_page = {**first, "cursor": cursor} if cursor else first
    beginnings = 1
    pages_seen = SeenPages("issues")
    while True:
        try:
            page = await calls.call(partial(client.list_issues, **query_of_page))
        except CallFailed as error:
            # A cursor whose issue was deleted is a bad request; nothing else in the query can be one.
            if error.status != 400 or query_of_page is first or beginnings == BEGINNINGS:
                raise
            query_of_page = first
            beginnings += 1
            pages_seen = SeenPages("issues")
            continue
        yield page
        if page.next_cursor is None:
            return
        pages_seen.note((issue.id for issue in page.items), page.next_cursor)
        query_of_page = {**first, "cursor": page.next_cursor}


def created_seconds(item: Issue | Entry, otherwise: float) -> float:
    """Return when an issue or entry was created, in seconds since 1970; `otherwise` if it is no ISO 8601 time.

    By the target's clock, and a time without a zone taken for UTC: it is only ever compared with another such time.
    """
    try:
        moment = datetime.fromisoformat(item.created_at)
    except ValueError:
        return otherwise
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


class TargetTime:
    """The newest creation time that the target has shown so far, by its own clock; 0 before it has shown any.

    It knows as well which issues were there before anything was sent, the newest ones at least.
    """

    def __init__(self) -> None:
        self.newest = 0.0
        self._earlier: set[str] = set()  # their ids

    @property
    def has_shown_any(self) -> bool:
        """Whether it has shown an issue before anything was sent."""
        return bool(self._earlier)

    def note(self, issues: Iterable[Issue]) -> None:
        """Take note of issues that it has shown."""
        self.newest = max([self.newest, *(created_seconds(issue, 0.0) for issue in issues)])

    def note_earlier(self, page: Sequence[Issue]) -> None:
        """Take note of issues that it has shown, newest first, before anything was sent."""
        self.note(page)
        if len(self._earlier) < MOST_EARLIER:
            self._earlier.update(issue.id for issue in page)

    def was_there(self, issue: Issue) -> bool:
        """Whether an issue was there before anything was sent: then it is none that was just made."""
        return issue.id in self._earlier


class WholeIssues:
    """Reads issues with their whole descriptions, saving requests where the list doesn't cut them.

    The API doesn't document whether lists cut descriptions. Two probes, read by themselves, tell: the longest text, and
    the longest that isn't `finished`, as the marker line that ends an import's description is lost with a cut. Where
    both came whole, no text that is as long is probed again, and all are trusted. As a list of first paragraphs shows
    nothing at its ends, each page has its second probe until a blank line was seen. `cuts` is set once a probe differs:
    from then on each issue is read by itself, and those that were trusted before have to be read again.

    The trust that is given up: of a list that cuts at words, the longest text may be whole and a shorter one cut; of a
    list that gives first paragraphs, the probes may all have a single one.
    """

    def __init__(self, client: TriageClient, calls: PacedCalls, finished: Callable[[str], bool]) -> None:
        self._absence, self._finished = Absence(client, calls), finished
        self._longest = self._longest_unfinished = 0  # characters of the longest probes that came whole
        self._has_paragraphs = False
        self._probes: dict[str, Issue | None] = {}  # of the present page
        self.cuts = False

    async def probe(self, page: Sequence[Issue]) -> None:
        """Probe a page whose issues are to be read. Raises CallFailed."""
        self._probes = {}
        self._has_paragraphs = self._has_paragraphs or any("\n\n" in issue.description for issue in page)
        if self.cuts or not page:
            return
        longest = max(page, key=lambda issue: len(issue.description))
        if len(longest.description) > self._longest or not self._longest:  # lists may show no description at all
            self._longest = await self._probe(longest)
        unfinished = [issue for issue in page if not self._finished(issue.description) and issue is not longest]
        longest_unfinished = max(unfinished, key=lambda issue: len(issue.description), default=longest)
        is_longer = len(longest_unfinished.description) > self._longest_unfinished
        if longest_unfinished is not longest and not self.cuts and (is_longer or not self._has_paragraphs):
            self._longest_unfinished = max(self._longest_unfinished, await self._probe(longest_unfinished))

    async def _probe(self, listed: Issue) -> int:
        issue = self._probes[listed.id] = await self._absence.read(listed.id)
        self.cuts = self.cuts or (issue is not None and issue.description != listed.description)
        return len(listed.description)

    async def read(self, listed: Issue) -> Issue | None:
        """Return an issue of the probed page with its whole description, None if it no longer exists.

        Raises:
            CallFailed: it can't be read.
        """
        if listed.id in self._probes:
            return self._probes[listed.id]
        if not self.cuts and not listed.description.endswith(ELLIPSES):
            return listed
        return await self._absence.read(listed.id)
