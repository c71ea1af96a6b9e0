"""The opening look: before anything is sent, issues of this source that the ledger doesn't know are taken in.

So a ledger that was lost, restored from a copy, or cut at its end doubles nothing. The list is read newest first, back
to the last create that the ledger knows; where it knows less than it should, the search for the source's marker is
read, too, and if that finds nothing, the whole list: who has never imported here pays for it once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from importer.calls import PacedCalls
from importer.client import CallFailed, Issue, TriageClient
from importer.compare import remember
from importer.ledger import Double, Found, Seen
from importer.listing import CLOCK_SKEW, WholeIssues, created_seconds, list_newest_first, search_issues
from importer.target import stop_of
from importer.transform import find_marker_line, source_marker

SEARCH_LAG = 3600.0
"""Seconds that a search index may be behind: issues younger than this are also looked for in the list."""
ROUNDS = 3
"""Readings of a list, one of whose pages was deleted under it."""


class Looked(NamedTuple):
    """What an opening look found: issues that are now known, and keys with two issues."""

    taken: int
    doubles: list[Double]


class OpeningLook:
    """Looks once, for one source; its requests go through the same limiter as everything."""

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        seen: Seen,
        source_name: str,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._client, self._calls, self._seen, self._now = client, calls, seen, now
        self._marker = source_marker(source_name)
        self._wholes = WholeIssues(client, calls)

    async def look(self, *, thorough: bool = False) -> Looked:
        """Read what may be unknown to the ledger, and keep it there; `thorough` is all that there is.

        Raises:
            RunStopped: the target can't be read.
        """
        horizon = self._seen.horizon()
        try:
            if horizon.complete and not thorough:
                await self._read_list(horizon.since - CLOCK_SKEW, unmarked=False)
            else:
                self._seen.forget()
                found = await self._search()
                recent = min(self._now() - SEARCH_LAG, horizon.since or self._now()) - CLOCK_SKEW
                await self._read_list(recent if found and not thorough else 0.0, unmarked=True)
                self._seen.complete()
        except CallFailed as error:
            raise stop_of(error) from error
        return Looked(self._seen.count(), self._seen.doubles())

    async def _search(self) -> int:
        found = 0
        async for page in search_issues(self._client, self._calls, self._marker):
            found += await self._note(page, unmarked=False)
        return found

    async def _read_list(self, back_to: float, *, unmarked: bool) -> None:
        for round_ in range(ROUNDS):
            try:
                async for page in list_newest_first(self._client, self._calls):
                    new = [issue for issue in page if created_seconds(issue, self._now()) >= back_to]
                    await self._note(new, unmarked=unmarked)
                    if len(new) < len(page):
                        return
                return
            except CallFailed as error:
                if error.status != 400 or round_ == ROUNDS - 1:
                    raise

    async def _note(self, page: Sequence[Issue], *, unmarked: bool) -> int:
        """Keep the issues of a page that are ours and unknown; give how many are ours."""
        known = self._seen.known({issue.id: issue.triage_id for issue in page})
        ours = []
        # The longest first: what the list shows of it says whether the shorter ones are whole.
        for listed in sorted(page, key=lambda issue: -len(issue.description)):
            if listed.id in known:
                continue
            issue = await self._wholes.read(listed)
            if issue is None:
                continue  # deleted since
            source, record = find_marker_line(issue.description)
            if source == self._marker or (unmarked and not source):
                created = created_seconds(issue, self._now())
                ours.append(Found(issue.id, issue.triage_id, record, issue.title, created, remember(issue)))
        self._seen.note(ours)
        return len(known) + sum(bool(found.marker) for found in ours)
