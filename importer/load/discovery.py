"""Discovery: reads Triage before anything is sent, for issues of this source that the ledger doesn't know.

So nothing is created twice after a ledger was lost, restored from a copy, or cut at its end. The list is read newest
first, back to the newest issue that the ledger knows. Where the ledger isn't known to be complete, as before the first
import, all that a search for the source's marker finds is read, and the whole list, too: a search may lag or cap what
it finds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from math import inf
from typing import NamedTuple

from importer.ledger.schema import UNDECIDED, State
from importer.ledger.target_scan import Double, Found, Seen
from importer.load.context import ImportContext
from importer.transform.markers import find_marker, find_marker_line, source_marker
from importer.triage.actions import CallFailed, stop_of
from importer.triage.answers import Issue
from importer.triage.client import TriageClient
from importer.triage.event_loop import run_loop
from importer.triage.listing import (
    CLOCK_SKEW,
    TargetTime,
    WholeIssues,
    created_seconds,
    list_newest_first,
    search_issues,
)
from importer.triage.paced import PacedCalls
from importer.triage.snapshot import take_snapshot


class Discovered(NamedTuple):
    """The result of a discovery.

    taken      keys whose issue is in Triage, and whose create the ledger doesn't know
    doubles    keys with two issues
    issue_ids  ids of the issues that this discovery has found
    """

    taken: int
    doubles: list[Double]
    issue_ids: frozenset[str]

    @property
    def sentence(self) -> str:
        """The sentence that is shown."""
        return f"{self.taken:,} issues of this source are in Triage that the ledger did not know: taken in."


class _ListCuts(Exception):
    """A list turned out to cut descriptions after it was trusted: it has to be read again."""


class Discovery:
    """Discovers the issues of one source, once; `calls` paces the requests, as all of an import."""

    def __init__(
        self,
        client: TriageClient,
        calls: PacedCalls,
        seen: Seen,
        source_name: str,
        target_time: TargetTime | None = None,
    ) -> None:
        self._client, self._calls, self._seen = client, calls, seen
        self._target_time = target_time or TargetTime()
        self._marker = source_marker(source_name)
        self._wholes = WholeIssues(client, calls, _is_finished)
        self._examined: set[str] = set()  # ids: a list that moves shows issues twice
        self._issue_ids: set[str] = set()

    async def look(self, *, thorough: bool = False) -> Discovered:
        """Read what the ledger may not know, and keep it there; `thorough` reads all there is.

        Raises:
            RunStopped: the target can't be read.
        """
        try:
            try:
                await self._look(thorough)
            except _ListCuts:
                self._examined.clear()
                await self._look(thorough)
        except CallFailed as error:
            raise stop_of(error) from error
        return Discovered(self._seen.count(), self._seen.doubles(), frozenset(self._issue_ids))

    async def _look(self, thorough: bool) -> None:
        if self._seen.is_complete() and not thorough:
            await self._read_list(to_known=True)
            return
        self._seen.forget()
        async for page in search_issues(self._client, self._calls, self._marker):
            await self._note(page, self._known(page), unmarked=True)
        await self._read_list(to_known=False)
        self._seen.complete()

    async def _read_list(self, *, to_known: bool) -> None:
        """Read the whole list, or back to the newest issue that the ledger knows, by the target's own clock."""
        back_to = 0.0
        async for page in list_newest_first(self._client, self._calls):
            known = self._known(page)
            self._target_time.note(page)
            # Only the first known issue counts. Those created just before it may have been committed after it.
            if to_known and known and not back_to:
                back_to = max(created_seconds(issue, 0.0) for issue in page if issue.id in known) - CLOCK_SKEW
            new = [issue for issue in page if created_seconds(issue, inf) >= back_to]
            await self._note(new, known, unmarked=not to_known)
            if len(new) < len(page):
                return

    def _known(self, page: Sequence[Issue]) -> set[str]:
        return self._seen.known({issue.id: issue.triage_id for issue in page})

    async def _note(self, page: Sequence[Issue], known: Collection[str], *, unmarked: bool) -> None:
        """Keep the unknown issues of a page with this source's marker, and with `unmarked` those without any marker."""
        new, cut = [], self._wholes.cuts
        unknown = [issue for issue in page if issue.id not in known and issue.id not in self._examined]
        await self._wholes.probe(unknown)
        if self._wholes.cuts and not cut and self._examined:
            raise _ListCuts
        for listed in unknown:
            self._examined.add(listed.id)
            issue = await self._wholes.read(listed)
            if issue is None:
                continue  # deleted since
            source, record = find_marker_line(issue.description)
            if source == self._marker or (unmarked and not source):
                created = created_seconds(issue, 0.0)
                new.append(Found(issue.id, issue.triage_id, record, issue.title, created, take_snapshot(issue)))
        self._issue_ids.update(found.issue_id for found in new)
        self._seen.note(new)


def _is_finished(text: str) -> bool:
    """Whether a text ends with the marker line of an import."""
    return bool(find_marker(text.rstrip().rpartition("\n")[2]))


def discover(context: ImportContext, *, thorough: bool) -> Discovered:
    """Take in what the ledger doesn't know before anything is sent, and warn of keys with two issues.

    Where an issue is found that the ledger should know, it may lack additions, too: that is noted in it.

    Raises:
        RunStopped: the target can't be read.
    """
    say = context.progress.say
    say("Looking for issues of this source that are in Triage already …")
    discovered = run_loop(look_at_all(context, thorough=thorough))
    for double in discovered.doubles:
        say(f"warning: {double}")
    seen = context.ledger.seen(context.target.name, context.job.source_name, writable=True)
    if seen.count((State.DONE, *UNDECIDED)):  # a create without an outcome yet is no sign of a loss
        seen.doubt()
    return discovered


async def look_at_all(context: ImportContext, *, thorough: bool) -> Discovered:
    """Take in the issues of a source that the ledger doesn't know; `thorough` reads all that there is.

    Raises:
        RunStopped: the target can't be read.
    """
    seen = context.ledger.seen(context.target.name, context.job.source_name, writable=True)
    async with TriageClient(context.target.url, context.target.api_key) as client:
        source_name = context.job.source_name
        discovery = Discovery(client, context.calls, seen, source_name, context.target_time)
        return await discovery.look(thorough=thorough)
