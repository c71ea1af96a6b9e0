"""Absence: decides whether an issue is gone after a 404 for it, which is believed slowly.

A target whose writes are read from a copy answers 404 for a while to whoever asks for what was just created, and a
gateway answers 404 for everything while the target is down. So one 404 decides nothing:

- until `settle_seconds` after the issue's create was answered, it means "not yet";
- from then on it takes readings that are APART seconds from each other and agree: two of them if the 404 is in the
  API's own form, four if it is in any other;
- one in any other form is followed by a control request, the list of issues with one item. If that fails, too, the
  target is down, and the command stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf

from importer.triage.actions import CallFailed, stop_of
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.paced import PacedCalls

APART = 5.0
"""Seconds between two readings that count, at least: longer than most failures of a single part of a target."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 8.0
"""Seconds until an issue is read again that is too new to be gone; each wait is twice as long as the one before."""
ENOUGH, OWN, FOREIGN = 4, 2, 1
"""What readings that find no issue must add up to; what one counts whose 404 is in the API's form, or in another."""


class NotYet(Exception):
    """Whether an issue is gone can't be said yet: ask again in `seconds`, and let others send meanwhile."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"read again in {seconds:g} s")
        self.seconds = seconds


@dataclass(slots=True)
class _Doubt:
    """An issue that was not there: until when it is too new to be gone, and the readings that count since then."""

    deadline: float
    weight: int = 0
    last: float = -inf
    wait: float = FIRST_WAIT  # before the next reading that is too early to count


class Absence:
    """Decides for the issues of one command; `calls` paces its requests with all others."""

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
        self._doubts: dict[str, _Doubt] = {}  # by issue id

    async def read(self, issue_id: str, since: float = 0.0) -> Issue | None:
        """Read an issue whole, and wait until it is sure whether it exists; None if it is gone. See `read_once`.

        Raises Interrupted as soon as the run is interrupted.
        """
        while True:
            try:
                return await self.read_once(issue_id, since)
            except NotYet as wait:
                await self._calls.sleep(wait.seconds)

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
        now = self._now()
        doubt = self._doubts.setdefault(issue_id, _Doubt(since + self._settle_seconds))
        # A time ahead of now, from a clock that was wrong then, or is set back meanwhile, would be waited for.
        doubt.deadline, doubt.last = min(doubt.deadline, now + self._settle_seconds), min(doubt.last, now)
        if now < doubt.deadline:
            wait = min(doubt.wait, max(FIRST_WAIT, doubt.deadline - now))
            doubt.wait = min(LONGEST_WAIT, doubt.wait * 2)
            raise NotYet(wait)
        if now - doubt.last >= APART:
            doubt.weight += FOREIGN if error.is_foreign else OWN
            doubt.last = now
        if doubt.weight < ENOUGH:
            raise NotYet(doubt.last + APART - now)

    def note_deleted(self, issue_id: str) -> None:
        """Note that Triage has said that it deleted an issue, which counts as a reading that didn't find it."""
        self._doubts[issue_id] = _Doubt(-inf, OWN)

    async def _check_target(self) -> None:
        """Read the list of issues, which is always there. Raises RunStopped if that fails as well."""
        try:
            await self._calls.call(partial(self._client.list_issues, limit="1"), alone=True)
        except CallFailed as error:
            raise stop_of(error) from error
