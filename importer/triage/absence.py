"""Absence: when it is believed that something isn't in Triage: an issue after a 404, what a lost request was to make.

A target whose writes are read from a copy doesn't show for a while what was just created, and a gateway answers 404 for
everything while the target is down. So nothing is decided until `settle_seconds` after the last request that may have
made it: that is the time of a Doubt. From then on it takes readings that agree, see the table of Rules. An issue may be
waited for by whoever has other work meanwhile, see `NotYet`; requests without an answer are waited for by `watch`.

A 404 in another form than the API's own counts half, and is followed by a control request, the list of issues with one
item. If that fails, too, the target is down, and the command stops.

An absence is believed only of what could have been seen. The marker of a description that is longer than any that was
seen whole may be cut off; so its issue is also looked for by title and beginning, see `find_unmarked`.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from math import inf
from typing import NamedTuple, Self, TypeVar

import orjson

from importer.phrases import listed
from importer.triage.actions import Action, CallFailed, stop_of
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls, Undecidable
from importer.triage.snapshot import is_left_of

T = TypeVar("T")
FIRST_WAIT, LONGEST_WAIT = 1.0, 8.0
"""Seconds before the first reading, and at most between two; each wait is twice as long as the one before."""
FAILED_READINGS = 3
"""Failed readings in a row, or readings that prove nothing, after which an outcome stays open."""
BEGINNING = 300
"""Characters of a description by which an issue without a marker is known, beside its title."""
NAMED = 5
"""Issues with the title that a message names."""
OWN, FOREIGN = 2, 1
"""What a reading of an issue counts whose 404 is in the API's form, or in another."""


class Rule(NamedTuple):
    """When an absence is believed.

    enough   what the readings that don't find it must add up to, once its time is over
    apart    seconds between two readings that count, at least; those of `watch` are FIRST_WAIT apart in any case
    longest  seconds that are waited, at most, however long `settle_seconds` are
    """

    enough: int
    apart: float = 0.0
    longest: float = inf


REQUEST = Rule(enough=2)
"""A create or an addition without an answer."""
REFUSED = Rule(enough=1, longest=3.0)
"""A create that was refused: an issue that was made all the same was there before its answer left."""
ISSUE = Rule(enough=4, apart=5.0)
"""An issue after a 404. The distance is longer than most failures of a single part of a target."""


class Sought(NamedTuple):
    """By what the issue of a create is known if its marker is cut off: title, and beginning of its description."""

    title: str
    beginning: str

    @classmethod
    def encode(cls, title: str, description: str) -> bytes:
        """Return the JSON of what a create sends."""
        return orjson.dumps((title, description[:BEGINNING]))

    @classmethod
    def parse(cls, encoded: bytes) -> Self | None:
        """Read that; None from b""."""
        return cls(*orjson.loads(encoded)) if encoded else None

    def has_title(self, issue: Issue) -> bool:
        """Whether an issue has the title, or what is left of it."""
        return is_left_of(self.title, issue.title)

    def is_issue(self, issue: Issue) -> bool:
        """Whether an issue has the title, and a description that begins alike."""
        return self.has_title(issue) and is_left_of(self.beginning, issue.description)


def find_unmarked(sought: Sought, issues: Iterable[Issue]) -> Issue | None:
    """Return the issue that is sought among those without a marker that nobody has; None if it isn't there.

    Raises Undecidable if several may be it, or one has its title and not its beginning.
    """
    titled = [issue for issue in issues if sought.has_title(issue)]
    alike = [issue for issue in titled if sought.is_issue(issue)]
    if len(alike) == 1:
        return alike[0]
    if titled:
        numbers = listed([issue.triage_id for issue in titled], NAMED)
        raise Undecidable(f"without a marker and with the row's title there is {numbers}, which may be its issue")
    return None


class NotYet(Exception):
    """Whether an issue is gone can't be said yet: ask again in `seconds`, and let others send meanwhile."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"read again in {seconds:g} s")
        self.seconds = seconds


def lengthen() -> Iterator[float]:
    """Yield the waits between readings, for as long as nothing can be decided."""
    wait = FIRST_WAIT
    while True:
        yield wait
        wait = min(LONGEST_WAIT, wait * 2)


@dataclass(slots=True)
class Doubt:
    """Whether something is absent; `since` is when the last request that may have made it ended, by the clock `now`."""

    rule: Rule
    since: float
    settle_seconds: float
    now: Callable[[], float]
    weight: int = 0  # of the readings that count
    last: float = -inf  # when that was
    waits: Iterator[float] = field(default_factory=lengthen)

    def seconds_left(self) -> float:
        """Return in how many seconds a reading counts; not above 0 if one does now."""
        moment = self.now()
        # A time ahead of now, from a clock that was wrong then, or is set back meanwhile, would be waited for.
        self.since = min(self.since, moment)
        self.last = min(self.last, moment)
        return max(self.since + min(self.rule.longest, self.settle_seconds), self.last + self.rule.apart) - moment

    def weigh(self, weight: int = 1) -> bool:
        """Count a reading that didn't find it, unless it is too early; return whether its absence is believed."""
        if self.seconds_left() <= 0:
            self.weight, self.last = self.weight + weight, self.now()
        return self.weight >= self.rule.enough

    def next_wait(self) -> float:
        """Return how long to wait before the next reading: between two that count no longer than needed."""
        seconds = self.seconds_left()
        return seconds if self.weight else min(next(self.waits), max(FIRST_WAIT, seconds))


async def watch(
    calls: PacedCalls,
    seconds_left: Callable[[], float],
    read_once: Callable[[], Awaitable[T | None]],
    *,
    gone_ends: bool,
) -> T:
    """Read until that gives a result; the waits grow, but none goes on past the time at which a reading counts.

    With `gone_ends` nothing can be found any more once the issue itself isn't there.

    Raises:
        CallFailed: the issue was deleted.
        Undecidable: three readings in a row failed.
        RunStopped: the key is refused, or the target is down.
        Interrupted: the run was interrupted.
    """
    failed, waits = 0, lengthen()
    while True:
        await calls.sleep(min(next(waits), max(FIRST_WAIT, seconds_left())))
        try:
            if (result := await read_once()) is not None:
                return result
            failed = 0
        except CallFailed as error:
            failed += 1
            if error.action is Action.STOP:
                raise error.as_stop() from error
            if error.is_gone and gone_ends:
                raise
            if failed == FAILED_READINGS:
                raise Undecidable(error.message) from error


async def when_sure(read_once: Callable[[], Awaitable[T]], wait: Callable[[float], Awaitable[None]]) -> T:
    """Read until it is certain whether an issue is gone; while `read_once` raises NotYet, wait."""
    while True:
        try:
            return await read_once()
        except NotYet as early:
            await wait(early.seconds)


class Absence:
    """Decides which issues are gone, for one command; `calls` paces its requests with all others."""

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        *,
        settle_seconds: float = 30.0,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._calls = client, calls
        self._settle_seconds, self._now = settle_seconds, now
        self._doubts: dict[str, Doubt] = {}  # by issue id

    async def read(self, issue_id: str, since: float = 0.0) -> Issue | None:
        """Read an issue whole, and wait until it is sure whether it exists; None if it is gone. See `read_once`.

        Raises Interrupted as soon as the run is interrupted.
        """
        return await when_sure(partial(self.read_once, issue_id, since), self._calls.sleep)

    async def read_once(self, issue_id: str, since: float = 0.0) -> Issue | None:
        """Read an issue whole; None once it is sure that it is gone.

        since  when the answer to its create came, in seconds since 1970; 0 is long ago

        Raises:
            NotYet: it isn't there, which is no proof yet.
            CallFailed: any other failure.
            RunStopped: the target is down.
            Interrupted: the run was interrupted.
        """
        try:
            issue = await self._calls.call(partial(self._client.get_issue, issue_id))
        except CallFailed as error:
            if not error.is_gone:
                raise
            await self.weigh(error, issue_id, since)
            return None
        self._doubts.pop(issue_id, None)
        return issue

    async def weigh(self, error: CallFailed, issue_id: str, since: float = 0.0) -> None:
        """Take a 404 for an issue, or for what hangs on it, as one more reading; returns once the issue is surely gone.

        Raises NotYet, RunStopped and Interrupted as `read_once`.
        """
        if error.is_foreign:
            await self._check_target()
        doubt = self._doubts.setdefault(issue_id, Doubt(ISSUE, since, self._settle_seconds, self._now))
        if not doubt.weigh(FOREIGN if error.is_foreign else OWN):
            raise NotYet(doubt.next_wait())

    def note_deleted(self, issue_id: str) -> None:
        """Note that Triage has said that it deleted an issue, which counts as a reading that didn't find it."""
        self._doubts[issue_id] = Doubt(ISSUE, -inf, 0.0, self._now, OWN)

    async def _check_target(self) -> None:
        """Read the list of issues, which is always there. Raises RunStopped if that fails as well."""
        try:
            await self._calls.call(partial(self._client.list_issues, limit="1"), alone=True)
        except CallFailed as error:
            raise stop_of(error) from error
